"""What tagging yields. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class SetBy(StrEnum):
    """Who set a tag; a person outranks the machine."""

    MACHINE = "machine"
    CONTRIBUTOR = "contributor"
    FACILITATOR = "facilitator"


class Tag(NamedTuple):
    """A place in a discussion. `question` counts inside its week; None where none is meant.

    A tuple, for tags are looked up by the ten thousand.
    """

    week: int | None = None
    question: int | None = None

    def __str__(self) -> str:
        if self.week is None:
            return "–"
        return f"W{self.week}" if self.question is None else f"W{self.week} Q{self.question}"


@dataclass(frozen=True, slots=True)
class Segment:
    """A passage of the person's own words with its tag.

    The segments of a mail in order are the person's own words, all of them. `confidence` is the
    calibrated probability that the tag is right; `evidence` says why, strongest first, each as
    "kind: what was seen", for example "ordinal: 'Pregunta 3'".
    """

    text: str
    week: int | None
    question: int | None
    confidence: float
    evidence: tuple[str, ...] = ()

    @property
    def tag(self) -> Tag:
        return Tag(self.week, self.question)


@dataclass(frozen=True, slots=True)
class Tagging:
    """All segments of one mail, in order."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What tagging may know beside the mail and the discussion.

    `mailings` maps a Message-ID without angle brackets (of a question mail, a post, a digest) to the place it
    stands for, so that In-Reply-To tells. It is looked up by the caller.
    """

    mailings: Mapping[str, Tag] = field(default_factory=dict)
    group_address: str = ""
    recipient_delimiter: str = "+"
