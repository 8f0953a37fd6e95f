"""Figures at the start of lines: question numbers, or the items of a list inside an answer?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from m4dbot.tagging.lines import Layout, Unit
from m4dbot.tagging.marks import Mark
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import Sense

ENOUGH = 1.5  # from here on a list is taken for answers


@dataclass(frozen=True, slots=True)
class NumberedList:
    """Items as (unit index, number), in order; `weight` says how much speaks for question numbers."""

    items: tuple[tuple[int, int], ...]
    weight: float


def answer_lists(
    layout: Layout, marks: Sequence[Mark], questions: int, like: Callable[[int, int, int], float]
) -> list[NumberedList]:
    """The numbered lists whose figures are question numbers.

    `questions` is how many there are in the week the mail is about; `like(first, last, number)` says
    how much better a stretch of tokens fits the question of that number than the others, -1 to 1.
    """
    found = []
    for items in _lists(layout.units):
        weight = _weigh(layout, items, marks, questions, like)
        if weight >= ENOUGH:
            found.append(NumberedList(tuple(items), weight))
    return found


def _lists(units: Sequence[Unit]) -> list[list[tuple[int, int]]]:
    """Items whose figures rise by one or two in the same style; a figure that falls begins anew."""
    lists: list[list[tuple[int, int]]] = []
    latest: dict[str, list[tuple[int, int]]] = {}
    for index, unit in enumerate(units):
        if not unit.number or unit.style.startswith("a"):
            continue
        current = latest.get(unit.style)
        if current and current[-1][1] < unit.number <= current[-1][1] + 3:
            current.append((index, unit.number))
        else:
            latest[unit.style] = current = [(index, unit.number)]
            lists.append(current)
    return lists


def _weigh(
    layout: Layout,
    items: list[tuple[int, int]],
    marks: Sequence[Mark],
    questions: int,
    like: Callable[[int, int, int], float],
) -> float:
    units = layout.units
    first_index, last_index = items[0][0], items[-1][0]
    numbers = [n for _, n in items]
    weight = 0.0
    # What the marks say: figures that agree with quoted or named questions are question numbers.
    by_unit: dict[int, list[Mark]] = {}
    for mark in marks:
        by_unit.setdefault(mark.unit, []).append(mark)
    agree = disagree = 0
    for index, number in items:
        for mark in by_unit.get(index, ()):
            if mark.start != units[index].start or not mark.kinds & {"quoted", "heading"}:
                continue
            best = max(mark.candidates, key=lambda t: mark.candidates[t])
            if mark.candidates[best] < mark.null:
                continue
            agree, disagree = agree + (best.question == number), disagree + (best.question != number)
    weight += 2.5 * min(agree, 2) - 2.0 * disagree
    explicit = [m for m in marks if m.explicit and max(m.candidates.values()) > m.null + 1.0]
    listed = {i for i, _ in items}
    before = [m for m in explicit if m.unit < first_index]
    within = [m for m in explicit if first_index <= m.unit <= last_index and m.unit not in listed]
    if before:
        weight -= 4.0
    if within:
        weight -= 2.0
    # Where it stands.
    words_before = sum(u.words for u in units[:first_index])
    total = sum(u.words for u in units) or 1
    lead = units[first_index - 1] if first_index else None
    announced = False
    if lead is not None:
        tail = layout.tokens[max(lead.first, lead.last - 25) : lead.last]
        announced = any(t.word.sense & (Sense.ANSWER | Sense.QUESTION) for t in tail)
        colon = layout.text[: lead.end].rstrip().endswith(":")
        if announced:
            weight += 1.5
        elif colon:
            weight -= 2.0
    if words_before <= 12 or announced or words_before <= 0.15 * total:
        weight += 1.0
    elif words_before > 0.4 * total:
        weight -= 1.5
    # What it looks like.
    ends = [i for i, _ in items[1:]] + [len(units)]
    lengths = [sum(u.words for u in units[i:end]) for (i, _), end in zip(items, ends, strict=True)]
    average = sum(lengths[:-1] or lengths) / max(1, len(lengths[:-1] or lengths))
    weight += 1.0 if average >= 40 else 0.3 if average >= 18 else -1.2
    if max(numbers) > questions:
        weight -= 4.0
    elif numbers == list(range(1, questions + 1)):
        weight += 1.2
    elif numbers[0] != 1:
        weight += 0.3
    if len(items) == 1:
        weight -= 1.2
    # What it says.
    fits = [
        like(units[i].first, units[end - 1].last, n) for (i, n), end in zip(items, ends, strict=True) if n <= questions
    ]
    if fits:
        weight += 3.0 * sum(fits) / len(fits)
    return weight


def add_numbers(
    layout: Layout,
    marks: list[Mark],
    lists: Sequence[NumberedList],
    tags_of: Callable[[int], dict[Tag, float]],
) -> list[Mark]:
    """The marks with those of numbered answers, in order of the text."""
    result = list(marks)
    for found in lists:
        strength = min(6.0, 2.5 + found.weight)
        for index, number in found.items:
            unit = layout.units[index]
            candidates = {tag: strength + s for tag, s in tags_of(number).items()}
            if not candidates:
                continue
            same = next((m for m in result if m.unit == index and m.start == unit.start), None)
            figure = layout.text[unit.start : unit.own].strip()
            if same is None:
                same = Mark(unit.start, unit.own, index, {"number"}, {}, 0.0)
                result.append(same)
            same.kinds.add("number")
            same.null = min(same.null, 0.0)
            for tag, weight in candidates.items():
                same.candidates[tag] = same.candidates.get(tag, 0.0) + weight
                same.say(tag, f"number: '{figure}'")
    result.sort(key=lambda m: (m.start, m.end))
    return result
