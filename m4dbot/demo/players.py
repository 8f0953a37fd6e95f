"""The people of the demo: they answer the mails they have received, each the way their mail program does."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from m4dbot.discussion.model import Discussion

HERE = Path(__file__).parent

# How mail programs introduce a quoted mail and sign from a phone, as their makers word it.
GMAIL = {
    "en": "On {day} at {time} {name} <{address}> wrote:",
    "fr": "Le {day} à {time}, {name} <{address}> a écrit :",
    "es": "El {day} a las {time}, {name} (<{address}>) escribió:",
}
OUTLOOK = {
    "en": ("From", "Sent", "To", "Subject"),
    "fr": ("De", "Envoyé", "À", "Objet"),
    "es": ("De", "Enviado", "Para", "Asunto"),
}
PHONE = {"en": "Sent from my phone", "fr": "Envoyé de mon téléphone", "es": "Enviado desde mi teléfono"}
GMAIL_DAY = {"en": "EEE, MMM d, y", "fr": "EEE d MMM y", "es": "EEE, d MMM y"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the script: what comes in when, where it belongs, and what the facilitator does with it."""

    name: str
    at: datetime  # aware
    sender: str
    style: str
    text: str
    subject: str
    answers: int | None
    expect: tuple[str, ...]
    decide: str
    reason: str
    document: str
    again: str | None


@dataclass(frozen=True, slots=True)
class Reader:
    name: str
    address: str
    language: str


def script(zone: ZoneInfo) -> tuple[Line, ...]:
    """The demo's script, earliest line first; its hours are the discussion's."""
    raw = tomllib.loads((HERE / "script.toml").read_text(encoding="utf-8"))
    lines = (
        Line(
            name=entry["name"],
            at=entry["at"].replace(tzinfo=zone),
            sender=entry.get("from", ""),
            style=entry.get("style", ""),
            text=entry.get("text", "").strip(),
            subject=entry.get("subject", ""),
            answers=entry.get("answers"),
            expect=tuple(entry.get("expect", ())),
            decide=entry.get("decide", "approve"),
            reason=entry.get("reason", ""),
            document=entry.get("document", "").strip(),
            again=entry.get("again"),
        )
        for entry in raw["mail"]
    )
    return tuple(sorted(lines, key=lambda line: line.at))


def write(
    line: Line, reader: Reader, received: EmailMessage | None, group: str, discussion: Discussion
) -> tuple[str, bytes]:
    """Where the mail of one line of the script goes, and its bytes. `received` is the mail that is answered."""
    recipient = group
    if received is not None:
        wanted = received["Reply-To"]
        if line.style == "leave":
            wanted = str(received["List-Unsubscribe"]).strip("<> ").removeprefix("mailto:").partition("?")[0]
        recipient = parseaddr(str(wanted))[1] if wanted else group
    mail = EmailMessage()
    mail["From"] = _mailbox(reader.name, reader.address)
    mail["To"] = recipient
    mail["Date"] = format_datetime(line.at)
    mail["Message-ID"] = f"<{line.name}.{line.at:%Y%m%d%H%M}@{reader.address.partition('@')[2]}>"
    mail["Subject"] = _subject(line, received)
    if received is not None:
        mail["In-Reply-To"] = mail["References"] = str(received["Message-ID"])
    body = _fill(line.text, discussion)
    _STYLES[line.style](mail, line, body, reader, received)
    return recipient, mail.as_bytes(policy=policy.SMTP)


def bounce(sender: str, recipient: str, raw: bytes, at: datetime) -> bytes:
    """What a mail server writes when a mailbox no longer exists (RFC 3464)."""
    boundary = "=_report"
    head = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace")
    return (
        (
            f"From: MAILER-DAEMON@closed.example.org\nTo: <{sender}>\nSubject: Undelivered Mail Returned to Sender\n"
            f"Date: {format_datetime(at)}\nMessage-ID: <{at:%Y%m%d%H%M%S}.bounce@closed.example.org>\n"
            f"Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
            f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"\n\n'
            f"--{boundary}\nContent-Type: text/plain\n\n"
            f"I could not deliver your mail: the mailbox {recipient} was closed.\n\n"
            f"--{boundary}\nContent-Type: message/delivery-status\n\n"
            f"Reporting-MTA: dns; mx.closed.example.org\n\n"
            f"Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.1.1\n"
            f"Diagnostic-Code: smtp; 550 5.1.1 this mailbox was closed\n\n"
            f"--{boundary}\nContent-Type: text/rfc822-headers\n\n{head}\n\n--{boundary}--\n"
        )
        .replace("\n", "\r\n")
        .encode()
    )


def _mailbox(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)


def _subject(line: Line, received: EmailMessage | None) -> str:
    if line.subject or received is None:
        return line.subject
    subject = str(received["Subject"])
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _fill(text: str, discussion: Discussion) -> str:
    def question(found: re.Match[str]) -> str:
        asked = discussion.question(int(found[1]), int(found[2]))
        assert asked is not None, found[0]
        return asked.text(found[3])

    return re.sub(r"\{q(\d)\.(\d) (\w\w)\}", question, text)


def _text_of(received: EmailMessage) -> str:
    part = received.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").rstrip()


def _quoted(received: EmailMessage) -> str:
    return "\n".join(f"> {line}".rstrip() for line in _text_of(received).splitlines())


def _when(received: EmailMessage, language: str, pattern: str) -> str:
    from babel.dates import format_datetime as format_for

    return format_for(received["Date"].datetime, pattern, locale=language)


def _attribution(received: EmailMessage, language: str) -> str:
    name, address = parseaddr(str(received["From"]))
    day = _when(received, language, GMAIL_DAY[language])
    time = _when(received, language, "h:mm a" if language == "en" else "HH:mm")
    return GMAIL[language].format(day=day, time=time, name=name, address=address)


def _header_block(received: EmailMessage, language: str) -> str:
    values = (
        str(received["From"]),
        _when(received, language, "EEEE d MMMM y HH:mm"),
        str(received["To"]),
        str(received["Subject"]),
    )
    space = "\N{NO-BREAK SPACE}" if language == "fr" else ""
    return "\n".join(f"{label}{space}: {value}" for label, value in zip(OUTLOOK[language], values, strict=True))


def _fresh(mail: EmailMessage, line: Line, body: str, reader: Reader, received: EmailMessage | None) -> None:
    mail.set_content(body)


def _gmail(mail: EmailMessage, line: Line, body: str, reader: Reader, received: EmailMessage | None) -> None:
    assert received is not None
    attribution = _attribution(received, reader.language)
    mail.set_content(f"{body}\n\n{attribution}\n\n{_quoted(received)}\n")
    quoted = "<br>".join(escape(text) for text in _text_of(received).splitlines())
    mail.add_alternative(
        f'<div dir="ltr">{_as_html(body)}</div><br><div class="gmail_quote gmail_quote_container">'
        f'<div dir="ltr" class="gmail_attr">{escape(attribution)}<br></div>'
        f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">'
        f"{quoted}</blockquote></div>",
        subtype="html",
    )


def _outlook(mail: EmailMessage, line: Line, body: str, reader: Reader, received: EmailMessage | None) -> None:
    assert received is not None
    block = _header_block(received, reader.language)
    mail.set_content(f"{body}\n\n\n{block}\n\n{_text_of(received)}\n", cte="base64")


def _phone(mail: EmailMessage, line: Line, body: str, reader: Reader, received: EmailMessage | None) -> None:
    assert received is not None
    attribution = _attribution(received, reader.language)
    mail.set_content(f"{body}\n\n{PHONE[reader.language]}\n\n> {attribution}\n>\n{_quoted(received)}\n", cte="base64")


def _inline(mail: EmailMessage, line: Line, body: str, reader: Reader, received: EmailMessage | None) -> None:
    assert received is not None
    mail.set_content(f"{_attribution(received, reader.language)}\n\n{body}\n")


def _html(mail: EmailMessage, line: Line, body: str, reader: Reader, received: EmailMessage | None) -> None:
    assert received is not None
    quoted = "<br>".join(escape(text) for text in _text_of(received).splitlines())
    mail.set_content(
        f"<html><body>{_as_html(body)}<hr><blockquote type='cite'>"
        f"<p>{escape(_attribution(received, reader.language))}</p>{quoted}</blockquote></body></html>",
        subtype="html",
    )


def _docx(mail: EmailMessage, line: Line, body: str, reader: Reader, received: EmailMessage | None) -> None:
    import docx

    _outlook(mail, line, body, reader, received)
    document = docx.Document()
    title, *paragraphs = line.document.split("\n\n")
    document.add_heading(title, 1)
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    file = io.BytesIO()
    document.save(file)
    kind = "vnd.openxmlformats-officedocument.wordprocessingml.document"
    mail.add_attachment(file.getvalue(), maintype="application", subtype=kind, filename=f"{line.subject}.docx")


def _vacation(mail: EmailMessage, line: Line, body: str, reader: Reader, received: EmailMessage | None) -> None:
    mail["Auto-Submitted"] = "auto-replied"
    mail["Precedence"] = "bulk"
    mail.set_content(body)


def _spam(mail: EmailMessage, line: Line, body: str, reader: Reader, received: EmailMessage | None) -> None:
    mail["X-Spam-Flag"] = "YES"
    mail["X-Spam-Status"] = "Yes, score=18.4"
    mail.set_content(body)


_STYLES: Mapping[str, Any] = {
    "fresh": _fresh,
    "leave": _fresh,
    "correct": _gmail,
    "gmail": _gmail,
    "outlook": _outlook,
    "phone": _phone,
    "inline": _inline,
    "html": _html,
    "docx": _docx,
    "vacation": _vacation,
    "spam": _spam,
}


def _as_html(text: str) -> str:
    """Paragraphs and lists the way a mail program writes them."""
    parts = []
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        if all(line.startswith("* ") for line in lines):
            parts.append("<ul>" + "".join(f"<li>{escape(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            parts.append("<p>" + "<br>".join(escape(line) for line in lines) + "</p>")
    return "".join(parts)
