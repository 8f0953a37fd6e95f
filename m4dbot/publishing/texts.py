"""What our mails say, in the reader's language: templates/texts/LANGUAGE.toml, with dates and numbers by Babel.

A language is added by adding a file; what it leaves out is said in English.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from m4dbot.errors import InvalidFile, M4dbotError, Problem
from m4dbot.resources import resource

if TYPE_CHECKING:
    from babel import Locale

FALLBACK = "en"


def folder() -> Path:
    return resource("templates") / "texts"


@dataclass(frozen=True)
class Texts:
    """The texts of one language. `language` is the one really spoken, which may be the fallback's."""

    language: str
    locale_name: str
    messages: Mapping[str, str | Mapping[str, str]]
    day_pattern: str = "EEEE d MMMM"
    year_pattern: str = " y"
    first_of_month: str = ""

    @functools.cached_property
    def locale(self) -> Locale:
        from babel import Locale

        return Locale.parse(self.locale_name.replace("-", "_"))

    @property
    def direction(self) -> str:
        """ "ltr" or "rtl"."""
        return self.locale.text_direction

    def __call__(self, key: str, **values: object) -> str:
        """The text under `key` ("digest.subject") with its placeholders filled in."""
        return self.message(key, values).format(**values)

    def message(self, key: str, values: Mapping[str, object]) -> str:
        """The text with its placeholders. Where it has plural forms, `count` among `values` chooses."""
        found = self.messages[key]
        if isinstance(found, str):
            return found
        form = self.locale.plural_form(int(str(values["count"])))
        return found.get(form) or found["other"]

    def day(self, day: date, *, year: bool = False) -> str:
        """ "Monday 8 March", as the language writes it."""
        from babel.dates import format_date

        pattern = self.day_pattern + (self.year_pattern if year else "")
        if day.day == 1 and self.first_of_month:
            pattern = re.sub(r"\bd\b", f"'{self.first_of_month}'", pattern, count=1)
        return format_date(day, pattern, locale=self.locale)

    def period(self, first: date, last: date) -> str:
        """ "8–14 March 2027", as the language writes it."""
        from babel.dates import format_interval

        return str(format_interval(first, last, "yMMMMd", locale=self.locale))

    def clock(self, instant: datetime, zone: ZoneInfo) -> str:
        """The hour of an aware instant, with the place whose clocks show it."""
        from babel.dates import format_time, get_timezone_location

        hour = format_time(instant, "short", tzinfo=zone, locale=self.locale)
        place = get_timezone_location(zone, locale=self.locale, return_city=True) if "/" in zone.key else zone.key
        return self("common.hour_in_place", hour=hour, place=place)

    def number(self, number: float) -> str:
        from babel.numbers import format_decimal

        return format_decimal(number, locale=self.locale)

    def list(self, items: Iterable[str]) -> str:
        from babel.lists import format_list

        return format_list(list(items), locale=self.locale)

    def language_name(self, code: str) -> str:
        """The name of a language in this one; the code where it has none."""
        from babel import Locale, UnknownLocaleError

        try:
            named = Locale.parse(code.replace("-", "_")).get_display_name(self.locale)
        except (UnknownLocaleError, ValueError):
            return code
        return named or code


@functools.cache
def texts_for(language: str) -> Texts:
    """The texts in `language`, else in its base language ("fr" for "fr-CA"), else in English."""
    for wanted in (language, language.partition("-")[0]):
        if wanted in available():
            return read(folder() / f"{wanted}.toml")
    return read(folder() / f"{FALLBACK}.toml")


@functools.cache
def available() -> tuple[str, ...]:
    """The languages there are texts in."""
    found = tuple(sorted(path.stem for path in folder().glob("*.toml")))
    if FALLBACK not in found:
        raise M4dbotError(f"The texts of the mails are missing from {folder()}; install m4dbot again.")
    return found


def read(path: Path) -> Texts:
    """The texts in one file, completed from the English ones. Raises InvalidFile for what is no such file."""
    own = _parsed(path)
    about = own.pop("language", None)
    if not isinstance(about, dict) or not isinstance(about.get("locale"), str):
        raise InvalidFile([Problem(str(path), "language: locale", "is missing", 'add [language] locale = "fr"')])
    typography = about.get("typography", {})
    messages = {key: _set(text, typography) for key, text in flat(own).items()}
    if path.stem != FALLBACK:
        fallback = _parsed(path.with_name(f"{FALLBACK}.toml"))
        fallback.pop("language", None)
        messages = {**flat(fallback), **messages}
    days = about.get("days", {})
    return Texts(
        path.stem,
        about["locale"],
        messages,
        day_pattern=days.get("day", Texts.day_pattern),
        year_pattern=days.get("year", Texts.year_pattern),
        first_of_month=days.get("first_of_month", ""),
    )


def _parsed(path: Path) -> dict[str, Any]:
    from m4dbot import toml_files

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return toml_files.parse(toml_files.read_text(path), str(path))


PLURALS = {"zero", "one", "two", "few", "many", "other"}


def flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, str | dict[str, str]]:
    """{"digest.subject": "…"}; a table of plural forms stays a table."""
    found: dict[str, str | dict[str, str]] = {}
    for key, value in tables.items():
        if isinstance(value, dict) and not set(value) <= PLURALS:
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = value if isinstance(value, dict) else str(value).strip()
    return found


def _set(text: str | dict[str, str], typography: Mapping[str, str]) -> str | dict[str, str]:
    """With the no-break spaces of the language, so that a translator can write ordinary ones."""
    if isinstance(text, dict):
        return {form: str(_set(words, typography)) for form, words in text.items()}
    for mark in typography.get("no_break_before", ""):
        text = text.replace(f" {mark}", f"\N{NO-BREAK SPACE}{mark}")
    for mark in typography.get("no_break_after", ""):
        text = text.replace(f"{mark} ", f"{mark}\N{NO-BREAK SPACE}")
    return text
