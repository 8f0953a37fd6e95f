"""A mail's own text taken apart: units (a line, wrapped lines joined), sentences and words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from m4dbot.tagging.vocabulary import ROMAN, WORD, Sense, Vocabulary, Word

# Beyond this the text is kept but not searched; the last passage holds it.
LONGEST_TEXT = 30_000  # characters
_MOST_UNITS = 800
_FEW_GAPS = 2  # the beginning of a text, and one empty line
_LONGEST_UNIT = 8_000  # characters
_NARROWEST, _WIDEST = 50, 100  # characters of a line that a program broke
_BROKEN = 6  # lines
_RAGGED, _SEVERAL = 12, 3  # characters that broken lines differ by; lines
COLONS = (":", "：")
_LONG_WORD = 6  # letters of a word that may be a heading
_MOST_SENTENCES = 300  # of a unit; what follows is taken for one

_BULLET = re.compile(
    r"[ \t\u00a0]*(?:#+[ \t])?(?:[>_\"“«]|\*(?=[^ \t\u00a0]))*"
    r"(?:([-–—•·▪●◦‣§►➢✓*]|o(?=[ \t]{2}))[ \t\u00a0]*)?[*_]*"
)
_NUMBER = re.compile(
    r"[ \t\u00a0]*[*_#]*"
    r"(?:(?:#|[Nn](?:[°º]|o\.))[ \u00a0]?(\d{1,3})(?!\d)(?:[ \u00a0]?[.):–-])?(?=[ \u00a0*_]|$)"
    r"|([(\[]?)(\d{1,3}[a-h]?|[IVX]{1,5}|[ivx]{1,4}|[a-hA-H])"
    # "4 and 5.", "2. et 3.", "2 & 3)": two answered as one
    r"(?:(?<=\d)[.)]?(?:[ \u00a0]?[&+][ \u00a0]?|[ \u00a0](?P<joining>[^\W\d_]{1,3})[ \u00a0])\d{1,2}(?=[.)\]:]))?"
    r"(?:([.)\]:|]|[°º](?!\w))[.)\]:-]{0,2}(?=[ \t\u00a0*_]|[^\W\d_]|[¿\"“«]|$)"
    r"|[.)]?[ \t\u00a0]?([-–—/])[ \t\u00a0]?(?=[^\W\d_]|[¿\"“«]|$)"
    r"|[ \u00a0](:)(?=[ \u00a0])"
    r"|(?<=\d)[ \t\u00a0]*$"  # a line of its own
    r"|(?<=\d) {2,3}(?=[^\W\d_])"  # a cell of its own
    # "1.4": the fourth of the first section or week
    r"|\.(\d{1,2})[.):]{0,2}(?=[ \t\u00a0*_]|$)))[.)\]:*_-]*"
)
_COLUMNS = re.compile(r"\|[^|\n]{1,200}\||[^\s.!?:;,…](?: {2,}|\t)\S")
_SENTENCE_END = re.compile(
    r"[.!?؟…]+[\"'”»’)\]*_]*(?=\s)|[?؟](?=\w)|(?<=\s)(?=[•·▪●◦‣➢►](?:\s|\w))|(?<=\S)[ \t]+(?=\|[ \t])"
)
_ABBREVIATION = re.compile(r"(?:\b[^\W\d_]|\b(?:etc|incl|resp|bzw|vs|cf|ca|ej|ex))\Z", re.IGNORECASE)


class Token(NamedTuple):
    """A word and where it stands. A tuple: a long mail has thousands."""

    start: int
    end: int
    word: Word


@dataclass(frozen=True, slots=True)
class Sentence:
    """`first` and `last` are the token range, half open. `asks` where it ends in a question mark."""

    start: int
    end: int
    first: int
    last: int
    asks: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """One line of meaning: a paragraph, a heading, an item of a list.

    `number` is the figure of "3." or "(3)" in front, 0 if none; `style` says how it is written, so
    that "1." and "a)" are not taken for one list; of "2.3" it holds the first figure. `own` is where the
    words after a bullet or number begin, `start` includes them. `gap` is true after an empty line, `begins`
    where a paragraph may begin: there, and at any line of a text without empty lines.
    """

    start: int
    end: int
    own: int
    first: int
    last: int
    bullet: str
    number: int
    style: str
    gap: bool
    begins: bool
    sentences: tuple[Sentence, ...]

    @property
    def section(self) -> int:
        """The first figure of "2.3", 0 without one."""
        figure, dot, _ = self.style.partition(".1")
        return int(figure) if dot else 0

    @property
    def words(self) -> int:
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Layout:
    text: str
    tokens: tuple[Token, ...]
    units: tuple[Unit, ...]


def is_figures(layout: Layout, unit: Unit) -> bool:
    """Whether a unit is a row of figures, as in a table."""
    figures = sum(t.word.folded[:1].isdigit() for t in layout.tokens[unit.first : unit.last])
    return 5 * figures >= 2 * unit.words


def is_row(layout: Layout, unit: Unit) -> bool:
    """Whether a unit is a row of a table: "| Country | Document |", or columns set apart by blanks."""
    return _COLUMNS.search(layout.text, unit.own, unit.end) is not None


def last_sign(layout: Layout, unit: Unit) -> str:
    """The last character of a unit, those that mark it bold aside; "" where it has no other."""
    return layout.text[unit.start : unit.end].rstrip(" \t\u00a0*_")[-1:]


def words_of(text: str, vocabulary: Vocabulary) -> tuple[Token, ...]:
    """The words of a text with their places."""
    # Half the time of calling Token and `word` for each of some hundred words.
    known, look, new = vocabulary.known.get, vocabulary.word, tuple.__new__
    return tuple([new(Token, (*m.span(), known(m[0]) or look(m[0]))) for m in WORD.finditer(text)])


def lay_out(text: str, vocabulary: Vocabulary) -> Layout:
    """The text's structure. Linear in its length and bounded by LONGEST_TEXT."""
    searched = text[:LONGEST_TEXT]
    tokens = words_of(searched, vocabulary)
    units: list[Unit] = []
    at = 0
    spans = _spans(searched)
    # Some programs leave no line empty; there a paragraph is a line.
    airless = sum(gap for _, _, gap in spans) <= _FEW_GAPS
    for start, end, gap in spans:
        while at < len(tokens) and tokens[at].start < start:
            at += 1
        first = at
        while at < len(tokens) and tokens[at].start < end:
            at += 1
        if first < at:
            units.append(_unit(searched, tokens, start, end, first, at, gap, gap or airless))
    return Layout(text, tokens, tuple(units))


def _spans(text: str) -> list[tuple[int, int, bool]]:
    """Where each unit starts and ends, and whether an empty line is above it."""
    lines: list[tuple[int, int]] = []
    at = 0
    for line in text.split("\n"):
        lines.append((at, at + len(line)))
        at += len(line) + 1
    width, sure = _width(lines)
    spans: list[tuple[int, int, bool]] = []
    gap = True
    open_span: tuple[int, int, bool] | None = None
    for i, (start, end) in enumerate(lines):
        if len(spans) >= _MOST_UNITS:
            return spans
        stripped = text[start:end].strip()
        if not stripped:
            if open_span:
                spans.append(open_span)
                open_span = None
            gap = True
            continue
        # Where a line was broken in the middle of a sentence, "2): …" belongs to it.
        broken = (
            open_span is not None
            and text[open_span[1] - 1].isalpha()
            and not _begins_item(text[open_span[0] : open_span[0] + 40], bullets_only=False)
        )
        if open_span and _begins_item(text[start : start + 40], bullets_only=broken):
            spans.append(open_span)
            open_span = None
        open_span = (open_span[0], end, open_span[2]) if open_span else (start, end, gap)
        gap = False
        following = text[lines[i + 1][0] : lines[i + 1][1]].strip() if i + 1 < len(lines) else ""
        word = following.split(None, 1)[0] if following else ""
        wrapped = width and following and (end - start) + 1 + len(word) > width - 2
        if wrapped and not sure and stripped[-1] in ".!?؟":
            wrapped = False  # two paragraphs of a line each
        if not wrapped or open_span[1] - open_span[0] > _LONGEST_UNIT:
            spans.append(open_span)
            open_span = None
    if open_span:
        spans.append(open_span)
    return spans


def _width(lines: Sequence[tuple[int, int]]) -> tuple[int, bool]:
    """The width at which the sender's program broke lines, 0 if it did not, and whether several lines show it.

    It is that of the longest line, if it is short enough to have been broken by a program at all; the row of a
    table or an address may be longer than the many lines that were broken.
    """
    lengths = sorted(end - start for start, end in lines if end - start >= _NARROWEST)
    broken = [length for length in lengths if length <= _WIDEST]
    wide = len(lengths) - len(broken)
    if not broken or (wide and len(broken) < max(_BROKEN, 3 * wide)):
        return 0, False
    # One line in sixteen may be longer than its program breaks lines.
    width = broken[-1 - len(broken) // 16]
    return width, sum(length > width - _RAGGED for length in broken) >= _SEVERAL


def _begins_item(head: str, bullets_only: bool) -> bool:
    m = _BULLET.match(head)
    if m and m[1]:
        return True
    return not bullets_only and _NUMBER.match(head) is not None


def _unit(
    text: str, tokens: tuple[Token, ...], start: int, end: int, first: int, last: int, gap: bool, begins: bool
) -> Unit:
    bullet, number, style = "", 0, ""
    own = start
    m = _BULLET.match(text, start, end)
    if m:
        bullet, own = m[1] or "", m.end()
    m = _NUMBER.match(text, own, end)
    if (
        m
        and m["joining"]
        and not any(t.start == m.start("joining") and t.word.sense & Sense.JOINING for t in tokens[first : first + 4])
    ):
        m = None  # "2 km 3: …"
    if m:
        figure = m[1] or m[3]
        if figure[0].isdigit():
            number, style = int(figure.rstrip("abcdefgh")), "1" if figure.isdigit() else "1a"
        elif (roman := ROMAN.get(figure.upper())) is not None:
            number, style = roman, "I" if figure.isupper() else "i"
        elif len(figure) == 1:
            number, style = ord(figure.casefold()) - ord("a") + 1, "a"
        if m[8] and figure.isdigit():
            number, style = int(m[8]), f"{figure}.1"
        style += "#" if m[1] else m[2] + (m[5] or m[6] or m[7] or "")
        own = m.end()
        first = next((i for i in range(first, last) if tokens[i].start >= own), last)
    return Unit(
        start,
        end,
        own,
        first,
        last,
        bullet,
        number,
        style,
        gap,
        begins,
        _sentences(text, tokens, own, end, first, last),
    )


def _abbreviates(text: str, dot: int, end: int) -> bool:
    """Whether a dot belongs to the word before it: "e.g. maps", "p. ej. mapas", "z. B. kleine Karten"."""
    goes_on = text[end : end + 3].lstrip()[:1].islower()
    return goes_on and text[dot:end] == "." and _ABBREVIATION.search(text[max(0, dot - 6) : dot]) is not None


def _sentences(
    text: str, tokens: tuple[Token, ...], start: int, end: int, first: int, last: int
) -> tuple[Sentence, ...]:
    found: list[Sentence] = []
    at, begin = first, start
    cuts = [m.span() for m in islice(_SENTENCE_END.finditer(text, start, end), _MOST_SENTENCES)]
    for dot, cut in (*cuts, (end, end)):
        upto = at
        while upto < last and tokens[upto].start < cut:
            upto += 1
        # "nets etc. question 2: …" begins something else.
        if upto < last and _abbreviates(text, dot, cut) and not tokens[upto].word.sense & Sense.QUESTION:
            continue
        # "1.", "Q." or "Yes." is no sentence by itself; what follows belongs to it. "Marking." heads what follows.
        if (
            upto - at < 2
            and cut != end
            and not (at < upto and len(tokens[at].word.folded) >= _LONG_WORD and text[dot] == ".")
        ):
            continue
        if upto > at:
            while begin < cut and text[begin].isspace():
                begin += 1
            behind = text[tokens[upto - 1].end : cut]
            # "(who is on the list?);" is a remark.
            asks = any(c in "?؟" for c in behind) and not any(c in ";," for c in behind)
            found.append(Sentence(begin, cut, at, upto, asks))
        at, begin = upto, cut
    return tuple(found)
