"""What makes two mails the same mail.

Each way of arrival adds trace headers, changes line ends and the empty lines at the end; an mbox quotes lines that
begin with "From ". None of that is the sender's, so none of it counts.
"""

from __future__ import annotations

import hashlib
import re

from m4dbot.reading.addresses import message_id_of
from m4dbot.reading.headers import Headers, parse, unfolded

LONGEST_MESSAGE_ID = 250  # bytes; PostgreSQL's index takes 2,700 a row, RFC 5322 §2.1.1 lines of 998

# What the sender's program wrote and relays leave alone. Addressees are not among it: each list member's copy may
# name another one.
_WRITTEN = (
    "from",
    "sender",
    "reply-to",
    "date",
    "subject",
    "message-id",
    "in-reply-to",
    "references",
    "content-type",
    "content-transfer-encoding",
)
_QUOTED_FROM = re.compile(rb"^>+From ", re.MULTILINE)
_BLANKS = re.compile(r"\s+")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def headers_of(raw: bytes) -> tuple[Headers, int]:
    """A mail's header section, and where its body begins."""
    start = 0
    while start < len(raw) and raw[start] in b"\r\n":
        start += 1
    return parse(raw, start)


def content_hash(raw: bytes) -> str:
    """The SHA-256, in hexadecimal, of what the sender wrote."""
    return hash_of(raw, *headers_of(raw))


def hash_of(raw: bytes, headers: Headers, body_start: int) -> str:
    """`content_hash` of a mail whose headers were read before."""
    digest = hashlib.sha256()
    for name in _WRITTEN:
        value = headers.raw(name)
        if value is not None:
            text = _BLANKS.sub(" ", unfolded(value)).strip()
            digest.update(f"{name}:{text}\n".encode("utf-8", "surrogatepass"))
    body = raw[body_start:]
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b">From " in body:
        body = _QUOTED_FROM.sub(b"From ", body)
    digest.update(b"\n")
    digest.update(body.strip(b"\n"))
    return digest.hexdigest()


def stored_message_id(headers: Headers) -> str:
    """The Message-ID without angle brackets as the store keeps it, "" where there is none.

    One too long for an index keeps its beginning and gets a hash for the rest.
    """
    found = storable(message_id_of(headers.structured("message-id")) or "")
    encoded = found.encode("utf-8")
    if len(encoded) <= LONGEST_MESSAGE_ID:
        return found
    mark = hashlib.sha256(encoded).hexdigest()[:32]
    return encoded[: LONGEST_MESSAGE_ID - 33].decode("utf-8", "ignore") + "~" + mark


def storable(text: str, longest: int | None = None) -> str:
    """`text` without what a database refuses (NUL, lone surrogates), cut to `longest` characters."""
    if _UNSTORABLE.search(text):
        text = _UNSTORABLE.sub("\ufffd", text)
    return text if longest is None else text[:longest]
