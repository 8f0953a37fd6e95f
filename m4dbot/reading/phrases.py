"""Plain phrases found in text of any language, in time linear in the text."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_APOSTROPHES = "’‘ʼ`´"
_BETWEEN_WORDS = re.compile(r"[^\w'\-]+")
# Scripts that put no blank between words: there a phrase may stand anywhere.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7AF))


def plain_words(text: str) -> str:
    """`text` as words with one blank between them and one at each end, folded for comparison."""
    return f" {_BETWEEN_WORDS.sub(' ', straight(text.casefold())).strip()} "


def straight(text: str) -> str:
    """`text` with its apostrophes straight: of the same length, and faster than by a table."""
    for apostrophe in _APOSTROPHES:
        text = text.replace(apostrophe, "'")
    return text


def found_phrase(words: str, phrases: tuple[str, ...]) -> str | None:
    """The first of `phrases` in text that went through `plain_words`, or None."""
    return next((p for p in phrases if p in words), None)


@cache
def phrases(name: str) -> tuple[str, ...]:
    """The phrases of a table in kind_words.toml ("absence_text", "command.leave"), ready for comparison."""
    table: Any = word_tables()
    for part in name.split("."):
        table = table[part]
    return tuple(dict.fromkeys(_ready(phrase) for phrase in table))


def _ready(phrase: str) -> str:
    words = plain_words(phrase)
    unspaced = any(first <= ord(letter) <= last for letter in words for first, last in _UNSPACED)
    return words.strip() if unspaced else words


@cache
def word_tables() -> dict[str, Any]:
    """kind_words.toml as it is written."""
    return tomllib.loads(Path(__file__).with_name("kind_words.toml").read_text(encoding="utf-8"))
