"""Questions quoted or named in a language in which the discussion has no text of them.

Of such a line little is known but its form: a question or a short line by itself, an answer below.
Its words may meet the question's through names, cognates and the language files; the order does
the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import Layout, Unit
from m4dbot.tagging.marks import Mark, evidence_of, quotation_score
from m4dbot.tagging.values import Tag

_SHORTEST = 5  # words of a question
_LONGEST_HEADING = 14  # words
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
        result.append(_mark(layout, index, questions, tags, 0.0 if alone else 1.0))
    result.sort(key=lambda m: (m.start, m.end))
    return result


def _mark(layout: Layout, index: int, questions: Questions, tags: Sequence[Tag], null: float) -> Mark:
    unit = layout.units[index]
    first = unit.sentences[0]
    weights = dict.fromkeys(tags, _FORM)
    for like in questions.like(layout.tokens, unit.first, first.last):
        score = quotation_score(like, first.last - unit.first)
        weights[like.tag] = max(score, weights.get(like.tag, 0.0) + score)
    kind = "quoted" if first.asks else "heading"
    mark = Mark(unit.start, first.end, index, {kind, "translated"}, weights, null)
    said = evidence_of(kind, layout.text[first.start : first.end])
    for tag in weights:
        mark.say(tag, said)
    return mark


def _headings(layout: Layout, questions: Questions, most: int) -> set[int]:
    """Short lines over paragraphs, if there are as many as questions or one of them names a question."""
    units = layout.units
    found = [
        index
        for index, unit in enumerate(units[:-1])
        if 1 <= unit.words <= _LONGEST_HEADING
        and unit.gap
        and layout.text[: unit.end].rstrip()[-1:] not in ".,;!?؟"
        and units[index + 1].words >= 15
    ]
    if not 2 <= len(found) <= most:
        return set()
    named = any(
        quotation_score(like, 3) >= 4.0
        for index in found
        for like in questions.like(layout.tokens, units[index].first, units[index].last, 1)
    )
    return set(found) if named or len(found) == most else set()


def _answered(units: Sequence[Unit], index: int) -> bool:
    """Whether an answer stands below: words that are no further question."""
    if index + 1 >= len(units):
        return False
    following = units[index + 1]
    return following.words >= 4 and not (len(following.sentences) == 1 and following.sentences[0].asks)
