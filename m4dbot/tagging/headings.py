"""Lines and beginnings of paragraphs that look like headings, whatever they say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

from m4dbot.tagging.lines import COLONS, Layout, Unit, is_figures, is_row, last_sign
from m4dbot.tagging.vocabulary import Sense

_CUT = re.compile(r"[:：]| [-–—|] ")
_LONGEST_LINE = 16  # words
_LONGEST_COLON = 4  # words of a line that ends in a colon; longer ones lead up to a list
_BELOW = 8  # words below a heading
_LONGEST_RUN_IN = 8  # words before a colon or dash
_LONGEST_ALONE = 4  # words of "Oversight. We …"
_LONGEST_CAPITALS = 12  # words of "THE MARKETS AND WHO OWNS THEM. We …"
_ASKED = 5  # words of a question
_SEVERAL = 2  # questions
_BEHIND = 6  # words behind a heading in one paragraph with its answer


def lines_above(layout: Layout) -> dict[int, int]:
    """Short lines by themselves above a paragraph: each unit's index, with where the heading ends."""
    units = layout.units
    return {
        index: unit.end
        for index, unit in enumerate(units[:-1])
        if (unit.begins or _ends_list(layout, index))
        and (units[index + 1].words >= _BELOW or _leads_a_list(unit, units[index + 1]))
        and _is_short_line(layout, unit)
        and not (index and _leads_a_list(units[index - 1], unit) and _is_short_line(layout, units[index - 1]))
    }


def run_in(layout: Layout) -> dict[int, int]:
    """ "Oversight: we …", "- Alerts – …", "Oversight. We …": each unit's index, with where the heading ends."""
    found = {}
    for index, unit in enumerate(layout.units):
        if not (unit.begins or unit.bullet or unit.number) or not unit.sentences or salutes(layout, unit):
            continue
        end = _cut(layout, unit) or _short_sentence(layout, unit)
        if end and sum(t.start >= end for t in layout.tokens[unit.first : unit.last]) >= _BEHIND:
            found[index] = end
    return found


def asked_besides(layout: Layout, copied: Collection[int]) -> dict[int, int]:
    """Questions set off as those in the units `copied` are, by a bullet or in bold: a form's others, which nobody
    put here. Each unit's index, with where the question ends.

    A list of questions inside an answer is none of them, nor is one that goes on from another ("And how long …?").
    """
    forms = Counter(_set_off(layout, layout.units[index]) for index in copied)
    alike = {form for form, count in forms.items() if form[0].strip("\"“”«»‘’'") and count >= _SEVERAL}
    return {
        index: unit.sentences[0].end
        for index, unit in enumerate(layout.units)
        if index not in copied and _set_off(layout, unit) in alike and _asks_by_itself(layout, index)
    }


def _asks_by_itself(layout: Layout, index: int) -> bool:
    """Whether a unit begins with a question below an empty line that goes on from no other."""
    unit, above = layout.units[index], layout.units[index - 1] if index else None
    below = layout.units[index + 1] if index + 1 < len(layout.units) else None
    if not unit.gap or not unit.sentences or not unit.sentences[0].asks:
        return False
    if unit.sentences[0].last - unit.first < _ASKED or layout.tokens[unit.first].word.sense & Sense.JOINING:
        return False
    if above is not None and _lists_questions(layout, above, unit):
        return False
    return below is None or below.gap or not unit.bullet or below.bullet != unit.bullet


def _lists_questions(layout: Layout, above: Unit, unit: Unit) -> bool:
    """Whether what stands above leads up to a list, or is an item of it: another question, without an answer."""
    if last_sign(layout, above) in COLONS:
        return True
    asks = bool(above.sentences) and above.sentences[-1].asks
    return asks and above.bullet == unit.bullet != ""


def _set_off(layout: Layout, unit: Unit) -> tuple[str, bool]:
    """The signs in front of a unit, "" with a figure among them, and whether its first sentence stands alone."""
    signs = "" if unit.number else layout.text[unit.start : unit.own].rstrip()
    return signs, bool(unit.sentences) and unit.sentences[0].end >= unit.end


def _leads_a_list(unit: Unit, below: Unit) -> bool:
    return bool(below.bullet) and not (unit.bullet or unit.number)


def _ends_list(layout: Layout, index: int) -> bool:
    """Whether a unit stands right below a list and is none of its items."""
    if not index:
        return False
    unit, above = layout.units[index], layout.units[index - 1]
    return bool(above.bullet or above.number) and not (unit.bullet or unit.number)


def _is_short_line(layout: Layout, unit: Unit) -> bool:
    if not 1 <= unit.words <= _LONGEST_LINE or salutes(layout, unit):
        return False
    if is_figures(layout, unit) or is_row(layout, unit):
        return False
    last = last_sign(layout, unit)
    return last not in ".,;!" and (last not in COLONS or unit.words <= _LONGEST_COLON)


def _cut(layout: Layout, unit: Unit) -> int:
    if unit.first >= unit.last:
        return 0
    limit = layout.tokens[min(unit.first + _LONGEST_RUN_IN, unit.last) - 1].end + 2
    cut = _CUT.search(layout.text, layout.tokens[unit.first].end, limit)
    return cut.start() if cut else 0


def _short_sentence(layout: Layout, unit: Unit) -> int:
    first = unit.sentences[0]
    alone = len(unit.sentences) == 1
    most = _LONGEST_CAPITALS if layout.text[unit.own : first.end].isupper() else _LONGEST_ALONE
    return 0 if first.asks or alone or first.last - unit.first > most else first.end


def salutes(layout: Layout, unit: Unit) -> bool:
    """Whether a unit begins as a greeting does."""
    return unit.first < unit.last and bool(layout.tokens[unit.first].word.sense & Sense.SALUTATION)
