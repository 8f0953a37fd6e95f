"""What passes through the intake. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Disposition(StrEnum):
    """What became of a mail; `message.disposition`, with `message.reason` in a sentence.

    Whatever it is, the mail stays in the store and `m4dbot mail` shows it.
    """

    NEW = "new"  # stored, not read yet
    CONTRIBUTION = "contribution"  # in the facilitators' queue, or decided
    HELD = "held"  # kept for a person to look at: what could not be read, routed or trusted
    BOUNCE = "bounce"
    AUTO_REPLY = "auto-reply"
    CHALLENGE = "challenge"
    CALENDAR = "calendar"
    RECEIPT = "receipt"
    OWN = "own"
    LIST = "list"
    SPAM = "spam"
    LEFT = "left"  # took a subscriber off
    CORRECTED = "corrected"  # a contributor's answer to an acknowledgement, carried out
    IGNORED = "ignored"  # asked for something it had no right to


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail at the door.

    `received_at` is aware. `envelope_sender` is None where it is not known and "" for the null sender;
    `envelope_recipient` is "" where it is not known. `group_slug` says whose the mail is where that is settled: it
    came out of a group's own mailbox, or an operator imported it for a group. `full_size` is the size of a mail of
    which `raw` is only the beginning.
    """

    raw: bytes = field(repr=False)
    source: str  # imap, lmtp, smtp, import
    received_at: datetime
    source_detail: str = ""
    envelope_sender: str | None = None
    envelope_recipient: str = ""
    group_slug: str | None = None
    full_size: int | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A mail in the store: one row for each group it is for. `arrival` is its place in what was handed in.

    `new` is False where the store had it already. `group_id` is 0 where the mail names no group of ours.
    """

    arrival: int
    message_id: int  # the row's number
    group_id: int
    new: bool


@dataclass(frozen=True, slots=True)
class CursorMove:
    """How far a mailbox has been read, to be written together with what was read."""

    mailbox: str
    uidvalidity: int
    last_uid: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mail. `contribution_id` is set where it went into the queue."""

    message_id: int
    group_id: int
    disposition: Disposition
    reason: str
    sender: str = ""
    subject: str = ""
    contribution_id: int | None = None


@dataclass(frozen=True, slots=True)
class Processed:
    """What a run over new mail did, in the order of arrival."""

    outcomes: tuple[Outcome, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many mails became what."""
        found: dict[str, int] = {}
        for outcome in self.outcomes:
            found[outcome.disposition.value] = found.get(outcome.disposition.value, 0) + 1
        return found
