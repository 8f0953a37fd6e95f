"""A small discussion, its sender, and every mail of it."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from m4dbot.delivery.values import Rendered
from m4dbot.discussion.file import parse_discussion
from m4dbot.discussion.model import Discussion
from m4dbot.publishing import compose
from m4dbot.publishing.values import (
    Acknowledgement,
    Digest,
    Entry,
    Figures,
    File,
    MailKind,
    Place,
    Post,
    Section,
    Sender,
    Waiting,
    Words,
)

NOW = datetime(2027, 3, 7, 17, 0, tzinfo=UTC)

DISCUSSION = """
slug = "wells-2027"
title = { en = "Wells that last", fr = "Des puits qui durent", es = "Pozos que duran" }
timezone = "Europe/Brussels"
languages = ["en", "fr", "es"]
background = "https://wells.example.org/paper.pdf"
contact = "Ada Obi, ada@wells.example.org"
[welcome]
en = "Welcome. Bring what you know."
fr = "Bienvenue. Apportez ce que vous savez."

[[week]]
opens = 2027-03-01
closes = 2027-03-07
title = { en = "Digging", fr = "Creuser", es = "Cavar" }
introduction = { en = "We start with the ground." }
[[week.question]]
text = { en = "Who digs the wells?", fr = "Qui creuse les puits ?", es = "¿Quién cava los pozos?" }
[[week.question]]
text = { en = "What breaks first?" }

[[week]]
opens = 2027-03-08
closes = 2027-03-14
[[week.question]]
text = { en = "Who pays for repairs?", fr = "Qui paie les réparations ?", es = "¿Quién paga los arreglos?" }
"""


@pytest.fixture(scope="session")
def discussion() -> Discussion:
    return parse_discussion(DISCUSSION)


@pytest.fixture(scope="session")
def sender() -> Sender:
    return Sender(
        slug="wells",
        name="Wells Network",
        address="wells@groups.example.org",
        list_id="wells.groups.example.org",
        owner="fay@groups.example.org",
        archive="https://wells.example.org/archive/",
    )


def entry(text: str = "We dig them ourselves, in the dry months.", **changes: object) -> Entry:
    values: dict[str, object] = {
        "contribution_id": 7,
        "name": "Awa Sene",
        "text": text,
        "line": "Hydrologist, Thiès",
        "language": "en",
        "number": 3,
    }
    return Entry(**{**values, **changes})  # type: ignore[arg-type]


def every_mail(
    discussion: Discussion,
    sender: Sender,
    language: str,
    *,
    name: str = "Awa Sene",
    text: str = "We dig them ourselves, in the dry months.",
    subject: str = "Re: Week 1",
) -> dict[MailKind, Rendered]:
    """Every mail there is, with these words wherever a person's words can stand."""
    said = entry(text, name=name, line=f"{name}, hydrologist", sent_by=name, note=text, attachments=(name,))
    first = discussion.weeks[0]
    figures = Figures(3, 2, 2, {(1, 1): 2, (1, 2): 1}, {"en": 2, "fr": 1})
    content = Digest(
        week=(Section(Place(1, 1), (said,)), Section(Place(1, 2), ()), Section(Place(1), (said,))),
        earlier=(Section(Place(1, 2), (said,)),),
        later=(Section(Place(2, 1), (said,)),),
        figures=figures,
    )
    post = Post(said, (Words(Place(1), "Dear all,"), Words(Place(1, 1), text)))
    about = Acknowledgement(
        subject, name, ((Place(1, 1), text),), sender.plus("ack-5-abc"), "m1@example.org", ("m0@example.org",), NOW
    )
    waiting = [Waiting(7, name, subject, text, "W1 Q1", NOW, text)]
    given = {"language": language, "now": NOW}
    return {
        MailKind.ANNOUNCEMENT: compose.announcement(sender, discussion, **given),
        MailKind.QUESTIONS: compose.questions(sender, discussion, first, **given),
        MailKind.REMINDER: compose.reminder(sender, discussion, first, figures, **given),
        MailKind.POST: compose.post(sender, discussion, post, **given),
        MailKind.DIGEST: compose.digest(sender, discussion, first, content, **given),
        MailKind.LAST_CALL: compose.last_call(sender, discussion, [Place(1, 2)], **given),
        MailKind.THANKS: compose.thanks(sender, discussion, figures, **given),
        MailKind.SUMMARY: compose.summary(
            sender,
            discussion,
            title=subject,
            intro=text,
            html_body="<h2>Summary</h2><p>All of it.</p>",
            text_body=f"Summary\nAll of it.\n{text}",
            attachments=[File(f"{name}.md", "text/markdown", b"# All of it\n")],
            **given,
        ),
        MailKind.ACKNOWLEDGEMENT: compose.acknowledgement(sender, discussion, about, **given),
        MailKind.REJECTION: compose.rejection(
            sender, discussion, subject=subject, received_at=NOW, reason=text, message_id="m1@example.org", **given
        ),
        MailKind.HELD: compose.held(sender, waiting, 3, discussion.zone, **given),
    }


@pytest.fixture
def mails(discussion: Discussion, sender: Sender) -> Callable[..., dict[MailKind, Rendered]]:
    """A factory: `mails("fr")` gives every mail in French, `mails("fr", name=…, text=…)` with a person's words."""
    return lambda language="en", **words: every_mail(discussion, sender, language, **words)


FILLED = {
    "to": b'"Reader" <reader@example.org>',
    "message-id": b"x.abc@groups.example.org",
    "leave": b"wells+leave-12-abcdefgh@groups.example.org",
    "recipient": b"reader@example.org",
}


def filled(rendered: Rendered) -> bytes:
    """The mail as one person gets it."""
    parts, at = [], 0
    for offset, slot in rendered.slots:
        parts += [rendered.content[at:offset], FILLED[slot]]
        at = offset
    return b"".join([*parts, rendered.content[at:]])


def parsed(rendered: Rendered) -> EmailMessage:
    return email.message_from_bytes(filled(rendered), policy=email.policy.default)


def unflowed(text: str) -> str:
    """Format=flowed undone, as a reading mail program does it (RFC 3676 §4.1)."""
    lines: list[str] = []
    joined = False
    for stuffed in text.split("\n"):
        line = stuffed.removeprefix(" ")
        lines[-1:] = [lines[-1] + line] if joined else [*lines[-1:], line]
        joined = line.endswith(" ") and line != "-- "
    return "\n".join(lines)


def text_of(rendered: Rendered) -> str:
    """The text version as a mail program shows it."""
    return unflowed(parsed(rendered).get_body(("plain",)).get_content().replace("\r\n", "\n"))


def html_of(rendered: Rendered) -> str:
    return parsed(rendered).get_body(("html",)).get_content()
