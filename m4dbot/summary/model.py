"""The consolidated reply as a document: one value from which every format is written.

It holds each word once: the responses with their passages. What stands under a question is looked up by the
passages' tags, so no format can show a sentence that is in no response. Texts of the discussion are kept in all
their languages; the language of the fixed words is chosen when the document is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from m4dbot.errors import M4dbotError
from m4dbot.tagging.values import Tag

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# A passage under a week but no question, or under nothing, in a contribution that answers questions elsewhere is
# mostly a greeting; from this many words on it says something of its own and is listed.
GREETING_WORDS = 25


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who took part. `country` is an ISO 3166 code where it is known as one, else the text as given."""

    number: int  # from 1, in the order of their first responses
    name: str = ""
    role: str = ""
    organisation: str = ""
    place: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a response. `id` is the passage's row in the store, 0 where an edit made the stretch."""

    id: int
    position: int  # from 1, inside the response
    text: str
    week: int | None = None
    question: int | None = None

    @property
    def tag(self) -> Tag:
        return Tag(self.week, self.question)


@dataclass(frozen=True, slots=True)
class Response:
    """One published contribution. Its passages in order are its text, all of it."""

    number: int
    contribution_id: int
    person: int  # Person.number
    received_at: datetime
    passages: tuple[Passage, ...]
    language: str = ""  # "" where it could not be told
    subject: str = ""
    shared_by: str = ""  # who sent it, where that is not the author
    edited: bool = False
    note: str = ""  # the facilitator's
    attachments: tuple[str, ...] = ()  # names of files, for showing

    @property
    def text(self) -> str:
        return "\n\n".join(p.text for p in self.passages)


@dataclass(frozen=True, slots=True)
class DocumentQuestion:
    number: int
    text: Mapping[str, str]  # by language


@dataclass(frozen=True, slots=True)
class DocumentWeek:
    number: int
    opens: date
    closes: date
    title: Mapping[str, str]  # by language; may be empty
    questions: tuple[DocumentQuestion, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """A web address found in responses. `numbers` are the responses that name it."""

    url: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ConsolidatedReply:
    """The document. Days are the discussion's own (`timezone`); instants are aware, in UTC."""

    slug: str
    language: str  # of the fixed words, unless another is asked for when it is written
    languages: tuple[str, ...]  # the discussion's, in order
    title: Mapping[str, str]
    timezone: str
    opens: date
    closes: date
    group_name: str
    group_address: str
    facilitators: tuple[str, ...]  # names; the address where there is none
    weeks: tuple[DocumentWeek, ...]
    people: tuple[Person, ...]
    responses: tuple[Response, ...]
    resources: tuple[Resource, ...]
    drafted_at: datetime
    background: str = ""  # the address of the background paper
    version: int = 1
    released_at: datetime | None = None

    def person(self, number: int) -> Person:
        return self.people[number - 1]

    def at(self, week: int, question: int) -> list[tuple[Response, Passage]]:
        """What was said about a question, in the order of the responses."""
        return [(r, p) for r, p in self._all() if p.week == week and p.question == question]

    def about_week(self, week: int) -> list[tuple[Response, Passage]]:
        """What was said about a week as a whole, greetings left out."""
        return [(r, p) for r, p in self._all() if p.week == week and p.question is None and _tells(r, p)]

    def unfiled(self) -> list[tuple[Response, Passage]]:
        """What was said about none of the weeks, greetings left out."""
        return [(r, p) for r, p in self._all() if p.week is None and _tells(r, p)]

    def _all(self) -> Iterator[tuple[Response, Passage]]:
        for response in self.responses:
            for passage in response.passages:
                yield response, passage

    def issued(self, version: int, released_at: datetime | None) -> ConsolidatedReply:
        return replace(self, version=version, released_at=released_at)

    def same_content(self, other: ConsolidatedReply) -> bool:
        """Whether the two differ in nothing but when they were drafted, their version and their release."""
        blank = {"drafted_at": self.drafted_at, "version": 0, "released_at": None}
        return replace(self, **blank) == replace(other, **blank)  # type: ignore[arg-type]


def _tells(response: Response, passage: Passage) -> bool:
    answers = any(p.question is not None for p in response.passages)
    return not answers or len(passage.text.split()) >= GREETING_WORDS


@cache
def _adapter() -> TypeAdapter[ConsolidatedReply]:
    from pydantic import TypeAdapter

    return TypeAdapter(ConsolidatedReply)


def to_json(reply: ConsolidatedReply) -> dict[str, Any]:
    """Plain lists and objects, as the store keeps them."""
    plain: dict[str, Any] = _adapter().dump_python(reply, mode="json")
    return plain


def from_json(plain: Mapping[str, Any]) -> ConsolidatedReply:
    """The document kept as `plain`. Raises M4dbotError where it is none."""
    from pydantic import ValidationError

    try:
        return _adapter().validate_python(plain)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise M4dbotError(
            f"A stored consolidated reply cannot be read ({where}: {first['msg']}); draft it again."
        ) from None
