"""The per-language data files: complete, and alike in shape."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from m4dbot.tagging.vocabulary import LANGUAGES, Sense, skeleton, vocabulary

FILES = sorted(LANGUAGES.glob("*.toml"))


def _shape(data: dict[str, object]) -> dict[str, object]:
    return {k: _shape(v) if isinstance(v, dict) else type(v) for k, v in data.items()}


def test_seven_languages_are_shipped() -> None:
    """English, French, Spanish, Portuguese, Italian, German and Arabic."""
    assert [f.stem for f in FILES] == ["ar", "de", "en", "es", "fr", "it", "pt"]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_each_file_has_what_the_english_one_has(file: Path) -> None:
    """A translator sees by comparing with English what is to be filled in."""
    english = tomllib.loads((LANGUAGES / "en.toml").read_text("utf-8"))
    assert _shape(tomllib.loads(file.read_text("utf-8"))) == _shape(english)


@pytest.mark.parametrize(
    "words",
    [
        ("strategies", "stratégies", "estrategias", "strategie"),
        ("challenges", "défis", "desafíos", "desafios", "sfide", "Herausforderungen", "تحديات"),
        ("municipality", "municipalité", "municipio", "Gemeinde"),
        ("mechanism", "mécanismes", "mecanismos", "meccanismi"),
    ],
)
def test_languages_meet_in_their_words(words: tuple[str, ...]) -> None:
    """The same thing has one key in every language, by spelling or by the files."""
    assert len({vocabulary().word(word).key for word in words}) == 1


def test_common_words_have_no_key() -> None:
    """ "The", "et" and "los" tell no question from another."""
    assert not any(vocabulary().word(word).key for word in ("the", "et", "los", "und", "della", "من"))


def test_short_words_keep_their_letters() -> None:
    """Too little would be left of them."""
    assert skeleton("eau") == "eau"


def test_words_glued_to_figures_are_understood() -> None:
    """ "W2Q1" holds two numbers, "2nd" an ordinal, "P3" perhaps a question."""
    look = vocabulary().word
    assert look("W2Q1").glued == (("w", 2), ("q", 1))
    assert look("2nd").ordinal == 2
    assert look("P3").glued == (("q", 3),)
    assert not look("P3").sure
    assert look("Fragen").sense & Sense.QUESTION
