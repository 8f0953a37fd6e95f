"""How like a question some words are: quoted in a sentence, named in a heading, treated in a passage."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from m4dbot.discussion.model import Discussion
from m4dbot.tagging.lines import Token
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import WORD, Sense, Vocabulary, Word

UNKNOWN = 0.8  # the weight of a word that is in no question
COGNATE = 0.7  # how much a word counts that only looks like a question's
_BRACKETS = re.compile(r"\([^()]{12,400}\)")
_TITLE = re.compile(r"\s*(?:[\d(]\S*\s+)?([^\W\d_][^.:?!\n]{2,60})[.:]\s+\S")
_MOST_REMEMBERED = 20_000  # words
_NAMES = Sense.QUESTION | Sense.WEEK


@dataclass(frozen=True, slots=True)
class Likeness:
    """A sentence held against a question.

    `share` is how much of the sentence is in the question, `matched` the weight of what they have in
    common, `covered` how much of the question is in the sentence, `verbatim` the share of the
    sentence's word pairs that stand so in one version of the question. All but `matched` are 0 to 1.
    """

    tag: Tag
    share: float
    matched: float
    covered: float
    verbatim: float


class Questions:
    """A discussion's questions, made ready for comparing."""

    def __init__(self, discussion: Discussion, vocabulary: Vocabulary) -> None:
        self.tags: list[Tag] = []
        self._vocabulary = vocabulary
        keys_of: list[set[str]] = []
        raw_versions: list[list[list[Word]]] = []
        self.headings: list[list[set[str]]] = []
        for week, question in discussion.questions():
            self.tags.append(Tag(week.number, question.number))
            texts = list(question.text.by_language.values())
            # Who copies a question leaves out what stands in brackets.
            texts += [bare for text in texts if (bare := _BRACKETS.sub(" ", text)) != text]
            versions = [self._words(text) for text in texts]
            labels = [self._words(text) for text in (*question.labels, *filter(None, map(_title, texts)))]
            raw_versions.append(versions)
            self.headings.append([{w.key for w in words if w.key} for words in labels])
            keys_of.append({w.key for words in (*versions, *labels) for w in words if w.key})
        count = Counter(key for keys in keys_of for key in keys)
        total = len(keys_of)
        self.weight = {key: math.log(1 + total / n) / math.log(1 + total) for key, n in count.items()}
        self.postings: dict[str, tuple[int, ...]] = {}
        for i, keys in enumerate(keys_of):
            for key in keys:
                self.postings[key] = (*self.postings.get(key, ()), i)
        self._found: dict[tuple[str, str], tuple[str, float] | None] = {}
        self._near: dict[str, str] = {}
        for versions in raw_versions:
            for word in (w for words in versions for w in words if w.near):
                self._near.setdefault(word.near, word.key)
        # Each version of each question has a number; its word pairs lead to it.
        self._pairs: dict[tuple[str, str], list[int]] = {}
        self._version_of: list[int] = []
        self._lightest: list[float] = []
        for i, versions in enumerate(raw_versions):
            weights = []
            for words in versions:
                for pair in set(_pairs(words)):
                    self._pairs.setdefault(pair, []).append(len(self._version_of))
                self._version_of.append(i)
                weights.append(sum(self.weight[k] for k in {w.key for w in words if w.key}))
            self._lightest.append(max(0.1, min(weights, default=1.0)))
        self._norm = [math.sqrt(sum(self.weight[k] ** 2 for k in keys)) or 1.0 for keys in keys_of]

    def _words(self, text: str) -> list[Word]:
        return [self._vocabulary.word(m.group()) for m in WORD.finditer(text)]

    def _find(self, word: Word) -> tuple[str, float] | None:
        """The questions' key a word stands for and how much it counts; None where it is in no question."""
        weight = self.weight.get(word.key)
        if weight is not None:
            return word.key, weight
        if word.near and (key := self._near.get(word.near)) is not None:
            return key, self.weight[key] * COGNATE
        return None

    def _remember(self, word: Word) -> tuple[str, float] | None:
        """The key a word stands for and what share of the key's weight it has; remembered, within bounds."""
        if len(self._found) > _MOST_REMEMBERED:
            self._found.clear()
        found = self._find(word)
        share = found and (found[0], found[1] / self.weight[found[0]])
        self._found[word.key, word.near] = share
        return share

    def like(self, tokens: Sequence[Token], first: int, last: int, most: int = 6) -> list[Likeness]:
        """The questions a sentence or heading is most like, best first; [] where it is like none."""
        words = [t.word for t in tokens[first:last]]
        seen: dict[str, float] = {}
        total = 0.0
        unknown: set[str] = set()
        for word in words:
            if not word.key or word.sense & _NAMES:
                continue
            found = self._find(word)
            if found is None:
                if word.key not in unknown:
                    unknown.add(word.key)
                    total += UNKNOWN
            elif found[1] > seen.get(found[0], 0.0):
                total += found[1] - seen.get(found[0], 0.0)
                seen[found[0]] = found[1]
        if not seen:
            return []
        matched: dict[int, float] = {}
        for key, weight in seen.items():
            for i in self.postings[key]:
                matched[i] = matched.get(i, 0.0) + weight
        best = sorted(matched, key=lambda i: (-matched[i], i))[:most]
        verbatim = self.verbatim(words)
        return [
            Likeness(
                self.tags[i],
                matched[i] / total,
                matched[i],
                min(1.0, matched[i] / self._lightest[i]),
                verbatim.get(i, 0.0),
            )
            for i in best
        ]

    def verbatim(self, words: Sequence[Word]) -> dict[int, float]:
        """For questions by index, the share of these word pairs that stand so in one version of it."""
        pairs = _pairs(words)
        if len(pairs) < 2:
            return {}
        counts: dict[int, int] = {}
        for pair in pairs:
            for version in self._pairs.get(pair, ()):
                counts[version] = counts.get(version, 0) + 1
        result: dict[int, float] = {}
        for version, n in counts.items():
            i = self._version_of[version]
            result[i] = max(result.get(i, 0.0), n / len(pairs))
        return result

    def named_in(self, tokens: Sequence[Token], first: int, last: int) -> Tag | None:
        """The question whose short heading, as the facilitator gave it, is all that stands here."""
        keys = {t.word.key for t in tokens[first:last] if t.word.key and not t.word.sense & _NAMES}
        if not keys:
            return None
        named = [
            tag
            for tag, headings in zip(self.tags, self.headings, strict=True)
            if any(keys == heading for heading in headings if heading)
        ]
        return named[0] if len(named) == 1 else None

    def taken_up_in(self, tokens: Iterable[Token], tag: Tag) -> tuple[int, float]:
        """How many of a question's notions occur in a passage, and what share of all its words they are."""
        index = self.tags.index(tag)
        kinds: set[str] = set()
        hits = words = 0
        for token in tokens:
            if token.word.key:
                words += 1
                found = self._find(token.word)
                if found is not None and index in self.postings[found[0]]:
                    kinds.add(found[0])
                    hits += 1
        return len(kinds), hits / max(1, words)

    def treated_in(self, tokens: Iterable[Token]) -> dict[Tag, float]:
        """How much each question's words occur in a passage: a cosine, 0 to 1."""
        counts: dict[str, float] = {}
        others = 0
        found_for = self._found
        for token in tokens:
            word = token.word
            if not word.key:
                continue
            try:
                found = found_for[word.key, word.near]
            except KeyError:
                found = self._remember(word)
            if found is None:
                others += 1
            else:
                key, share = found
                counts[key] = counts.get(key, 0.0) + share
        if not counts:
            return {}
        scores: dict[int, float] = {}
        size = 0.0
        for key, n in counts.items():
            value = self.weight[key] ** 2 * math.sqrt(n)
            size += self.weight[key] ** 2 * n
            for i in self.postings[key]:
                scores[i] = scores.get(i, 0.0) + value
        norm = math.sqrt(size + others * 0.1) or 1.0
        return {self.tags[i]: s / (self._norm[i] * norm) for i, s in scores.items()}


def _title(text: str) -> str:
    """ "Experience. What have you …?" and "Funding: who …?" begin with their title; empty without one."""
    title = _TITLE.match(text)
    return title[1] if title else ""


def _pairs(words: Sequence[Word]) -> list[tuple[str, str]]:
    """Neighbouring words, cut short so that slips at their ends do not matter."""
    return list(pairwise([w.head for w in words]))
