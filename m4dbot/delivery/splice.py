"""The bytes of one mail: a rendering with a person's parts filled in.

What is the same for everybody is prepared once, dots stuffed (RFC 5321 §4.5.2) and cut at the slots; a mail is then
one join. Nothing a person's name or address holds can end a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from m4dbot.delivery.values import Rendered, Slot
from m4dbot.publishing.headers import Headers, one_line

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\x00")
_LONG = re.compile(rb"[^\n]{999}")  # RFC 5322 §2.1.1: 998 characters and CRLF
_PRINTABLE = re.compile(r"[ -~]+")
_SLOTS = frozenset(Slot)
_ATOMS = re.compile(r"[A-Za-z0-9-]+(?: [A-Za-z0-9-]+)*")
_NOT_PLAIN = re.compile(rb"[^A-Za-z0-9!*+/-]")


class Unfit(ValueError):
    """A mail that no server should be given."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rendering cut at its slots: `segments` has one piece more than `names`."""

    segments: tuple[bytes, ...]
    names: tuple[str, ...]
    # Whether slot i begins a line, so that a dot in its value would need stuffing.
    begins_line: tuple[bool, ...]
    eight_bit: bool
    size: int  # bytes without the per-person parts


def check_rendered(rendered: Rendered) -> None:
    """Raise Unfit for bare CR or LF, NUL, lines over 998 bytes, a missing end of the header, misplaced slots."""
    content = rendered.content
    if found := _BARE.search(content):
        raise Unfit(f"a rendered mail holds {found[0]!r} at byte {found.start()}; lines end in CRLF")
    if found := _LONG.search(content):
        raise Unfit(f"a rendered mail holds a line of more than 998 bytes at byte {found.start()}")
    if b"\r\n\r\n" not in content or not content.endswith(b"\r\n"):
        raise Unfit("a rendered mail has a header, an empty line, and ends in CRLF")
    offsets = [offset for offset, _ in rendered.slots]
    if offsets != sorted(offsets) or any(not 0 <= offset <= len(content) for offset in offsets):
        raise Unfit("the slots of a rendered mail are inside it, in ascending order")
    if unknown := [name for _, name in rendered.slots if name not in _SLOTS]:
        raise Unfit(f"there is no slot '{unknown[0]}'")


def prepare(content: bytes, slots: Sequence[Sequence[int | str]], *, for_smtp: bool = True) -> Prepared:
    """`content` cut at `slots` ([offset, name], ascending). For SMTP with dots stuffed and the final dot."""
    segments, names, begins = [], [], []
    at = 0
    line_begins = True  # whether what comes next stands at the beginning of a line
    for offset, name in [*((int(o), str(n)) for o, n in slots), (len(content), "")]:
        segment = content[at:offset]
        at = offset
        stuffed = segment.replace(b"\r\n.", b"\r\n..") if for_smtp else segment
        if for_smtp and line_begins and segment.startswith(b"."):
            stuffed = b"." + stuffed
        segments.append(stuffed)
        line_begins = segment.endswith(b"\r\n") or (not segment and line_begins)
        if name:
            names.append(name)
            begins.append(for_smtp and line_begins)
            line_begins = False  # values are never empty
    if for_smtp:
        segments[-1] += (b"" if line_begins else b"\r\n") + b".\r\n"
    return Prepared(tuple(segments), tuple(names), tuple(begins), not content.isascii(), len(content))


def fill(prepared: Prepared, values: Mapping[str, bytes]) -> bytes:
    """The mail with `values` (see `value_of`) in its slots."""
    if not prepared.names:
        return prepared.segments[0]
    pieces = [prepared.segments[0]]
    for i, name in enumerate(prepared.names):
        value = values[name]
        pieces += (b"." + value if prepared.begins_line[i] and value[:1] == b"." else value, prepared.segments[i + 1])
    return b"".join(pieces)


def value_of(slot: str, *, address: str, name: str, message_id: str, leave: str) -> bytes:
    """What stands in a slot. `leave` is the address that takes the person off. Raises Unfit for control characters
    and whatever else could end a line or a header; long names are folded between encoded words."""
    if slot == Slot.TO:
        if found := _plain_mailbox(name, address):
            return found
        try:
            return bytes(Headers().mailbox("To", one_line(name, 100), address))[4:-2]
        except ValueError as exc:
            raise Unfit(str(exc)) from None
    # In quoted-printable an equals sign stands for itself only as =3D (RFC 2045 §6.7).
    value = {Slot.MESSAGE_ID: message_id, Slot.LEAVE: leave, Slot.RECIPIENT: address.replace("=", "=3D")}[Slot(slot)]
    if not _PRINTABLE.fullmatch(value):
        raise Unfit(f"the part '{slot}' for {address!a} is empty or holds characters that do not belong into a mail")
    return value.encode("ascii")


def _plain_mailbox(name: str, address: str) -> bytes | None:
    """What `Headers.mailbox` makes of the names most people have, at a tenth of the cost; None for all others."""
    # Printable means: no control, no line separator, nothing that changes the direction of reading.
    if not name.isprintable() or not _PRINTABLE.fullmatch(address) or "<" in address or ">" in address:
        return None
    if _ATOMS.fullmatch(name):
        shown = name
    elif not name.isascii() and len(name) <= 40 and name == name.strip() and "  " not in name:
        # RFC 2047 §5 (3): in a phrase only these stand for themselves.
        encoded = _NOT_PLAIN.sub(lambda m: b"_" if m[0] == b" " else b"=%02X" % m[0][0], name.encode("utf-8"))
        shown = f"=?utf-8?q?{encoded.decode('ascii')}?="
    else:
        return None
    mailbox = f"{shown} <{address}>"
    return mailbox.encode("ascii") if len(mailbox) <= 72 else None
