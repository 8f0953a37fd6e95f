"""Every language says everything, with the same placeholders; a new language is one file."""

from __future__ import annotations

import string
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from m4dbot.errors import InvalidFile
from m4dbot.publishing import texts
from m4dbot.publishing.texts import available, flat, folder, read, texts_for


def messages(language: str) -> dict[str, str | dict[str, str]]:
    tables = tomllib.loads((folder() / f"{language}.toml").read_text(encoding="utf-8"))
    tables.pop("language")
    return flat(tables)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def forms(text: str | dict[str, str]) -> list[str]:
    return list(text.values()) if isinstance(text, dict) else [text]


def test_three_languages_are_there() -> None:
    """English, French and Spanish come with m4dbot."""
    assert set(available()) >= {"en", "fr", "es"}


@pytest.mark.parametrize("language", available())
def test_every_language_says_everything(language: str) -> None:
    """The keys are those of English, and each text uses the same placeholders in each of its forms."""
    english, own = messages("en"), messages(language)
    assert own.keys() == english.keys()
    for key, text in own.items():
        wanted = placeholders(forms(english[key])[-1])
        assert isinstance(text, dict) == isinstance(english[key], dict), key
        for form in forms(text):
            # "one thing" need not be counted; everything else must be filled in.
            assert placeholders(form) in (wanted, wanted - {"count"}), key


@pytest.mark.parametrize("language", available())
def test_counted_things_have_every_form(language: str) -> None:
    """Each plural form of the language is there."""
    own = texts_for(language)
    for key, text in messages(language).items():
        if isinstance(text, dict):
            assert set(text) >= set(own.locale.plural_form.tags) | {"other"}, key


def test_french_typography() -> None:
    """No-break spaces stand before colons and question marks and inside quotation marks."""
    said = texts_for("fr")("acknowledgement.lead", title="Puits")
    assert "«\u00a0Puits\u00a0»" in said
    assert "classée\u00a0:" in said
    for text in messages("fr").values():
        for form in forms(text):
            assert " ?" in form or "?" not in form


def test_spanish_questions_open() -> None:
    """Every question and exclamation has its opening mark."""
    for key, text in messages("es").items():
        for form in forms(text):
            assert form.count("?") == form.count("¿"), key
            assert form.count("!") == form.count("¡"), key


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("Monday 1 March", "Monday 1 March 2027", "1–7 Mar 2027", "8:00 am (Brussels time)")),
        ("fr", ("lundi 1er mars", "lundi 1er mars 2027", "1–7 mars 2027", "08:00 (heure de Bruxelles)")),
        ("es", ("lunes 1 de marzo", "lunes 1 de marzo de 2027", "1–7 de marzo de 2027", "8:00 (hora de Bruselas)")),
    ],
)
def test_dates_as_the_language_writes_them(language: str, expected: tuple[str, ...]) -> None:
    """Days, periods and hours are in the reader's way, hours in the discussion's zone."""
    t = texts_for(language)
    day = date(2027, 3, 1)
    instant = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
    found = (
        t.day(day),
        t.day(day, year=True),
        t.period(day, date(2027, 3, 7)),
        t.clock(instant, ZoneInfo("Europe/Brussels")),
    )
    assert tuple(s.replace("\u2009", "").replace("\u202f", " ").replace("\u00a0", " ") for s in found) == expected


def test_zones_without_a_place_have_a_name() -> None:
    """UTC is no town."""
    assert texts_for("en").clock(datetime(2027, 3, 1, 7, 0, tzinfo=UTC), ZoneInfo("UTC")).endswith("(UTC time)")


def test_a_language_is_added_by_adding_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the new file does not say is said in English; direction and dates are the language's own."""
    (tmp_path / "en.toml").write_text((folder() / "en.toml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "ar.toml").write_text(
        '[language]\nlocale = "ar"\n[digest]\nheading = "ملخص الأسبوع {week}"\n', encoding="utf-8"
    )
    monkeypatch.setattr(texts, "folder", lambda: tmp_path)
    t = read(tmp_path / "ar.toml")
    assert t.direction == "rtl"
    assert t("digest.heading", week=2) == "ملخص الأسبوع 2"
    assert t("common.leave") == "Unsubscribe"
    assert "مارس" in t.day(date(2027, 3, 1))


def test_unknown_languages_are_spoken_to_in_english() -> None:
    """Regions fall back to their language, the unknown to English."""
    assert texts_for("fr-CA").language == "fr"
    assert texts_for("xx").language == "en"


def test_a_file_without_a_locale_is_refused(tmp_path: Path) -> None:
    """The message names the file and the way out."""
    path = tmp_path / "xx.toml"
    path.write_text('[digest]\nheading = "x"\n', encoding="utf-8")
    with pytest.raises(InvalidFile, match="locale"):
        read(path)
