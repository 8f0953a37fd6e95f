"""A discussion, contributions to it and the document of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from m4dbot.discussion.file import parse_discussion
from m4dbot.reading.values import ContributorLine
from m4dbot.summary.build import Approved, build
from m4dbot.summary.model import ConsolidatedReply, Passage

NOW = datetime(2027, 4, 20, 9, tzinfo=UTC)

DISCUSSION = parse_discussion("""
slug = "wells-2027"
title = { en = "Wells that last", fr = "Des puits qui durent", es = "Pozos que duran" }
timezone = "Africa/Dakar"
languages = ["en", "fr", "es"]

[[week]]
opens = 2027-03-01
closes = 2027-03-07
title = { en = "Digging", fr = "Creuser" }
[[week.question]]
text = { en = "Who digs?", fr = "Qui creuse ?", es = "¿Quién cava?" }
[[week.question]]
text = { en = "How deep?" }

[[week]]
opens = 2027-03-29
closes = 2027-04-04
[[week.question]]
text = { en = "Who repairs?", fr = "Qui répare ?", es = "¿Quién repara?" }
""")

Said = tuple[str, int | None, int | None]


def approved(number: int, *said: Said, unnumbered: bool = False, **values: Any) -> Approved:
    """An approved contribution of passages (text, week, question)."""
    passages = tuple(Passage(100 * number + i, i, *p) for i, p in enumerate(said, 1))
    values = {
        "text": "\n\n".join(p.text for p in passages),
        "received_at": datetime(2027, 3, 2, 8, number % 60, tzinfo=UTC),
        "author_name": f"Person {number}",
        "author_address": f"person{number}@example.org",
        "language": "en",
        **values,
    }
    return Approved(id=number, number=None if unnumbered else number, passages=passages, **values)


def line(name: str = "", role: str = "", organisation: str = "", place: str = "") -> ContributorLine:
    return ContributorLine(name, role, organisation, place)


def document(*contributions: Approved, language: str = "en", released: bool = True) -> ConsolidatedReply:
    reply = build(
        DISCUSSION,
        contributions,
        group_name="Wells & pumps network",
        group_address="wells@groups.example.org",
        facilitators=["Fay Facilitator"],
        language=language,
        now=NOW,
    )
    return reply.issued(1, NOW if released else None)


class Page(HTMLParser):
    """What a browser makes of a page: text, elements with their attributes, style."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.style = ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        self.text += "\n" if tag in {"p", "li", "div", "br", "h1", "h2", "h3", "h4", "td", "blockquote"} else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        self.text += "\n" if tag in {"p", "li", "div", "h1", "h2", "h3", "h4", "td", "th", "blockquote"} else ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.style += data
        else:
            self.text += data

    def attributes(self, name: str) -> list[str]:
        return [found for _, attributes in self.elements if (found := attributes.get(name)) is not None]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def holds(text: str, wanted: str) -> bool:
    """Whether the words of `wanted` stand in `text`, all of them and next to each other."""
    inside, sought = words(text), words(wanted)
    return not sought or f" {' '.join(sought)} " in f" {' '.join(inside)} "
