"""What is due: a pure calendar.

Every mail of a discussion that goes out by the clock is an Occasion: a key that never comes twice, and the
instant it is due, computed from the discussion's days and hours. What has been done is handed in; nothing is
looked up and no clock is read.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from m4dbot.discussion.model import Discussion


class OccasionKind(StrEnum):
    ANNOUNCEMENT = "announcement"
    QUESTIONS = "questions"
    REMINDER = "reminder"
    DIGEST = "digest"
    LAST_CALL = "last-call"
    THANKS = "thanks"


@dataclass(frozen=True, slots=True)
class Occasion:
    """`due_at` and `stale_at` are aware, in UTC. From `stale_at` on the mail would only confuse."""

    key: str  # "water-2027/week-2/questions"
    kind: OccasionKind
    week: int | None
    due_at: datetime
    stale_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """An occasion whose time has come. `skip` holds the reason where it came too late to be useful."""

    occasion: Occasion
    skip: str | None = None


def occasions(discussion: Discussion) -> tuple[Occasion, ...]:
    """Every occasion of a discussion, earliest first.

    A mail is useful until: the announcement, the first questions go out; questions and digests, the grace is
    over (late answers are welcome, so late questions are); a reminder, the week's digest is due or its last
    day ends; the last call, the discussion's last day ends; the thanks, two weeks later.
    """
    return tuple(sorted(_occasions(discussion), key=lambda o: (o.due_at, o.key)))


def _occasions(discussion: Discussion) -> Iterator[Occasion]:
    hours, zone, slug = discussion.hours, discussion.zone, discussion.slug
    end = _midnight_after(discussion.closes, zone)
    grace_ends = _midnight_after(discussion.closes + timedelta(days=discussion.grace_days), zone)
    first_questions = instant(discussion.opens, hours.questions_at or time(0), zone)
    if hours.announcement_at is not None:
        day = discussion.opens - timedelta(days=hours.announcement_days_before)
        due = instant(day, hours.announcement_at, zone)
        if due < first_questions:
            yield Occasion(f"{slug}/announcement", OccasionKind.ANNOUNCEMENT, None, due, first_questions)
    for week in discussion.weeks:
        key = f"{slug}/week-{week.number}"
        week_ends = _midnight_after(week.closes, zone)
        digest_due = instant(week.closes, hours.digest_at, zone) if hours.digest_at else week_ends
        if hours.questions_at is not None:
            due = instant(week.opens, hours.questions_at, zone)
            yield Occasion(f"{key}/questions", OccasionKind.QUESTIONS, week.number, due, grace_ends)
        reminder_day = week.opens + timedelta(days=hours.reminder_day - 1)
        # A week too short for a middle has no mid-week reminder.
        if hours.reminder_at is not None and reminder_day < week.closes:
            due = instant(reminder_day, hours.reminder_at, zone)
            yield Occasion(f"{key}/reminder", OccasionKind.REMINDER, week.number, due, min(digest_due, week_ends))
        if hours.digest_at is not None:
            yield Occasion(f"{key}/digest", OccasionKind.DIGEST, week.number, digest_due, grace_ends)
    if hours.last_call_at is not None:
        day = max(discussion.closes - timedelta(days=hours.last_call_days_before), discussion.opens)
        due = instant(day, hours.last_call_at, zone)
        yield Occasion(f"{slug}/last-call", OccasionKind.LAST_CALL, discussion.weeks[-1].number, due, end)
    if hours.thanks_at is not None:
        due = instant(discussion.closes + timedelta(days=hours.thanks_days_after), hours.thanks_at, zone)
        yield Occasion(f"{slug}/thanks", OccasionKind.THANKS, None, due, due + timedelta(days=14))


def due(discussion: Discussion, done: Container[str], now: datetime) -> list[Due]:
    """What has to be sent or recorded as skipped at `now` (aware), earliest first.

    `done` holds the keys of occasions that were sent or skipped before. After downtime what is still useful is
    sent, once; what has gone stale is to be recorded as skipped.
    """
    decided = []
    for occasion in occasions(discussion):
        if occasion.due_at > now or occasion.key in done:
            continue
        skip = None
        if now >= occasion.stale_at:
            was, until = (_clock(at, discussion) for at in (occasion.due_at, occasion.stale_at))
            skip = f"it was due {was} and of use until {until}"
        decided.append(Due(occasion, skip))
    return decided


def next_due(discussion: Discussion, done: Container[str], now: datetime) -> Occasion | None:
    """The next occasion after `now`, or None where nothing more comes."""
    return next((o for o in occasions(discussion) if o.due_at > now and o.key not in done), None)


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant, aware and in UTC, at which a clock in `zone` shows `at` on `day`.

    An hour that a clock change skips becomes the one after the change; of an hour that comes twice it is the
    first (PEP 495, fold=0).
    """
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def _midnight_after(day: date, zone: ZoneInfo) -> datetime:
    return instant(day + timedelta(days=1), time(0), zone)


def _clock(at: datetime, discussion: Discussion) -> str:
    return f"{at.astimezone(discussion.zone):%Y-%m-%d %H:%M}"
