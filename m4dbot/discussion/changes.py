"""What a discussion's file, loaded again, would change, and what of it people have been told already."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime

from m4dbot.discussion.model import Discussion, Hours, Text, Week


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `told` says why it would contradict what people were told; "" where it does not."""

    place: str  # "week 2, question 1"
    before: str  # "" where it is new
    after: str  # "" where it goes
    told: str = ""


def changes(
    old: Discussion,
    new: Discussion,
    *,
    sent: Container[str],
    answered: Mapping[tuple[int, int], int],
    now: datetime,
) -> tuple[Change, ...]:
    """Every difference between `old` and `new`, in the order of the file.

    `sent` holds the keys of occasions whose mail went out, `answered` how many contributions are filed under each
    (week, question); `now` is aware.
    """
    return tuple(_changes(old, new, sent, answered, old.day_of(now)))


def _changes(
    old: Discussion, new: Discussion, sent: Container[str], answered: Mapping[tuple[int, int], int], today: date
) -> Iterator[Change]:
    announced = f"{old.slug}/announcement" in sent
    told = "the announcement has gone out" if announced else ""
    yield from _text("title", old.title, new.title, told)
    if old.timezone != new.timezone:
        begun = "the discussion has begun" if old.opens <= today else ""
        yield Change("timezone", old.timezone, new.timezone, begun)
    if old.languages != new.languages:
        yield Change("languages", ", ".join(old.languages), ", ".join(new.languages))
    yield from _text("welcome", old.welcome, new.welcome, "")
    for name in ("background", "contact"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield Change(name, before, after)
    if old.grace_days != new.grace_days:
        yield Change("grace_days", str(old.grace_days), str(new.grace_days))
    for field in fields(Hours):
        before, after = getattr(old.hours, field.name), getattr(new.hours, field.name)
        if before != after:
            yield Change(f"mails.{field.name}", _shown(before), _shown(after))
    for number in range(1, max(len(old.weeks), len(new.weeks)) + 1):
        yield from _week(old.slug, old.week(number), new.week(number), sent, answered, today)


def _week(
    slug: str,
    old: Week | None,
    new: Week | None,
    sent: Container[str],
    answered: Mapping[tuple[int, int], int],
    today: date,
) -> Iterator[Change]:
    if old is None and new is not None:
        yield Change(f"week {new.number}", "", f"{new.opens} to {new.closes}")
        for question in new.questions:
            yield Change(f"week {new.number}, question {question.number}", "", _line(question.text))
        return
    if old is None:
        return
    here = f"week {old.number}"
    asked = f"{slug}/week-{old.number}/questions" in sent
    told = f"the questions of week {old.number} have gone out" if asked else ""
    if new is None:
        yield Change(here, f"{old.opens} to {old.closes}", "", told or _answers(answered, old.number, None))
        return
    if old.opens != new.opens:
        begun = f"week {old.number} has begun" if old.opens <= today else ""
        yield Change(f"{here}: opens", str(old.opens), str(new.opens), told or begun)
    if old.closes != new.closes:
        over = f"week {old.number} is over" if old.closes < today else ""
        summed = "its digest has gone out" if f"{slug}/week-{old.number}/digest" in sent else ""
        yield Change(f"{here}: closes", str(old.closes), str(new.closes), summed or over)
    yield from _text(f"{here}: title", old.title, new.title, told)
    yield from _text(f"{here}: introduction", old.introduction, new.introduction, told)
    for number in range(1, max(len(old.questions), len(new.questions)) + 1):
        before = next((q for q in old.questions if q.number == number), None)
        after = next((q for q in new.questions if q.number == number), None)
        place = f"{here}, question {number}"
        if before is None and after is not None:
            yield Change(place, "", _line(after.text), told)
        elif before is not None and after is None:
            yield Change(place, _line(before.text), "", told or _answers(answered, old.number, number))
        elif before is not None and after is not None:
            yield from _text(place, before.text, after.text, told)
            if before.labels != after.labels:
                yield Change(f"{place}: labels", ", ".join(before.labels), ", ".join(after.labels))


def _answers(answered: Mapping[tuple[int, int], int], week: int, question: int | None) -> str:
    count = sum(n for (w, q), n in answered.items() if w == week and question in {None, q})
    return f"{count} contribution{'s are' if count > 1 else ' is'} filed there" if count else ""


def _text(place: str, old: Text, new: Text, told: str) -> Iterator[Change]:
    for code in dict.fromkeys([*old.by_language, *new.by_language]):
        before, after = old.by_language.get(code, ""), new.by_language.get(code, "")
        if before != after:
            # A translation that was missing contradicts nobody.
            yield Change(f"{place} ({code})", before, after, told if before else "")


def _line(text: Text) -> str:
    return next(iter(text.by_language.values()), "")


def _shown(value: object) -> str:
    if value is None:
        return "off"
    return value.strftime("%H:%M") if hasattr(value, "strftime") else str(value)
