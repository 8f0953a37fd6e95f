"""From raw bytes to the parts of a mail that are read, whatever the bytes are (RFC 2045 to 2049).

The standard library's parser recurses into what it parses and is slow on what is made to be slow.
This one walks once over the bytes with a stack of open boundaries, so the work is bounded by the
size and the limits below, and nothing is copied before it is wanted.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field

from m4dbot.reading import charset, flowed
from m4dbot.reading.headers import Headers, base64_bytes, parse

MOST_PARTS = 500
MOST_DEPTH = 100
MOST_CANDIDATES = 20_000  # lines that begin with two dashes
MOST_TEXT = 500_000  # characters that are read of one mail's text

_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_MAILS = frozenset({"message/rfc822", "message/global"})
# RFC 6522 §4 and RFC 6533 §5; the second is a server's own invention, often seen.
_HEADER_SECTIONS = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})
_TEXT_BUT_DATA = frozenset({"text/calendar", "text/csv", "text/vcard", "text/x-vcard"})
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s{0,4}=\s{0,4}[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_GUESSED_BOUNDARY = re.compile(rb"(?:\A|\n)--([^\r\n]{1,200}?)[ \t]*\r?\nContent-", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,4000}>")


@dataclass(frozen=True, slots=True)
class RawAttachment:
    """A part that is not the mail's text. `name` is what the mail says, decoded; never a path.

    `inline` tells of pictures that the text shows (RFC 2387), a signature's logo for example.
    """

    name: str
    content_type: str
    encoded: bytes = field(repr=False)
    encoding: str = ""
    charset: str | None = None
    inline: bool = False

    @property
    def data(self) -> bytes:
        """The content, decoded each time it is asked for: attachments are mostly not read."""
        return transfer_decoded(self.encoded, self.encoding)

    @property
    def size(self) -> int:
        """Bytes, decoded; exact for well-formed base64, found without decoding it."""
        if self.encoding != "base64":
            return len(self.data) if self.encoding else len(self.encoded)
        # All lines but the last are of one length, so there is no need to look at every one.
        end = len(self.encoded)
        while end and self.encoded[end - 1] in b"\r\n \t":
            end -= 1
        line_end = self.encoded.find(b"\n", 0, end) + 1 or end + 1
        line = line_end - (2 if self.encoded[line_end - 2 : line_end - 1] == b"\r" else 1)
        full, rest = divmod(end, line_end)
        padding = self.encoded[max(0, end - 2) : end].count(b"=")
        return max(0, (full * line + min(rest, line)) * 3 // 4 - padding)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail taken apart. Text is NFC, with LF line ends and without controls.

    `plain` and `html` each hold the whole text, or are None: where one part of the text came only
    as HTML, `plain` is None and `html` has all of it. `status` and `disposition` are the groups of
    fields of message/delivery-status (RFC 3464 §2.1) and message/disposition-notification
    (RFC 8098 §3.1), names in lower case. `enclosed` are mails inside this one, as bytes;
    `returned` is the header section, at least, of the mail that a report is about.
    """

    headers: Headers
    content_type: str = "text/plain"
    plain: str | None = None
    html: str | None = None
    attachments: tuple[RawAttachment, ...] = ()
    status: tuple[dict[str, str], ...] = ()
    disposition: tuple[dict[str, str], ...] = ()
    calendar: str | None = None
    enclosed: tuple[bytes, ...] = ()
    returned: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Part:
    """An entity while the bytes are walked. `children` is set for multiparts only."""

    headers: Headers
    content_type: str
    parameters: dict[str, str]
    body_start: int
    end: int = -1
    boundary: bytes = b""
    children: list[_Part] | None = None


def open_mail(raw: bytes) -> Mail:
    """The mail in `raw`. Never raises; what is odd is in `notes`."""
    notes: list[str] = []
    start = _beginning(raw)
    if b"\n" not in raw[start : start + 20_000] and b"\r" in raw[start : start + 20_000]:
        raw = raw.replace(b"\r", b"\n")  # bare CRs, as old Macs wrote
        notes.append("lines end in bare carriage returns")
    top = _walk(raw, start, notes)
    if top.headers.cut:
        notes.append("only the first header fields were read, there are very many")
    return _Gathering(raw, notes).gather(top)


def _beginning(raw: bytes) -> int:
    start = 3 if raw[:3] == b"\xef\xbb\xbf" else 0
    while start < len(raw) and raw[start] in b"\r\n":
        start += 1
    return start


def _open_part(raw: bytes, start: int, default_type: str) -> _Part:
    headers, body_start = parse(raw, start)
    content_type, parameters = headers.with_parameters("content-type")
    if "/" not in content_type:
        # RFC 2045 §5.2: text/plain where nothing is said, or nothing sensible.
        content_type = "text/html" if content_type in ("html", "text/html") else default_type
    part = _Part(headers, content_type, parameters, body_start)
    if content_type.startswith("multipart/"):
        boundary = parameters.get("boundary", "").rstrip()[:200].encode("utf-8", "replace")
        if not boundary:
            guessed = _GUESSED_BOUNDARY.search(raw, max(body_start - 1, 0), body_start + 20_000)
            boundary = guessed[1] if guessed else b""
        if boundary:
            part.boundary, part.children = boundary, []
        else:
            part.content_type = "text/plain"
    return part


def _walk(raw: bytes, start: int, notes: list[str]) -> _Part:
    top = _open_part(raw, start, "text/plain")
    if top.children is None:
        top.end = len(raw)
        return top
    stack: list[_Part] = [top]
    levels: dict[bytes, int] = {top.boundary: 0}
    leaf: _Part | None = None
    parts = candidates = 0
    # A header section ends with a line break, which may be the one a delimiter begins with.
    position = max(top.body_start - 1, 0)
    while (dashes := raw.find(b"\n--", position)) >= 0:
        candidates += 1
        if candidates > MOST_CANDIDATES:
            notes.append("very many lines look like boundaries; the rest was taken as one part")
            break
        line_end = raw.find(b"\n", dashes + 3, dashes + 400)
        if line_end < 0:
            line_end = len(raw) if len(raw) <= dashes + 400 else dashes + 3
        line = raw[dashes + 3 : line_end].rstrip(b" \t\r")
        level, closing = levels.get(line), False
        if level is None and line.endswith(b"--"):
            level, closing = levels.get(line[:-2]), True
        if level is None:
            position = dashes + 3
            continue
        # A delimiter of an outer multipart ends all that is open inside it (RFC 2046 §5.1.2).
        ends = dashes - 1 if raw[dashes - 1 : dashes] == b"\r" else dashes
        if leaf is not None:
            leaf.end, leaf = max(ends, leaf.body_start), None
        for inner in stack[level + 1 :]:
            inner.end = ends
            del levels[inner.boundary]
        del stack[level + 1 :]
        if closing:
            # What follows is an epilogue. The boundary stays known: some programs go on after the end.
            position = line_end
            continue
        if parts >= MOST_PARTS:
            notes.append(f"more than {MOST_PARTS} parts; the rest was not looked at")
            break
        parts += 1
        mother = stack[-1]
        part = _open_part(
            raw,
            min(line_end + 1, len(raw)),
            "message/rfc822" if mother.content_type == "multipart/digest" else "text/plain",
        )
        if mother.children is not None:
            mother.children.append(part)
        if part.children is not None and len(stack) < MOST_DEPTH and part.boundary not in levels:
            levels[part.boundary] = len(stack)
            stack.append(part)
        else:
            if part.children is not None:
                if part.boundary not in levels:
                    notes.append("parts are nested too deep; the innermost were read as one text")
                part.children, part.content_type = None, "text/plain"
            leaf = part
        # The empty line that ends a header section may be the one before the next delimiter.
        position = max(part.body_start - 1, line_end)
    for part in (*stack, *((leaf,) if leaf is not None else ())):
        if part.end < 0:
            part.end = len(raw)
    if not top.children:
        top.children = None  # no delimiter was found: what is there is read as text
        top.content_type = "text/plain"
    return top


def transfer_decoded(data: bytes, encoding: str) -> bytes:
    """RFC 2045 §6 undone as far as it was done; an encoding that is not there is ignored."""
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding == "base64":
        return _base64_with_rest(data)
    if encoding in ("x-uuencode", "uuencode", "x-uue"):
        return _uu_decoded(data)
    return data


_BLANK_INSIDE = re.compile(rb"[^\s][ \t]+[^\s]")
_EMPTY_LINE = re.compile(rb"\n[ \t\r]*\n")
_FIRST_LINE_OF_BASE64 = re.compile(rb"\s*[A-Za-z0-9+/]{2,}={0,3}[ \t]*(?:\r?\n|\Z)")


def _base64_with_rest(data: bytes) -> bytes:
    """Base64, and the plain text that list programs append to it; or text that was labelled so by mistake."""
    prose = _BLANK_INSIDE.search(data) if b" " in data or b"\t" in data else None
    if prose is None:
        return base64_bytes(data)
    if not _FIRST_LINE_OF_BASE64.match(data):
        return data
    end = data.rfind(b"\n", 0, prose.start()) + 1
    empty = _EMPTY_LINE.search(data, 0, end)
    if empty:
        end = empty.start()
    meant = len(b"".join(data[:end].split()))
    if meant < 16 or meant % 4 == 1:
        return data
    return base64_bytes(data[:end]) + b"\n\n" + data[end:].lstrip(b"\r\n")


def _uu_decoded(data: bytes) -> bytes:
    decoded = bytearray()
    for line in data.splitlines():
        if line.startswith((b"begin ", b"end")) or not line:
            continue
        try:
            decoded += binascii.a2b_uu(line)
        except binascii.Error:
            # Some programs leave off trailing blanks; the length byte says what is meant.
            wanted = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                decoded += binascii.a2b_uu(line[:wanted])
            except binascii.Error:
                decoded += line + b"\n"
    return bytes(decoded)


class _Gathering:
    """Walks the tree of parts once and collects what each is for."""

    def __init__(self, raw: bytes, notes: list[str]) -> None:
        self.raw = raw
        self.notes = notes
        self.pieces: list[tuple[str | None, str | None]] = []  # plain and HTML of one stretch of text
        self.attachments: list[RawAttachment] = []
        self.status: list[dict[str, str]] = []
        self.disposition: list[dict[str, str]] = []
        self.enclosed: list[bytes] = []
        self.returned: bytes | None = None
        self.calendar: str | None = None
        self.left = MOST_TEXT

    def gather(self, top: _Part) -> Mail:
        self._visit(top, None)
        pieces = [p for p in self.pieces if p != (None, None)]
        plain: str | None = None
        html: str | None = None
        if pieces and all(p is not None for p, _ in pieces):
            plain = "\n\n".join(p.strip("\n") for p, _ in pieces if p) if len(pieces) > 1 else pieces[0][0]
        if any(h is not None for _, h in pieces):
            html = "\n".join(h if h is not None else _as_html(p or "") for p, h in pieces)
        return Mail(
            headers=top.headers,
            content_type=top.content_type,
            plain=plain if plain is not None or html is not None else "",
            html=html,
            attachments=tuple(self.attachments),
            status=tuple(self.status),
            disposition=tuple(self.disposition),
            calendar=self.calendar,
            enclosed=tuple(self.enclosed),
            returned=self.returned,
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _visit(self, part: _Part, mother: _Part | None) -> None:
        # The depth is bounded by the walk, far below Python's own limit.
        if not part.children:
            if part.children is not None:
                part.content_type = "text/plain"  # a multipart without a part: what is there is text
            self._leaf(part, mother)
        elif part.content_type == "multipart/alternative":
            self._alternative(part)
        else:
            if part.content_type == "multipart/encrypted":
                self.notes.append("the mail is encrypted and cannot be read")
            for child in part.children:
                self._visit(child, part)

    def _alternative(self, part: _Part) -> None:
        """RFC 2046 §5.1.4: the same text in several forms."""
        before = len(self.pieces)
        for child in part.children or ():
            self._visit(child, part)
        found = self.pieces[before:]
        plain = [p for p, _ in found if p is not None]
        html = [h for _, h in found if h is not None]
        one = "\n\n".join(plain) if plain else None
        other = "\n".join(html) if html else None
        if one is not None and other is not None and len(one.strip()) < 200:
            # "Your program shows no HTML", or nothing at all, where the words are in the HTML.
            words = len(_TAG.sub("", other[:100_000]).strip())
            if words > 3 * len(one.strip()) + 100 or (words and not one.strip()):
                one = None
                self.notes.append("the plain text stands in for the HTML and was not read")
        if one is not None and other is not None and not _TAG.sub("", other[:100_000]).strip():
            other = None
        self.pieces[before:] = [(one, other)]

    def _leaf(self, part: _Part, mother: _Part | None) -> None:
        kind = part.content_type
        encoding = (part.headers.structured("content-transfer-encoding", 200) or "").split(";")[0].strip().lower()
        encoding = encoding.strip("\"'")
        disposition, about = part.headers.with_parameters("content-disposition")
        name = about.get("filename") or part.parameters.get("name") or ""
        # A named text is a file, but for the first of all: some programs name the letter itself.
        named = bool(name) and mother is not None and bool(self.pieces or self.attachments)
        attached = disposition == "attachment" or named
        if kind == "text/calendar" and disposition != "attachment":
            self.calendar = self._text(part, encoding)
        elif kind in ("message/delivery-status", "message/global-delivery-status"):
            self.status += self._groups(part, encoding)
        elif kind in ("message/disposition-notification", "message/global-disposition-notification"):
            self.disposition += self._groups(part, encoding)
        elif kind in _MAILS or kind in _HEADER_SECTIONS:
            inside = transfer_decoded(self.raw[part.body_start : part.end], encoding)
            self.returned = self.returned or inside
            reported = mother is not None and mother.content_type == "multipart/report"
            if kind in _MAILS and not reported:
                self.enclosed.append(inside)
                self._attach(part, name or "forwarded mail.eml", encoding)
        elif kind in _SIGNATURES:
            pass  # belongs to the mail as its seal does, not to its content
        elif kind == "text/html" and not attached:
            self.pieces.append((None, self._text(part, encoding)))
        elif kind == "text/x-amp-html" and not attached:
            pass  # RFC 2046 §5.1.4: a third form of the same text
        elif kind.startswith("text/") and not attached and kind not in _TEXT_BUT_DATA:
            text = self._text(part, encoding)
            if kind in ("text/enriched", "text/richtext"):
                text = _TAG.sub("", text)
            self.pieces.append((text, None))
        else:
            if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
                self.notes.append("the mail is encrypted, or wrapped into its signature (S/MIME), and cannot be read")
            related = mother is not None and mother.content_type == "multipart/related"
            shown = kind.startswith("image/") and related and "content-id" in part.headers
            self._attach(part, name, encoding, inline=shown)

    def _attach(self, part: _Part, name: str, encoding: str, *, inline: bool = False) -> None:
        self.attachments.append(
            RawAttachment(
                name=name,
                content_type=part.content_type,
                encoded=self.raw[part.body_start : part.end],
                encoding=encoding,
                charset=part.parameters.get("charset"),
                inline=inline,
            )
        )

    def _text(self, part: _Part, encoding: str) -> str:
        # A quoted-printable character takes up to twelve bytes.
        most = self.left * (12 if encoding == "quoted-printable" else 4)
        if part.end - part.body_start > most:
            self.notes.append("the text is very long; only its beginning was read")
        data = transfer_decoded(self.raw[part.body_start : min(part.end, part.body_start + most)], encoding)
        label = part.parameters.get("charset")
        if not label and part.content_type == "text/html":
            found = _META_CHARSET.search(data, 0, 4_000)
            label = found[1].decode("ascii", "replace") if found else None
        text, odd = charset.decode(data, label)
        if odd:
            self.notes.append(odd)
        if len(text) > self.left:
            self.notes.append("the text is very long; only its beginning was read")
            text = text[: self.left]
        self.left -= len(text)
        text = charset.cleaned(charset.repaired(text))
        if part.content_type == "text/plain" and part.parameters.get("format", "").lower() == "flowed":
            text = flowed.unwrapped(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
        return text

    def _groups(self, part: _Part, encoding: str) -> list[dict[str, str]]:
        data = transfer_decoded(self.raw[part.body_start : min(part.end, part.body_start + 200_000)], encoding)
        groups: list[dict[str, str]] = []
        position = 0
        while position < len(data) and len(groups) < 200:
            fields, after = parse(data, position)
            group = {name: fields.get(name) or "" for name in fields}
            if group:
                groups.append(group)
            if after <= position:
                # Not a field: skip the line.
                after = data.find(b"\n", position) + 1 or len(data)
            position = after
        return groups


def _as_html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "<div>" + escaped.replace("\n", "<br>\n") + "</div>"
