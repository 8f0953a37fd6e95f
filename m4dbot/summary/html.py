"""The consolidated reply as one HTML page that stands alone: no script, no font, no picture from elsewhere.

Contributed words are text: the template escapes every value, web addresses become links here, and the page's own
policy (CSP) allows its one style sheet and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from m4dbot.resources import resource
from m4dbot.summary import outline
from m4dbot.summary.figures import Figures, figures
from m4dbot.summary.links import links
from m4dbot.summary.model import ConsolidatedReply, DocumentQuestion, Passage, Response
from m4dbot.summary.paragraphs import paragraphs
from m4dbot.summary.words import Words, words_in

if TYPE_CHECKING:
    from jinja2 import Template


def to_html(reply: ConsolidatedReply, language: str | None = None) -> str:
    """The document; `language` is that of the fixed words, the document's own unless given.

    Raises M4dbotError where there are no words in that language.
    """
    words = words_in(language or reply.language)
    counted = figures(reply)
    style = resource("templates").joinpath("summary", "document.css").read_text(encoding="utf-8")
    # The hash of exactly what stands between <style> and </style> (CSP Level 3 §6.6.2.2).
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _template().render(
        reply=reply,
        words=words,
        page=_Page(reply, words),
        figures=counted,
        charts=_charts(reply, words, counted),
        style=style,
        style_hash=f"sha256-{allowed}",
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resource("templates") / "summary"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("document.html.j2")


class _Page:
    """What the template asks for."""

    def __init__(self, reply: ConsolidatedReply, words: Words) -> None:
        self.reply, self.words = reply, words

    @property
    def title(self) -> str:
        return outline.title(self.reply, self.words)

    @property
    def titles(self) -> list[tuple[str, str]]:
        return outline.versions(self.reply.title, self.words.language, self.reply.languages)

    @property
    def issue(self) -> str:
        return outline.issue(self.reply, self.words)

    @property
    def tiles(self) -> list[tuple[str, str]]:
        return [self.words.count_parts(key, n) for key, n in outline.tiles(self.reply)]

    @property
    def countries(self) -> str:
        return self.words.names(outline.country_names(self.reply, self.words))

    @property
    def closing(self) -> list[str]:
        return outline.closing(self.reply, self.words)

    @property
    def documents(self) -> list[tuple[str, int]]:
        return [(name, r.number) for r in self.reply.responses for name in r.attachments]

    def week_title(self, number: int) -> str:
        return outline.week_title(self.reply, number, self.words)

    def versions(self, question: DocumentQuestion) -> list[tuple[str, str]]:
        return outline.versions(question.text, self.words.language, self.reply.languages)

    def question_text(self, question: DocumentQuestion) -> str:
        return outline.question_text(question, self.words, self.reply.languages)

    def byline(self, response: Response) -> tuple[str, str]:
        """Name and the rest of the line."""
        person = self.reply.person(response.person)
        name = person.name or self.words("nameless")
        return name, outline.byline(person, self.words).removeprefix(name).removeprefix(", ")

    def responses_of(self, number: int) -> tuple[int, ...]:
        return outline.responses_of(self.reply, self.reply.person(number))

    def response_line(self, response: Response) -> str:
        return outline.response_line(self.reply, response, self.words)

    def other_language(self, response: Response) -> str:
        return outline.other_language(response, self.words)

    def sections(self, response: Response) -> list[tuple[str, list[Passage]]]:
        """A response's passages, neighbours with one tag together under it."""
        return [(self.words.tag(tag), list(of)) for tag, of in groupby(response.passages, key=lambda p: p.tag)]

    def chunks(self, text: str) -> list[dict[str, Any]]:
        """Paragraphs and lists of contributed text; each line as pieces of text with the address they link to."""
        chunks: list[dict[str, Any]] = []
        for paragraph in paragraphs(text):
            lines = [_pieces(line) for line in paragraph.lines]
            if paragraph.marker == "•" and chunks and chunks[-1]["kind"] == "list":
                chunks[-1]["items"].append(lines)
            elif paragraph.marker == "•":
                chunks.append({"kind": "list", "items": [lines]})
            else:
                chunks.append({"kind": "text", "marker": paragraph.marker, "lines": lines})
        return chunks


def _pieces(line: str) -> list[tuple[str, str]]:
    pieces, at = [], 0
    for start, end, url in links(line):
        pieces += [(line[at:start], ""), (line[start:end], url)]
        at = end
    return [piece for piece in (*pieces, (line[at:], "")) if piece[0]]


def _charts(reply: ConsolidatedReply, words: Words, counted: Figures) -> list[dict[str, Any]]:
    """Bars: the label, the words it is short for, the figure and the bar's share of the longest in percent."""
    questions = {
        (week.number, q.number): outline.question_text(q, words, reply.languages)
        for week in reply.weeks
        for q in week.questions
    }
    per_question = [
        (words("short", week=w, question=q), questions[w, q], n, f"w{w}q{q}") for w, q, n in counted.by_question
    ]
    per_language = [(words.language_name(code), "", n, "") for code, n in counted.by_language]
    per_week = [(words("week", n=w), "", n, f"w{w}") for w, n in counted.by_week]
    charts = []
    for key, rows in (("per_question", per_question), ("per_week", per_week), ("per_language", per_language)):
        longest = max((n for _, _, n, _ in rows), default=0) or 1
        charts.append(
            {
                "key": key,
                "title": words(key),
                "rows": [
                    {"label": label, "text": text, "n": words.number(n), "share": round(100 * n / longest, 1), "to": to}
                    for label, text, n, to in rows
                ],
            }
        )
    return charts
