"""Which passage answers which week and question, on what evidence, how sure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from m4dbot.discussion.model import Discussion
from m4dbot.reading.values import Block, Reading, Role
from m4dbot.tagging import calibration, envelope
from m4dbot.tagging.counting import Counting
from m4dbot.tagging.decoding import Believed, believe
from m4dbot.tagging.envelope import Place
from m4dbot.tagging.labels import parse_tag, parse_tags
from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import Layout, lay_out
from m4dbot.tagging.marks import Mark, Marker, quotation_score
from m4dbot.tagging.numbering import add_numbers, answer_lists
from m4dbot.tagging.translated import translated_marks
from m4dbot.tagging.values import Context, Segment, Tag, Tagging
from m4dbot.tagging.vocabulary import vocabulary

__all__ = ["Tagger", "parse_tag", "parse_tags"]

NOTHING_KNOWN = Context()
OPENING = "opening: before the first question"
SEVERAL = "quoted: several questions together"
LONGEST_QUOTE = 12_000  # characters of quoted text that are searched for questions
SALUTATION = 12  # words; a longer opening is an introduction
QUOTED_SURELY = 6.0  # the weight from which a quoted sentence is one of the questions


@dataclass(slots=True)
class _Passage:
    start: int
    body: int  # where the words begin that are not label, heading or quotation
    end: int
    tag: Tag
    confidence: float
    evidence: list[str]
    believed: Believed | None = None


@dataclass(frozen=True, slots=True)
class _Quoted:
    """A quoted block between own ones: where in the own text it stands, the questions in it."""

    at: int
    tags: tuple[Tag, ...]
    first: bool
    after_own: bool


class Tagger:
    """Tags mails of one discussion. Made once (some milliseconds), then used for every mail."""

    def __init__(self, discussion: Discussion) -> None:
        self._discussion = discussion
        self._vocabulary = vocabulary()
        self._questions = Questions(discussion, self._vocabulary)
        self._counting = Counting(discussion)
        self._languages = {code[:2] for _, q in discussion.questions() for code in q.text.by_language}
        self._marker = Marker(self._questions, self._counting)

    def tag(
        self,
        reading: Reading,
        context: Context = NOTHING_KNOWN,
        received_at: datetime | None = None,
    ) -> Tagging:
        """The passages of a mail in order: all of the person's own words.

        `received_at` (aware) stands in where the mail has no date of its own. Pure: the same mail is
        always tagged the same.
        """
        text, quotes = self._own_text(reading.blocks)
        if not text.strip():
            return Tagging(())
        place = envelope.place_of(reading, self._discussion, self._counting, context, received_at)
        self._weigh_quotes(place, quotes)
        layout = lay_out(text, self._vocabulary)
        foreign = bool(reading.language) and (reading.language or "")[:2] not in self._languages
        marks = self._all_marks(layout, place, quotes, foreign)
        believed = believe(marks, place.weeks, place.question)
        passages = self._passages(layout, place, believed)
        return Tagging(tuple(self._segment(text, p) for p in passages if text[p.start : p.end].strip()))

    # Own text and what is quoted in it

    def _own_text(self, blocks: Sequence[Block]) -> tuple[str, list[_Quoted]]:
        parts: list[str] = []
        quotes: list[_Quoted] = []
        length, budget, first = 0, LONGEST_QUOTE, True
        pending: list[str] = []

        def close() -> None:
            nonlocal first, budget
            if pending:
                quoted = "\n".join(pending)[:budget]
                budget -= len(quoted)
                quotes.append(_Quoted(length, self._questions_in(quoted), first, length > 0))
                pending.clear()
                first = False

        for block in blocks:
            if block.role is Role.OWN:
                own = block.text.strip("\n")
                if not own.strip():
                    continue
                close()
                if parts:
                    parts.append("\n\n")
                    length += 2
                    if quotes and quotes[-1].at == length - 2:
                        quotes[-1] = _Quoted(length, quotes[-1].tags, quotes[-1].first, quotes[-1].after_own)
                parts.append(own)
                length += len(own)
            elif block.role in (Role.QUOTED, Role.FORWARDED) and budget > 0:
                pending.append(block.text)
        close()
        return "".join(parts), quotes

    def _questions_in(self, quoted: str) -> tuple[Tag, ...]:
        """The questions in a quoted text, in order."""
        plain = "\n".join(line.lstrip("> \t|") for line in quoted.split("\n"))
        layout = lay_out(plain, self._vocabulary)
        found: list[Tag] = []
        for unit in layout.units:
            for sentence in unit.sentences:
                words = sentence.last - sentence.first
                if not 3 <= words <= 110:
                    continue
                best = max(
                    (
                        (quotation_score(x, words), x)
                        for x in self._questions.like(layout.tokens, sentence.first, sentence.last)
                    ),
                    key=lambda pair: pair[0],
                    default=None,
                )
                if best is not None and best[0] >= QUOTED_SURELY and (sentence.asks or best[1].verbatim >= 0.6):
                    found.append(best[1].tag)
        return tuple(tag for tag, _ in groupby(found))

    def _weigh_quotes(self, place: Place, quotes: Sequence[_Quoted]) -> None:
        tags = [tag for quote in quotes for tag in quote.tags]
        if not tags:
            return
        weeks = {tag.week for tag in tags if tag.week is not None}
        if len(weeks) == 1:
            week = weeks.pop()
            place.add(week, envelope.QUOTED, f"quoted: the questions of week {week}")
        if len(set(tags)) == 1 and len(quotes) == 1:
            place.add_question(tags[0], 2.0, "quoted: one question of the mail replied to")

    def _answered(self, layout: Layout, quotes: Sequence[_Quoted]) -> list[Mark]:
        """Marks for own words right below a quoted question.

        A mail quoted as a whole above or below the answer holds all questions and marks none.
        """
        inline = [q for q in quotes if q.tags]
        if not inline:
            return []
        marks = []
        for quote in quotes:
            if not quote.tags or quote.at >= len(layout.text):
                continue
            alone = len(inline) == 1
            if alone and len(quote.tags) > 1:
                continue
            if quote.first and len(quote.tags) > 2 and not any(q.at > quote.at and q.tags for q in quotes):
                continue
            unit = next((i for i, u in enumerate(layout.units) if u.start >= quote.at), None)
            if unit is None:
                continue
            tag = quote.tags[-1]
            mark = Mark(layout.units[unit].start, layout.units[unit].start, unit, {"answered"}, {tag: 8.0}, 0.0)
            mark.say(tag, f"written below quoted question {tag}")
            marks.append(mark)
        return marks

    # Marks

    def _all_marks(self, layout: Layout, place: Place, quotes: Sequence[_Quoted], foreign: bool) -> list[Mark]:
        marks = self._marker.marks(layout) + self._answered(layout, quotes)
        marks.sort(key=lambda m: (m.start, m.end))
        sure = [m for m in marks if m.explicit and max(m.candidates.values()) > m.null + 1.5]
        if sure:
            # Who labels or quotes does not also hint: weak marks must be better then.
            marks = [m for m in marks if "mention" not in m.kinds or "week" in m.kinds]
        styles = {(u.bullet, u.style) for m in sure if (u := layout.units[m.unit]).bullet or u.number}
        for mark in marks:
            if mark.kinds == {"heading"}:
                unit = layout.units[mark.unit]
                if (unit.bullet, unit.style) in styles:
                    # Written like the headings that are known: this is one too.
                    mark.null -= 2.0
                elif len(sure) >= 2:
                    mark.null += 1.5
        week = self._likely_week(place, marks)
        if foreign and week is not None:
            tags = [tag for tag in self._questions.tags if tag.week == week]
            marks = translated_marks(layout, marks, self._questions, tags)
        lists = answer_lists(layout, marks, week, self._counting, lambda a, b, tag: self._fit(layout, a, b, tag))
        return add_numbers(layout, marks, lists) if lists else marks

    def _likely_week(self, place: Place, marks: Sequence[Mark]) -> int | None:
        weights = dict(place.weeks)
        for mark in marks:
            best = max(mark.candidates, key=lambda t: mark.candidates[t])
            if (
                mark.candidates[best] > mark.null
                and best.week is not None
                and ("quoted" in mark.kinds or "week" in mark.kinds)
            ):
                weights[best.week] = weights.get(best.week, 0.0) + 3.0
        if not weights:
            return None
        return max(weights, key=lambda w: (weights[w], -w))

    def _fit(self, layout: Layout, first: int, last: int, tag: Tag) -> float:
        treated = self._questions.treated_in(layout.tokens[first : min(last, first + 300)])
        mine = treated.get(tag, 0.0)
        others = max((v for t, v in treated.items() if t.week == tag.week and t != tag), default=0.0)
        if not mine + others:
            return 0.0
        # Faint likenesses are chance; from 0.2 on they count in full.
        return (mine - others) / (mine + others) * min(1.0, max(mine, others) / 0.2)

    # Passages

    def _passages(self, layout: Layout, place: Place, believed: list[Believed]) -> list[_Passage]:
        if not believed:
            return [self._whole(layout, place)]
        passages: list[_Passage] = []
        known = place.week is not None or len(self._discussion.weeks) == 1
        for i, step in enumerate(believed):
            end = believed[i + 1].mark.start if i + 1 < len(believed) else len(layout.text)
            week_known = known or "quoted" in step.mark.kinds
            evidence = list(step.mark.evidence.get(step.tag, ()))
            passages.append(
                _Passage(
                    step.mark.start,
                    max(step.mark.start, step.mark.end),
                    end,
                    step.tag,
                    calibration.of_mark(step, week_known),
                    evidence,
                    step,
                )
            )
        passages = self._without_empty(layout, passages)
        passages = self._opening(layout, place, passages)
        for passage in passages:
            if passage.tag.week is not None and passage.tag.question is None:
                self._fill(layout, place, passage)
        return _joined(passages)

    def _words(self, layout: Layout, start: int, end: int) -> int:
        return bisect_left(layout.tokens, (end,)) - bisect_left(layout.tokens, (start,))

    def _without_empty(self, layout: Layout, passages: list[_Passage]) -> list[_Passage]:
        """A heading with nothing below it belongs to the passage that follows it."""
        result: list[_Passage] = []
        waiting: list[_Passage] = []
        for passage in passages:
            if self._words(layout, passage.body, passage.end) < 3:
                waiting.append(passage)
                continue
            result.extend(_with_headings(waiting, passage))
            waiting = []
        if waiting:
            if result:
                result.extend(waiting)
            else:
                result = waiting
        return result

    def _opening(self, layout: Layout, place: Place, passages: list[_Passage]) -> list[_Passage]:
        first = passages[0]
        words = self._words(layout, 0, first.start)
        if words == 0:
            first.start = 0
            return passages
        if place.question is not None and place.question_weight >= 4 and words > SALUTATION:
            opening = _Passage(0, 0, first.start, place.question, 0.9, [place.question_evidence])
            return [opening, *passages]
        if words <= SALUTATION:
            first.start = 0
            return passages
        opening = _Passage(0, 0, first.start, Tag(first.tag.week, None), 0.85, [OPENING])
        return [opening, *passages]

    def _fill(self, layout: Layout, place: Place, passage: _Passage) -> None:
        """A passage below the name of a week only: its question, if the week has one or the words tell."""
        if OPENING in passage.evidence or passage.evidence[:1] == ["quoted: several questions together"]:
            return
        week = passage.tag.week
        if self._counting.counts.get(week or 0) == 1:
            passage.tag = Tag(week, 1)
            passage.evidence.append("the week's only question")
            passage.confidence = 0.9
            return
        tag, confidence, evidence = self._by_content(layout, passage.body, passage.end, {week or 0: 1.0}, True)
        if tag is not None:
            passage.tag, passage.confidence = tag, confidence
            passage.evidence.append(evidence)

    def _by_content(
        self, layout: Layout, start: int, end: int, weeks: dict[int, float], week_sure: bool
    ) -> tuple[Tag | None, float, str]:
        """What the words of a passage suggest among the questions of some weeks; None where they do not."""
        tokens = layout.tokens[bisect_left(layout.tokens, (start,)) : bisect_left(layout.tokens, (end,))]
        treated = self._questions.treated_in(tokens)
        scores = {tag: value * weeks[tag.week or 0] for tag, value in treated.items() if (tag.week or 0) in weeks}
        ranked = sorted(scores, key=lambda t: -scores[t])
        if not ranked:
            return None, 0.0, ""
        best = ranked[0]
        ratio = scores[best] / scores[ranked[1]] if len(ranked) > 1 and scores[ranked[1]] else 9.0
        if scores[best] < 0.12 or ratio < 1.15:
            return None, 0.0, ""
        confidence = calibration.of_content(treated[best], ratio, week_sure)
        return best, confidence, f"content: {treated[best]:.2f}, next {treated[best] / ratio:.2f}"

    def _whole(self, layout: Layout, place: Place) -> _Passage:
        """A mail without marks in its text: one passage."""
        end = len(layout.text)
        week = place.week
        if place.question is not None and place.question_weight >= 4:
            return _Passage(0, 0, end, place.question, 0.93, [place.question_evidence])
        said = place.evidence.get(week, []) if week is not None else []
        kinds = {e.partition(":")[0] for e in said}
        sure = bool(kinds - {"date"}) or len(self._discussion.weeks) == 1
        words = len(layout.tokens)
        if place.question is not None:
            return _Passage(0, 0, end, place.question, 0.7, [place.question_evidence, *said])
        if week is not None and sure and self._counting.counts[week] == 1 and words >= 15:
            return _Passage(0, 0, end, Tag(week, 1), 0.92, ["the week's only question", *said])
        top = max(place.weeks.values(), default=0.0)
        if sure and week is not None:
            weeks = {week: 1.0}
        else:
            weeks = {w: 1.0 if v >= top - 0.1 else 0.8 if v >= top - 1.6 else 0.55 for w, v in place.weeks.items()}
        if words >= 15:
            tag, confidence, evidence = self._by_content(layout, 0, end, weeks, sure)
            if tag is not None:
                others = place.evidence.get(tag.week or 0, [])
                return _Passage(0, 0, end, tag, confidence, [evidence, *others])
        if week is None and len(self._discussion.weeks) == 1:
            week = self._discussion.weeks[0].number
        return _Passage(0, 0, end, Tag(week, None), calibration.of_week(kinds) if week else 0.5, said)

    def _segment(self, text: str, passage: _Passage) -> Segment:
        return Segment(
            text[passage.start : passage.end].strip(),
            passage.tag.week,
            passage.tag.question,
            passage.confidence,
            tuple(passage.evidence),
        )


def _with_headings(waiting: list[_Passage], passage: _Passage) -> list[_Passage]:
    """A passage with the headings above it that have no words of their own below."""
    if not waiting:
        return [passage]
    questions = list(dict.fromkeys(p.tag for p in waiting if p.tag.question is not None))
    quoted = passage.believed is not None and "quoted" in passage.believed.mark.kinds
    if len(questions) >= 2 and (passage.tag in questions or (len(questions) >= 3 and not quoted)):
        # The questions copied out, and then answered one by one.
        listed = _Passage(
            waiting[0].start, waiting[0].start, passage.start, Tag(passage.tag.week), 0.85, [SEVERAL], None
        )
        return [listed, passage]
    passage.start = waiting[0].start
    if passage.tag.question is None and questions:
        passage.tag = questions[-1]
    elif passage.tag not in questions and passage.tag.question is not None:
        questions.append(passage.tag)
    above = [e for p in waiting for e in p.evidence]
    if len(questions) >= 3:
        # All questions one below the other, then one text: a list of them, not a heading.
        passage.tag, passage.confidence, passage.evidence = Tag(passage.tag.week), 0.6, [SEVERAL]
        return [passage]
    if len(questions) == 2:
        passage.tag = questions[0]
        passage.confidence = min(passage.confidence, 0.8)
    passage.evidence = list(dict.fromkeys(above + passage.evidence))
    return [passage]


def _joined(passages: list[_Passage]) -> list[_Passage]:
    """Neighbours with the same tag are one passage."""
    result: list[_Passage] = []
    for passage in passages:
        if result and result[-1].tag == passage.tag:
            result[-1].end = passage.end
            result[-1].confidence = max(result[-1].confidence, passage.confidence)
            result[-1].evidence.extend(e for e in passage.evidence if e not in result[-1].evidence)
        else:
            result.append(passage)
    return result
