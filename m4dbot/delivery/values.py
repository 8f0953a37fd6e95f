"""What publishing hands to delivery. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Slot(StrEnum):
    """A per-person part of a rendered mail; each is ASCII and holds no line break when filled in.

    TO is the value of the To header (RFC 2047 encoded); MESSAGE_ID stands between the angle brackets; LEAVE is
    the address that takes exactly this person off; RECIPIENT is the person's own address, for use in a
    quoted-printable body.
    """

    TO = "to"
    MESSAGE_ID = "message-id"
    LEAVE = "leave"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail rendered once for all recipients of one language and edition.

    `content` is the whole mail, CRLF lines, not dot-stuffed, without the per-person parts; `slots` are
    (offset in content, Slot) in ascending order. `envelope_sender` is the group's bare address, to which
    delivery adds a per-delivery detail so that bounces can be tied; "" is the null sender (RFC 3834 §3.3).
    """

    language: str
    edition: str
    subject: str
    envelope_sender: str
    content: bytes
    slots: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a mailing goes to; `language` and `edition` choose the rendering."""

    address: str
    name: str = ""
    language: str = "en"
    edition: str = ""
    subscriber_id: int | None = None
