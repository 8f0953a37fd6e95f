"""Which of the marks to believe: the sequence of tags that fits all evidence of a mail best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from m4dbot.tagging.marks import Mark
from m4dbot.tagging.values import Tag

_BEAM = 12  # paths that are followed, and meanings of one mark that are tried

# What a step from one tag to the next costs or earns; the scale is that of the marks' weights.
_NEXT = 2.0
_NEXT_NAMED = 1.2  # where the mark itself says which question
_FIRST = 1.7  # of a mail
_FORWARD = 0.4
_SAME = 0.0
_SAME_LABELLED = -2.5  # nobody labels one answer twice
_SAME_HEADED = -1.0  # a second heading of one question is rather a part of its answer
_BACK = -1.0
_NEXT_WEEK = -1.0
_OTHER_WEEK = -3.0
_LOST = -6.0
_TURNED_ALREADY = -3.0  # who says that he turns to a week was at another
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
    marked: bool  # a mark was believed on the way


def believe(
    marks: Sequence[Mark],
    weeks: Mapping[int, float],
    fits: Sequence[Mapping[Tag, float]],
    start: Tag | None = None,
) -> list[Believed]:
    """The marks that mean something, with their tags, in order.

    `weeks` weighs the weeks by what is known beside the text; `fits` says for each mark how well the
    words from it to the next fit each question; `start` is a question the mail is for.
    """
    if not marks:
        return []
    # What the text itself names or quotes must be able to outweigh all that stands around it.
    top = max(weeks.values(), default=0.0)
    weeks = {week: max(_UNLIKELIEST, weight - top) for week, weight in weeks.items()}
    paths = [_Path(0.0, start, None, None, False)]
    for number, mark in enumerate(marks):
        best: dict[Tag | None, _Path] = {}
        fit = fits[number]
        likeliest = _likeliest(mark, fit)
        for path in paths:
            stays = fit.get(path.tag, 0.0) if path.tag is not None else 0.0
            _keep(best, _Path(path.score + mark.null + stays, path.tag, None, path, path.marked))
            for tag, weight in _possible(mark, fit, likeliest, path.tag):
                score = path.score + weight + _step(path.tag, tag, weeks, mark)
                if tag == path.tag and path.marked:
                    score += _again(mark)
                _keep(best, _Path(score, tag, (number, tag), path, True))
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
        here = mark.candidates[tag] + fits[number].get(tag, 0.0)
        others = [w + fits[number].get(t, 0.0) for t, w in mark.candidates.items() if t != tag]
        result.append(Believed(mark, tag, here - max([mark.null, *others])))
    return result


def _again(mark: Mark) -> float:
    """What it costs to take a mark for the question that is being answered already."""
    if "label" in mark.kinds:
        return _SAME_LABELLED
    return _SAME_HEADED if mark.kinds & {"heading", "translated"} else 0.0


def _likeliest(mark: Mark, fit: Mapping[Tag, float]) -> dict[Tag, float]:
    """What a mark and the words below it may mean, no more than a dozen."""
    weights = {tag: weight + fit.get(tag, 0.0) for tag, weight in mark.candidates.items()}
    if len(weights) <= _BEAM:
        return weights
    return dict(sorted(weights.items(), key=lambda pair: -pair[1])[:_BEAM])


def _possible(
    mark: Mark, fit: Mapping[Tag, float], likeliest: Mapping[Tag, float], before: Tag | None
) -> Iterator[tuple[Tag, float]]:
    """The likeliest, and the question after the one before."""
    yield from likeliest.items()
    if before is not None and before.question is not None:
        following = Tag(before.week, before.question + 1)
        if following in mark.candidates and following not in likeliest:
            yield following, mark.candidates[following] + fit.get(following, 0.0)


def _names_one(mark: Mark) -> bool:
    """Whether a mark itself says which question is meant, so that the order of the answers adds little."""
    return mark.explicit and "translated" not in mark.kinds and len({tag.week for tag in mark.candidates}) == 1


def _keep(best: dict[Tag | None, _Path], path: _Path) -> None:
    known = best.get(path.tag)
    if known is None or path.score > known.score:
        best[path.tag] = path


def _step(before: Tag | None, tag: Tag, weeks: Mapping[int, float], mark: Mark) -> float:
    week = tag.week or 0
    if before is None or before.week is None:
        return weeks.get(week, 0.0) + (_FIRST if tag.question == 1 and not mark.kinds & {"turn", "content"} else 0.0)
    if before.week != week:
        drift = 0.3 * (weeks.get(week, 0.0) - weeks.get(before.week, 0.0))
        nearest = week == before.week + 1 and tag.question in (None, 1)
        if nearest or (weeks.get(week) == 0.0 and (week == before.week + 1 or list(weeks.values()).count(0.0) == 1)):
            # The next week begins with its first question; or the mail, after a late answer, comes to its own week.
            return drift + _NEXT_WEEK
        return drift + _OTHER_WEEK
    if tag.question is None and before.question is not None and "general" not in mark.kinds:
        # "Week 1: …" in an answer of that week is about something else.
        return _LOST
    if "turn" in mark.kinds:
        return _TURNED_ALREADY
    if before.question is None or tag.question is None:
        return 0.0
    ahead = tag.question - before.question
    if ahead == 0:
        return _SAME
    if ahead == 1:
        return _NEXT_NAMED if _names_one(mark) else _NEXT
    return _FORWARD if ahead > 1 else _BACK
