"""From believed marks to passages: headings joined with what they head, neighbours with one tag made one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from m4dbot.tagging import calibration
from m4dbot.tagging.decoding import Believed
from m4dbot.tagging.lines import Layout
from m4dbot.tagging.values import Segment, Tag

SEVERAL = "quoted: several questions together"
_SIGN = 20  # characters
_SOME = 3  # words; a heading with fewer below it has no answer of its own


@dataclass(slots=True)
class Passage:
    """A stretch of the own text and its tag. `body` is where its label, heading or quotation ends."""

    start: int
    body: int
    end: int
    tag: Tag
    confidence: float
    evidence: list[str] = field(default_factory=list)
    quotes: bool = False  # begins with a question quoted
    asks: bool = False  # and that with its question mark
    labelled: bool = False  # begins with a label or figure, and "No." may be the answer
    replies: bool = False  # stands below a quoted question
    mentions: bool = False  # begins with a sentence that names a week
    turns: bool = False  # begins with a sentence that turns to another week
    unnamed: bool = False  # nothing but its words says what it answers

    def segment(self, text: str) -> Segment:
        """As handed to the outside."""
        words = text[self.start : self.end].strip()
        return Segment(words, self.tag.week, self.tag.question, self.confidence, tuple(self.evidence))


def passages_of(layout: Layout, believed: Sequence[Believed], chances: Mapping[int, float]) -> list[Passage]:
    """One passage for each mark that has words below it; what stands before the first is left out.

    `chances` is the chance of each week to be meant where a label does not say (calibration.of_weeks).
    """
    passages = []
    named: set[int | None] = set()
    for i, step in enumerate(believed):
        if step.mark.kinds & {"week", "week named"} and "mention" not in step.mark.kinds:
            named.add(step.tag.week)
        chance = 0.98 if step.tag.week in named else chances.get(step.tag.week or 0, 0.8)
        end = believed[i + 1].mark.start if i + 1 < len(believed) else len(layout.text)
        passages.append(
            Passage(
                step.mark.start,
                min(end, max(step.mark.start, step.mark.end)),
                end,
                step.tag,
                calibration.of_mark(step, chance),
                list(step.mark.evidence.get(step.tag, ())),
                "quoted" in step.mark.kinds,
                layout.text[: step.mark.end].rstrip("*_ ")[-1:] in ("?", "؟"),
                bool(step.mark.kinds & {"label", "number"}) and "quoted" not in step.mark.kinds,
                "answered" in step.mark.kinds,
                step.mark.kinds >= {"week", "mention"},
                "turn" in step.mark.kinds,
                step.mark.kinds == {"content"},
            )
        )
    return _headings_joined(layout, passages)


def words_between(layout: Layout, start: int, end: int) -> int:
    """How many words begin in a stretch of the text."""
    return bisect_left(layout.tokens, (end,)) - bisect_left(layout.tokens, (start,))


def joined(passages: Sequence[Passage]) -> list[Passage]:
    """Neighbours with the same tag made one passage."""
    result: list[Passage] = []
    for passage in passages:
        if result and result[-1].tag == passage.tag:
            before = result[-1]
            before.end = passage.end
            before.confidence = max(before.confidence, passage.confidence)
            before.evidence.extend(e for e in passage.evidence if e not in before.evidence)
        else:
            result.append(passage)
    return result


def _headings_joined(layout: Layout, passages: Sequence[Passage]) -> list[Passage]:
    """A heading with nothing below it belongs to the passage that follows it."""
    result: list[Passage] = []
    waiting: list[Passage] = []
    for passage in passages:
        if result and not waiting and passage.quotes and not passage.asks and result[-1].tag == passage.tag:
            result.append(passage)  # the answer takes up its question once more
        elif not _answered(layout, passage, waiting):
            waiting.append(passage)
        else:
            result.extend(_with_headings(waiting, passage))
            waiting = []
    return result + waiting


def _answered(layout: Layout, passage: Passage, above: Sequence[Passage]) -> bool:
    """Whether a passage has words of its own below what marks it. `above` are passages that have none."""
    words = words_between(layout, passage.body, passage.end)
    if words >= _SOME or (passage.replies and words):
        return True
    if passage.quotes and above and above[-1].tag == passage.tag:
        # An answer that takes up its question: "What is a plot?", "A plot is …".
        return words > 0 or layout.text[passage.start : passage.body].rstrip(' \t\n*_"')[-1:] not in "?؟:"
    below = layout.text[passage.body : passage.end].strip()
    if passage.quotes and any(c in "✓✔☑✗✘❤" or c >= "\U0001f300" for c in below[:_SIGN]):
        return True  # a thumb or a tick
    if not words and passage.labelled and layout.text[passage.start : passage.body].rstrip("*_ ")[-1:] in ".!":
        return True  # "Question 1: Licences."
    if not words or below.startswith(("(", "[")):
        return False
    return passage.quotes or (passage.labelled and below[-1] in ".!")


def _is_title(passage: Passage, below: Passage) -> bool:
    """Whether a heading without words below it is the title of all that follows, or of a section of questions."""
    if passage.labelled or passage.asks:
        return False
    return passage.start == 0 or (below.quotes and not passage.quotes)


def _with_headings(waiting: list[Passage], passage: Passage) -> list[Passage]:
    if not waiting:
        return [passage]
    questions = list(dict.fromkeys(p.tag for p in waiting if p.tag.question is not None))
    if len(questions) >= 2 and (passage.tag in questions or (len(questions) >= 3 and not passage.quotes)):
        # The questions copied out, and then answered one by one.
        listed = Passage(waiting[0].start, waiting[0].start, passage.start, Tag(passage.tag.week), 0.85, [SEVERAL])
        return [listed, passage]
    passage.start = waiting[0].start
    if passage.tag.question is None and questions:
        passage.tag = questions[-1]
    elif passage.tag not in questions and passage.tag.question is not None:
        questions.append(passage.tag)
    if len(questions) >= 3:
        # All questions one below the other, then one text: a list of them, not a heading.
        passage.tag, passage.confidence, passage.evidence = Tag(passage.tag.week), 0.6, [SEVERAL]
        return [passage]
    if len(questions) == 2 and not _is_title(waiting[0], passage):
        # Two questions answered as one; the first is as good as the second.
        passage.tag = questions[0]
        passage.confidence = min(passage.confidence, 0.8)
    passage.evidence = list(dict.fromkeys([e for p in waiting for e in p.evidence] + passage.evidence))
    return [passage]
