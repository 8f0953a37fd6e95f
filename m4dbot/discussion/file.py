"""`discussion.toml`: the facilitator's file, checked as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from m4dbot.discussion.model import Discussion, Hours, Question, Text, Week
from m4dbot.errors import InvalidFile, Problem

if TYPE_CHECKING:
    from pydantic import BaseModel

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
SAMPLE = "`m4dbot discussion new`, which writes a commented example"
LONGEST_QUESTION = 5000  # characters


def parse_discussion(text: str, name: str = "discussion.toml") -> Discussion:
    """The discussion a file describes.

    `name` is the file's name for messages. Raises InvalidFile with every mistake at once.
    """
    from pydantic import ValidationError

    from m4dbot import toml_files

    raw = toml_files.parse(text, name)
    model = _file_model()
    try:
        checked = model.model_validate(raw)
    except ValidationError as error:
        problems = list(toml_files.problems_of(error, name, text, model, SAMPLE))
        problems += _across(raw, name, toml_files.lines_of_keys(text))
        raise InvalidFile(list(dict.fromkeys(problems))) from None
    if problems := _across(raw, name, toml_files.lines_of_keys(text)):
        raise InvalidFile(problems)
    return _build(checked.model_dump(by_alias=True))


_MODEL: type[BaseModel] | None = None


def _file_model() -> type[BaseModel]:
    """The shape of the file. Built on first use: pydantic costs a tenth of a second to import."""
    global _MODEL  # noqa: PLW0603
    if _MODEL is not None:
        return _MODEL
    from typing import Annotated, Literal

    from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

    def is_slug(value: str) -> str:
        if not SLUG.fullmatch(value):
            raise ValueError('may hold only small letters, digits and hyphens; for example slug = "water-2027"')
        return value

    def is_zone(value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"'{value}' is no known time zone; for example timezone = \"Europe/Brussels\"") from None
        return value

    def is_language(value: str) -> str:
        if not LANGUAGE.fullmatch(value):
            raise ValueError(f'\'{value}\' is no language code; use codes such as "en", "fr", "es"')
        return value

    def is_text(value: object) -> object:
        if isinstance(value, str):
            raise ValueError('needs its language; write { en = "…" }')
        return value

    def has_text(value: dict[str, str]) -> dict[str, str]:
        if not any(t.strip() for t in value.values()):
            raise ValueError('is empty; write { en = "…" }')
        return {k: v.strip() for k, v in value.items() if v.strip()}

    def is_hour(value: object) -> object:
        if value is False or isinstance(value, time):
            return value
        if isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
            hours, minutes = value.split(":")
            return time(int(hours), int(minutes))
        raise ValueError('should be an hour of the day such as "08:00", or false to leave this mail out')

    def is_day(value: object) -> object:
        if isinstance(value, datetime) or not isinstance(value, date):
            raise ValueError("should be a day without quotation marks, for example 2027-03-01")
        return value

    language = Annotated[str, AfterValidator(is_language)]
    words = Annotated[str, Field(max_length=LONGEST_QUESTION)]
    texts = Annotated[dict[language, words], BeforeValidator(is_text), AfterValidator(has_text)]
    hour = Annotated[time | Literal[False], BeforeValidator(is_hour)]
    day = Annotated[date, BeforeValidator(is_day)]
    count = Annotated[int, Field(ge=0, le=366, strict=True)]

    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid")

    class QuestionTable(Strict):
        text: texts
        labels: list[Annotated[str, Field(min_length=2, max_length=100)]] = []

    class WeekTable(Strict):
        opens: day
        closes: day
        title: texts = {}
        introduction: texts = {}
        question: list[QuestionTable] = Field(min_length=1, max_length=200)

    class MailsTable(Strict):
        announcement_at: hour = time(9)
        announcement_days_before: count = 3
        questions_at: hour = time(8)
        reminder_at: hour = time(9)
        reminder_day: Annotated[int, Field(ge=1, le=366, strict=True)] = 4
        digest_at: hour = time(18)
        last_call_at: hour = time(9)
        last_call_days_before: count = 1
        thanks_at: hour = time(10)
        thanks_days_after: count = 1

    class File(Strict):
        slug: Annotated[str, AfterValidator(is_slug)]
        title: texts
        timezone: Annotated[str, AfterValidator(is_zone)]
        languages: list[language] = Field(min_length=1, max_length=30)
        group: str = ""
        grace_days: count = 14
        background: Annotated[str, Field(pattern=r"^(https?://[^\s<>\"]+)?$", max_length=500)] = ""
        welcome: texts = {}
        contact: Annotated[str, Field(max_length=200)] = ""
        mails: MailsTable = MailsTable()
        week: list[WeekTable] = Field(min_length=1, max_length=53)

    File.model_rebuild(_types_namespace={**globals(), **locals()})
    _MODEL = File
    return File


def _across(raw: Mapping[str, Any], name: str, lines: Mapping[tuple[str | int, ...], int]) -> list[Problem]:
    """Mistakes that only show when parts of the file are held against each other."""
    from m4dbot.toml_files import place_of

    problems: list[Problem] = []

    def report(path: tuple[str | int, ...], wrong: str, instead: str) -> None:
        problems.append(Problem(name, place_of(path, lines), wrong, instead))

    languages = raw.get("languages")
    if isinstance(languages, list):
        for code in {c for c in languages if isinstance(c, str) and languages.count(c) > 1}:
            report(("languages",), f"names '{code}' twice", "name each language once")
    known = [c for c in languages if isinstance(c, str)] if isinstance(languages, list) else None

    def check_text(path: tuple[str | int, ...], text: object) -> None:
        if known and isinstance(text, dict):
            for code in text:
                if code not in known:
                    report(
                        (*path, code),
                        f"'{code}' is not among the discussion's languages",
                        f'add "{code}" to languages, or remove this text',
                    )

    for key in ("title", "welcome"):
        check_text((key,), raw.get(key))
    weeks = raw.get("week")
    weeks = [w for w in weeks if isinstance(w, dict)] if isinstance(weeks, list) else []
    for i, week in enumerate(weeks):
        opens, closes = week.get("opens"), week.get("closes")
        if _is_day(opens) and _is_day(closes) and closes < opens:
            report(
                ("week", i, "closes"),
                f"{closes} is before opens {opens}",
                "the last day comes after the first",
            )
        for key in ("title", "introduction"):
            check_text(("week", i, key), week.get(key))
        questions = week.get("question")
        seen: dict[tuple[str, str], int] = {}
        for j, question in enumerate(questions if isinstance(questions, list) else []):
            if not isinstance(question, dict):
                continue
            texts = question.get("text")
            check_text(("week", i, "question", j, "text"), texts)
            for code, text in texts.items() if isinstance(texts, dict) else ():
                same = (code, " ".join(text.casefold().split())) if isinstance(text, str) else None
                if same and same[1] and same in seen:
                    report(
                        ("week", i, "question", j, "text", code),
                        f"is the same as question {seen[same] + 1}",
                        "two questions of a week need different texts",
                    )
                elif same:
                    seen[same] = j
    for (i, first), (_, second) in pairwise(enumerate(weeks)):
        closes, opens = first.get("closes"), second.get("opens")
        if _is_day(closes) and _is_day(opens) and opens <= closes:
            report(
                ("week", i + 1, "opens"),
                f"{opens} is not after week {i + 1} closes ({closes})",
                "weeks follow each other without overlap",
            )
    return problems


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _build(data: Mapping[str, Any]) -> Discussion:
    weeks = tuple(
        Week(
            number=i,
            opens=w["opens"],
            closes=w["closes"],
            title=Text(w["title"]),
            introduction=Text(w["introduction"]),
            questions=tuple(Question(j, Text(q["text"]), tuple(q["labels"])) for j, q in enumerate(w["question"], 1)),
        )
        for i, w in enumerate(data["week"], 1)
    )
    hours: dict[str, Any] = {k: (None if v is False else v) for k, v in data["mails"].items()}
    return Discussion(
        slug=data["slug"],
        title=Text(data["title"]),
        timezone=data["timezone"],
        languages=tuple(data["languages"]),
        weeks=weeks,
        hours=Hours(**hours),
        grace_days=data["grace_days"],
        background=data["background"],
        welcome=Text(data["welcome"]),
        group=data["group"],
        contact=data["contact"],
    )


def notes_on(discussion: Discussion) -> list[str]:
    """What is allowed but perhaps not meant: missing translations, long gaps, weeks of a single day."""
    notes = []
    for week, question in discussion.questions():
        missing = [code for code in discussion.languages if code not in question.text.by_language]
        if missing:
            notes.append(
                f"week {week.number}, question {question.number} has no text in {', '.join(missing)}: "
                f"those readers get it in {next(iter(question.text.by_language))}"
            )
    for first, second in pairwise(discussion.weeks):
        if (gap := (second.opens - first.closes).days - 1) > 0:
            notes.append(f"between week {first.number} and week {second.number} are {gap} days without a question")
    for week in discussion.weeks:
        days = (week.closes - week.opens).days + 1
        if days < 3:
            notes.append(f"week {week.number} has only {days} day{'s' if days > 1 else ''}")
    return notes
