"""How sure a tag is: the share of tags with the same kind of evidence that turned out right.

The figures come from the project's own corpus (tests/corpus/discussions) and are checked there:
of passages at 0.9 or more, 97% are right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from m4dbot.tagging.decoding import Believed

OF_ORDER = 0.6  # a passage without marks, between others in the order of the questions


def of_mark(believed: Believed, week: float) -> float:
    """A passage that a mark begins. `week` is the chance that the week is right (see of_weeks)."""
    kinds, margin = believed.mark.kinds, believed.margin
    if "form" in kinds:
        return _steps(margin, ((3.0, 0.8), (1.0, 0.7)), 0.6)
    if "translated" in kinds:
        return _steps(margin, ((3.0, 0.88), (1.0, 0.85)), 0.75)
    if "quoted" in kinds:
        if margin > 3 and kinds & {"label", "number"}:
            return 0.99
        return _steps(margin, ((4.5, 0.98), (2.5, 0.96), (1.0, 0.92), (0.0, 0.82)), 0.6)
    if "answered" in kinds:
        return 0.8 if "below the last" in kinds else _steps(margin, ((3.0, 0.97),), 0.75)
    if "heading" in kinds:
        if kinds & {"label", "number"} and "said" not in kinds:
            return 0.97
        return _steps(margin, ((3.0, 0.93), (1.5, 0.88), (0.5, 0.8)), 0.65)
    if "general" in kinds:
        return min(week, 0.88)
    if "label" in kinds:
        return min(week, 0.85 if kinds & {"unsure", "said"} else 0.97)
    if kinds >= {"mention", "week named"}:
        return 0.95
    if "elliptic" in kinds:
        return min(week, 0.88)
    if "number" in kinds:
        return min(week, _steps(margin, ((4.0, 0.93), (2.0, 0.88)), 0.75))
    return min(week, 0.85 if "week" in kinds else 0.8)


def of_weeks(evidence: Mapping[int, Sequence[str]], weeks: int) -> dict[int, float]:
    """The chance that a number whose week is not written is meant of each week of a discussion.

    `evidence` is what the envelope says for each week; `weeks` is how many there are.
    """
    if weeks == 1:
        return dict.fromkeys(evidence, 0.98)
    return {
        week: 0.97 if any(not e.startswith("date: ") for e in said) else 0.93 if said else 0.8
        for week, said in evidence.items()
    }


def of_content(notions: int, ratio: float, week_sure: bool) -> float:
    """A passage whose words alone speak for a question, by so many of its notions; `ratio` is best over second best."""
    base = _steps(ratio, ((2.0, 0.82), (1.5, 0.72)), 0.6) - (0.12 if notions < 5 else 0.0)
    return round(base if week_sure else base * 0.85, 2)


def of_week(evidence_kinds: AbstractSet[str]) -> float:
    """A passage that belongs to a week and to no question."""
    if evidence_kinds & {"plus-address", "week", "in-reply-to", "subject", "quoted"}:
        return 0.85
    return 0.6


def _steps(value: float, table: tuple[tuple[float, float], ...], least: float) -> float:
    return next((p for limit, p in table if value >= limit), least)
