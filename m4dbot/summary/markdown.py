"""The consolidated reply as Markdown (CommonMark, with links between headings as most sites make them)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from m4dbot.summary.links import links
from m4dbot.summary.model import ConsolidatedReply
from m4dbot.summary.outline import Bars, Block, Contents, Heading, Items, Line, Said, outline
from m4dbot.summary.paragraphs import paragraphs
from m4dbot.summary.words import Words, words_in

# What could begin a span, a link, an entity, a table or a formula anywhere in a line …
_ANYWHERE = re.compile(r"([\\`*_\[\]<>&~|$])")
# … and what begins a heading, a list or a rule only in front of one.
_IN_FRONT = re.compile(r"^(?:([#+\-=:])|(\d{1,9})([.)]))")


def to_markdown(reply: ConsolidatedReply, language: str | None = None) -> str:
    """The document; `language` is that of the fixed words, the document's own unless given.

    Contributed words come out as the text they are, whatever marks they hold. Raises M4dbotError where there are
    no words in that language.
    """
    words = words_in(language or reply.language)
    blocks = list(outline(reply, words))
    return "\n\n".join(part for block in blocks for part in _parts(block, blocks, words)) + "\n"


def _parts(block: Block, blocks: list[Block], words: Words) -> Iterator[str]:
    match block:
        case Heading(level, text):
            yield f"{'#' * level} {escaped(_on_one_line(text))}"
        case Line(text, strong):
            yield f"**{escaped(_on_one_line(text))}**" if strong else _linked(text)
        case Said(text, by, response):
            quote = "" if response is None else "> "
            said = list(_said(text))
            if response is not None:
                said.append(f"— {escaped(by)} {_to(response, words)}")
            yield _prefixed("\n\n".join(said), quote)
        case Items(items, ordered):
            yield "\n".join(
                f"{f'{i}.' if ordered else '-'} {_linked(text)} {' '.join(_to(n, words) for n in numbers)}"
                for i, (text, numbers) in enumerate(items, 1)
            )
        case Bars(title, rows):
            yield f"**{escaped(title)}**"
            yield "\n".join(f"- {escaped(label)}{words('colon')}{words.number(n)}" for label, n in rows)
        case Contents():
            yield f"## {words('contents')}"
            sections = [b.text for b in blocks if isinstance(b, Heading) and b.level == 2]
            yield "\n".join(f"- [{escaped(text)}](#{_slug(text)})" for text in sections)


def _said(text: str) -> Iterator[str]:
    for paragraph in paragraphs(text):
        lines = [_linked(line) for line in paragraph.lines]
        if paragraph.marker == "•":
            lines = ["- " + lines[0], *("  " + line for line in lines[1:])]
        elif paragraph.marker:
            # The number as it was written: a list would be counted anew.
            lines[0] = f"{escaped(paragraph.marker)} {lines[0]}"
        # A backslash at the end of a line keeps the break.
        yield "\\\n".join(lines)


def _prefixed(text: str, prefix: str) -> str:
    return "\n".join((prefix + line).rstrip() for line in text.split("\n")) if prefix else text


def _to(response: int, words: Words) -> str:
    return f"[[{response}]](#{_slug(words('response', n=response))})"


def _slug(heading: str) -> str:
    """The anchor that GitHub, GitLab and pandoc derive from a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _linked(text: str) -> str:
    """One line, escaped, its web addresses as links."""
    text = _on_one_line(text)
    parts, at = [], 0
    for start, end, url in links(text):
        shown = text[start:end]
        parts.append(escaped(text[at:start], in_front=not at))
        parts.append(f"<{url}>" if shown == url else f"[{escaped(shown)}](<{url}>)")
        at = end
    return "".join((*parts, escaped(text[at:], in_front=not at)))


def escaped(text: str, in_front: bool = True) -> str:
    """One line of text that Markdown shows as it is; `in_front` where it stands at the start of a line."""
    text = _ANYWHERE.sub(r"\\\1", text)
    return _IN_FRONT.sub(_held, text) if in_front else text


def _held(found: re.Match[str]) -> str:
    mark, number, dot = found.groups()
    return f"\\{mark}" if mark else f"{number}\\{dot}"


def _on_one_line(text: str) -> str:
    # Not str.split(): French spaces before a colon are to stay unbreakable.
    return re.sub(r"[ \t\n]+", " ", text).strip()
