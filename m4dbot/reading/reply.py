"""From a mail's text and HTML to what its sender newly wrote."""

from __future__ import annotations

from m4dbot.reading.html import html_lines
from m4dbot.reading.mime import open_mail
from m4dbot.reading.quotes import MOST_LINES, blocks_from, marked_lines
from m4dbot.reading.values import Block, Role

_MOST_CHARACTERS = 400_000


def blocks_of(plain: str | None, html: str | None) -> tuple[Block, ...]:
    """A mail's text as blocks: own words, quotations, attributions, signature and footers, in order.

    Together the blocks are the whole text, but for blanks. Plain text is expected with format=flowed
    (RFC 3676) already unwrapped. The work is bounded: of a huge text the beginning is looked at, and
    the rest goes with the last block.
    """
    if html is not None and html.strip():
        lines, rest = html_lines(html)
        if rest or any(line.text for line in lines):
            return blocks_from(lines, rest)
    return _blocks_of_text(plain or "")


def _blocks_of_text(text: str) -> tuple[Block, ...]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    at = 0
    for _ in range(MOST_LINES):
        at = text.find("\n", at) + 1
        if not at or at > _MOST_CHARACTERS:
            break
    head, rest = (text[: at - 1], text[at:]) if at else (text, "")
    return blocks_from(marked_lines(head), rest)


def own_words_of(raw: bytes) -> str:
    """The words the sender of a mail newly wrote."""
    mail = open_mail(raw)
    blocks = blocks_of(mail.plain, mail.html)
    return "\n\n".join(b.text.strip("\n") for b in blocks if b.role is Role.OWN).strip()
