"""From a mail's text and HTML to what its sender newly wrote."""

from __future__ import annotations

from m4dbot.reading.addresses import person_of
from m4dbot.reading.html import html_lines
from m4dbot.reading.mime import open_mail
from m4dbot.reading.quotes import MOST_LINES, Line, blocks_from, marked_lines
from m4dbot.reading.signed import signed
from m4dbot.reading.values import Block, Role

_MOST_CHARACTERS = 400_000


def blocks_of(plain: str | None, html: str | None) -> tuple[Block, ...]:
    """A mail's text as blocks: own words, quotations, attributions, signature and footers, in order.

    Together the blocks are the whole text, but for blanks. HTML is read where there is some, because its
    structure knows what is quoted, unless it holds much less than the plain text. Plain text is expected
    with format=flowed (RFC 3676) already unwrapped; quotations keep their marks there, see
    `quotes.without_marks`. The work is bounded: of a huge text the beginning is looked at, and the rest
    goes with the last block.
    """
    if html is not None and html.strip():
        lines, rest = html_lines(html)
        if rest or _holds_enough(lines, plain):
            return blocks_from(marked_lines(lines), rest)
    lines, rest = _lines_of_text(plain or "")
    return blocks_from(marked_lines(lines), rest)


def _holds_enough(lines: list[Line], plain: str | None) -> bool:
    found = sum(len(line.text.split()) for line in lines)
    if plain is None:
        return found > 0
    words = [word for word in plain[:_MOST_CHARACTERS].split() if "://" not in word and not word.startswith(">")]
    return found >= 0.5 * len(words)


def _lines_of_text(text: str) -> tuple[list[Line], str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    at = 0
    for _ in range(MOST_LINES):
        at = text.find("\n", at) + 1
        if not at or at > _MOST_CHARACTERS:
            break
    head, rest = (text[: at - 1], text[at:]) if at else (text, "")
    return [Line(line) for line in head.split("\n")], rest


def own_words_of(raw: bytes) -> str:
    """The words the sender of a mail newly wrote, with the name they may have put below them."""
    mail = open_mail(raw)
    sender = person_of(mail.headers.structured("from")).name
    blocks = signed(blocks_of(mail.plain, mail.html), (sender,), bare=False)
    return "\n\n".join(b.text.strip("\n") for b in blocks if b.role is Role.OWN).strip()
