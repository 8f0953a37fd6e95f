"""The header builder: what it writes reads back the same, and nothing gets out of its header."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4dbot.publishing.headers import HeaderRefused, Headers, encoded_words, one_line


def read(headers: Headers) -> email.message.EmailMessage:
    return email.message_from_bytes(bytes(headers) + b"\r\n", policy=email.policy.default)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_becomes_one_header(text: str) -> None:
    """Made one line, any text is a Subject of short ASCII lines that reads back as it was."""
    line = one_line(text)
    written = bytes(Headers().text("Subject", line))
    assert written.isascii()
    assert all(len(part) <= 998 for part in written.split(b"\r\n"))
    message = read(Headers().text("Subject", line))
    assert message.keys() == ["Subject"]
    assert " ".join(str(message["Subject"]).split()) == line


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_name_becomes_one_mailbox(name: str) -> None:
    """A From with any display name holds exactly one address, ours, and the name as it was."""
    shown = one_line(name, 120)
    message = read(Headers().mailbox("From", shown, "wells@groups.example.org"))
    assert message.keys() == ["From"]
    addresses = message["From"].addresses
    assert [a.addr_spec for a in addresses] == ["wells@groups.example.org"]


@pytest.mark.parametrize(
    "name",
    ["Awa Sène", "Sène, Awa (Dr.)", 'Awa "Wells" Sène', "ليلى منصور", "李 雷", "a@b.example", "Awa Sène via " * 8],
)
def test_names_read_back(name: str) -> None:
    """Commas, quotation marks, comments and other scripts survive in a display name."""
    message = read(Headers().mailbox("From", one_line(name, 120), "wells@groups.example.org"))
    # The standard library keeps the space between two encoded words, which RFC 2047 §6.2 says to ignore.
    assert " ".join(message["From"].addresses[0].display_name.split()) == one_line(name, 120)


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: x@example.org", "a\nb", "a\rb", "a\x00b", "a\u2028b", "a\x85b", "a\u202eb"]
)
def test_what_could_end_a_line_is_refused(value: str) -> None:
    """The builder refuses rather than repairs: such a value is a mistake of the caller."""
    with pytest.raises(HeaderRefused):
        Headers().text("Subject", value)
    with pytest.raises(HeaderRefused):
        Headers().raw("X-Test", value)
    with pytest.raises(HeaderRefused):
        Headers().mailbox("From", value, "wells@groups.example.org")


@pytest.mark.parametrize(
    "address",
    ["a@b\r\nBcc: c@d", "a b@c.example", "<a@b.example>", "a@b.example>, <c@d.example", "a", "é@b.example", ""],
)
def test_ill_formed_addresses_are_refused(address: str) -> None:
    """Only one plain address stands in a mailbox."""
    with pytest.raises(HeaderRefused):
        Headers().mailbox("To", "Name", address)


def test_foreign_identifiers_are_checked() -> None:
    """Identifiers out of other people's mail are left out where they could break the header."""
    message = read(Headers().ids("References", ["a@b", "x>\r\nBcc: y", "c d@e", "f@g", "a@b"]))
    assert message["References"].split() == ["<a@b>", "<f@g>"]
    assert bytes(Headers().ids("In-Reply-To", ["bad id"])) == b""


def test_one_line_cuts_at_a_word() -> None:
    """Too long a text ends at a word, with an ellipsis, and within its bound."""
    cut = one_line("water and more water " * 20, 50)
    assert len(cut) <= 50
    assert cut.endswith("water…") or cut.endswith("more…") or cut.endswith("and…")
    assert one_line(" a \t b\r\n c\x00\u202e d ") == "a b c d"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), min_size=1, max_size=200))
def test_encoded_words_stay_short(text: str) -> None:
    """RFC 2047 §2: no encoded word is longer than 75 characters."""
    assert all(len(word) <= 75 for word in encoded_words(text))
