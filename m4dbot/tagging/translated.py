"""Questions quoted or named in a language in which the discussion has no text of them.

Of such a line little is known but its form: a question or a short line by itself, an answer below.
Its words may meet the question's through names, cognates and the language files; the order does
the rest.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from m4dbot.tagging.beginnings import in_order
from m4dbot.tagging.headings import lines_above, run_in
from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import COLONS, Layout, Unit, last_sign
from m4dbot.tagging.marks import Mark, evidence_of, quotation_score
from m4dbot.tagging.values import Tag

_SHORTEST = 5  # words of a question
_SEVERAL = 4  # questions; so many bear each other out, however short they are
_FORM = 1.5  # what the form alone speaks for
_NONE_SKIPPED = 0.1  # where nothing else tells, the first questions are not the ones left out
_COGNATES = 1.4  # what is alike in two languages, by so much more does it say


def translated_marks(layout: Layout, marks: Sequence[Mark], questions: Questions, tags: Sequence[Tag]) -> list[Mark]:
    """The marks with those of lines that look like translations of `tags`, in order of the text."""
    result = list(marks)
    headings = _headings(layout, questions, len(tags))
    asking = [i for i in range(len(layout.units)) if _asks(layout.units, i)]
    if len(asking) < _SEVERAL:
        asking = [i for i in asking if layout.units[i].sentences[0].last - layout.units[i].first >= _SHORTEST]
    if len(asking) >= _SEVERAL and not headings:
        asking += _led_up(layout, asking, max(1, len(tags) - len(asking)))
    places = sorted({*asking, *headings})
    for n, index in enumerate(places):
        unit = layout.units[index]
        alone = len(unit.sentences) == 1
        known = next((m for m in result if m.unit == index and m.start == unit.start), None)
        if known is not None and not known.kinds <= {"quoted", "heading"}:
            continue
        if known is not None:
            result.remove(known)
        mark = _mark(layout, index, questions, tags, headings.get(index, 0), 0.0 if alone or index in headings else 1.0)
        if n < len(tags):
            mark.candidates[tags[n]] += _NONE_SKIPPED
        if len(places) == len(tags) > 1:
            mark.candidates[tags[n]] += in_order(len(places))
        result.append(mark)
    result.sort(key=lambda m: (m.start, m.end))
    return result


def _asks(units: Sequence[Unit], index: int) -> bool:
    """Whether a unit is a question, or begins with one, and an answer follows."""
    unit = units[index]
    if not unit.sentences or not unit.sentences[0].asks or unit.sentences[0].last - unit.first < 2:
        return False
    return len(unit.sentences) > 1 or _answered(units, index)


def _led_up(layout: Layout, asking: Sequence[int], most: int) -> list[int]:
    """Lines that end in a colon above an answer, as "And to finish, a detail about you:" among copied questions."""
    units = layout.units
    found = [
        index
        for index, unit in enumerate(units[:-1])
        if unit.begins
        and index not in asking
        and unit.words >= _SHORTEST
        and last_sign(layout, unit) in COLONS
        and _answered(units, index)
    ]
    return found if len(found) <= most else []


def _mark(layout: Layout, index: int, questions: Questions, tags: Sequence[Tag], heading: int, null: float) -> Mark:
    """`heading` is where a heading ends; 0 where the line is a question."""
    unit = layout.units[index]
    end = heading or unit.sentences[0].end
    last = _last(layout, unit, end)
    weights = dict.fromkeys(tags, _FORM)
    for like in questions.like(layout.tokens, unit.first, last):
        score = quotation_score(like, last - unit.first)
        weights[like.tag] = weights.get(like.tag, 0.0) + _COGNATES * score
    kind = "heading" if heading else "quoted"
    mark = Mark(unit.start, end, index, {kind, "translated"}, weights, null)
    said = evidence_of(kind, layout.text[unit.own : end])
    mark.say_all(said)
    return mark


def _headings(layout: Layout, questions: Questions, most: int) -> dict[int, int]:
    """Short lines over paragraphs, else short beginnings of paragraphs before a colon, each with its end.

    They are taken if there are as many as questions or one of them names a question.
    """
    for found in (lines_above(layout), run_in(layout)):
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


def _last(layout: Layout, unit: Unit, end: int) -> int:
    return bisect_left(layout.tokens, (end,), unit.first, unit.last)


def _answered(units: Sequence[Unit], index: int) -> bool:
    """Whether an answer stands below: words that are no further question."""
    if index + 1 >= len(units):
        return False
    following = units[index + 1]
    return following.words >= 4 and not (len(following.sentences) == 1 and following.sentences[0].asks)
