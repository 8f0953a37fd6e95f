"""Running text as people type it, taken apart into paragraphs and the items of lists.

Mail programs break lines at a width; those breaks are undone, the author's own are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

# Word and its kin put no-break and wide blanks behind a bullet, and take bullets from symbol fonts (U+F0xx) or an "o".
_BLANK = r"[ \t\u00a0\u2002-\u200a\u3000]"
_BULLET = re.compile(rf"{_BLANK}*(?:[-–—•·▪●◦‣➢►✓§*+\uf000-\uf0ff]{_BLANK}+|o{_BLANK}{{2,}})(?=\S)")
_NUMBER = re.compile(rf"{_BLANK}*(\(?(?:\d{{1,3}}|[a-zA-Z]|[ivxIVX]{{1,5}})[.)]){_BLANK}+(?=\S)")
# Where mail programs break lines, in characters; in a single stretch of text more is needed to be sure.
_SHORTEST_WIDTH, _SURE_WIDTH, _LONGEST_WIDTH = 50, 62, 100


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`marker` is "" for a paragraph, "•" for an item of a list, else the item's number as written ("2.", "b)")."""

    lines: tuple[str, ...]
    marker: str = ""


def paragraphs(text: str) -> list[Paragraph]:
    """The text's paragraphs in order; every word is in exactly one line."""
    lines = text.replace("\t", "    ").split("\n")
    widths = _widths(lines)
    found: list[Paragraph] = []
    marker, said = "", [""]
    last = ""  # the line before, as it was typed

    def close() -> None:
        if any(said):
            found.append(Paragraph(tuple(filter(None, said)), marker))

    for line, width in zip(lines, widths, strict=True):
        words = line.strip()
        item = _BULLET.match(line) or _NUMBER.match(line)
        if not words or item:
            close()
            marker, said = "", [""]
        if item:
            marker = "•" if item.re is _BULLET else item[1]
            words = line[item.end() :].strip()
        elif said[0] and not _is_broken(last, words, width):
            said.append("")
        if words:
            said[-1] = f"{said[-1]} {words}".strip()
        last = line
    close()
    return found


def _widths(lines: list[str]) -> list[int]:
    """For each line the width at which a program broke it, 0 where none did.

    A mail has one width, unless something was pasted into it: then each stretch between empty lines has its own.
    """
    longest = max(map(len, lines), default=0)
    if longest <= _LONGEST_WIDTH:
        return [longest if longest >= _SHORTEST_WIDTH else 0] * len(lines)
    widths: list[int] = []
    for is_text, stretch in groupby(lines, key=lambda line: bool(line.strip())):
        together = list(stretch)
        longest = max(map(len, together))
        fits = is_text and _SURE_WIDTH <= longest <= _LONGEST_WIDTH
        widths += [longest if fits else 0] * len(together)
    return widths


def _is_broken(before: str, words: str, width: int) -> bool:
    """Whether a program broke the line before: its next word would not have fitted."""
    return bool(width) and len(before) + 1 + len(words.split(None, 1)[0]) > width
