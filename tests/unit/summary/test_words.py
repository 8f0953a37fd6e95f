"""Fixed words, dates, numbers and countries in the document's languages."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import Any

import pytest

from m4dbot.resources import resource
from m4dbot.summary.countries import country_code, country_in, country_name
from m4dbot.summary.words import document_languages, fitting, words_in


def texts_of(language: str) -> dict[str, Any]:
    path = resource("templates") / "summary" / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def flat(texts: dict[str, Any], path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in texts.items():
        found |= flat(value, f"{path}{key}.") if isinstance(value, dict) else {path + key: value}
    return found


@pytest.mark.parametrize("language", document_languages())
def test_translations_are_whole(language: str) -> None:
    """Every text of the English file is there, with the same values to fill in."""
    own, english = flat(texts_of(language)), flat(texts_of("en"))
    assert own.keys() == english.keys()
    for key, text in english.items():
        if not key.startswith("dates."):
            assert set(re.findall(r"{\w+}", own[key])) == set(re.findall(r"{\w+}", text)), key


def test_french_is_set_as_in_french() -> None:
    """No line breaks before a colon, a question mark or a closing guillemet; apostrophes are curved."""
    for key, text in flat(texts_of("fr")).items():
        assert not re.search(r" [:;?!»]|« |\w[;?!]|\w'", text), key


def test_spanish_opens_its_questions() -> None:
    """¿…?"""
    for key, text in flat(texts_of("es")).items():
        assert text.count("?") == text.count("¿"), key


@pytest.mark.parametrize(
    ("first", "last", "en", "fr", "es"),
    [
        ("2027-03-01", "2027-03-07", "1–7 March 2027", "du 1er au 7 mars 2027", "del 1 al 7 de marzo de 2027"),
        (
            "2027-03-29",
            "2027-04-04",
            "29 March – 4 April 2027",
            "du 29 mars au 4 avril 2027",
            "del 29 de marzo al 4 de abril de 2027",
        ),
        (
            "2026-12-28",
            "2027-01-01",
            "28 December 2026 – 1 January 2027",
            "du 28 décembre 2026 au 1er janvier 2027",
            "del 28 de diciembre de 2026 al 1 de enero de 2027",
        ),
        ("2027-08-01", "2027-08-01", "1 August 2027", "1er août 2027", "1 de agosto de 2027"),
    ],
)
def test_spans_of_days(first: str, last: str, en: str, fr: str, es: str) -> None:
    """A span names month and year once where they are the same."""
    days = date.fromisoformat(first), date.fromisoformat(last)
    assert [words_in(language).days(*days) for language in ("en", "fr", "es")] == [en, fr, es]


def test_numbers_take_the_form_their_language_wants() -> None:
    """None is singular in French and plural in English."""
    assert [words_in("en").count("responses", n) for n in (0, 1, 1200)] == [
        "0 responses",
        "1 response",
        "1,200 responses",
    ]
    assert [words_in("fr").count("responses", n) for n in (0, 1, 2)] == ["0 réponse", "1 réponse", "2 réponses"]


def test_values_are_never_patterns() -> None:
    """A name with braces is a name."""
    assert words_in("en")("shared_by", name="{n} {0}") == "Shared by {n} {0}"


def test_a_language_without_words_gets_the_next_best() -> None:
    """Its own without the region, then the discussion's, then English."""
    assert fitting("fr-BE") == "fr"
    assert fitting("pt", ("pt", "es", "en")) == "es"
    assert fitting("sw") == "en"


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("Sicaya, Bolivia", "BO"),
        ("Huye (Rwanda)", "RW"),
        ("Abidjan, Cote d'Ivoire", "CI"),
        ("Abidjan – Côte d’Ivoire", "CI"),
        ("إربد، الأردن", "JO"),
        ("Leeds, UK", "GB"),
        ("Kinshasa, RDC", "CD"),
        ("PERU", "PE"),
        ("Nairobi", ""),
        ("San Francisco, CA", ""),
        ("", ""),
        (",", ""),
    ],
)
def test_the_country_a_place_ends_with(place: str, code: str) -> None:
    """As people write it, in any of the known languages; what is none is none."""
    assert country_in(place) == code


def test_countries_are_named_in_the_documents_language() -> None:
    """By their code; what was given and is not known stays as it is."""
    assert country_code("Sénégal") == country_code("SN") == "SN"
    assert [country_name("CI", language) for language in ("en", "fr", "es")] == [
        "Côte d’Ivoire",
        "Côte d’Ivoire",
        "Côte d’Ivoire",
    ]
    assert country_name("ET", "fr") == "Éthiopie"
    assert country_name("Atlantis", "fr") == "Atlantis"
