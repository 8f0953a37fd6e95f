"""Where a person's words end and the name below them begins: a signature without a mark, known by the sender's name."""

from __future__ import annotations

import re

from m4dbot.reading.names import folded, leading_name, people_words, same_person, tokens_of
from m4dbot.reading.signature import is_postscript
from m4dbot.reading.values import Block, Role

_MOST_LINES = 8  # of a signature, the name and the sign-off included
_LONGEST_LINE = 110
_LAST_LINES = 60  # of the words, among which a postscript is looked for
_FEWEST_WORDS = 4  # that have to stand above a signature
_BEHIND_A_NAME = re.compile(r"\s*(?:[,;|(/–—-]|$)")
_SENTENCE = re.compile(r"[.?!:…]$")


def signed(blocks: tuple[Block, ...], names: tuple[str, ...], *, bare: bool = True) -> tuple[Block, ...]:
    """`blocks` with what the sender signed with, at the end of the last own words, as a signature of its own.

    `names` are whom the words may be signed by. The line has to begin with one of these names and hold nothing but
    it and what belongs to it (role, organisation), and so do the few short lines below; a sign-off above goes with
    it, a postscript below stays the sender's words. Where that is not certain nothing changes; nor does it, unless
    `bare`, where the name stands alone.
    """
    own_blocks = [n for n, block in enumerate(blocks) if block.role is Role.OWN]
    if not own_blocks:
        return blocks
    last = own_blocks[-1]
    if len(own_blocks) > 1 and is_postscript(blocks[last].text.lstrip()):
        above = own_blocks[-2]
        if all(block.role in (Role.SIGNATURE, Role.FOOTER) for block in blocks[above + 1 : last]):
            last = above
    lines = blocks[last].text.rstrip().split("\n")
    stop = next((n for n in range(max(1, len(lines) - _LAST_LINES), len(lines)) if is_postscript(lines[n])), len(lines))
    found = _begin(lines[:stop], names, bare=bare)
    if found is None:
        return blocks
    own, signature = "\n".join(lines[:found]).rstrip(), "\n".join(lines[found:stop]).rstrip()
    parts = [Block(Role.OWN, own), Block(Role.SIGNATURE, signature)]
    if stop < len(lines):
        parts.append(Block(Role.OWN, "\n".join(lines[stop:])))
    return (*blocks[:last], *parts, *blocks[last + 1 :])


def _begin(lines: list[str], names: tuple[str, ...], *, bare: bool) -> int | None:
    """The number of the line that the signature begins at, or None."""
    seen = 0
    for number in range(len(lines) - 1, 0, -1):
        line = lines[number].strip(" \t*_-–—>\N{NO-BREAK SPACE}")
        if not line:
            continue
        seen += 1
        if seen > _MOST_LINES or len(line) > _LONGEST_LINE:
            return None
        if any(_signs(line, name, alone=seen == 1) for name in names if name):
            above = number - 1
            while above > 0 and not lines[above].strip():
                above -= 1
            if folded(lines[above].strip(" \t*_")).rstrip(" ,.!:;") in people_words().sign_off:
                number = above  # noqa: PLW2901  the signature begins with the sign-off
            elif seen > 1 and (lines[above].rstrip().endswith(":") or (above == number - 1 and _is_name(lines[above]))):
                return None  # one of several: "Those who come:"
            enough = sum(len(before.split()) for before in lines[:number]) >= _FEWEST_WORDS
            return number if enough and (bare or seen > 1) else None
        if _SENTENCE.search(line) and len(line.split()) > 4:
            return None
    return None


def _is_name(line: str) -> bool:
    return bool(leading_name(line)[0]) and len(line.split()) <= 4


def _signs(line: str, name: str, *, alone: bool) -> bool:
    """Whether a line is this person's name, with at most what belongs to it behind; a first name has to stand alone."""
    written, end = leading_name(line)
    if not written or not _BEHIND_A_NAME.match(line[end:]):
        return False
    if len(tokens_of(written)) >= 2:
        return same_person(written, name)
    first = name.split(maxsplit=1)[0] if name.split() else ""
    return alone and tokens_of(line.rstrip(" ,.")) == tokens_of(first) != frozenset()
