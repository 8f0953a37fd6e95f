"""From a discussion and its approved contributions to the consolidated reply. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from m4dbot.discussion.model import Discussion, Text
from m4dbot.reading.values import ContributorLine
from m4dbot.summary.countries import country_code, country_in, folded
from m4dbot.summary.links import resources
from m4dbot.summary.model import (
    ConsolidatedReply,
    DocumentQuestion,
    DocumentWeek,
    Passage,
    Person,
    Response,
)
from m4dbot.tagging.values import Tag


@dataclass(frozen=True, slots=True)
class Approved:
    """An approved contribution as the store holds it.

    `text` is what is published: the edited text where there is one (`edited`). `organisation` and `country` are
    the subscriber's, of the address that wrote.
    """

    id: int
    number: int | None
    text: str
    received_at: datetime
    passages: tuple[Passage, ...] = ()
    author_name: str = ""
    author_address: str = ""
    on_behalf_of: str = ""
    contributor: ContributorLine = field(default_factory=ContributorLine)
    organisation: str = ""
    country: str = ""
    language: str = ""
    subject: str = ""
    edited: bool = False
    note: str = ""
    attachments: tuple[str, ...] = ()


def build(
    discussion: Discussion,
    contributions: Sequence[Approved],
    *,
    group_name: str,
    group_address: str,
    facilitators: Sequence[str],
    language: str,
    now: datetime,
) -> ConsolidatedReply:
    """The document of a discussion at `now` (aware). `contributions` are the approved ones, in any order.

    A contribution without a number is counted on after the highest; numbers once given never change.
    """
    numbered = _numbered(contributions)
    people, who = _people([c for _, c in numbered])
    responses = tuple(
        Response(
            number=number,
            contribution_id=c.id,
            person=person,
            received_at=c.received_at,
            passages=passages_of(clean(c.text), [_known(p, discussion) for p in c.passages]),
            language=one_line(c.language),
            subject=one_line(c.subject),
            shared_by=_sender(c) if c.on_behalf_of.strip() else "",
            edited=c.edited,
            note=clean(c.note),
            attachments=tuple(filter(None, map(one_line, c.attachments))),
        )
        for (number, c), person in zip(numbered, who, strict=True)
    )
    return ConsolidatedReply(
        slug=discussion.slug,
        language=language,
        languages=discussion.languages,
        title=_texts(discussion.title),
        timezone=discussion.timezone,
        opens=discussion.opens,
        closes=discussion.closes,
        group_name=one_line(group_name),
        group_address=group_address,
        facilitators=tuple(filter(None, map(one_line, facilitators))),
        weeks=tuple(
            DocumentWeek(
                number=week.number,
                opens=week.opens,
                closes=week.closes,
                title=_texts(week.title),
                questions=tuple(DocumentQuestion(q.number, _texts(q.text)) for q in week.questions),
            )
            for week in discussion.weeks
        ),
        people=people,
        responses=responses,
        resources=resources(responses),
        drafted_at=now,
        background=discussion.background,
    )


def _texts(text: Text) -> Mapping[str, str]:
    return {language: clean(said) for language, said in text.by_language.items()}


def _numbered(contributions: Sequence[Approved]) -> list[tuple[int, Approved]]:
    given = [(c.number, c) for c in contributions if c.number is not None]
    following = max((number for number, _ in given), default=0) + 1
    new = sorted((c for c in contributions if c.number is None), key=lambda c: (c.received_at, c.id))
    return sorted(given + list(enumerate(new, following)), key=lambda pair: pair[0])


# --- text ---------------------------------------------------------------------------------------------------------

_BREAKS = re.compile(r"\r\n?|[\u2028\u2029\x0b\x0c\x1c-\x1f\x85]")
# Controls, and the last two code points of each plane, which have no place in XML or in mail.
_LAST = "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
_CONTROLS = re.compile(f"[\x00-\x08\x0e-\x1b\x7f-\x9f{_LAST}]")
_HALVES = re.compile("[\ud800-\udfff]")  # half a character, which UTF-8 cannot say


def clean(text: str) -> str:
    """The text without control characters, trailing blanks and runs of empty lines; no word is touched."""
    text = _HALVES.sub("\N{REPLACEMENT CHARACTER}", _CONTROLS.sub("", _BREAKS.sub("\n", text)))
    # Not by a pattern: a line of blanks would take quadratic time.
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def one_line(text: str) -> str:
    """A name or heading: on one line, without the marks that would turn the direction of what follows."""
    text = re.sub(r"[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]", "", clean(text))
    return re.sub(r"[ \t\n]+", " ", text).strip()


# --- passages -----------------------------------------------------------------------------------------------------

_MOST_TRIES = 100  # so that a passage of one letter costs no more than others


def passages_of(text: str, passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Passages that are the text, all of it and nothing else.

    Each given passage is sought in the text in order. What stands between those found takes the tag of the ones
    missing there, if they agree on one: an edited passage stays under its question. Words that an editor took out
    appear nowhere.
    """
    # Without blanks: however they are spaced and wrapped, the words are the same.
    places = [i for i, c in enumerate(text) if not c.isspace()]
    letters = "".join(text.split())
    parts: list[Passage] = []
    missing: list[Tag] = []
    at = 0  # in `letters`
    end = 0  # in `text`
    for passage in passages:
        if not (wanted := "".join(passage.text.split())):
            continue
        found = _find(wanted, letters, places, at)
        if found is None:
            missing.append(passage.tag)
            continue
        start = places[found]
        parts.append(_between(text[end:start], missing))
        at = found + len(wanted)
        end = places[at - 1] + 1
        parts.append(replace(passage, text=text[start:end]))
        missing = []
    parts.append(_between(text[end:], missing))
    kept = (p for p in parts if p.text.strip())
    return tuple(replace(p, position=position, text=p.text.strip("\n")) for position, p in enumerate(kept, 1))


def _find(wanted: str, letters: str, places: Sequence[int], start: int) -> int | None:
    """Where `wanted` begins in `letters`, from `start` on; not in the middle of a word ("Yes" in "Yesterday")."""
    at = start
    for _ in range(_MOST_TRIES):
        at = letters.find(wanted, at)
        if at < 0:
            return None
        if not _inside_a_word(letters, places, at) and not _inside_a_word(letters, places, at + len(wanted)):
            return at
        at += 1
    return None


def _inside_a_word(letters: str, places: Sequence[int], at: int) -> bool:
    if not 0 < at < len(letters):
        return False
    return places[at] == places[at - 1] + 1 and letters[at - 1].isalnum() and letters[at].isalnum()


def _known(passage: Passage, discussion: Discussion) -> Passage:
    """The passage as this discussion can place it: a week or question that is no more leaves it unfiled."""
    if passage.week is None or discussion.week(passage.week) is None:
        return replace(passage, text=clean(passage.text), week=None, question=None)
    asked = passage.question is not None and discussion.question(passage.week, passage.question) is not None
    return replace(passage, text=clean(passage.text), question=passage.question if asked else None)


def _between(text: str, missing: Sequence[Tag]) -> Passage:
    tags = set(missing)
    tag = tags.pop() if len(tags) == 1 else Tag()
    return Passage(0, 0, text, tag.week, tag.question)


# --- people -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Known:
    addresses: set[str] = field(default_factory=set)
    lines: list[ContributorLine] = field(default_factory=list)
    countries: list[str] = field(default_factory=list)
    organisations: list[str] = field(default_factory=list)


def _people(contributions: Sequence[Approved]) -> tuple[tuple[Person, ...], list[int]]:
    """Everybody who took part, and for each contribution the number of its person.

    One person may write from two addresses, and two from one address. The same name is the same person unless the
    organisations differ; the same address is, unless the names differ.
    """
    known: list[_Known] = []
    likely: dict[str, list[int]] = {}  # by address and by name
    who: list[int] = []
    for c in contributions:
        line = author_line(c)
        own = not c.on_behalf_of.strip()
        address = c.author_address.lower() if own else ""
        keys = [key for key in (address, folded(line.name)) if key]
        candidates = sorted({i for key in keys for i in likely.get(key, ())})
        at = next((i for i in candidates if _is_same(known[i], line, address)), None)
        if at is None:
            at = len(known)
            known.append(_Known())
        person = known[at]
        person.addresses |= {address} - {""}
        person.lines.append(line)
        place = country_in(line.place)
        person.countries += filter(None, [(country_code(c.country) or one_line(c.country)) if own else "", place])
        person.organisations += filter(None, [line.organisation, one_line(c.organisation) if own else ""])
        for key in keys:
            if at not in (of_key := likely.setdefault(key, [])):
                of_key.append(at)
        who.append(at + 1)
    return tuple(_person(number, k) for number, k in enumerate(known, 1)), who


def author_line(c: Approved) -> ContributorLine:
    """Who speaks: the contributor's line as read or edited, for the person on whose behalf it is.

    The line under a mail sent for somebody else is the sender's, unless it names that somebody.
    """
    line = ContributorLine(*(one_line(p) for p in _parts(c.contributor)))
    behalf = one_line(re.sub(r"<[^<>]*>|\S+@\S+", " ", c.on_behalf_of))
    if behalf:
        return line if _names_agree(line.name, behalf) and line.name else ContributorLine(name=behalf)
    name = line.name or _not_an_address(one_line(c.author_name))
    return ContributorLine(name, line.role, line.organisation, line.place)


def _parts(line: ContributorLine) -> Iterator[str]:
    yield from (line.name, line.role, line.organisation, line.place)


def _sender(c: Approved) -> str:
    return _not_an_address(one_line(c.author_name)) or one_line(c.organisation)


def _not_an_address(name: str) -> str:
    """The name, unless it is an address: the document names nobody's address."""
    return "" if "@" in name else name


def _names_agree(one: str, other: str) -> bool:
    """Whether two spellings can be one person's: the words of one are among the words of the other."""
    a, b = set(folded(one).split()), set(folded(other).split())
    return a <= b or b <= a


def _is_same(known: _Known, line: ContributorLine, address: str) -> bool:
    if address and address in known.addresses:
        return any(_names_agree(k.name, line.name) for k in known.lines)
    if not line.name or not any(folded(k.name) == folded(line.name) for k in known.lines):
        return False
    theirs = {folded(o) for o in known.organisations}
    return not line.organisation or not theirs or folded(line.organisation) in theirs


def _person(number: int, known: _Known) -> Person:
    return Person(
        number=number,
        # "A. Diallo" under a later mail does not replace "Amina Diallo".
        name=max((k.name for k in known.lines), key=len),
        role=next((k.role for k in known.lines if k.role), ""),
        organisation=next(iter(known.organisations), ""),
        place=next((k.place for k in known.lines if k.place), ""),
        country=next(iter(known.countries), ""),
    )
