"""Which of a group's discussions a mail belongs to, where there are several."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

from m4dbot.discussion.model import Discussion
from m4dbot.reading.values import Reading
from m4dbot.tagging.values import Segment, Tagging

BEFORE = timedelta(days=30)  # people answer an announcement
AFTER = timedelta(days=60)  # how long after its grace a discussion is still answered by what a mail says


def choose(
    discussions: Mapping[int, Discussion],
    reading: Reading,
    received_at: datetime,
    replied_to: int | None,
    tag: Callable[[int], Tagging],
) -> int | None:
    """The number of the discussion a mail is for; None where there is none at all.

    In order: the mailing it replies to (`replied_to`, looked up by the caller, else the slug in our Message-IDs), the
    title in its subject, the questions it quotes, the day it came. `tag` tags the mail within a discussion and is
    called only where several are on at the time.
    """
    if len(discussions) <= 1:
        return next(iter(discussions), None)
    if replied_to in discussions:
        return replied_to
    for parent in (*reversed(reading.references), *filter(None, [reading.in_reply_to])):
        if (found := _by_message_id(discussions, parent)) is not None:
            return found
    near = {n: d for n, d in discussions.items() if _near(d, d.day_of(received_at))}
    titled = [n for n, d in near.items() if _titled(d, reading.subject)]
    if len(titled) == 1:
        return titled[0]
    by_day = _by_day(discussions, received_at)
    if len(near) > 1:
        scores = {n: _weight(tag(n).segments) for n in near}
        best = max(scores, key=lambda n: (scores[n], n == by_day))
        if scores[best] > 0 and scores[best] > scores.get(by_day, 0.0):
            return best
    return by_day


def _near(discussion: Discussion, day: date) -> bool:
    closing = discussion.closes + timedelta(days=discussion.grace_days)
    return discussion.opens - BEFORE <= day <= closing + AFTER


def _by_message_id(discussions: Mapping[int, Discussion], parent: str) -> int | None:
    """Our Message-IDs begin with the discussion's slug and a dot (delivery/message_ids.py)."""
    place, _, _ = parent.strip("<> ").partition("@")
    found = [n for n, d in discussions.items() if place.startswith(f"{d.slug}.")]
    return max(found, key=lambda n: len(discussions[n].slug)) if found else None


def _titled(discussion: Discussion, subject: str) -> bool:
    said = _plain(subject)
    titles = (_plain(t) for t in discussion.title.by_language.values())
    return any(len(title) > 3 and f" {title} " in f" {said} " for title in titles)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text[:500].casefold()))


def _weight(segments: Sequence[Segment]) -> float:
    """How much of a mail's content speaks for a discussion: quoted and paraphrased questions, not bare numbers."""
    return sum(s.confidence for s in segments if s.question is not None and any(map(_of_content, s.evidence)))


def _of_content(evidence: str) -> bool:
    return "quoted" in evidence or evidence.startswith("heading")


def _by_day(discussions: Mapping[int, Discussion], received_at: datetime) -> int:
    """The discussion that is on; else the last in its grace, the next to open within a month, the last to close."""

    def rank(number: int) -> tuple[int, int]:
        d = discussions[number]
        day = d.day_of(received_at)
        if d.opens <= day <= d.closes:
            return 0, (day - d.opens).days
        if d.closes < day <= d.closes + timedelta(days=d.grace_days):
            return 1, (day - d.closes).days
        if day < d.opens:
            return (2 if d.opens - BEFORE <= day else 4), (d.opens - day).days
        return 3, (day - d.closes).days

    return min(discussions, key=rank)
