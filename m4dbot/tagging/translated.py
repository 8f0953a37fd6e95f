"""Questions quoted or named in a language in which the discussion has no text of them.

Of such a line little is known but its form: a question or a short line by itself, an answer below.
Its words may meet the question's through names, cognates and the language files; the order does
the rest.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import Layout, Unit
from m4dbot.tagging.marks import Mark, evidence_of, quotation_score
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import Sense

_SHORTEST = 5  # words of a question
_LONGEST_HEADING = 14  # words
_LONGEST_BEGINNING = 8  # words before a colon
_ANSWER = 6  # words after it
_FORM = 1.5  # what the form alone speaks for


def translated_marks(layout: Layout, marks: Sequence[Mark], questions: Questions, tags: Sequence[Tag]) -> list[Mark]:
    """The marks with those of lines that look like translations of `tags`, in order of the text."""
    result = list(marks)
    headings = _headings(layout, questions, len(tags))
    for index, unit in enumerate(layout.units):
        alone = len(unit.sentences) == 1
        first = unit.sentences[0] if unit.sentences else None
        if first is None:
            continue
        asks = first.asks and first.last - unit.first >= _SHORTEST
        if not (asks and (not alone or _answered(layout.units, index))) and index not in headings:
            continue
        known = next((m for m in result if m.unit == index and m.start == unit.start), None)
        if known is not None and not known.kinds <= {"quoted", "heading"}:
            continue
        if known is not None:
            result.remove(known)
        result.append(
            _mark(layout, index, questions, tags, headings.get(index, 0), 0.0 if alone or index in headings else 1.0)
        )
    result.sort(key=lambda m: (m.start, m.end))
    return result


def _mark(layout: Layout, index: int, questions: Questions, tags: Sequence[Tag], heading: int, null: float) -> Mark:
    """`heading` is where a heading ends; 0 where the line is a question."""
    unit = layout.units[index]
    end = heading or unit.sentences[0].end
    last = _last(layout, unit, end)
    weights = dict.fromkeys(tags, _FORM)
    for like in questions.like(layout.tokens, unit.first, last):
        score = quotation_score(like, last - unit.first)
        weights[like.tag] = max(score, weights.get(like.tag, 0.0) + score)
    kind = "heading" if heading else "quoted"
    mark = Mark(unit.start, end, index, {kind, "translated"}, weights, null)
    said = evidence_of(kind, layout.text[unit.own : end])
    for tag in weights:
        mark.say(tag, said)
    return mark


def _headings(layout: Layout, questions: Questions, most: int) -> dict[int, int]:
    """Short lines over paragraphs, else short beginnings of paragraphs before a colon, each with its end.

    They are taken if there are as many as questions or one of them names a question.
    """
    for found in (_lines_above(layout), _beginnings(layout)):
        if not 2 <= len(found) <= most:
            continue
        named = any(
            quotation_score(like, 3) >= 4.0
            for unit, end in ((layout.units[index], end) for index, end in found.items())
            for like in questions.like(layout.tokens, unit.first, _last(layout, unit, end), 1)
        )
        if named or len(found) == most:
            return found
    return {}


def _lines_above(layout: Layout) -> dict[int, int]:
    units = layout.units
    return {
        index: unit.end
        for index, unit in enumerate(units[:-1])
        if 1 <= unit.words <= _LONGEST_HEADING
        and unit.gap
        and layout.text[: unit.end].rstrip()[-1:] not in ".,;!?؟"
        and units[index + 1].words >= 15
        and not _salutes(layout, unit)
    }


def _beginnings(layout: Layout) -> dict[int, int]:
    """ "Barreras: …", "- Systèmes d'alerte : …"."""
    found = {}
    for index, unit in enumerate(layout.units):
        cut = layout.text.find(
            ":", unit.own, layout.tokens[min(unit.first + _LONGEST_BEGINNING, unit.last) - 1].end + 2
        )
        if cut < 0 or not (unit.gap or unit.bullet) or _salutes(layout, unit):
            continue
        last = _last(layout, unit, cut)
        if unit.first < last and unit.last - last >= _ANSWER:
            found[index] = cut
    return found


def _last(layout: Layout, unit: Unit, end: int) -> int:
    return bisect_left(layout.tokens, (end,), unit.first, unit.last)


def _salutes(layout: Layout, unit: Unit) -> bool:
    return unit.first < unit.last and bool(layout.tokens[unit.first].word.sense & Sense.SALUTATION)


def _answered(units: Sequence[Unit], index: int) -> bool:
    """Whether an answer stands below: words that are no further question."""
    if index + 1 >= len(units):
        return False
    following = units[index + 1]
    return following.words >= 4 and not (len(following.sentences) == 1 and following.sentences[0].asks)
