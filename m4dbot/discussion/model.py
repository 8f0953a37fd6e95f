"""An e-discussion as a value: weeks, questions, the hours at which mail goes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Text:
    """One text in several languages, by language code; at least one is there."""

    by_language: Mapping[str, str]

    def __call__(self, language: str, fallbacks: tuple[str, ...] = ()) -> str:
        """The text in `language`, else in the first of `fallbacks` there is, else in any."""
        for wanted in (language, *fallbacks):
            if self.by_language.get(wanted):
                return self.by_language[wanted]
        return next(iter(self.by_language.values()), "")

    def __bool__(self) -> bool:
        return any(self.by_language.values())


@dataclass(frozen=True, slots=True)
class Question:
    """`number` counts inside its week, from 1."""

    number: int
    text: Text
    labels: tuple[str, ...] = ()  # short headings people may use for it, in any language


@dataclass(frozen=True, slots=True)
class Week:
    """`opens` and `closes` are the first and the last day, both inclusive, in the discussion's zone."""

    number: int
    opens: date
    closes: date
    questions: tuple[Question, ...]
    title: Text = field(default_factory=lambda: Text({}))
    introduction: Text = field(default_factory=lambda: Text({}))


@dataclass(frozen=True, slots=True)
class Hours:
    """When mail goes out, in the discussion's zone; None switches a mail off.

    Days are counted from the week's or the discussion's first or last day, as each name says.
    """

    announcement_at: time | None = time(9)
    announcement_days_before: int = 3
    questions_at: time | None = time(8)
    reminder_at: time | None = time(9)
    reminder_day: int = 4  # the week's fourth day: Thursday in a week that opens on Monday
    digest_at: time | None = time(18)  # on the week's last day
    last_call_at: time | None = time(9)  # on the discussion's last day but one
    last_call_days_before: int = 1
    thanks_at: time | None = time(10)
    thanks_days_after: int = 1


@dataclass(frozen=True, slots=True)
class Discussion:
    """An e-discussion as its file describes it. Languages are in order; the first is the fallback."""

    slug: str
    title: Text
    timezone: str
    languages: tuple[str, ...]
    weeks: tuple[Week, ...]
    hours: Hours = field(default_factory=Hours)
    grace_days: int = 14  # how long after the last day contributions are still taken without a note
    background: str = ""  # the address of a background paper
    welcome: Text = field(default_factory=lambda: Text({}))
    group: str = ""  # slug of the group; may be empty where an installation has only one
    contact: str = ""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def questions(self) -> Iterator[tuple[Week, Question]]:
        for week in self.weeks:
            for question in week.questions:
                yield week, question

    def week(self, number: int) -> Week | None:
        return next((w for w in self.weeks if w.number == number), None)

    def question(self, week: int, number: int) -> Question | None:
        found = self.week(week)
        return next((q for q in found.questions if q.number == number), None) if found else None

    @property
    def opens(self) -> date:
        return self.weeks[0].opens

    @property
    def closes(self) -> date:
        return self.weeks[-1].closes

    def day_of(self, instant: datetime) -> date:
        """The day it is in the discussion's zone at an aware instant."""
        return instant.astimezone(self.zone).date()

    def week_at(self, instant: datetime) -> Week | None:
        """The week that is open at an aware instant; between weeks and in the grace the last that opened."""
        day = self.day_of(instant)
        if day > self.closes + timedelta(days=self.grace_days):
            return None
        return next((w for w in reversed(self.weeks) if w.opens <= day), None)
