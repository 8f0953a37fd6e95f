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
_MOST_TOGETHER = 4  # questions left above one stretch of an answer
_NOT_THE_LAST = 2.5  # less for those above the last of them
_IN_PLACE = 2.0  # more for the second paragraph to be about the second of two questions
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
        kinds, weight, tags = {"answered"}, 8.0, quote.tags
        if len(asking) == 1 and len(quote.tags) > 1:
            # All questions above the answer: written below the last one if more of the mail follows.
            if i + 1 == len(quotes):
                continue
            kinds, weight, tags = {"answered", "below the last"}, 4.0, quote.tags[-1:]
        end = next((q.at for q in quotes[i + 1 :] if q.at > quote.at), len(layout.text))
        below = [n for n, unit in enumerate(layout.units) if quote.at <= unit.start < end]
        if not below:
            continue
        marks += _below(layout, below, tags, kinds, weight)
    return marks


def _below(layout: Layout, below: Sequence[int], tags: Sequence[Tag], kinds: set[str], weight: float) -> list[Mark]:
    """A mark for the words below a quotation; where it holds a few questions, one for each paragraph.

    Who leaves two questions above one answer means the last, or both; who writes two paragraphs answers
    each in its place.
    """
    tags = tags[-_MOST_TOGETHER:]
    paragraphs = [n for n in below if n == below[0] or layout.units[n].begins] if len(tags) > 1 else below[:1]
    if len(paragraphs) < len(tags) == len(below):
        paragraphs = list(below)
    marks = []
    for k, index in enumerate(paragraphs):
        start = layout.units[index].start
        weights = (
            dict.fromkeys(tags, weight - _NOT_THE_LAST) | {tags[-1]: weight} if k == 0 else dict.fromkeys(tags, 0.0)
        )
        if len(paragraphs) == len(tags) > 1:
            weights = {tag: w + _IN_PLACE * (tag == tags[k]) for tag, w in weights.items()}
        mark = Mark(
            start, start, index, set(kinds) if k == 0 else {"content", "below a list"}, weights, 0.0 if k == 0 else 0.7
        )
        for tag in tags:
            mark.say(tag, f"written below quoted question {tag}")
        marks.append(mark)
    return marks
