"""Every mail in tests/corpus/replies gives exactly the words its sender newly wrote.

To add a case, put NAME.eml and NAME.expected.txt there.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

import pytest

from m4dbot.reading.mime import open_mail
from m4dbot.reading.reply import blocks_of, own_words_of
from m4dbot.reading.values import Role

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


CLOTHES: dict[str, Callable[[str], tuple[str | None, str | None]]] = {
    "CRLF": lambda text: (text.replace("\n", "\r\n"), None),
    "trailing blanks": lambda text: (text.replace("\n", "  \n"), None),
    "no-break spaces": lambda text: (text.replace(" :", "\xa0:").replace(": ", ":\xa0"), None),
    "one indented": lambda text: (
        "\n".join(f" {line}" if line[:1] != ">" else line for line in text.split("\n")),
        None,
    ),
    "line breaks": lambda text: (None, f"<body>{escape(text)}</body>".replace("\n", "<br>\n")),
    "divs": lambda text: (None, "".join(f"<div>{escape(line) or '<br>'}</div>" for line in text.split("\n"))),
    "paragraphs of Word": lambda text: (
        None,
        "".join(f"<p class=MsoNormal>{escape(line) or '&nbsp;'}</p>" for line in text.split("\n")),
    ),
    "preformatted": lambda text: (None, f"<pre>{escape(text)}</pre>"),
}


@pytest.mark.parametrize("clothes", CLOTHES)
def test_the_same_words_in_other_clothes(clothes: str) -> None:
    """What a text says does not change with its line ends, its blanks, or markup that adds nothing."""

    def own(plain: str | None, html: str | None) -> list[str]:
        return " ".join(block.text for block in blocks_of(plain, html) if block.role is Role.OWN).split()

    changed = []
    for case in CASES:
        mail = open_mail(case.read_bytes())
        if mail.plain is not None and own(*CLOTHES[clothes](mail.plain)) != own(mail.plain, mail.html):
            changed.append(case.stem)
    assert changed == ["both-parts-html-knows-more"]


def test_the_corpus_is_complete() -> None:
    """Every mail has its expected outcome beside it, and every outcome its mail."""
    mails = {path.name.removesuffix(".eml") for path in CASES}
    outcomes = {path.name.removesuffix(".expected.txt") for path in CORPUS.glob("*.expected.txt")}
    assert mails == outcomes
    assert len(mails) >= 90
