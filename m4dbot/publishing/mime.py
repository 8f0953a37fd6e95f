"""From header, text and HTML to the bytes of a mail, with slots for what differs from person to person."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from urllib.parse import quote

from m4dbot.delivery.values import Slot
from m4dbot.publishing.headers import Headers, one_line
from m4dbot.publishing.values import File

WIDTH = 72  # columns of the text version; RFC 3676 §4.2 asks for at most 78


class Slots:
    """Marks for the per-person parts while a mail is made.

    A mark is a word of letters and digits that templates, inliner and encoders leave alone, and that nobody can
    write into a contribution because it is random.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._pattern = re.compile(rf"slot{secret}({'|'.join(s.name.replace('_', '') for s in Slot)})end")

    def __getitem__(self, slot: Slot) -> str:
        return f"slot{self._secret}{slot.name.replace('_', '')}end"

    def pieces(self, text: str) -> list[str]:
        """`text` cut at the marks, marks included, at the odd places."""
        return re.split(f"({self._pattern.pattern.replace('(', '(?:', 1)})", text)

    def lifted(self, content: bytes) -> tuple[bytes, tuple[tuple[int, str], ...]]:
        """`content` without the marks, and where they were: (offset, slot) in ascending order."""
        by_name = {s.name.replace("_", ""): s for s in Slot}
        found: list[tuple[int, str]] = []
        parts: list[bytes] = []
        size = at = 0
        for match in re.finditer(self._pattern.pattern.encode(), content):
            parts.append(content[at : match.start()])
            size += match.start() - at
            at = match.end()
            found.append((size, by_name[match[1].decode()].value))
        parts.append(content[at:])
        return b"".join(parts), tuple(found)


def body(headers: Headers, slots: Slots, text: str, html: str, *, language: str, files: Sequence[File] = ()) -> bytes:
    """The whole mail: `headers`, then text and HTML as alternatives (RFC 2046 §5.1.4), then attachments."""
    flowing = _part("text/plain; charset=utf-8; format=flowed", language, _quoted(flowed(text), slots))
    laid_out = _part("text/html; charset=utf-8", language, _quoted(html, slots))
    # The same content gives the same boundary, so that a mail rendered again is the same mail.
    mark = hashlib.sha256(slots.lifted(flowing + laid_out)[0]).hexdigest()[:24]
    alternatives = _multipart("alternative", f"alternative-{mark}", [flowing, laid_out])
    headers.raw("MIME-Version", "1.0")
    if not files:
        return bytes(headers) + alternatives
    return bytes(headers) + _multipart("mixed", f"mixed-{mark}", [alternatives, *map(_attached, files)])


def _part(content_type: str, language: str, encoded: bytes) -> bytes:
    head = Headers().raw("Content-Type", content_type).raw("Content-Language", language)
    return bytes(head.raw("Content-Transfer-Encoding", "quoted-printable")) + b"\r\n" + encoded


def _multipart(subtype: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    # An equals sign and an underscore together occur in no quoted-printable or base64 body (RFC 2045 §6.7).
    boundary = f"=_{boundary}"
    head = bytes(Headers().raw("Content-Type", f'multipart/{subtype}; boundary="{boundary}"'))
    delimiter = f"\r\n--{boundary}".encode()
    return head + b"".join(delimiter + b"\r\n" + part for part in parts) + delimiter + b"--\r\n"


_TYPE = re.compile(r"[a-z]{1,30}/[a-z0-9.+-]{1,100}")


def _attached(file: File) -> bytes:
    kind = file.content_type if _TYPE.fullmatch(file.content_type) else "application/octet-stream"
    name = one_line(file.name, 100).replace("/", "-").replace("\\", "-").replace('"', "'") or "attachment"
    # RFC 2231 §4 for what ASCII cannot say.
    shown = f'filename="{name}"' if name.isascii() else f"filename*=utf-8''{quote(name, safe='')}"
    head = Headers().raw("Content-Type", kind).raw("Content-Disposition", f"attachment; {shown}")
    head.raw("Content-Transfer-Encoding", "base64")
    return bytes(head) + b"\r\n" + base64.encodebytes(file.content).replace(b"\n", b"\r\n")


def _quoted(text: str, slots: Slots) -> bytes:
    """Quoted-printable (RFC 2045 §6.7) with CRLF. A slot stands on a line of its own, between soft breaks, so that
    lines stay short whatever is filled in."""
    pieces = slots.pieces(text)
    encoded = [
        piece.encode() if i % 2 else binascii.b2a_qp(piece.encode("utf-8", "replace"), istext=True)
        for i, piece in enumerate(pieces)
    ]
    joined = b"=\n".join(encoded)
    return joined.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def flowed(text: str) -> str:
    """Format=flowed (RFC 3676): paragraphs wrapped with a space before each soft break, so that phones reflow them.

    Every line of `text` is a paragraph. Lines that begin with a space, ">" or "From " are space-stuffed (§4.4).
    """
    lines: list[str] = []
    for line in text.split("\n"):
        if line == "-- ":
            lines.append(line)  # the signature separator is never flowed (§4.3)
            continue
        wrapped = _wrapped(line.rstrip(" "))
        lines += [f" {part}" if part.startswith((" ", ">", "From ")) else part for part in wrapped]
    return "\n".join(lines)


def _wrapped(line: str) -> list[str]:
    if len(line) <= WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip(" "))]
    lines, now = [], indent
    for word in line[len(indent) :].split(" "):
        if now.strip(" ") and len(now) + len(word) > WIDTH:
            lines.append(now)
            now = ""
        now += word + " "
    return [*lines, now.rstrip(" ")]
