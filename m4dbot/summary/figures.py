"""Participation in numbers, counted from the document itself."""

from __future__ import annotations

from dataclasses import dataclass

from m4dbot.summary.countries import folded
from m4dbot.summary.model import ConsolidatedReply


@dataclass(frozen=True, slots=True)
class Figures:
    """`by_language` and `by_country` are in descending order; "" is a language that could not be told.

    A response counts once under each week and question it speaks about, so those may add up to more.
    """

    responses: int
    people: int
    organisations: int
    by_country: tuple[tuple[str, int], ...]  # people, by ISO 3166 code or the text as given
    by_language: tuple[tuple[str, int], ...]  # responses
    by_week: tuple[tuple[int, int], ...]  # week, responses
    by_question: tuple[tuple[int, int, int], ...]  # week, question, responses


def figures(reply: ConsolidatedReply) -> Figures:
    weeks = {
        week.number: len({r.number for r in reply.responses for p in r.passages if p.week == week.number})
        for week in reply.weeks
    }
    return Figures(
        responses=len(reply.responses),
        people=len(reply.people),
        organisations=len({folded(p.organisation) for p in reply.people if p.organisation}),
        by_country=_counted([p.country for p in reply.people if p.country]),
        by_language=_counted([r.language for r in reply.responses]),
        by_week=tuple(weeks.items()),
        by_question=tuple(
            (week.number, q.number, len({r.number for r, _ in reply.at(week.number, q.number)}))
            for week in reply.weeks
            for q in week.questions
        ),
    )


def _counted(values: list[str]) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
