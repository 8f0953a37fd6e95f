"""The document's fixed words, dates and numbers in one language (templates/summary/<language>.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from m4dbot.errors import M4dbotError
from m4dbot.resources import resource
from m4dbot.summary.countries import country_name
from m4dbot.tagging.values import Tag

if TYPE_CHECKING:
    from babel import Locale


@cache
def document_languages() -> tuple[str, ...]:
    """The languages there are words for; English first."""
    found = sorted(path.stem for path in resource("templates").joinpath("summary").glob("*.toml"))
    return tuple(sorted(found, key=lambda language: language != "en"))


def fitting(language: str, others: Sequence[str] = ()) -> str:
    """The first of `language` and `others` that there are words for, regions aside ("fr-BE" is "fr"); else English."""
    for wanted in (language, *others):
        if wanted.split("-")[0].lower() in document_languages():
            return wanted.split("-")[0].lower()
    return "en"


class Words:
    """Words in one language. Values are filled in as they are; what they hold is never read as a pattern."""

    def __init__(self, language: str) -> None:
        if language not in document_languages():
            raise M4dbotError(
                f"There are no words for a consolidated reply in '{language}'; there are: "
                f"{', '.join(document_languages())}."
            )
        self.language = language
        path = resource("templates") / "summary" / f"{language}.toml"
        self.texts: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))

    @cached_property
    def locale(self) -> Locale:
        from babel import Locale

        # "7 March 2027", as most readers of English around the world write it.
        return Locale.parse("en_GB" if self.language == "en" else self.language)

    def __call__(self, key: str, **values: object) -> str:
        return str(self.texts[key]).format(**values)

    def count(self, key: str, n: int) -> str:
        """ "1 response", "1,200 responses"."""
        return self._form(key, n).format(n=self.number(n))

    def count_parts(self, key: str, n: int) -> tuple[str, str]:
        """The figure and its noun apart, for a figure set large."""
        return self.number(n), self._form(key, n).replace("{n}", "").strip()

    def _form(self, key: str, n: int) -> str:
        forms: Mapping[str, str] = self.texts["number"][key]
        return forms.get(self.locale.plural_form(n), forms["other"])

    def number(self, n: int) -> str:
        from babel.numbers import format_decimal

        return str(format_decimal(n, locale=self.locale))

    def day(self, day: date) -> str:
        """ "7 March 2027"."""
        return self._dates("day", day, day)

    def days(self, first: date, last: date) -> str:
        """ "1–7 March 2027"."""
        if first == last:
            return self.day(first)
        if first.year != last.year:
            return self._dates("over_years", first, last)
        return self._dates("in_a_month" if first.month == last.month else "in_a_year", first, last)

    def _dates(self, form: str, first: date, last: date) -> str:
        # Patterns of our own: CLDR knows neither the French "1er" nor the "del … al …" of running Spanish.
        patterns: Mapping[str, str] = self.texts["dates"]
        months = self.locale.months["format"]["wide"]
        d, last_d = (patterns["first_day"] if day.day == 1 else str(day.day) for day in (first, last))
        return patterns[form].format(
            d=d,
            month=months[first.month],
            year=first.year,
            last_d=last_d,
            last_month=months[last.month],
            last_year=last.year,
        )

    def names(self, names: Sequence[str]) -> str:
        from babel.lists import format_list

        return str(format_list(list(names), locale=self.locale))

    def language_name(self, code: str) -> str:
        """The language's name; "" is one that could not be told."""
        from babel import Locale, UnknownLocaleError

        if not code:
            return self("language_unknown")
        try:
            return Locale.parse(code, sep="-").get_display_name(self.locale) or code
        except (UnknownLocaleError, ValueError):
            return code

    def country(self, country: str) -> str:
        return country_name(country, self.language)

    def tag(self, tag: Tag) -> str:
        if tag.week is None:
            return self("short_none")
        if tag.question is None:
            return self("short_week", week=tag.week)
        return self("short", week=tag.week, question=tag.question)


@cache
def words_in(language: str) -> Words:
    """Raises M4dbotError where there are no words in that language."""
    return Words(language)
