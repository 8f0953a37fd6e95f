"""What publishing works with: who sends, what is said, and the figures of a discussion. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# What a subscriber may choose to get (Subscriber.delivery).
DELIVERIES = ("posts", "digest", "questions", "summary", "none")


class MailKind(StrEnum):
    """Every mail there is. The value is Mailing.kind and the name of the mail's templates."""

    ANNOUNCEMENT = "announcement"
    QUESTIONS = "questions"
    REMINDER = "reminder"
    POST = "post"
    DIGEST = "digest"
    LAST_CALL = "last-call"
    THANKS = "thanks"
    SUMMARY = "summary"
    ACKNOWLEDGEMENT = "acknowledgement"
    REJECTION = "rejection"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Sender:
    """The group as a sender of mail. `list_id` is without angle brackets (RFC 2919)."""

    slug: str
    name: str
    address: str
    list_id: str
    owner: str = ""  # a person's address, for List-Owner, or ""
    archive: str = ""  # an https address, for List-Archive, or ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def plus(self, detail: str) -> str:
        """The group's address with a detail (RFC 5233); with "" the bare address."""
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{detail}@{domain}" if detail else self.address


@dataclass(frozen=True, slots=True)
class Place:
    """Where words belong: a week and a question in it, a week alone, or (None, None) nowhere in particular."""

    week: int | None = None
    question: int | None = None

    @property
    def detail(self) -> str:
        """The address detail that says so: "w2q1", "w2", or ""."""
        if self.week is None:
            return ""
        return f"w{self.week}" if self.question is None else f"w{self.week}q{self.question}"

    @property
    def label(self) -> str:
        """The short form that is understood in every language: "W2 Q1", "W2", or ""."""
        return self.detail.upper().replace("Q", " Q")


@dataclass(frozen=True, slots=True)
class Words:
    """What a contribution says in one place."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A published contribution, or the part of it that stands in one place of a digest.

    `name` is the contributor's; `line` the rest of the contributor's line (role, organisation, place);
    `sent_by` names who sent it where that was somebody else. `language` is "" where it could not be told.
    """

    contribution_id: int
    name: str
    text: str
    line: str = ""
    sent_by: str = ""
    language: str = ""
    number: int | None = None
    note: str = ""  # a facilitator's
    attachments: tuple[str, ...] = ()  # names, for showing


@dataclass(frozen=True, slots=True)
class Section:
    """The entries of one place in a digest; a question nobody answered has none."""

    place: Place
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Who took part. `by_question` counts contributions by (week, question); `by_language` by language code."""

    contributions: int = 0
    contributors: int = 0
    countries: int = 0
    by_question: Mapping[tuple[int, int], int] = field(default_factory=dict)
    by_language: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Digest:
    """What a week's digest prints. `week` holds the week's questions in order, then what is on the week as a whole;
    `earlier` late answers by their own week and question; `later` answers to questions still to come."""

    week: tuple[Section, ...]
    earlier: tuple[Section, ...] = ()
    later: tuple[Section, ...] = ()
    figures: Figures = field(default_factory=Figures)

    @property
    def contribution_ids(self) -> tuple[int, ...]:
        every = (*self.week, *self.earlier, *self.later)
        return tuple(dict.fromkeys(e.contribution_id for s in every for e in s.entries))


@dataclass(frozen=True, slots=True)
class Post:
    """One contribution as it goes to those who read every post."""

    entry: Entry
    words: tuple[Words, ...]  # in the person's order

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(dict.fromkeys(w.place for w in self.words if w.place.week is not None))

    @property
    def place(self) -> Place:
        """The one place all of it belongs to: its question, else its week, else nowhere in particular."""
        # A greeting belongs to the week only; what is said about questions decides.
        questions = [p for p in self.places if p.question is not None] or list(self.places)
        if len(questions) == 1:
            return questions[0]
        weeks = {p.week for p in questions}
        return Place(weeks.pop()) if len(weeks) == 1 else Place()


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a contributor is told of a mail. `filed` holds each place with the first words filed there; the words
    are "" for strangers, to whom nothing of a mail is sent back (its sender may be forged)."""

    subject: str
    name: str
    filed: tuple[tuple[Place, str], ...]
    reply_to: str
    message_id: str = ""  # of the person's mail, without angle brackets
    references: tuple[str, ...] = ()
    next_digest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A contribution that waits for a decision, as facilitators see it in a notice."""

    contribution_id: int
    name: str
    subject: str
    reason: str
    place: str  # "W2 Q1, W2 Q3"
    received_at: datetime
    excerpt: str


@dataclass(frozen=True, slots=True)
class File:
    """An attachment of a mail of ours."""

    name: str
    content_type: str
    content: bytes
