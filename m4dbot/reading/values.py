"""What reading a mail yields. Plain values; every room below `reading/` may import them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a mail is, before anybody asks what it says.

    Only CONTRIBUTION is meant for readers. A wrongly discarded person is worse than a held robot,
    so whatever is not certain is a CONTRIBUTION and the queue decides.
    """

    CONTRIBUTION = "contribution"
    AUTO_REPLY = "auto-reply"  # RFC 3834: out of office, vacation, "we have received your mail"
    BOUNCE = "bounce"  # RFC 3464 and the ill-formed rest
    CHALLENGE = "challenge"  # "click to prove that you are human"
    CALENDAR = "calendar"  # invitations and their answers
    RECEIPT = "receipt"  # read receipts, RFC 8098
    OWN = "own"  # our own mail coming back
    LIST = "list"  # another list's mail
    COMMAND = "command"  # join, leave, help, a correction or a withdrawal
    DECISION = "decision"  # a facilitator's answer to a hold notice
    SPAM = "spam"  # marked so by a filter before us
    EMPTY = "empty"  # nothing newly written and nothing attached


@dataclass(frozen=True, slots=True)
class Person:
    """A name and an address as a header or a line of text gives them; either may be empty."""

    name: str = ""
    address: str = ""


class Role(StrEnum):
    """What a stretch of a mail's text is."""

    OWN = "own"  # newly written by the sender
    QUOTED = "quoted"  # somebody else's words, quoted
    ATTRIBUTION = "attribution"  # "On … wrote:", a header block, "-----Original Message-----"
    FORWARDED = "forwarded"
    SIGNATURE = "signature"
    FOOTER = "footer"  # phone footers, disclaimers, list footers


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the mail's text. All blocks in order are the whole text; nothing is dropped."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class ContributorLine:
    """How a contributor is introduced under a contribution, read from the signature; always editable."""

    name: str = ""
    role: str = ""
    organisation: str = ""
    place: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.name, self.role, self.organisation, self.place) if part)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail. `name` is for showing, never for use as a path."""

    name: str
    content_type: str
    size: int  # bytes, decoded
    text: str | None = None  # what could be read out of it, when the mail says "see attached"
    note: str = ""  # why there is no text


@dataclass(frozen=True, slots=True)
class BounceReport:
    """One failed recipient of a bounce. `status` is an enhanced status code such as "5.1.1", or ""."""

    address: str
    status: str
    permanent: bool
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A mail, read.

    `date` is aware and in UTC, or None where the header is missing or implausible.
    `recipients` are all addresses in To, Cc, Delivered-To, X-Original-To and the envelope,
    in lower case and without duplicates.
    `reason` says in one sentence why `kind` is what it is.
    """

    kind: Kind
    reason: str
    message_id: str | None
    subject: str
    date: datetime | None
    author: Person
    recipients: tuple[str, ...] = ()
    reply_to: str = ""
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    on_behalf_of: Person | None = None
    language: str | None = None
    blocks: tuple[Block, ...] = ()
    contributor: ContributorLine = field(default_factory=ContributorLine)
    attachments: tuple[Attachment, ...] = ()
    bounces: tuple[BounceReport, ...] = ()
    original_message_id: str | None = None  # of the mail that bounced or was answered automatically
    notes: tuple[str, ...] = ()  # what was odd: "charset 'x-foo' unknown, read as windows-1252"

    def _joined(self, *roles: Role) -> str:
        return "\n\n".join(b.text.strip("\n") for b in self.blocks if b.role in roles).strip()

    @property
    def own_text(self) -> str:
        """The sender's own words, all of them, in order."""
        return self._joined(Role.OWN)

    @property
    def quoted_text(self) -> str:
        return self._joined(Role.QUOTED, Role.FORWARDED, Role.ATTRIBUTION)

    @property
    def signature_text(self) -> str:
        return self._joined(Role.SIGNATURE, Role.FOOTER)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What reading has to know of the installation: nothing here is looked up, all of it is handed in.

    `group_address` is the group's bare address; `own_domains` are domains in whose Message-IDs we
    recognise our own mail; `own_list_ids` are the List-Ids we send with, in lower case and without
    angle brackets; `languages` is the group's order of languages, `prior_language` the member's own.
    """

    group_address: str = ""
    facilitators: tuple[str, ...] = ()
    own_list_ids: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en", "fr", "es")
    prior_language: str | None = None
    recipient_delimiter: str = "+"
    envelope_sender: str | None = None
    envelope_recipient: str | None = None
    known_names: Mapping[str, str] = field(default_factory=dict)  # address -> name, of members
