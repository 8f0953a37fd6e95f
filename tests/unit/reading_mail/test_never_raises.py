"""Whatever the bytes, reading gives a Reading, and the work it does is bounded."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4dbot.reading import mime
from m4dbot.reading import read as reading_module
from m4dbot.reading.mime import open_mail
from m4dbot.reading.read import read
from m4dbot.reading.values import Kind, Reading, Surroundings

MAILS = sorted((Path(__file__).resolve().parents[2] / "corpus" / "mails").glob("*.eml"))
AROUND = Surroundings(
    group_address="water@lists.example.org",
    facilitators=("maria@facil.example",),
    own_list_ids=("water.lists.example.org",),
    own_domains=("lists.example.org",),
)


def _holds(reading: Reading) -> None:
    """What is true of every reading."""
    assert isinstance(reading.kind, Kind)
    assert reading.reason
    assert "\n" not in reading.subject
    assert "\r" not in reading.subject
    assert not any(c in reading.author.address for c in "\r\n \x00")
    assert reading.date is None or reading.date.utcoffset() is not None
    assert all("\x00" not in block.text for block in reading.blocks)
    assert all(not set("/\\\r\n\x00") & set(a.name) for a in reading.attachments)
    hash(reading.blocks)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_read(raw: bytes) -> None:
    """Bytes that are no mail at all."""
    _holds(read(raw, AROUND))


_HEADERS = st.sampled_from(
    [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "References",
        "In-Reply-To",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "List-Id",
        "Auto-Submitted",
        "Precedence",
        "Return-Path",
        "X-Spam-Flag",
        "Sender",
        "Reply-To",
    ]
)
_VALUES = st.one_of(
    st.text(max_size=120),
    st.sampled_from(
        [
            "multipart/mixed; boundary=x",
            'multipart/alternative; boundary="x"',
            "multipart/report; report-type=delivery-status; boundary=x",
            "message/rfc822",
            "message/delivery-status",
            "text/html; charset=utf-7",
            "text/plain; charset=utf-16; format=flowed; delsp=yes",
            "base64",
            "quoted-printable",
            "x-uuencode",
            "<>",
            "=?utf-8?B?////?= <a@b.example>",
            "auto-replied",
        ]
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(_HEADERS, _VALUES), max_size=10),
    st.lists(
        st.one_of(
            st.text(max_size=200), st.sampled_from(["--x", "--x--", "", "> a", "-- ", "On x wrote:", "From: a@b"])
        )
    ),
)
def test_any_headers_and_lines_are_read(fields: list[tuple[str, str]], lines: list[str]) -> None:
    """Mail-shaped bytes with every kind of field and line."""
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    _holds(read((head + "\r\n" + "\r\n".join(lines)).encode("utf-8", "surrogatepass"), AROUND))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(MAILS), st.randoms(use_true_random=False))
def test_damaged_mails_are_read(path: Path, chance: random.Random) -> None:
    """The corpus with bytes flipped, cut out, doubled and swapped."""
    raw = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(raw)) if raw else 0
        length = chance.randint(1, 60)
        kind = chance.randrange(4)
        if kind == 0 and raw:
            raw[at] = chance.randrange(256)
        elif kind == 1:
            del raw[at : at + length]
        elif kind == 2:
            raw[at:at] = raw[at : at + length]
        else:
            raw[at:at] = bytes(chance.randrange(256) for _ in range(3))
    _holds(read(bytes(raw), AROUND))


def test_a_rule_that_fails_costs_nobody_his_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail is held as a contribution, its text and sender kept, and a note says what happened."""

    def fails(*_: object, **__: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(reading_module, "classify", fails, raising=False)
    monkeypatch.setattr("m4dbot.reading.read.classify", fails)
    found = read(b"From: Anna <a@x.example>\nSubject: wells\nMessage-ID: <1@x.example>\n\nWe dig wells.\n", AROUND)
    assert found.kind is Kind.CONTRIBUTION
    assert found.own_text == "We dig wells."
    assert found.author.address == "a@x.example"
    assert found.message_id == "1@x.example"
    assert "RecursionError" in "".join(found.notes)


def _nested(depth: int) -> bytes:
    head = b"From: a@x.example\n"
    for level in range(depth):
        head += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
    return head + b"Content-Type: text/plain\n\nWe dig wells.\n"


_PART = b"--x\r\nContent-Type: text/plain; " + b'a="\\' * 500 + b"\r\n\r\nhello\r\n"
HOSTILE = {
    "nested 1,000 deep": lambda: _nested(1_000),
    "nested 20,000 deep": lambda: _nested(20_000),
    "10,000 headers": lambda: b"".join(b"X-%d: y\r\n" % i for i in range(10_000)) + b"Subject: z\r\n\r\nWe dig wells.",
    "one header of a megabyte": lambda: b"Subject: " + b"a " * 500_000 + b"\r\n\r\nWe dig wells.",
    "5,000 nested comments": lambda: b"From: " + b"(" * 5_000 + b")" * 5_000 + b" a@x.example\r\n\r\nWe dig wells.",
    "20,000 addresses": lambda: b"To: " + b"a@x.example, " * 20_000 + b"\r\n\r\nWe dig wells.",
    "20,000 references": lambda: b"References: " + b"<a@x.example>\r\n " * 20_000 + b"\r\n\r\nWe dig wells.",
    "parameters without end": lambda: (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + _PART * 1_000 + b"--x--\r\n"
    ),
    "100,000 parts": lambda: b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\na\r\n" * 100_000,
    "lines like boundaries": lambda: (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n" + b"--\n" * 3_000_000
    ),
    "encoded words without end": lambda: b"Subject: " + b"=?utf-8?Q?a" * 3_000 + b"\r\n\r\nWe dig wells.",
    "combining marks": lambda: (
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nx" + ("e" + "\u0301\u0316" * 100_000).encode()
    ),
    "blanks": lambda: b"Subject: x\r\n\r\n" + b" " * 1_000_000 + b"x",
    "one line without end": lambda: b"Subject: x\r\n\r\n" + b"on behalf of " * 80_000,
    "spaced base64": lambda: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUJD " * 400_000,
    "delivery status without end": lambda: (
        b"From: mailer-daemon@x.example\nReturn-Path: <>\nContent-Type: message/delivery-status\n\n"
        + b"Final-Recipient: rfc822; a@x.example\nAction: failed\n\n" * 20_000
    ),
    "nothing but colons": lambda: (
        b"From: mailer-daemon@x.example\nSubject: Undeliverable\nReturn-Path: <>\n\n" + b": " * 200_000
    ),
    "addresses in prose": lambda: (
        b"From: mailer-daemon@x.example\nSubject: Undeliverable\nReturn-Path: <>\n\n" + b"a@" * 100_000
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_costs_bounded_work(name: str) -> None:
    """Seconds would mean work that grows faster than the mail; the bound is wide for slow machines."""
    raw = HOSTILE[name]()
    before = time.process_time()
    reading = read(raw, AROUND)
    assert time.process_time() - before < 2.5
    _holds(reading)


def test_deep_nesting_does_not_touch_the_recursion_limit() -> None:
    """The walk keeps its own stack: a low limit does not matter to it."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(250, len(__import__("inspect").stack()) + 200))
    try:
        mail = open_mail(_nested(5_000))
    finally:
        sys.setrecursionlimit(limit)
    assert "We dig wells." in (mail.plain or "")
    assert any("nested too deep" in note for note in mail.notes)


def test_a_huge_text_is_cut_and_says_so() -> None:
    """Of fifty megabytes the beginning is read."""
    mail = open_mail(b"Subject: x\n\n" + b"We dig wells.\n" * 3_600_000)
    assert mail.plain is not None
    assert len(mail.plain) <= mime.MOST_TEXT
    assert mail.notes == ("the text is very long; only its beginning was read",)


def test_a_large_attachment_is_not_decoded_to_be_listed() -> None:
    """Its size is told from the encoded form; its content is decoded when somebody asks for it."""
    raw = (
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nhello\n--x\nContent-Type: application/pdf; name=a.pdf\n"
        b"Content-Transfer-Encoding: base64\n\n" + (b"QUJD" * 19 + b"\n") * 1_000 + b"QUI=\n--x--\n"
    )
    (attachment,) = open_mail(raw).attachments
    assert attachment.size == len(attachment.data) == 19 * 3 * 1_000 + 2
