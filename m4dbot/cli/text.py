"""Text and tables for terminals and pipes: wrapped by columns, without anything that steers a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

import click

NARROWEST, PIPE, WIDEST = 40, 80, 110  # columns
INVISIBLE = {"Mn", "Me", "Cf"}


def width() -> int:
    """Columns to use: the terminal's within reason, 80 in a pipe."""
    if not sys.stdout.isatty():
        return PIPE
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((PIPE, 24)).columns))


def columns(text: str) -> int:
    """Columns on a terminal: Chinese and Japanese letters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in INVISIBLE:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clean(text: str) -> str:
    """One line's text; anything that steers a terminal (and bidirectional marks) is replaced by a blank."""
    return "".join(c if c.isprintable() else " " for c in text.expandtabs(4)).rstrip()


def shortened(text: str, limit: int) -> str:
    """The text on one line within `limit` columns, with "…" where something is left out."""
    return cut(" ".join(clean(text.replace("\n", " ")).split()), limit)


def cut(line: str, limit: int) -> str:
    """One clean line within `limit` columns, its blanks as they are."""
    if columns(line) <= limit:
        return line
    kept, used = [], 0
    for char in line:
        used += _columns_of(char)
        if used > limit - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def wrapped(text: str, limit: int) -> Iterator[str]:
    """The lines of a text, each within `limit` columns."""
    for line in text.split("\n"):
        bare = clean(line)
        if not bare:
            yield ""
        elif columns(bare) == len(bare):
            yield from textwrap.wrap(bare, limit, break_on_hyphens=False) or [""]
        else:
            yield from _wrapped_wide(bare, limit)


def _wrapped_wide(text: str, limit: int) -> Iterator[str]:
    line, used = "", 0
    for word in text.split(" "):
        needed = columns(word)
        if line and used + 1 + needed > limit:
            yield line
            line, used = "", 0
        rest = word
        while columns(rest) > limit:
            head = _head(rest, limit)
            yield head
            rest = rest[len(head) :]
        needed = columns(rest)
        line, used = (f"{line} {rest}", used + 1 + needed) if line else (rest, needed)
    if line:
        yield line


def _head(text: str, limit: int) -> str:
    used = 0
    for i, char in enumerate(text):
        used += _columns_of(char)
        if used > limit:
            return text[: max(i, 1)]
    return text


def indented(text: str, by: int, limit: int, *, dim: bool = False) -> Iterator[str]:
    for line in wrapped(text, limit - by):
        yield (" " * by + (click.style(line, dim=True) if dim and line else line)).rstrip()


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, flexible: int = -1, right: Sequence[int] = ()
) -> None:
    """Print a table: with rich on a terminal, as aligned text in a pipe.

    What does not fit the width is taken from the column `flexible`; `right` are columns of numbers.
    """
    cells = [[" ".join(clean(c.replace("\n", " ")).split()) for c in row] for row in rows]
    if sys.stdout.isatty():
        _rich(headers, cells, flexible % len(headers), right)
        return
    widths = [max([columns(h), *(columns(r[i]) for r in cells)]) for i, h in enumerate(headers)]
    room = width() - 2 * (len(headers) - 1) - sum(widths)
    if room < 0:
        flexible %= len(headers)
        widths[flexible] = max(widths[flexible] + room, min(12, widths[flexible]))
    for row in [list(headers), *cells]:
        shown = [shortened(cell, size) for cell, size in zip(row, widths, strict=True)]
        padded = [
            " " * (size - columns(cell)) + cell if i in right else cell + " " * (size - columns(cell))
            for i, (cell, size) in enumerate(zip(shown, widths, strict=True))
        ]
        click.echo("  ".join(padded).rstrip())


def _rich(headers: Sequence[str], cells: Sequence[Sequence[str]], flexible: int, right: Sequence[int]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for i, header in enumerate(headers):
        shown.add_column(
            header,
            justify="right" if i in right else "left",
            no_wrap=i != flexible,
            overflow="ellipsis" if i != flexible else "fold",
        )
    for row in cells:
        shown.add_row(*map(Text, row))  # Text, not str: markup in a mail stays text
    Console(width=width()).print(shown)
