"""The consolidated reply as plain text, wrapped, for any mail program and any terminal."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator

from m4dbot.summary.model import ConsolidatedReply
from m4dbot.summary.outline import Bars, Block, Contents, Heading, Items, Line, Said, outline
from m4dbot.summary.paragraphs import paragraphs
from m4dbot.summary.words import Words, words_in

WIDTH = 72  # columns, so that a quotation of it still fits into 80
_BAR = 30  # columns of the longest bar


def to_text(reply: ConsolidatedReply, language: str | None = None) -> str:
    """The document; `language` is that of the fixed words, the document's own unless given.

    Lines end in a line feed. Raises M4dbotError where there are no words in that language.
    """
    words = words_in(language or reply.language)
    blocks = list(outline(reply, words))
    return "\n".join(line for block in blocks for line in _lines(block, blocks, words)).strip("\n") + "\n"


def _lines(block: Block, blocks: list[Block], words: Words) -> Iterator[str]:
    match block:
        case Heading(level, text):
            if level < 3:
                yield ""
            yield from _heading(text, level)
        case Line(text):
            yield from _wrapped(text)
        case Said(text, by, response):
            indent = "" if response is None else "    "
            yield from _said(text, indent)
            if response is not None:
                yield from _wrapped(f"— {by} [{response}]", indent, indent + "  ")
        case Items(items, ordered):
            width = len(str(len(items))) + 2
            for i, (text, numbers) in enumerate(items, 1):
                marker = f"{i}.".ljust(width) if ordered else "- "
                said = f"{text} [{', '.join(map(str, numbers))}]"
                yield from _wrapped(said, marker, " " * len(marker))
        case Bars(title, rows):
            yield from _wrapped(title)
            yield from _bars(rows, words)
        case Contents():
            yield from ["", *_heading(words("contents"), 2)]
            yield from (f"- {b.text}" for b in blocks if isinstance(b, Heading) and b.level == 2)
    # The items of a list and the lines of a table stand close; every block is followed by an empty line.
    yield ""


def _heading(text: str, level: int) -> Iterator[str]:
    lines = textwrap.wrap(text, WIDTH) or [""]
    yield from lines
    if level < 4:
        yield {1: "=", 2: "=", 3: "-"}[level] * max(map(_columns, lines))


def _columns(text: str) -> int:
    """How many columns a terminal takes: wide letters are two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _said(text: str, indent: str) -> Iterator[str]:
    for i, paragraph in enumerate(paragraphs(text)):
        marker = f"{paragraph.marker} " if paragraph.marker else ""
        if i and not (marker and paragraph.marker == "•"):
            yield ""
        for j, line in enumerate(paragraph.lines):
            hanging = indent + " " * len(marker)
            yield from _wrapped(line, indent + marker if not j else hanging, hanging)


def _wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _bars(rows: tuple[tuple[str, int], ...], words: Words) -> Iterator[str]:
    longest = max((n for _, n in rows), default=0)
    labels = max((_columns(label) for label, _ in rows), default=0)
    for label, n in rows:
        bar = "█" * max(round(_BAR * n / longest), 1) if n else ""
        yield f"  {label}{' ' * (labels - _columns(label))}  {bar}{' ' if bar else ''}{words.number(n)}"
