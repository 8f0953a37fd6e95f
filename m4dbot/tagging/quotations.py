"""A mail's own words among what it quotes: which questions stand above which words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from m4dbot.reading.values import Block, Role
from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import Layout, lay_out
from m4dbot.tagging.marks import LONGEST_QUESTION, Mark, quotation_score
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import Vocabulary

LONGEST_QUOTE = 12_000  # characters of quoted text that are searched for questions
SURELY = 6.0  # the weight from which a quoted sentence is one of the questions


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quoted stretch: before which character of the own text it stands, the questions in it in order."""

    at: int
    tags: tuple[Tag, ...]


def own_and_quoted(blocks: Sequence[Block], questions: Questions, vocabulary: Vocabulary) -> tuple[str, list[Quoted]]:
    """The own text, an empty line between its blocks, and what is quoted around it."""
    own = ""
    quotes: list[Quoted] = []
    pending: list[str] = []
    budget = LONGEST_QUOTE

    def close() -> None:
        nonlocal budget
        if pending:
            quoted = "\n".join(pending)[:budget]
            budget -= len(quoted)
            quotes.append(Quoted(len(own), questions_in(quoted, questions, vocabulary)))
            pending.clear()

    for block in blocks:
        if block.role is Role.OWN:
            words = block.text.strip("\n")
            if words.strip():
                own += "\n\n" if own else ""
                close()
                own += words
        elif block.role in (Role.QUOTED, Role.FORWARDED) and budget > 0:
            pending.append(block.text)
    close()
    return own, quotes


def questions_in(quoted: str, questions: Questions, vocabulary: Vocabulary) -> tuple[Tag, ...]:
    """The questions in a quoted text, in order, each once where it is asked in several sentences."""
    plain = "\n".join(line.lstrip("> \t|") for line in quoted.split("\n"))
    layout = lay_out(plain, vocabulary)
    found: list[Tag] = []
    for sentence in (s for unit in layout.units for s in unit.sentences):
        words = sentence.last - sentence.first
        if not 3 <= words <= LONGEST_QUESTION:
            continue
        if not sentence.asks:
            pairs = questions.verbatim([t.word for t in layout.tokens[sentence.first : sentence.last]])
            if max(pairs.values(), default=0.0) < 0.6:
                continue
        scored = [
            (quotation_score(like, words), like.tag)
            for like in questions.like(layout.tokens, sentence.first, sentence.last)
        ]
        score, tag = max(scored, key=lambda pair: pair[0], default=(0.0, Tag()))
        if score >= SURELY:
            found.append(tag)
    return tuple(tag for tag, _ in groupby(found))


def answered_marks(layout: Layout, quotes: Sequence[Quoted]) -> list[Mark]:
    """Marks for own words right below a quoted question.

    A mail quoted as a whole above or below the answer holds all questions and marks none.
    """
    asking = [q for q in quotes if q.tags]
    marks = []
    for i, quote in enumerate(quotes):
        if not quote.tags or quote.at >= len(layout.text):
            continue
        kinds, weight = {"answered"}, 8.0
        if len(asking) == 1 and len(quote.tags) > 1:
            # All questions above the answer: written below the last one if more of the mail follows.
            if i + 1 == len(quotes):
                continue
            kinds, weight = {"answered", "below the last"}, 4.0
        unit = next((i for i, u in enumerate(layout.units) if u.start >= quote.at), None)
        if unit is None:
            continue
        tag, start = quote.tags[-1], layout.units[unit].start
        mark = Mark(start, start, unit, kinds, {tag: weight}, 0.0)
        mark.say(tag, f"written below quoted question {tag}")
        marks.append(mark)
    return marks
