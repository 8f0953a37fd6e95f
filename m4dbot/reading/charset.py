"""From bytes to text: whatever the label says, whatever the bytes are, there is text in the end.

The order is: the declared charset, UTF-8, windows-1252. Labels lie in both directions, so a label
is believed only as far as the bytes allow.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import cache

# What is written on mail, and what its writers mean by it. ISO-8859-1 and ASCII are read as
# windows-1252, as every browser does (WHATWG Encoding §4.2): the C1 controls are never meant.
_ALIASES = {
    "ansi": "cp1252",
    "ascii": "cp1252",
    "ansix341968": "cp1252",
    "usascii": "cp1252",
    "iso646us": "cp1252",
    "iso88591": "cp1252",
    "iso8859": "cp1252",
    "latin1": "cp1252",
    "l1": "cp1252",
    "cp819": "cp1252",
    "windows1252": "cp1252",
    "iso88599": "cp1254",
    "latin5": "cp1254",
    "iso885911": "cp874",
    "windows874": "cp874",
    "tis620": "cp874",
    "iso88598i": "iso8859-8",
    "iso88598e": "iso8859-8",
    "iso88596i": "iso8859-6",
    "iso88596e": "iso8859-6",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb231280": "gb18030",
    "xgbk": "gb18030",
    "shiftjis": "cp932",
    "xsjis": "cp932",
    "sjis": "cp932",
    "ksc56011987": "cp949",
    "ksc5601": "cp949",
    "euckr": "cp949",
    "big5": "cp950",
    "macintosh": "mac_roman",
    "xmacroman": "mac_roman",
    "xmaccyrillic": "mac_cyrillic",
    "utf8": "utf-8",
    "unicode11utf8": "utf-8",
    "utf8mb4": "utf-8",
    "xutf8": "utf-8",
    "iso2022jp": "iso2022_jp_2",
}

# Python has codecs that are no charsets, and some of them are slow on purpose-made input.
_NOT_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs"})

_NOT_LABEL = re.compile(r"[^a-z0-9]")
_SINGLE_BYTE = re.compile(r"^(cp(125\d|866|437|850|874)|iso8859|koi8|mac)")
# Controls that are never text; TAB and LF stay. C1 (U+0080-9F) is what a wrong label leaves behind.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\u2028\u2029\ufeff\ufff0-\ufffb\ufffe\uffff]+")
_BREAKS = ("\x0b", "\x0c", "\x85", "\u2028", "\u2029")
# A character that UTF-8 read as windows-1252 leaves: a lead byte, then continuation bytes.
_LEAD_OF_MOJIBAKE = re.compile("[ÂÃâÐÑÎÏØÙ]")
_MOST_REPAIRED = 200_000  # characters
_CERTAIN = re.compile("[\u00a0-\u00ff\u2010-\u203a\u20ac]")


@cache
def codec_for(label: str) -> str | None:
    """The name of Python's codec for a charset label, or None where the label names no charset."""
    plain = _NOT_LABEL.sub("", label.lower()[:60])
    name = _ALIASES.get(plain)
    if name is None:
        try:
            info = codecs.lookup(label.strip().strip("\"'")[:60])
        except (LookupError, ValueError):
            return None
        if not getattr(info, "_is_text_encoding", True) or info.name in _NOT_CHARSETS:
            return None
        name = info.name
    return name


def _windows_1252(error: UnicodeError) -> tuple[str | bytes, int]:
    """Decoding, a wrong byte is read as windows-1252; encoding, the bytes it leaves undefined come back."""
    if isinstance(error, UnicodeDecodeError):
        return error.object[error.start : error.end].decode("cp1252", "replace"), error.end
    if isinstance(error, UnicodeEncodeError):
        wrong = error.object[error.start : error.end]
        if all(0x80 <= ord(c) <= 0x9F for c in wrong):
            return wrong.encode("latin-1"), error.end
    raise error


codecs.register_error("m4dbot.windows-1252", _windows_1252)


def decode(data: bytes, label: str | None = None) -> tuple[str, str]:
    """The text of `data` and a note on what was odd, "" where nothing was.

    `label` is the declared charset. Never raises.
    """
    name = codec_for(label) if label else None
    note = f"charset {label[:40]!r} is unknown" if label and name is None else ""
    if data.isascii() and not _says_more_in_ascii(name, data):
        if b"\x1b$" in data[:4096] or b"\x1b(" in data[:4096]:
            name = "iso2022_jp_2"  # RFC 1468: seven bits, told by its escape sequences alone
        else:
            return data.decode("ascii"), note
    if data[:3] == b"\xef\xbb\xbf":
        data, name = data[3:], "utf-8"
    elif data[:2] in (b"\xff\xfe", b"\xfe\xff") and len(data) % 2 == 0:
        name = "utf-16"
    if name is not None and name != "utf-8":
        try:
            text = data.decode(name)
        except (UnicodeError, ValueError):
            text = None
        if text is not None:
            if _SINGLE_BYTE.match(name) and (really := _certainly_utf_8(data)) is not None:
                return really, f"declared as {label}, is UTF-8"
            return text, note
        if not _SINGLE_BYTE.match(name):
            # Most of a text in a many-byte charset is better than none of it.
            text = data.decode(name, "replace")
            if text.count("\ufffd") * 20 < len(text):
                return text, f"some bytes are not {label}"
    try:
        return data.decode("utf-8"), note
    except UnicodeDecodeError:
        pass
    mixed = data.decode("utf-8", "replace")
    wrong, high = mixed.count("\ufffd"), len(mixed) - _ascii(mixed)
    if high - wrong > wrong:
        # Mostly UTF-8: a list's footer glued on, or a cut character. Only the wrong bytes are read otherwise.
        return data.decode("utf-8", "m4dbot.windows-1252"), "some bytes are not UTF-8"
    return data.decode("cp1252", "replace"), note or (f"not {label}, read as windows-1252" if label else "")


def _says_more_in_ascii(name: str | None, data: bytes) -> bool:
    """Whether ASCII bytes can mean something else in a charset: where it shifts, or fills up with NULs.

    In all others they are ASCII, or the label lies: nobody writes EBCDIC without a high byte.
    """
    if name is None or name.startswith(("utf-7", "hz", "iso2022")):
        return name is not None
    return name.startswith(("utf-16", "utf-32")) and b"\x00" in data


def _ascii(text: str) -> int:
    return len(text.encode("ascii", "ignore"))


def _certainly_utf_8(data: bytes) -> str | None:
    """`data` read as UTF-8 where nothing else can be meant, or None.

    Two capitals and a quotation mark can look like UTF-8 by chance ("CAFÉ»"); "Ã©" is never written.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if _CERTAIN.search(text):
        return text
    return text if len(text) - _ascii(text) >= 3 else None


def repaired(text: str) -> str:
    """`text` with mojibake undone where that is certain: UTF-8 that was read as windows-1252.

    Where not all of the text is broken, each line is taken by itself: a quotation may be, while the
    answer is not. A line is repaired only where all of it goes back to bytes and these are UTF-8.
    """
    if text.isascii() or not _LEAD_OF_MOJIBAKE.search(text):
        return text
    whole = _repaired_line(text)
    if whole is not text:
        return whole
    head, rest = text[:_MOST_REPAIRED], text[_MOST_REPAIRED:]
    return "\n".join(map(_repaired_line, head.split("\n"))) + rest


def _repaired_line(line: str) -> str:
    if line.isascii() or not _LEAD_OF_MOJIBAKE.search(line):
        return line
    try:
        data = line.encode("cp1252", "m4dbot.windows-1252")
    except UnicodeEncodeError:
        return line
    return _certainly_utf_8(data) or line


def cleaned(text: str) -> str:
    """`text` in NFC, lines ending in LF, without controls, overriding marks and BOMs."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROLS.search(text):
        for control in _BREAKS:
            text = text.replace(control, "\n")
        text = _CONTROLS.sub("", text.replace("\x00", ""))
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    # Ordering marks is quadratic in the length of a run of them, and no language needs thirty
    # (UAX #15 §13). Text made to hurt is left as it is.
    if _many_marks().search(text):
        return text
    return unicodedata.normalize("NFC", text)


@cache
def _many_marks() -> re.Pattern[str]:
    marks = [chr(c) for c in range(0x300, 0x20000) if unicodedata.combining(chr(c))]
    return re.compile("[" + "".join(map(re.escape, marks)) + "]{31}")
