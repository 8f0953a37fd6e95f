"""What is due, over year ends, clock changes and downtime."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.discussion.calendar import OccasionKind, due, instant, next_due, occasions
from m4dbot.discussion.model import Discussion, Hours, Question, Text, Week


def discussion(opens: date = date(2027, 3, 8), weeks: int = 4, zone: str = "Europe/Rome", **more: object) -> Discussion:
    return Discussion(
        slug="water",
        title=Text({"en": "Water"}),
        timezone=zone,
        languages=("en",),
        weeks=tuple(
            Week(
                n + 1,
                opens + timedelta(weeks=n),
                opens + timedelta(weeks=n, days=6),
                (Question(1, Text({"en": f"Question of week {n + 1}?"})),),
            )
            for n in range(weeks)
        ),
        **more,  # type: ignore[arg-type]
    )


def local(occasion_due: datetime, zone: str = "Europe/Rome") -> str:
    return f"{occasion_due.astimezone(ZoneInfo(zone)):%a %m-%d %H:%M}"


def test_a_discussion_of_four_weeks_has_its_mails_in_order() -> None:
    """Announcement, then per week questions, reminder and digest; last call and thanks at the end."""
    shown = [(o.kind.value, o.week, local(o.due_at)) for o in occasions(discussion(weeks=2))]
    assert shown == [
        ("announcement", None, "Fri 03-05 09:00"),
        ("questions", 1, "Mon 03-08 08:00"),
        ("reminder", 1, "Thu 03-11 09:00"),
        ("digest", 1, "Sun 03-14 18:00"),
        ("questions", 2, "Mon 03-15 08:00"),
        ("reminder", 2, "Thu 03-18 09:00"),
        ("last-call", 2, "Sat 03-20 09:00"),
        ("digest", 2, "Sun 03-21 18:00"),
        ("thanks", None, "Mon 03-22 10:00"),
    ]


def test_hours_stay_the_clocks_hours_over_a_clock_change() -> None:
    """Eight in the morning is eight in the morning before and after 28 March 2027 in Rome."""
    questions = [o for o in occasions(discussion()) if o.kind is OccasionKind.QUESTIONS]
    assert [f"{o.due_at:%m-%d %H:%M}" for o in questions] == [
        "03-08 07:00",
        "03-15 07:00",
        "03-22 07:00",
        "03-29 06:00",
    ]


def test_a_skipped_hour_becomes_an_instant_and_a_doubled_one_is_its_first() -> None:
    """02:30 does not exist on 28 March 2027 in Rome and comes twice on 31 October."""
    zone = ZoneInfo("Europe/Rome")
    assert instant(date(2027, 3, 28), time(2, 30), zone) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert instant(date(2027, 10, 31), time(2, 30), zone) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_a_mail_left_out_by_its_hour_is_not_in_the_calendar() -> None:
    """An hour of None switches a mail off."""
    found = occasions(discussion(hours=Hours(reminder_at=None, thanks_at=None, announcement_at=None)))
    assert {o.kind for o in found} == {OccasionKind.QUESTIONS, OccasionKind.DIGEST, OccasionKind.LAST_CALL}


def test_a_week_of_three_days_has_no_reminder() -> None:
    """A reminder on or after the last day would only annoy."""
    short = Discussion(
        "x",
        Text({"en": "X"}),
        "UTC",
        ("en",),
        (Week(1, date(2027, 1, 1), date(2027, 1, 3), (Question(1, Text({"en": "?"})),)),),
    )
    assert OccasionKind.REMINDER not in {o.kind for o in occasions(short)}


def test_after_downtime_the_useful_goes_out_and_the_stale_is_skipped() -> None:
    """Three weeks asleep: questions and digests are still of use, announcement and reminders are not."""
    now = datetime(2027, 3, 29, 12, tzinfo=UTC)
    decided = {d.occasion.key: d.skip for d in due(discussion(), set(), now)}
    sent = {key for key, skip in decided.items() if skip is None}
    assert sent == {f"water/week-{n}/questions" for n in (1, 2, 3, 4)} | {f"water/week-{n}/digest" for n in (1, 2, 3)}
    assert "of use until 2027-03-08 08:00" in str(decided["water/announcement"])


def test_what_is_done_is_not_due_again() -> None:
    """Keys handed in as done never come back."""
    now = datetime(2027, 3, 9, 12, tzinfo=UTC)
    first = due(discussion(), set(), now)
    assert [d.occasion.key for d in first] == ["water/announcement", "water/week-1/questions"]
    assert due(discussion(), {d.occasion.key for d in first}, now) == []


def test_the_next_occasion_is_the_one_after_now() -> None:
    """`next_due` looks forward only."""
    coming = next_due(discussion(), set(), datetime(2027, 3, 9, 12, tzinfo=UTC))
    assert coming is not None
    assert coming.key == "water/week-1/reminder"
    assert next_due(discussion(), set(), datetime(2028, 1, 1, tzinfo=UTC)) is None


@given(
    opens=st.dates(date(2024, 1, 1), date(2035, 12, 31)),
    weeks=st.integers(1, 8),
    zone=st.sampled_from(
        ["UTC", "Europe/Brussels", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "Africa/Cairo"]
    ),
    at=st.times(),
    steps=st.lists(st.integers(1, 60 * 24 * 9), max_size=60),
)
def test_every_occasion_is_decided_exactly_once_however_the_bot_is_woken(
    opens: date, weeks: int, zone: str, at: time, steps: list[int]
) -> None:
    """Whatever the pauses between two looks, year ends and clock changes: each key comes once."""
    hours = Hours(questions_at=at, digest_at=at)
    plan = discussion(opens, weeks, zone, hours=hours)
    now = datetime.combine(opens, time(), tzinfo=UTC) - timedelta(days=10)
    done: list[str] = []
    for minutes in [*steps, 60 * 24 * 400]:
        now += timedelta(minutes=minutes)
        done += [d.occasion.key for d in due(plan, set(done), now)]
    assert sorted(done) == sorted(o.key for o in occasions(plan))
    assert len(done) == len(set(done))


@pytest.mark.parametrize(
    ("day", "week"), [("2026-12-27", None), ("2026-12-28", 1), ("2027-01-03", 1), ("2027-01-04", 2)]
)
def test_weeks_are_the_discussions_own_over_a_year_end(day: str, week: int | None) -> None:
    """Week 1 runs over New Year and stays week 1."""
    plan = discussion(date(2026, 12, 28), 2)
    found = plan.week_at(datetime.fromisoformat(f"{day}T12:00:00+01:00"))
    assert (found.number if found else None) == week


def test_the_grace_belongs_to_the_last_week_and_then_nothing_is_open() -> None:
    """Two weeks after closing mail still finds the last week; later it finds none."""
    plan = discussion(weeks=1)
    assert plan.week_at(datetime(2027, 3, 20, tzinfo=UTC)) is plan.weeks[0]
    assert plan.week_at(datetime(2027, 4, 20, tzinfo=UTC)) is None
