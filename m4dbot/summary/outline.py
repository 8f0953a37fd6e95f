"""The document as a sequence of blocks, from which the formats without a layout of their own are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from m4dbot.summary.countries import country_code, country_in, folded
from m4dbot.summary.figures import figures
from m4dbot.summary.model import ConsolidatedReply, DocumentQuestion, Passage, Person, Response
from m4dbot.summary.paragraphs import paragraphs
from m4dbot.summary.words import Words

LONGEST_HEADING = 300  # characters


@dataclass(frozen=True, slots=True)
class Heading:
    level: int  # 1 is the title
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """Fixed words, a name or a question. `strong` stands out."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """Words in paragraphs and lists as people typed them.

    `response` is the number of the response they stand in, where this is not the response itself.
    """

    text: str
    by: str = ""
    response: int | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `links` are the numbers of the responses each item leads to."""

    items: tuple[tuple[str, tuple[int, ...]], ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    title: str
    rows: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """Where the table of contents stands: the headings of level 2."""


Block = Heading | Line | Said | Items | Bars | Contents


def outline(reply: ConsolidatedReply, words: Words) -> Iterator[Block]:
    """The document from cover to disclaimer, in the order in which consolidated replies are read."""
    for kicker, text in _cover(reply, words):
        yield Heading(1, text) if kicker else Line(text)
    yield Contents()
    yield from _participation(reply, words)
    yield Heading(2, words("questions"))
    for week in reply.weeks:
        yield Heading(3, week_title(reply, week.number, words))
        yield Line(words.days(week.opens, week.closes))
        for question in week.questions:
            yield Heading(4, words("question", n=question.number))
            yield from (Said(text) for _, text in versions(question.text, words.language, reply.languages))
    yield Heading(2, words("people"))
    yield Line(words("people_intro"))
    yield Items(tuple((byline(p, words), responses_of(reply, p)) for p in reply.people), ordered=True)
    yield from _by_question(reply, words)
    yield from _resources(reply, words)
    yield Heading(2, words("responses"))
    yield Line(words("responses_intro"))
    for response in reply.responses:
        yield from _response(reply, response, words)
    yield Heading(2, words("closing"))
    for text in closing(reply, words):
        yield Line(text)


def _cover(reply: ConsolidatedReply, words: Words) -> Iterator[tuple[bool, str]]:
    yield True, title(reply, words)
    yield False, f"{words('document')} · {reply.group_name}"
    for _, text in versions(reply.title, words.language, reply.languages)[1:]:
        yield False, text
    yield False, f"{words('discussion')} · {words.days(reply.opens, reply.closes)}"
    if reply.facilitators:
        yield False, words("facilitated", names=words.names(reply.facilitators))
    yield False, issue(reply, words)
    if reply.released_at is None:
        yield False, words("draft_note")
    if reply.background:
        yield False, f"{words('background')}{words('colon')}{reply.background}"


def _participation(reply: ConsolidatedReply, words: Words) -> Iterator[Block]:
    counted = figures(reply)
    yield Heading(2, words("participation"))
    yield Line(" · ".join(words.count(key, n) for key, n in tiles(reply)))
    yield Bars(
        words("per_question"),
        tuple((words("short", week=w, question=q), n) for w, q, n in counted.by_question),
    )
    yield Line(words("counted_twice"))
    yield Bars(words("per_week"), tuple((words("week", n=w), n) for w, n in counted.by_week))
    yield Bars(words("per_language"), tuple((words.language_name(code), n) for code, n in counted.by_language))
    if counted.by_country:
        yield Line(f"{words('from_countries')}{words('colon')}{words.names(country_names(reply, words))}")


def _by_question(reply: ConsolidatedReply, words: Words) -> Iterator[Block]:
    yield Heading(2, words("contributions"))
    yield Line(words("contributions_intro"))
    for week in reply.weeks:
        yield Heading(3, week_title(reply, week.number, words))
        for question in week.questions:
            yield Heading(4, words("question", n=question.number))
            yield Line(question_text(question, words, reply.languages), strong=True)
            said = reply.at(week.number, question.number)
            yield from _passages(reply, said, words)
            if not said:
                yield Line(words("no_answers"))
        if general := reply.about_week(week.number):
            yield Heading(4, words("about_week"))
            yield from _passages(reply, general, words)
    if unfiled := reply.unfiled():
        yield Heading(3, words("unfiled"))
        yield Line(words("unfiled_intro"))
        yield from _passages(reply, unfiled, words)


def _passages(reply: ConsolidatedReply, said: Sequence[tuple[Response, Passage]], words: Words) -> Iterator[Block]:
    for response, passage in said:
        by = byline(reply.person(response.person), words)
        foreign = other_language(response, words)
        yield Said(passage.text, f"{by} · {foreign}" if foreign else by, response.number)


def _resources(reply: ConsolidatedReply, words: Words) -> Iterator[Block]:
    sent = [(name, r.number) for r in reply.responses for name in r.attachments]
    if not reply.resources and not sent:
        return
    yield Heading(2, words("resources"))
    if reply.resources:
        yield Line(words("resources_intro"))
        yield Items(tuple((resource.url, resource.numbers) for resource in reply.resources))
    if sent:
        yield Heading(3, words("documents"))
        yield Items(tuple((name, (number,)) for name, number in sent))


def _response(reply: ConsolidatedReply, response: Response, words: Words) -> Iterator[Block]:
    yield Heading(3, words("response", n=response.number))
    yield Line(byline(reply.person(response.person), words), strong=True)
    yield Line(response_line(reply, response, words))
    for passage in response.passages:
        yield Line(f"[{words.tag(passage.tag)}]")
        yield Said(passage.text)
    if response.note:
        yield Line(f"{words('note')}{words('colon')}{response.note}")
    if response.attachments:
        yield Line(f"{words('attachments')}{words('colon')}{words.names(response.attachments)}")
    if response.edited:
        yield Line(words("edited"))


# --- what all formats say alike -----------------------------------------------------------------------------------


def versions(texts: Mapping[str, str], language: str, languages: Sequence[str]) -> list[tuple[str, str]]:
    """A text's language versions: the wanted one first, then in the discussion's order; each wording once."""
    order = dict.fromkeys((language, *languages, *texts))
    found = [(code, _typeset(texts[code], code)) for code in order if texts.get(code)]
    return [pair for i, pair in enumerate(found) if pair[1] not in {text for _, text in found[:i]}]


def _typeset(text: str, language: str) -> str:
    """French spaces that do not break: a question mark alone on a line helps nobody."""
    if language.partition("-")[0] != "fr":
        return text
    text = re.sub(r" (?=[:»])", "\u00a0", re.sub(r"(?<=«) ", "\u00a0", text))
    return re.sub(r" (?=[;?!])", "\u202f", text)


def _first(texts: Mapping[str, str], words: Words, languages: Sequence[str]) -> str:
    return next((text for _, text in versions(texts, words.language, languages)), "")


def title(reply: ConsolidatedReply, words: Words) -> str:
    return _first(reply.title, words, reply.languages)


def question_text(question: DocumentQuestion, words: Words, languages: Sequence[str]) -> str:
    """The question as a heading takes it: its first paragraph, on one line; in full it stands among the questions."""
    first = next(iter(paragraphs(_first(question.text, words, languages))), None)
    text = " ".join(first.lines) if first else ""
    return text if len(text) <= LONGEST_HEADING else text[:LONGEST_HEADING].rpartition(" ")[0] + " …"


def week_title(reply: ConsolidatedReply, number: int, words: Words) -> str:
    """ "Week 2: The money"."""
    week = next(w for w in reply.weeks if w.number == number)
    named = _first(week.title, words, reply.languages)
    return words("week", n=number) + (words("colon") + named if named else "")


def issue(reply: ConsolidatedReply, words: Words) -> str:
    """ "Issued on 7 May 2027 · version 1"; for a draft, when it was drafted."""
    key, at = ("issued", reply.released_at) if reply.released_at else ("drafted", reply.drafted_at)
    day = at.astimezone(ZoneInfo(reply.timezone)).date()
    return f"{words(key, date=words.day(day))} · {words('version', n=reply.version)}"


def byline(person: Person, words: Words) -> str:
    """ "Amina Diallo, Coordinator, Meals Network, Dakar, Senegal"."""
    country = words.country(person.country) if person.country else ""
    # A place that is a country only is named in the reader's language.
    place = country if person.country and country_code(person.place) == person.country else person.place
    parts = [person.name or words("nameless")]
    for part in (person.role, person.organisation, place):
        # "President of the Water Users" has named the organisation.
        if part and not any(_names(said, part) for said in parts):
            parts.append(part)
    if country and country_in(place) != person.country and not any(_names(said, country) for said in parts[1:]):
        parts.append(country)
    return ", ".join(parts)


def _names(said: str, part: str) -> bool:
    return f" {folded(part)} " in f" {folded(said)} "


def responses_of(reply: ConsolidatedReply, person: Person) -> tuple[int, ...]:
    return tuple(r.number for r in reply.responses if r.person == person.number)


def response_line(reply: ConsolidatedReply, response: Response, words: Words) -> str:
    """ "7 March 2027 · French · Shared by Jean Kabongo"."""
    day = response.received_at.astimezone(ZoneInfo(reply.timezone)).date()
    parts = [words.day(day), words.language_name(response.language)]
    if response.shared_by:
        parts.append(words("shared_by", name=response.shared_by))
    return " · ".join(parts)


def other_language(response: Response, words: Words) -> str:
    """The name of the language a response was written in, where it is not that of the fixed words."""
    code = response.language
    return words.language_name(code) if code and code.partition("-")[0] != words.language else ""


def tiles(reply: ConsolidatedReply) -> list[tuple[str, int]]:
    """The headline figures with the word each is counted in; what is not known is left out."""
    counted = figures(reply)
    all_of_them = [
        ("responses", counted.responses),
        ("people", counted.people),
        ("organisations", counted.organisations),
        ("countries", len(counted.by_country)),
        ("languages", len([code for code, _ in counted.by_language if code])),
    ]
    return [(key, n) for key, n in all_of_them if n]


def country_names(reply: ConsolidatedReply, words: Words) -> list[str]:
    return sorted((words.country(code) for code, _ in figures(reply).by_country), key=folded)


def closing(reply: ConsolidatedReply, words: Words) -> list[str]:
    return [
        words("thanks"),
        words("late", address=reply.group_address),
        words("disclaimer", group=reply.group_name),
        words("made"),
    ]
