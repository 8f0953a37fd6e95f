"""Bodies: format=flowed, quoted-printable, slots."""

from __future__ import annotations

import email
import email.policy
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4dbot.delivery.values import Slot
from m4dbot.publishing import mime
from m4dbot.publishing.headers import Headers
from m4dbot.publishing.values import File
from tests.unit.publishing.conftest import unflowed

SLOTS = mime.Slots("0123456789abcdef")


@settings(deadline=None)
@given(st.text(st.sampled_from("ab é>.F\n -\u00a0"), max_size=400))
def test_flowed_text_reads_back(text: str) -> None:
    """Undone, format=flowed gives the lines as they were, but for blanks at their ends; lines stay short."""
    said = "\n".join(line.rstrip(" ") for line in text.split("\n"))
    laid_out = mime.flowed(said)
    assert unflowed(laid_out) == said
    for line in laid_out.split("\n"):
        assert not line.startswith((">", "From "))
        assert len(line) <= 78 or " " not in line.strip(" ")


def test_the_signature_separator_is_not_flowed() -> None:
    """RFC 3676 §4.3: "-- " stands alone, and does not draw the next line up."""
    assert mime.flowed("words\n-- \nfooter") == "words\n-- \nfooter"


def test_no_break_spaces_do_not_break() -> None:
    """French punctuation stays with its word."""
    lines = mime.flowed("mot " * 17 + "question\u00a0? suite").split("\n")
    assert any("question\u00a0?" in line for line in lines)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_bodies_read_back(text: str) -> None:
    """Whatever the text, the decoded body is that text with CRLF line ends, in lines of at most 76 characters."""
    encoded = mime._quoted(text.replace("\r", ""), SLOTS)
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    plain = quopri.decodestring(encoded.replace(b"\r\n", b"\n")).decode()
    assert plain == text.replace("\r", "")


def mail(text: str, html: str = "<p>x</p>", files: tuple[File, ...] = ()) -> bytes:
    return mime.body(Headers().raw("To", SLOTS[Slot.TO]), SLOTS, text, html, language="en", files=files)


def test_slots_are_lifted_out_in_order() -> None:
    """Marks in header, text and HTML become offsets at which the person's part is put in again."""
    text = f"Leave: {SLOTS[Slot.LEAVE]}\nSent to {SLOTS[Slot.RECIPIENT]}."
    content, slots = SLOTS.lifted(mail(text, f'<a href="mailto:{SLOTS[Slot.LEAVE]}">x</a>'))
    assert [name for _, name in slots] == ["to", "leave", "recipient", "leave"]
    assert b"slot" not in content
    values = {"to": b"r@e.example", "leave": b"g+leave-1-x@e.example", "recipient": b"r@e.example"}
    for offset, name in reversed(slots):
        content = content[:offset] + values[name] + content[offset:]
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["To"] == "r@e.example"
    plain = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert plain.strip() == "Leave: g+leave-1-x@e.example\nSent to r@e.example."
    assert message.get_body(("html",)).get_content().strip() == '<a href="mailto:g+leave-1-x@e.example">x</a>'


def test_nobody_can_write_a_mark() -> None:
    """A mark of another mail is plain text in this one."""
    other = mime.Slots("ffffffffffffffff")
    content, slots = SLOTS.lifted(mail(f"words {other[Slot.LEAVE]}"))
    assert [name for _, name in slots] == ["to"]
    assert other[Slot.LEAVE].encode() in content


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("reply.md", "reply.md"),
        ("réponse consolidée.md", "réponse consolidée.md"),
        ("../../etc/passwd", "..-..-etc-passwd"),
        ('a"; x="b.md', "a'; x='b.md"),
        ("a\r\nX-Evil: 1.md", "a X-Evil: 1.md"),
        ("", "attachment"),
    ],
)
def test_attachments(name: str, shown: str) -> None:
    """Attached files come back byte for byte; their names cannot leave the header."""
    content, _ = SLOTS.lifted(mail("words", files=(File(name, "text/markdown", b"\x00\xff# all\n" * 50),)))
    message = email.message_from_bytes(content, policy=email.policy.default)
    (part,) = message.iter_attachments()
    assert part.get_filename() == shown
    assert part.get_payload(decode=True) == b"\x00\xff# all\n" * 50
    assert part.get_content_type() == "text/markdown"
    assert part["X-Evil"] is None


def test_an_odd_content_type_becomes_bytes() -> None:
    """A content type that is none is not written."""
    content, _ = SLOTS.lifted(mail("words", files=(File("a", "text/html\r\nX: y", b"x"),)))
    (part,) = email.message_from_bytes(content, policy=email.policy.default).iter_attachments()
    assert part.get_content_type() == "application/octet-stream"
