"""Text without marks that treats several questions one after the other: which of its sentences treats which."""

from __future__ import annotations

from collections.abc import Sequence

from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import Layout
from m4dbot.tagging.values import Tag

_SENTENCE = 4  # words
_LIKENESS = 0.25
_CLEARLY = 1.3  # times the next


def sentences_on(
    layout: Layout, questions: Questions, tags: Sequence[Tag], start: int, end: int
) -> list[tuple[int, Tag]]:
    """Where in a stretch of the text a sentence turns to one of `tags`, in order; the first may stand behind `start`.

    A sentence that says nothing clear goes with the one above.
    """
    wanted = set(tags)
    found: list[tuple[int, Tag]] = []
    for unit in layout.units:
        for n, sentence in enumerate(unit.sentences):
            place = sentence.start if n else unit.start
            if not start <= place < end or sentence.last - sentence.first < _SENTENCE:
                continue
            treated = questions.treated_in(layout.tokens[sentence.first : sentence.last])
            ranked = sorted(((v, t) for t, v in treated.items() if t in wanted), key=lambda pair: -pair[0])
            if not ranked or ranked[0][0] < _LIKENESS or (len(ranked) > 1 and ranked[0][0] < _CLEARLY * ranked[1][0]):
                continue
            if not found or found[-1][1] != ranked[0][1]:
                found.append((place, ranked[0][1]))
    return found
