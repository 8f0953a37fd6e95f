"""The header of a mail of ours: one builder, through which every value goes and is checked.

What people wrote (names, subjects) is made harmless by `one_line` first; the builder refuses whatever could still
end a line, so that no value becomes a header (RFC 5322 §2.2).
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable

LINE = 76  # RFC 2047 §2: lines with encoded words hold at most 76 characters
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_ID = re.compile(r"[!-;=?-~]{1,900}")  # visible ASCII without angle brackets
_ADDRESS = re.compile(r"[!-;=?A-~]{1,64}@[A-Za-z0-9.-]{1,255}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")


# What turns the direction of the text after it, and would let a name pass for another.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


class HeaderRefused(ValueError):
    """A value that would break out of its header. Raised before anything is sent; it means a mistake of ours."""


def one_line(text: str, longest: int = 200) -> str:
    """`text` on one line, without control and bidirectional-override characters, cut at a word where too long."""
    kept = "".join(" " if c.isspace() else c for c in text[: 20 * longest] if c.isspace() or not _steers(c))
    kept = " ".join(kept.split())
    if len(kept) <= longest:
        return kept
    cut = kept[: longest - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[longest // 2 :] else cut).rstrip(" ,.;:-–") + "…"


def _steers(c: str) -> bool:
    category = unicodedata.category(c)
    return category in {"Cc", "Cs", "Cn", "Zl", "Zp"} or c in _BIDI


class Headers:
    """Header fields in the order they are added; `bytes()` ends with the empty line's CRLF left to the caller."""

    def __init__(self) -> None:
        self._fields: list[str] = []

    def raw(self, name: str, value: str) -> Headers:
        """A value of ours in ASCII. Raises HeaderRefused for line breaks, controls and anything beyond ASCII."""
        if not _NAME.fullmatch(name):
            raise HeaderRefused(f"'{name!r}' is no header name")
        if not value.isascii() or any(not " " <= c <= "~" for c in value):
            raise HeaderRefused(f"the value of {name} holds a line break or a character that headers cannot carry")
        self._fields.append(_folded(f"{name}: {value}"))
        return self

    def text(self, name: str, value: str) -> Headers:
        """Unstructured text in any language (RFC 2047)."""
        value = _whole(name, value)
        if value.isascii() and "=?" not in value:
            return self.raw(name, value)
        words = encoded_words(value, LINE - len(name) - 2)
        self._fields.append(f"{name}: " + "\r\n ".join(words))
        return self

    def mailbox(self, name: str, display: str, address: str) -> Headers:
        """One mailbox (RFC 5322 §3.4)."""
        if not _ADDRESS.fullmatch(address):
            raise HeaderRefused(f"'{address!r}' cannot stand in {name}")
        display = _whole(name, display)
        if not display:
            return self.raw(name, address)
        if display.isascii() and "=?" not in display:
            if not _ATOMS.fullmatch(display):
                display = '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
            return self.raw(name, f"{display} <{address}>")
        words = encoded_words(display, LINE - len(name) - 2)
        self._fields.append(f"{name}: " + "\r\n ".join([*words, f"<{address}>"]))
        return self

    def ids(self, name: str, ids: Iterable[str]) -> Headers:
        """Message identifiers, given without angle brackets; ill-formed ones (they come from others) are left out."""
        found = [i for i in dict.fromkeys(ids) if _ID.fullmatch(i)]
        if found:
            self._fields.append(f"{name}: " + "\r\n ".join(f"<{i}>" for i in found))
        return self

    def __bytes__(self) -> bytes:
        return "".join(f"{line}\r\n" for line in self._fields).encode("ascii")


def _whole(name: str, value: str) -> str:
    if any(_steers(c) for c in value):
        raise HeaderRefused(f"the value of {name} holds a line break or a control character")
    return value.strip()


def _folded(line: str) -> str:
    """RFC 5322 §2.2.3: broken before a space, where lines are long; a single long word stays whole."""
    lines: list[str] = []
    while len(line) > LINE:
        at = line.rfind(" ", 1, LINE)
        # Not right after the name: a first line without a value trips some servers.
        if (at <= line.find(": ") + 1 and not lines) or at <= 0:
            at = line.find(" ", LINE)
        if at < 0:
            break
        lines.append(line[:at])
        line = line[at:]
    return "\r\n".join([*lines, line])


def encoded_words(text: str, first: int = LINE) -> list[str]:
    """`text` as encoded words of at most 75 characters (RFC 2047 §2), none splitting a character.

    Q reads well for Latin scripts, B is shorter for the others. `first` bounds the first word's length.
    """
    share = sum(c.isascii() for c in text) / max(1, len(text))
    q = share > 0.5
    words: list[str] = []
    now, room = "", min(75, first) - 12
    for c in text:
        piece = _q(c) if q else c
        size = len(now + piece) if q else -(-len((now + c).encode()) // 3) * 4
        if now and size > room:
            words.append(_word(now, q))
            now, room = "", 75 - 12
        now += piece
    words.append(_word(now, q))
    return words


def _q(c: str) -> str:
    if c == " ":
        return "_"
    # RFC 2047 §5 (3): inside a phrase only these stand for themselves.
    if c.isascii() and (c.isalnum() or c in "!*+-/"):
        return c
    return "".join(f"={b:02X}" for b in c.encode())


def _word(chunk: str, q: bool) -> str:
    return f"=?utf-8?q?{chunk}?=" if q else f"=?utf-8?b?{base64.b64encode(chunk.encode()).decode()}?="
