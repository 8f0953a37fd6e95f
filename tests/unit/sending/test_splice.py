"""A mail is its rendering with a person's parts filled in, and nothing a person wrote can change its form."""

from __future__ import annotations

import email
import email.header
import email.policy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.delivery.addresses import sendable
from m4dbot.delivery.splice import Unfit, fill, prepare, value_of
from m4dbot.delivery.values import Slot

LINES = st.lists(st.sampled_from([b".", b"..", b".x", b"x", b"", b"x.", b"...."]), max_size=8)


def unstuffed(wire: bytes) -> bytes:
    """What a server takes down (RFC 5321 §4.5.2)."""
    assert wire.endswith(b".\r\n")
    body, end = wire[:-3], wire[-5:]
    assert end == b"\r\n.\r\n" or wire == b".\r\n"
    assert b"\r\n.\r\n" not in wire[:-3]
    return re.sub(rb"(?m)^\.", b"", body)


@given(LINES, LINES, st.sampled_from([b"v", b".v", b"..", b"a.b"]), LINES)
def test_what_arrives_is_what_was_meant(
    before: list[bytes], middle: list[bytes], value: bytes, after: list[bytes]
) -> None:
    """Dots at the beginning of lines survive, in the mail, in a value, and where the two meet."""
    first, second = b"\r\n".join(before), b"\r\n".join(middle)
    content = first + second + b"\r\n".join([*after, b""])
    slots = [[len(first), Slot.RECIPIENT], [len(first) + len(second), Slot.LEAVE]]
    values = {Slot.RECIPIENT.value: value, Slot.LEAVE.value: value}
    meant = first + value + second + value + content[len(first + second) :]
    if not meant.endswith(b"\r\n"):
        meant += b"\r\n"
    assert unstuffed(fill(prepare(content, slots), values)) == meant


def test_without_smtp_nothing_is_stuffed() -> None:
    """A Maildir gets the mail as it is."""
    assert fill(prepare(b"A: b\r\n\r\n.x\r\n", [], for_smtp=False), {}) == b"A: b\r\n\r\n.x\r\n"


@given(st.text(max_size=300), st.sampled_from(["ann@x.org", "o'neil+tag@x-y.example"]))
def test_a_name_never_leaves_its_header(name: str, address: str) -> None:
    """Whatever the name holds, the mail has one To with one address, and no other header appears."""
    value = value_of(Slot.TO, address=address, name=name, message_id="i@x.org", leave="l@x.org")
    mail = email.message_from_bytes(b"To: " + value + b"\r\nSubject: s\r\n\r\nbody\r\n", policy=email.policy.default)
    assert mail.keys() == ["To", "Subject"]
    assert [a.addr_spec for a in mail["To"].addresses] == [address]
    assert max(map(len, value.split(b"\r\n"))) <= 998
    assert value.isascii()


def test_a_name_arrives_as_it_was_written() -> None:
    """Accents, other scripts, quotes and commas."""
    for name in ("Zoë Müller", "Анна Каренина", 'Ann "the pen" O\'Neil, Dr.', "陈小明"):
        value = value_of(Slot.TO, address="ann@x.org", name=name, message_id="i@x.org", leave="l@x.org")
        mail = email.message_from_bytes(b"To: " + value + b"\r\n\r\n", policy=email.policy.default)
        assert mail["To"].addresses[0].display_name == name


def test_a_long_name_is_folded_between_encoded_words() -> None:
    """RFC 2047 §2: no encoded word over 75 characters, no line over 76; the words read as one name."""
    name = "Ångström " * 10
    value = value_of(Slot.TO, address="ann@x.org", name=name, message_id="i@x.org", leave="l@x.org")
    lines = value.decode("ascii").split("\r\n")
    assert len(lines) > 2
    assert all(len(line) <= 76 for line in lines)
    decoded = str(email.header.make_header(email.header.decode_header(value.decode("ascii"))))
    assert " ".join(decoded.split()) == f"{name.strip()} <ann@x.org>"


@pytest.mark.parametrize("slot", [Slot.MESSAGE_ID, Slot.LEAVE, Slot.RECIPIENT])
@pytest.mark.parametrize("value", ["", "a\r\nBcc: x@y.z", "a\nb", "a\x00b", "é@x.org"])
def test_a_value_that_could_end_a_line_is_refused(slot: Slot, value: str) -> None:
    """Line breaks, controls, anything beyond ASCII, and nothing at all."""
    with pytest.raises(Unfit):
        value_of(slot, address=value, name="", message_id=value, leave=value)


def test_an_address_in_a_quoted_printable_body_reads_as_itself() -> None:
    """An equals sign would start an escape (RFC 2045 §6.7)."""
    value = value_of(Slot.RECIPIENT, address="a=3dx@x.org", name="", message_id="i@x.org", leave="l@x.org")
    mail = email.message_from_bytes(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + value + b"\r\n")
    assert mail.get_payload(decode=True) == b"a=3dx@x.org\r\n"


@given(st.text(max_size=80))
def test_an_address_is_sendable_or_not(text: str) -> None:
    """Never raises; what it returns is one word of ASCII with one @ and stays as it is when asked again."""
    found = sendable(text)
    if found is not None:
        assert re.fullmatch(r"[!-~]+@[A-Za-z0-9_.-]+", found)
        assert "<" not in found
        assert ">" not in found
        assert sendable(found) == found
