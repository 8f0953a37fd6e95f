"""Every mail in tests/corpus/replies gives exactly the words its sender newly wrote.

To add a case, put NAME.eml and NAME.expected.txt there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from m4dbot.reading.mime import open_mail
from m4dbot.reading.reply import blocks_of, own_words_of

CORPUS = Path(__file__).parents[2] / "corpus" / "replies"
CASES = sorted(CORPUS.glob("*.eml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_own_words(case: Path) -> None:
    """The own words of a mail are those in the expected file, but for the width of blanks."""
    expected = case.with_suffix("").with_suffix(".expected.txt").read_text(encoding="utf-8")
    assert own_words_of(case.read_bytes()).split() == expected.split()


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_nothing_is_dropped(case: Path) -> None:
    """All blocks of a plain text in order hold every character of it but blanks."""
    plain = open_mail(case.read_bytes()).plain
    if plain is None:
        plain = own_words_of(case.read_bytes())
    together = "".join(block.text for block in blocks_of(plain, None))
    assert "".join(together.split()) == "".join(plain.split())


def test_the_corpus_is_complete() -> None:
    """Every mail has its expected outcome beside it, and every outcome its mail."""
    mails = {path.name.removesuffix(".eml") for path in CASES}
    outcomes = {path.name.removesuffix(".expected.txt") for path in CORPUS.glob("*.expected.txt")}
    assert mails == outcomes
    assert len(mails) >= 90
