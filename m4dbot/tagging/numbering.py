"""Figures at the start of lines: question numbers, or the items of a list inside an answer?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from m4dbot.tagging.counting import Counting
from m4dbot.tagging.lines import COLONS, Layout, Unit, last_sign
from m4dbot.tagging.marks import Mark, best_of
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import Sense

ENOUGH = 1.5  # from here on a list is taken for answers
_MOST_LISTS = 30  # a mail with more is a table, not a contribution
_MOST_ITEMS = 200
_NEXT_WEEK = 2.7  # "2.1" after "1.1" and "1.2": as good as the week's name above a list
_UNLIKELY = 2.5  # a week so much less likely than the likeliest is left out
_LETTERED = 1.5  # "a)" and "i." are for points inside an answer more often than not
_ONE_MORE = 0.6  # a last point of one's own behind the answers

Fit = Callable[[int, int, Tag], float]


@dataclass(frozen=True, slots=True)
class NumberedList:
    """Items as (unit index, question), in order; `weight` says how much speaks for question numbers.

    `beyond` is the unit of a last item with a figure that no question has, None without one.
    """

    items: tuple[tuple[int, Tag], ...]
    weight: float
    beyond: int | None = None


def answer_lists(
    layout: Layout, marks: Sequence[Mark], weeks: Mapping[int, float], counting: Counting, fit: Fit
) -> list[NumberedList]:
    """The numbered lists whose figures are question numbers.

    `weeks` weighs the weeks the mail may be about; a week named in the text above a list comes first.
    `fit(first, last, tag)` says how much better a stretch of tokens fits a question than the others
    of its week, -1 to 1.
    """
    found: list[NumberedList] = []
    borders = [m.unit for m in marks if "week" in m.kinds and "mention" not in m.kinds]
    for items in _lists(layout, borders, len(counting.counts) == 1)[:_MOST_LISTS]:
        # A list between the items of another belongs to an answer.
        if any(one.items[0][0] < items[0][0] < one.items[-1][0] for one in found):
            continue
        named = [m for m in marks if "week" in m.kinds and m.unit < items[0][0]]
        here = dict(weeks)
        section = layout.units[items[0][0]].section
        of_a_week = section in counting.counts and len(counting.counts) > 1
        if of_a_week:
            here = {section: 0.0}
        elif named:
            here = {best_of(named[-1]).week or 0: 0.0}
        # After one list of answers, another needs a week's name above it or in its figures ("2.1"),
        # or is part of an answer.
        above = [m for m in marks if m.explicit and m.unit < items[0][0]]
        later = (
            bool(found)
            and not of_a_week
            and not any(m.unit > found[-1].items[0][0] for m in named)
            and not _is_question_list(layout, above, items[0][0])
        )
        next_week = of_a_week and bool(found) and layout.units[found[-1].items[0][0]].section > 0
        best: NumberedList | None = None
        for tags, less in _readings(items, here, counting):
            weight = (
                less
                - (4.0 if later else 0.0)
                + (_NEXT_WEEK if next_week else 0.0)
                + _weigh(layout, tags, marks, counting.counts.get(tags[0][1].week or 0, 0), fit)
            )
            if weight >= ENOUGH and (best is None or weight > best.weight):
                beyond = items[-1][0] if len(tags) < len(items) else None
                best = NumberedList(tuple(tags), weight, beyond)
        if best is not None:
            found.append(best)
    return found


def _readings(
    items: list[tuple[int, int]], weeks: Mapping[int, float], counting: Counting
) -> list[tuple[list[tuple[int, Tag]], float]]:
    """What the figures may mean, each with what speaks against it: 0 or less.

    Counted inside one of the likely weeks; or, less likely, through all weeks.
    """
    top = max(weeks.values(), default=0.0)
    readings = [
        ([(i, counting.inside(n, week)) for i, n in items], weight - top)
        for week, weight in sorted(weeks.items(), key=lambda pair: (-pair[1], pair[0]))
        if weight > top - _UNLIKELY
    ]
    possible = any(all(tag is not None for _, tag in reading) for reading, less in readings if less == 0.0)
    readings.append(([(i, counting.through(n)) for i, n in items], -_UNLIKELY if possible else -0.5))
    result: list[tuple[list[tuple[int, Tag]], float]] = []
    for reading, less in readings:
        known = [(i, tag) for i, tag in reading if tag is not None]
        one_more = len(known) >= 3 and len(known) == len(items) - 1 and reading[-1][1] is None
        if (one_more or len(known) == len(items)) and all(known != other for other, _ in result):
            result.append((known, less - _ONE_MORE if one_more else less))
    return result


def _lists(layout: Layout, borders: Sequence[int], one_week: bool) -> list[list[tuple[int, int]]]:
    """The lists of a text, outer ones first: items of one style whose figures rise by up to three.

    A list may hold others. A figure that continues two of them belongs to the one whose items stand
    as it does, with or without an empty line above. No list goes on beyond the units in `borders`.
    With `one_week`, "1.1", "1.2", "2.1" are the parts of several answers.
    """
    units = layout.units
    sections = {unit.style for unit in units if unit.style.endswith(".1")}
    parts = sections if one_week and len(sections) > 1 else frozenset()
    lists: list[list[tuple[int, int]]] = []
    open_lists: dict[str, list[list[tuple[int, int]]]] = {}
    for index, unit in enumerate(units):
        if not unit.number or unit.style in parts:
            continue
        if len(lists) > _MOST_LISTS:
            break
        stack = open_lists.setdefault(unit.style, [])
        fitting = [
            one
            for one in stack
            if one[-1][1] + (unit.style[:2] != "1a") <= unit.number <= one[-1][1] + 3
            and len(one) < _MOST_ITEMS
            and not any(one[-1][0] < border <= index for border in borders)
        ]
        alike = [one for one in fitting if units[one[-1][0]].gap == unit.gap and len(one) > 1]
        if len({_indent(layout, one[-1][0]) for one in fitting}) > 1:
            alike = [one for one in fitting if _indent(layout, one[-1][0]) == _indent(layout, index)] or alike
        if fitting:
            chosen = (alike or fitting)[-1]
            chosen.append((index, unit.number))
            del stack[next(i for i, one in enumerate(stack) if one is chosen) + 1 :]
        else:
            stack.append([(index, unit.number)])
            lists.append(stack[-1])
    return _in_other_order(units, lists, borders)


def _indent(layout: Layout, index: int) -> int:
    """How far an item is indented: items of one list stand below each other."""
    unit = layout.units[index]
    return next((i for i in range(unit.own - unit.start) if not layout.text[unit.start + i].isspace()), 0)


def _in_other_order(
    units: Sequence[Unit], lists: list[list[tuple[int, int]]], borders: Sequence[int]
) -> list[list[tuple[int, int]]]:
    """ "3. … 1. …": one list where a figure above one is followed by lower ones. A list inside an answer begins
    with one and rises."""
    result: list[list[tuple[int, int]]] = []
    for one in lists:
        before = result[-1] if result else None
        if (
            before is not None
            and all(number > 1 for _, number in before)
            and before[-1][0] < one[0][0]
            and units[before[0][0]].style == units[one[0][0]].style
            and len({units[index].gap for index, _ in (*before, *one)}) == 1
            and not any(before[-1][0] < border <= one[0][0] for border in borders)
            and not {number for _, number in before} & {number for _, number in one}
        ):
            before.extend(one)
        else:
            result.append(one)
    return result


def _weigh(layout: Layout, items: list[tuple[int, Tag]], marks: Sequence[Mark], questions: int, fit: Fit) -> float:
    units = layout.units
    first, last = items[0][0], items[-1][0]
    ends = [i for i, _ in items[1:]] + [len(units)]
    return (
        _agreement(units, items, marks)
        + _surroundings(layout, first, last, {i for i, _ in items}, marks)
        + _position(layout, first, marks)
        + _shape(units, items, ends, questions)
        + 3.0
        * sum(fit(units[i].first, units[end - 1].last, tag) for (i, tag), end in zip(items, ends, strict=True))
        / len(items)
    )


def _agreement(units: Sequence[Unit], items: list[tuple[int, Tag]], marks: Sequence[Mark]) -> float:
    """Figures that agree with a quoted or named question beside them are question numbers."""
    agree = disagree = 0
    tags = dict(items)
    for mark in marks:
        tag = tags.get(mark.unit)
        if tag is None or mark.start != units[mark.unit].start or not mark.kinds & {"quoted", "heading", "general"}:
            continue
        best = best_of(mark)
        if mark.candidates[best] >= mark.null:
            agree, disagree = agree + (best == tag), disagree + (best != tag)
    return 2.5 * min(agree, 2) - 2.0 * disagree


def _surroundings(layout: Layout, first: int, last: int, listed: set[int], marks: Sequence[Mark]) -> float:
    """A list below a labelled or quoted question is part of its answer."""
    explicit = [m for m in marks if m.explicit and max(m.candidates.values()) > m.null + 1.0]
    before = [m for m in explicit if m.unit < first and not _announces(layout, m, first)]
    weight = 0.0
    if before and not _is_question_list(layout, before, first):
        weight -= 4.0
    if any(first <= m.unit <= last and m.unit not in listed for m in explicit):
        weight -= 2.0
    return weight


def _announces(layout: Layout, mark: Mark, first: int) -> bool:
    """Whether a line of labels leads up to a list: "On questions 1 and 2:"."""
    return (
        mark.unit == first - 1
        and "label" in mark.kinds
        and best_of(mark).question == layout.units[first].number
        and last_sign(layout, layout.units[mark.unit]) in COLONS
    )


def _is_question_list(layout: Layout, before: Sequence[Mark], first: int) -> bool:
    """All questions copied one below the other, and the answers after them."""
    if len(before) < 2:
        return False
    starts = [m.start for m in before[1:]] + [layout.units[first].start]
    answered = sum(
        bisect_left(layout.tokens, (start,)) - bisect_left(layout.tokens, (mark.end,))
        for mark, start in zip(before, starts, strict=True)
        if start > mark.end
    )
    return answered <= 8


def _position(layout: Layout, first: int, marks: Sequence[Mark]) -> float:
    """Answers come early, below a greeting or the name of a week; other lists are led up to."""
    units = layout.units
    if first == 0:
        return 3.0
    lead = units[first - 1]
    before = units[first].first
    if any(m.unit == first - 1 and "week" in m.kinds and "mention" not in m.kinds for m in marks):
        return 2.7
    copied = [m for m in marks if m.unit < first and "quoted" in m.kinds]
    if copied and copied[-1].unit == first - 1 and _is_question_list(layout, copied, first):
        return 2.5
    tail = layout.tokens[max(lead.first, lead.last - 25) : lead.last]
    colon = last_sign(layout, lead) in COLONS
    if any(t.word.sense & (Sense.ANSWER | Sense.QUESTION) for t in tail):
        return 2.5
    if before <= 12:
        return 1.8
    if colon or (lead.words <= 10 and lead.gap and before > lead.words):
        # "I want to make three points."
        return -2.0
    share = before / len(layout.tokens)
    return 1.0 if share <= 0.15 else 0.0 if share <= 0.4 else -1.5


def _shape(units: Sequence[Unit], items: list[tuple[int, Tag]], ends: list[int], questions: int) -> float:
    """Answers are paragraphs, one for each question; items of a list are lines."""
    lengths = [units[end - 1].last - units[i].first for (i, _), end in zip(items, ends, strict=True)]
    if len(lengths) > 1:
        # The last item runs to the end of the mail, farewell and all.
        lengths.pop()
    average = sum(lengths) / len(lengths)
    weight = 1.0 if average >= 40 else 0.3 if average >= 18 else -0.3 if average >= 12 else -1.2
    numbers = [tag.question for _, tag in items]
    if numbers == list(range(1, questions + 1)):
        weight += 2.0 if questions >= 3 else 1.2
    elif numbers[0] != 1:
        # Lists inside an answer begin with one.
        weight += 1.2 if len(items) > 1 else 0.6
    if units[items[0][0]].style[:1] in ("a", "i"):
        weight -= _LETTERED
    return weight - (1.2 if len(items) == 1 else 0.0)


def add_numbers(layout: Layout, marks: Sequence[Mark], lists: Sequence[NumberedList]) -> list[Mark]:
    """The marks with those of numbered answers, in order of the text."""
    result = list(marks)
    for found in lists:
        strength = min(6.0, 2.5 + found.weight)
        for index, tag in found.items:
            unit = layout.units[index]
            same = next((m for m in result if m.unit == index and m.start == unit.start), None)
            if same is None:
                same = Mark(unit.start, unit.own, index, {"number"}, {}, 0.0)
                result.append(same)
            same.kinds.add("number")
            same.null = min(same.null, 0.0)
            same.candidates[tag] = same.candidates.get(tag, 0.0) + strength
            same.say(tag, f"number: '{layout.text[unit.start : unit.own].strip()}'")
        if found.beyond is not None and all(m.unit != found.beyond for m in result):
            unit, tag = layout.units[found.beyond], Tag(found.items[-1][1].week)
            result.append(Mark(unit.start, unit.own, found.beyond, {"general"}, {tag: strength}, 0.0))
            result[-1].say(tag, f"number beyond the questions: '{layout.text[unit.start : unit.own].strip()}'")
    result.sort(key=lambda m: (m.start, m.end))
    return result
