"""The header section of a mail: bounded, unfolded, decoded when asked for."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import unquote_to_bytes

from m4dbot.reading import charset

MOST_FIELDS = 2_000
MOST_BYTES = 1_000_000  # of the header section
MOST_SLIPS = 60  # lines that are no field and not the end
MOST_OF_A_VALUE = 32_000  # bytes; References of a long thread reach some thousands

# RFC 5322 §2.2: a name is printable ASCII without colon. Real mail has blanks before the colon.
# No name begins with a dash, but a MIME delimiter does, where the empty line before it is missing.
_FIELD = re.compile(rb"([!-,.-9;-~][!-9;-~]{0,120})[ \t]{0,4}:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_BLANK = re.compile(rb"\r?\n|\r?\Z")
_KNOWN = re.compile(
    rb"^(?:from|to|cc|date|subject|message-id|mime-version|content-type|received|return-path"
    rb"|references|in-reply-to|reply-to|sender|content-transfer-encoding|list-id)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_SECTION_END = re.compile(rb"(?:\A|\n)(?:\r?\n|--)")
_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]+")
# RFC 2047 §2, with what is seen: blanks in the text, a language suffix (RFC 2231 §5), no closing mark.
_ENCODED = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?]*)\?=")
_PARAMETER_NAME = re.compile(r"""([^\s=;*"]{1,60})(?:\*(\d{1,3}))?(\*)?\Z""")
_QUOTED = re.compile(r""""([^"\\]*(?:\\.[^"\\]*)*)"?""", re.DOTALL)
MOST_PARAMETERS = 12
_MOST_OF_PARAMETERS = 1_200  # bytes of a folded value


class Headers:
    """The fields of one header section, in order. Names are compared without regard to case."""

    __slots__ = ("_values", "cut")

    def __init__(self) -> None:
        self._values: dict[str, list[bytes]] = {}
        self.cut = False  # more fields than are looked at

    def raw(self, name: str) -> bytes | None:
        """The first value as it came, folded and encoded, or None."""
        found = self._values.get(name.lower())
        return found[0] if found else None

    def get(self, name: str) -> str | None:
        """The first value, unfolded and decoded, without controls; None where there is no such field."""
        found = self._values.get(name.lower())
        return value_of(found[0]) if found else None

    def get_all(self, name: str) -> list[str]:
        """All values in order, each as `get` gives it."""
        return [value_of(v) for v in self._values.get(name.lower(), ())]

    def structured(self, name: str, longest: int = MOST_OF_A_VALUE) -> str | None:
        """The first value unfolded, but with its encoded words left as they are.

        Addresses are taken apart first and decoded after: an encoded word may hold a comma or an
        angle bracket, and must not become one (RFC 2047 §5). Of the value `longest` bytes are looked at.
        """
        found = self._values.get(name.lower())
        return unfolded(found[0][:longest]) if found else None

    def with_parameters(self, name: str) -> tuple[str, dict[str, str]]:
        """The first value and its parameters, see `with_parameters`."""
        return with_parameters(self.structured(name, _MOST_OF_PARAMETERS) or "")

    def all_structured(self, name: str) -> list[str]:
        return [unfolded(v) for v in self._values.get(name.lower(), ())]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def add(self, name: str, value: bytes) -> None:
        self._values.setdefault(name.lower(), []).append(value)


def parse(raw: bytes, start: int = 0, end: int | None = None) -> tuple[Headers, int]:
    """The header section that begins at `start`, and where the body begins. Lines end in LF or CRLF."""
    headers = Headers()
    stop = min(len(raw) if end is None else end, start + MOST_BYTES)
    position, fields, slips = start, 0, 0
    while position < stop:
        match = _FIELD.match(raw, position, stop)
        if match:
            fields += 1
            if fields <= MOST_FIELDS:
                headers.add(match[1].decode("ascii"), match[2][:MOST_OF_A_VALUE])
            else:
                headers.cut = True
            position = match.end()
            continue
        blank = _BLANK.match(raw, position, stop)
        if blank:
            return headers, blank.end()
        # Neither a field nor the end: a mailbox's "From " line, a folded line that lost its blank,
        # or a body without the empty line before it. It is a slip if well-known fields follow.
        line_end = raw.find(b"\n", position, stop)
        following = raw[line_end + 1 : min(stop, line_end + 4000)] if line_end >= 0 else b""
        section = _SECTION_END.split(following, maxsplit=1)[0]
        slips += 1
        if raw[position : position + 5] in (b"From ", b">From") or (
            fields < MOST_FIELDS and slips <= MOST_SLIPS and _KNOWN.search(section)
        ):
            position = line_end + 1 if line_end >= 0 else stop
            continue
        return headers, position
    return headers, position


def unfolded(value: bytes) -> str:
    """A header value as text on one line, encoded words untouched."""
    text = charset.decode(value[:MOST_OF_A_VALUE])[0].strip()
    if "\n" in text:
        text = " ".join(line.strip(" \t") for line in text.replace("\r", "").split("\n"))
    return _BREAKING.sub(" ", text) if _BREAKING.search(text) else text


def value_of(value: bytes) -> str:
    return words_decoded(unfolded(value))


def words_decoded(text: str) -> str:
    """RFC 2047 encoded words in `text` decoded; no line break or other control can come out of it."""
    if "=?" not in text:
        return charset.repaired(text)
    pieces: list[str] = []
    last_end = 0
    held: tuple[str, bytes] | None = None  # charset and bytes of encoded words that touch
    for match in _ENCODED.finditer(text):
        between = text[last_end : match.start()]
        last_end = match.end()
        label, data = match[1].lower(), _word_bytes(match[2], match[3])
        # RFC 2047 §6.2: blanks between encoded words are not shown. A character may be cut in two
        # by programs that count bytes, so neighbours of one charset are decoded together.
        if held and not between.strip() and held[0] == label:
            held = (label, held[1] + data)
            continue
        if held:
            pieces.append(charset.decode(held[1], held[0])[0])
            if between.strip():
                pieces.append(between)
        else:
            pieces.append(between)
        held = (label, data)
    if held:
        pieces.append(charset.decode(held[1], held[0])[0])
    pieces.append(text[last_end:])
    decoded = "".join(pieces)
    return charset.cleaned(charset.repaired(_BREAKING.sub(" ", decoded))).strip()


def _word_bytes(encoding: str, text: str) -> bytes:
    if encoding in "qQ":
        return binascii.a2b_qp(text.replace(" ", "_").encode("utf-8"), header=True)
    return base64_bytes(text.encode("utf-8"))


_NOT_BASE64 = bytes(c for c in range(256) if not (chr(c).isalnum() and c < 128) and c not in b"+/=")


def base64_bytes(data: bytes) -> bytes:
    """What can be decoded of base64, broken padding and stray characters tolerated."""
    data = data.translate(None, _NOT_BASE64)
    decoded = bytearray()
    # Padding inside: pieces that were encoded one by one.
    for piece in data.split(b"="):
        if len(piece) > 1:
            usable = piece[: len(piece) - 1] if len(piece) % 4 == 1 else piece
            decoded += binascii.a2b_base64(usable + b"=" * (-len(usable) % 4))
    return bytes(decoded)


def with_parameters(value: str, longest: int = 800) -> tuple[str, dict[str, str]]:
    """A value such as Content-Type's: what comes first, in lower case, and its parameters.

    Continuations and charsets of RFC 2231 §3 and §4 are undone; so are encoded words, which are
    forbidden there and common. Names are in lower case.
    """
    value = value[:longest]
    first, _, rest = value.partition(";")
    plain: dict[str, str] = {}
    parts: dict[str, list[tuple[int, bool, str]]] = {}
    for written, text in islice(_assignments(rest), MOST_PARAMETERS):
        match = _PARAMETER_NAME.match(written)
        if match is None:
            continue
        name = match[1].lower()
        if match[2] is None and not match[3]:
            plain.setdefault(name, words_decoded(text))
        else:
            parts.setdefault(name, []).append((int(match[2] or 0), bool(match[3]), text))
    for name, found in parts.items():
        plain[name] = _continued(sorted(found, key=lambda part: part[0]))
    return first.strip().lower(), plain


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    """What stands on either side of each "=", quotes undone. Programs forget semicolons and quotation marks."""
    position = 0
    while (equals := text.find("=", position)) >= 0:
        before = text[position:equals].replace(";", " ").split()
        begin = equals + 1
        while begin < len(text) and text[begin].isspace():
            begin += 1
        quoted = _QUOTED.match(text, begin)
        if quoted:
            # RFC 5322 §3.2.1: a backslash goes, and what it stands before stays, another backslash too.
            value = "\\".join(piece.replace("\\", "") for piece in quoted[1].split("\\\\"))
            position = quoted.end()
        else:
            end = text.find(";", begin)
            position = end if end >= 0 else len(text)
            value = text[begin:position].strip()
        if before:
            yield before[-1], value


def _continued(parts: list[tuple[int, bool, str]]) -> str:
    label: str | None = None
    data = bytearray()
    for number, (_, encoded, text) in enumerate(parts):
        part = text
        if encoded and number == 0 and part.count("'") >= 2:
            label, _, part = part.split("'", 2)
        data += unquote_to_bytes(part) if encoded else part.encode("utf-8")
    decoded = charset.decode(bytes(data), label or "utf-8")[0]
    return charset.cleaned(_BREAKING.sub(" ", decoded)).strip()
