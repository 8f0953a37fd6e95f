"""Mails that say that a mail did not arrive: RFC 3464 reports and the many that follow no standard."""

from __future__ import annotations

import re
from dataclasses import dataclass

from m4dbot.reading import headers
from m4dbot.reading.addresses import message_id_of
from m4dbot.reading.mime import Mail, RawAttachment
from m4dbot.reading.suspicion import Suspicion
from m4dbot.reading.values import BounceReport

MOST_REPORTS = 200
MOST_BYTES_FOR_DETECTORS = 64_000
MOST_LINES_FOR_DETECTORS = 500  # they try dozens of patterns on each
MOST_TEXT = 20_000  # characters of prose that are searched

_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.\-#])([45])(\d)(\d)(?=[ \-:#]|$)")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,8}")
# Where the returned mail begins in a report of prose: what follows names other people.
_COPY_BEGINS = re.compile(
    r"^[ \t>]{0,4}(?:-{2,}[^\n]{0,80}(?:copy|original|message|returned|unsent|undelivered|mensaje|nachricht|headers)"
    r"[^\n]{0,80}$|(?:received|return-path|dkim-signature|mime-version):\s"
    r"|(?:original message|message header|the following is a copy))",
    re.IGNORECASE | re.MULTILINE,
)
_ID_LINE = re.compile(
    r"^[ \t>]{0,8}Message-I[dD]:\s{0,4}(?:\r?\n[ \t>]{1,8})?(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE
)
_PERMANENT_WORDS = re.compile(
    r"user unknown|unknown user|no such (?:user|recipient|address|mailbox|account|person)|does not exist|doesn't have"
    r"|mailbox (?:unavailable|not found|disabled|does)|not (?:found|exist|known|listed)"
    r"|account (?:has been )?(?:disabled|closed)"
    r"|suspended"
    r"|invalid (?:recipient|address|mailbox)|address (?:rejected|not found)|host unknown|domain (?:not found|does not)"
    r"|permanent|inconnu|n'existe pas|no existe|desconocid|existiert nicht|unbekannt|não existe|non esiste",
    re.IGNORECASE,
)
_TEMPORARY_WORDS = re.compile(
    r"temporar|delayed|will (?:be retried|retry|keep trying|continue)|try again later|still trying"
    r"|not yet (?:been )?delivered"
    r"|quota|mailbox (?:is )?full|over ?quota|deferred|timed? out|retardé|plein|lleno|voll|provisoire|temporal|cheia",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a bounce says: who failed, and which of our mails it was (without angle brackets)."""

    reports: tuple[BounceReport, ...]
    original_message_id: str | None
    reason: str


def read_bounce(mail: Mail, raw: bytes, suspicion: Suspicion, *, ours: frozenset[str]) -> Bounce | None:
    """What the bounce in `mail` says, or None where it names nobody and is no report.

    `ours` are addresses that never bounce: the group's, the sender's of this mail, in lower case.
    """
    text = _prose(mail)
    original = _original_message_id(mail, text)
    reports = _from_status(mail, text)
    if reports is not None:
        said = "a delivery status report (RFC 3464)"
        return Bounce(reports, original, said) if reports else None
    failed = mail.headers.get("x-failed-recipients")
    named = _ADDRESS.findall(failed) if failed else []
    if named:
        return Bounce(_judged(named, text), original, "the header X-Failed-Recipients names who failed")
    detected = _detected(raw, ours)
    if detected:
        return Bounce(_with_status(detected, text), original, "a detector knows its text")
    if suspicion is Suspicion.HINT:
        return None
    found = [a for a in _in_prose(text) if a.lower() not in ours]
    if found:
        return Bounce(_judged(found, text), original, "a mail server says in prose whom it could not reach")
    if original or mail.content_type == "multipart/report" or mail.returned:
        return Bounce((), original, "a mail server returns a mail without saying for whom")
    return None


def _from_status(mail: Mail, text: str) -> tuple[BounceReport, ...] | None:
    """The failed and delayed recipients of a machine-readable report; None where there is none."""
    recipients = [g for g in mail.status if "final-recipient" in g or "original-recipient" in g]
    if not recipients:
        return None
    reports: dict[str, BounceReport] = {}
    for group in recipients[:MOST_REPORTS]:
        action = group.get("action", "failed").strip().lower()
        address = _recipient(group)
        if not address or not action.startswith(("fail", "delay", "error")):
            continue  # delivered, relayed and expanded are good news (RFC 3464 §2.3.3)
        diagnostic = " ".join(group.get("diagnostic-code", "").split())[:500]
        status = _status(group.get("status", ""), diagnostic or text[:2000])
        # A 4.x status is temporary whatever the action: some servers give up on a full mailbox.
        permanent = not action.startswith("delay") and not status.startswith("4")
        reports.setdefault(address.lower(), BounceReport(address, status, permanent, diagnostic))
    return tuple(reports.values())


def _recipient(group: dict[str, str]) -> str:
    # What we wrote to is the original; the final one may be where a forwarding leads.
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        found = _ADDRESS.search(group.get(name, "").rpartition(";")[2])
        if found:
            return found[0]
    return ""


def _status(said: str, diagnostic: str) -> str:
    """An enhanced status code (RFC 3463); the diagnostic's where the report's own says nothing."""
    own = _ENHANCED.search(said)
    if own and own[2] != "0":
        return own[0]
    other = _ENHANCED.search(diagnostic)
    if other and (own is None or other[1] == own[1]):
        return other[0]
    if own:
        return own[0]
    code = _REPLY_CODE.search(diagnostic)
    return f"{code[1]}.0.0" if code else ""


def _prose(mail: Mail) -> str:
    text = mail.plain if mail.plain is not None else re.sub(r"<[^<>]{0,2000}>", " ", (mail.html or "")[: 3 * MOST_TEXT])
    return text[:MOST_TEXT]


def _original_message_id(mail: Mail, text: str) -> str | None:
    """The Message-ID of the mail that came back: in the returned part, or in the text that holds it."""
    if mail.returned:
        inner, _ = headers.parse(mail.returned)
        if "message-id" in inner:
            return message_id_of(inner.structured("message-id"))
        found = _ID_LINE.search(mail.returned[:200_000].decode("latin-1"))
        if found:
            return message_id_of(found[1])
    found = _ID_LINE.search(text)
    if found:
        return message_id_of(found[1])
    for attachment in mail.attachments[:5]:
        if attachment.content_type in ("message/rfc822", "text/plain", "application/octet-stream") and _small(
            attachment
        ):
            found = _ID_LINE.search(attachment.data[:200_000].decode("latin-1"))
            if found:
                return message_id_of(found[1])
    parent = message_id_of(mail.headers.structured("in-reply-to"))
    return parent or message_id_of((mail.headers.structured("references") or "").split(" ")[-1])


def _small(attachment: RawAttachment) -> bool:
    return len(attachment.encoded) < 2_000_000


def _detected(raw: bytes, ours: frozenset[str]) -> tuple[BounceReport, ...]:
    """flufl.bounce's findings. Its detectors are fed a bounded beginning, which holds every report."""
    import logging
    from email import message_from_bytes

    from flufl.bounce import all_failures

    # It reports what upsets its detectors with a traceback; here that is expected and of no use.
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    lines = (
        raw[:MOST_BYTES_FOR_DETECTORS]
        .replace(b"\x00", b"")
        .split(b"\n", MOST_LINES_FOR_DETECTORS)[:MOST_LINES_FOR_DETECTORS]
    )
    try:
        temporary, permanent = all_failures(message_from_bytes(b"\n".join(lines)))
    except Exception:
        # Odd mail upsets a detector, deep nesting the parser; the prose is still there to be read.
        return ()
    reports: list[BounceReport] = []
    for found, lasting in ((permanent, True), (temporary, False)):
        for one in sorted(found)[:MOST_REPORTS]:
            address = one.decode("ascii", "replace") if isinstance(one, bytes) else str(one)
            if "@" in address and address.lower() not in ours:
                reports.append(BounceReport(address, "", lasting))
    return tuple(reports)


def _with_status(reports: tuple[BounceReport, ...], text: str) -> tuple[BounceReport, ...]:
    return tuple(
        BounceReport(r.address, *_near(r.address, text, permanent=r.permanent)) for r in reports[:MOST_REPORTS]
    )


def _judged(addresses: list[str], text: str) -> tuple[BounceReport, ...]:
    lasting = bool(_PERMANENT_WORDS.search(text)) or not _TEMPORARY_WORDS.search(text)
    unique = {a.lower(): a for a in addresses}
    return tuple(BounceReport(a, *_near(a, text, permanent=lasting)) for a in list(unique.values())[:MOST_REPORTS])


def _near(address: str, text: str, *, permanent: bool) -> tuple[str, bool, str]:
    """Status, permanence and the words that say it, from what stands beside an address."""
    at = text.lower().find(address.lower())
    beside = text[at : at + 700] if at >= 0 else text[:2000]
    enhanced = _ENHANCED.search(beside)
    code = _REPLY_CODE.search(beside)
    status = enhanced[0] if enhanced else f"{code[1]}.0.0" if code else ""
    first = enhanced or code
    diagnostic = " ".join(beside[max(0, first.start() - 120) : first.end() + 200].split()) if first else ""
    if status:
        permanent = status.startswith("5")
    elif _TEMPORARY_WORDS.search(beside) and not _PERMANENT_WORDS.search(beside):
        permanent = False
    return status, permanent, diagnostic[:500]


_ECHO = re.compile(
    r"^[ \t>]{0,8}(?:message-id|from|to|cc|date|subject|sender|reply-to|received|return-path|references|in-reply-to"
    r"|dkim-signature|[a-z-]{0,30}mta|[a-z-]{0,30}envelope-id|x-[a-z-]{1,40})[ \t]{0,4}:",
    re.IGNORECASE,
)
_ECHO_OF_TO = re.compile(r"^[ \t>]{0,8}(?:to|recipients?|à|para|an)[ \t]{0,4}:", re.IGNORECASE)
_ORIGINAL_ADDRESS = re.compile(r"^[ \t]{0,8}original[ -](?:address|recipient)", re.IGNORECASE)


def _in_prose(text: str) -> list[str]:
    """Addresses the report's own words name, before the copy of the mail begins.

    Lines that repeat the mail's header name others; only where nothing else is named does the
    repeated To tell.
    """
    copy = _COPY_BEGINS.search(text)
    if copy and copy.start() > 40:
        text = text[: copy.start()]
    lines = text.split("\n")[:400]
    for chosen in (
        [line for line in lines if _ORIGINAL_ADDRESS.match(line)],
        [line for line in lines if not _ECHO.match(line)],
        [line for line in lines if _ECHO_OF_TO.match(line)],
    ):
        found = list(dict.fromkeys(_ADDRESS.findall("\n".join(chosen))))
        if found:
            return found[:20]
    return []
