"""Which of the marks to believe: the sequence of tags that fits all evidence of a mail best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from m4dbot.tagging.marks import Mark
from m4dbot.tagging.values import Tag

_BEAM = 12

# What a step from one tag to the next costs or earns; the scale is that of the marks' weights.
_NEXT = 0.8
_FORWARD = 0.4
_SAME = 0.0
_BACK = -1.5
_NEXT_WEEK = -1.0
_OTHER_WEEK = -3.0
_LOST = -6.0
_UNLIKELIEST = -3.0  # of a week, by the envelope


@dataclass(frozen=True, slots=True)
class Believed:
    """A mark and what it was taken to mean. `margin` is how far the runner-up at this mark lies behind."""

    mark: Mark
    tag: Tag
    margin: float


@dataclass(frozen=True, slots=True)
class _Path:
    score: float
    tag: Tag | None
    steps: tuple[int, Tag] | None
    before: _Path | None


def believe(marks: Sequence[Mark], weeks: Mapping[int, float], start: Tag | None = None) -> list[Believed]:
    """The marks that mean something, with their tags, in order.

    `weeks` weighs the weeks by what is known beside the text; `start` is a question the mail is for.
    """
    if not marks:
        return []
    # What the text itself names or quotes must be able to outweigh all that stands around it.
    top = max(weeks.values(), default=0.0)
    weeks = {week: max(_UNLIKELIEST, weight - top) for week, weight in weeks.items()}
    paths = [_Path(0.0, start, None, None)]
    for number, mark in enumerate(marks):
        best: dict[Tag | None, _Path] = {}
        for path in paths:
            _keep(best, _Path(path.score + mark.null, path.tag, None, path))
            for tag, weight in mark.candidates.items():
                score = path.score + weight + _step(path.tag, tag, weeks)
                _keep(best, _Path(score, tag, (number, tag), path))
        paths = sorted(best.values(), key=lambda p: -p.score)[:_BEAM]
    steps: list[tuple[int, Tag]] = []
    at: _Path | None = paths[0]
    while at is not None:
        if at.steps is not None:
            steps.append(at.steps)
        at = at.before
    result = []
    for number, tag in reversed(steps):
        mark = marks[number]
        here = mark.candidates[tag]
        others = [w for t, w in mark.candidates.items() if t != tag]
        result.append(Believed(mark, tag, here - max([mark.null, *others])))
    return result


def _keep(best: dict[Tag | None, _Path], path: _Path) -> None:
    known = best.get(path.tag)
    if known is None or path.score > known.score:
        best[path.tag] = path


def _step(before: Tag | None, tag: Tag, weeks: Mapping[int, float]) -> float:
    week = tag.week or 0
    if before is None or before.week is None:
        return weeks.get(week, 0.0)
    if before.week != week:
        drift = 0.3 * (weeks.get(week, 0.0) - weeks.get(before.week, 0.0))
        if week == before.week + 1 and (tag.question in (None, 1) or weeks.get(week) == 0.0):
            # The next week begins with its first question; or the mail, after a late answer, comes to its own week.
            return drift + _NEXT_WEEK
        return drift + _OTHER_WEEK
    if tag.question is None and before.question is not None:
        # "Week 1: …" in an answer of that week is about something else.
        return _LOST
    if before.question is None or tag.question is None:
        return 0.0
    ahead = tag.question - before.question
    if ahead == 0:
        return _SAME
    if ahead == 1:
        return _NEXT
    return _FORWARD if ahead > 1 else _BACK
