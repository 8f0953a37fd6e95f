"""The words around a reply: whole tables, and phrases found at a text's ends as anywhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.reading.footer import is_printing_notice
from m4dbot.reading.signature import is_postscript
from m4dbot.reading.words import Phrases, reply_words

PHRASES = Phrases(["sent from", "sent", "sent from my", "von meinem", "에서 보냄"])


@given(st.lists(st.sampled_from(["sent", "from", "my", "von", "meinem", "에서", "보냄", " ", ".", "x"]), max_size=12))
def test_either_end_is_what_all_places_tell(parts: list[str]) -> None:
    """The short way to the ends finds what the long way over the whole text finds."""
    text = "".join(parts)
    expected = any(start == 0 or end == len(text) for start, end in PHRASES.spans(text))
    assert PHRASES.at_either_end(text) == expected


def test_every_language_that_knows_paper_knows_printing() -> None:
    """The three kinds of words stand together, or none of them does."""
    assert all(nature and printing and only_if for nature, printing, only_if in reply_words().printing)


@pytest.mark.parametrize(
    "line",
    [
        "P.S. one more",
        "PS: one more",
        "p. s. one more",
        "*PS* one more",
        "P. D.: una cosa",
        "П.С. ещё",
        "追伸 もう一つ",
    ],
)
def test_a_postscript_is_known(line: str) -> None:
    """With and without dots and blanks, and in other scripts."""
    assert is_postscript(line)


@pytest.mark.parametrize("line", ["Psalms are sung", "PSA is what we call it", "Pdf files are fine", "Nbr 4 is closed"])
def test_words_that_begin_alike_are_no_postscript(line: str) -> None:
    """The letters have to stand by themselves."""
    assert not is_postscript(line)


@pytest.mark.parametrize(
    "line",
    [
        "Before you print this message, think of the trees.",
        "Pensez aux arbres avant d'imprimer ce message.",
        "Bitte denken Sie an die Umwelt, bevor Sie diese Nachricht drucken.",
        "Prima di stampare pensa all'ambiente.",
    ],
)
def test_a_word_on_printing_is_a_notice(line: str) -> None:
    """About this message, or beginning with its "before"."""
    assert is_printing_notice(line)


@pytest.mark.parametrize(
    "line",
    [
        "We print our reports on the environment ourselves.",
        "The trees were felled before the map was printed by the council.",
    ],
)
def test_people_print_too(line: str) -> None:
    """Prints and trees in one sentence are no notice."""
    assert not is_printing_notice(line)
