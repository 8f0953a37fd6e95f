"""Marks: the places in a mail's own text where something says which question comes next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from m4dbot.tagging.counting import Counting
from m4dbot.tagging.labels import Label, labels_in
from m4dbot.tagging.likeness import Likeness, Questions
from m4dbot.tagging.lines import Layout, Sentence, Token, Unit, is_figures, is_row
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import Sense, Word, fold, vocabulary

LONGEST_HEADING = 14  # words
LONGEST_SENTENCE = 9  # words of a sentence that heads its paragraph
LONGEST_LISTED = 45  # words of a heading with a bullet or a figure
LONGEST_QUESTION = 110  # words
MOST_MARKS = 200
NAMED = 2.0
_MOST_SENTENCES = 6  # of a question
_LONGEST_GENERAL = 4  # words
_LONGEST_TOPIC = 12  # words before the figure of "On the markets (3): …"
_BRACKETED = re.compile(r"\((?:[^\W\d_]{1,8} )?(?:[nN][°ºo]?[.r]?[ \u00a0]?|#)?(\d{1,2})\)")
_AFTER_BRACKETS = (":", ",", ";", ".", "–", "—", "-")
_EARLY = 6  # words, among which a sentence says that it turns to something
_LONGEST_REMARK = 40  # characters behind a label in brackets
_DASH = re.compile(r"\s-\s")
_ANSWER_FOLLOWS = re.compile(r"[:–—=|\"”»]|\s-\s")
_BEFORE_ANSWER = ":–—=|"  # what stands between a question and an answer on its line


@dataclass(slots=True)
class Mark:
    """`start` is where a passage may begin, `end` where the words that mark it end.

    `candidates` weighs each tag the mark may mean, `null` the case that it means nothing.
    `kinds` are the kinds of evidence seen: "label" (besides: "week named", or "unsure" where its letter may mean
    something else), "subject" ("The third question is …"), "bracketed" ("On the markets (3): …"), "topic",
    "elliptic", "mention", "number", "week", "turn" (to another week), "quoted", "answered", "heading", "general",
    "content" (a paragraph, "below a list" of questions or not). "translated" and "form" stand beside what is known
    by its form only. `unit` is the index of the unit it stands in.
    """

    start: int
    end: int
    unit: int
    kinds: set[str]
    candidates: dict[Tag, float]
    null: float
    evidence: dict[Tag, list[str]] = field(default_factory=dict)
    section: int = 0  # the figures of "Question 1.2"
    part: int = 0

    def say(self, tag: Tag, evidence: str) -> None:
        said = self.evidence.setdefault(tag, [])
        if evidence not in said:
            said.append(evidence)

    def say_all(self, evidence: str) -> None:
        """The same for whatever the mark is taken to mean."""
        for tag in self.candidates:
            self.say(tag, evidence)

    @property
    def explicit(self) -> bool:
        return bool(self.kinds & {"label", "quoted", "answered"})


def best_of(mark: Mark) -> Tag:
    """What a mark means by itself."""
    return max(mark.candidates, key=lambda tag: mark.candidates[tag])


class Marker:
    """Finds the marks in a layout."""

    def __init__(self, questions: Questions, counting: Counting) -> None:
        self._questions = questions
        self._counting = counting

    def marks(self, layout: Layout, now: int = 0) -> list[Mark]:
        """The marks in order; `now` is the week open when the mail was written, 0 if unknown."""
        found: list[Mark] = []
        for index, unit in enumerate(layout.units):
            found.extend(self._in_unit(layout, index, unit, now))
            if len(found) > MOST_MARKS:
                break
        # "Week 1: … Week 2: …" line by line is a plan somebody tells of, not a heading.
        weekly = {m.unit for m in found if m.kinds == {"week"}}
        listed = {i for i in weekly if i + 1 in weekly or i - 1 in weekly}
        return [m for m in found if m.unit not in listed or m.kinds != {"week"}]

    def _in_unit(self, layout: Layout, index: int, unit: Unit, now: int) -> list[Mark]:
        general = self._general(layout, index, unit)
        if general is not None:
            return [general]
        marks: list[Mark] = []
        text, tokens = layout.text, layout.tokens
        label_end = unit.own
        label_mark: Mark | None = None
        labels = labels_in(text, tokens, unit.first, min(unit.last, unit.first + 40), now)
        if labels:
            label_mark = self._label_mark(layout, index, unit, labels)
            if label_mark is not None:
                marks.append(label_mark)
                label_end = label_mark.end
        else:
            label_mark = (
                self._topic_mark(layout, index, unit)
                or self._elliptic(layout, index, unit)
                or self._in_brackets(layout, index, unit)
            )
            if label_mark is not None:
                marks.append(label_mark)
                label_end = label_mark.end
        whole = self._whole_question(layout, index, unit, label_end)
        if whole is not None:
            if label_mark is not None and "week" not in label_mark.kinds:
                _merge(label_mark, whole)
            else:
                marks.append(whole)
        for k, sentence in enumerate(unit.sentences):
            if whole is not None and sentence.start < whole.end:
                continue
            first = sentence.first
            while first < sentence.last and tokens[first].start < label_end:
                first += 1
            at_start = k == 0 or (label_mark is not None and sentence.start <= label_end + 2)
            if k > 0 and not at_start:
                inner = self._inner_label(layout, index, unit, sentence, now)
                if inner is not None:
                    marks.append(inner)
                    continue
            found = self._quoted(layout, index, unit, sentence, first, at_start)
            if found is None:
                continue
            # A sentence of the same question right behind: one quotation.
            if at_start and label_mark is not None and "week" not in label_mark.kinds:
                _merge(label_mark, found)
            else:
                marks.append(found)
        if unit.sentences and not any(m.kinds & {"quoted"} for m in marks):
            heading = self._heading(layout, index, unit, label_end)
            if heading is not None:
                self._name_week(heading, layout, labels)
                if label_mark is not None and "week" not in label_mark.kinds:
                    _merge(label_mark, heading)
                else:
                    marks.append(heading)
        if label_mark is not None and label_mark.kinds == {"week"}:
            return _one_with_week(label_mark, marks)
        return marks

    def _general(self, layout: Layout, index: int, unit: Unit) -> Mark | None:
        """ "General comments", "Conclusion: …": a heading for what answers no question."""
        limit = layout.tokens[min(unit.first + _LONGEST_GENERAL, unit.last) - 1].end + 2
        end = layout.text.find(":", unit.own, min(limit, unit.end))
        end = end if end > 0 else unit.end
        if end > limit or fold(layout.text[unit.own : end]).strip(" \t\u00a0.*_#") not in vocabulary().general:
            return None
        mark = Mark(unit.start, end, index, {"general"}, {Tag(week): 6.0 for week in self._counting.counts}, 0.0)
        mark.say_all(evidence_of("heading", layout.text[unit.own : end]))
        return mark

    def _name_week(self, heading: Mark, layout: Layout, labels: list[Label]) -> None:
        """ "On the role of parents (week 2): …"."""
        named = {w for label in labels if layout.tokens[label.last - 1].end <= heading.end + 1 for w in label.weeks}
        for tag in heading.candidates:
            if tag.week in named:
                heading.candidates[tag] += 3.0
                heading.kinds.add("week named")
                heading.null = min(heading.null, 0.0)

    def _label_mark(self, layout: Layout, index: int, unit: Unit, labels: list[Label]) -> Mark | None:
        text, tokens = layout.text, layout.tokens
        for label in labels[:3]:
            before = [t.word for t in tokens[unit.first : label.first]]
            if any(w.sense & Sense.BACK and not w.sense & Sense.ABOUT for w in before[-4:]):
                continue
            if label.last < unit.last and _is_year(tokens[label.last].word.folded):
                continue  # "Q1 2024" is a quarter
            after = [t.word for t in tokens[label.last : min(label.last + 1, unit.last)]]
            stop = tokens[label.last - 1].end
            separated = label.last == unit.last or _separator(text, stop, unit.end)
            if after and after[0].sense & Sense.BACK and text[stop : stop + 1] == " " and not separated:
                continue
            leading = len(before) <= 7 and all(
                w.sense & (Sense.ABOUT | Sense.ANSWER | Sense.BETWEEN | Sense.JOINING | Sense.STOP | Sense.TOPIC)
                for w in before
            )
            framed = any(w.sense & (Sense.ABOUT | Sense.ANSWER) for w in before[-4:])
            if label.questions:
                if not leading and label.sure and separated and len(before) <= 3:
                    # "Guiding question 2:", "Discussion Question 3"
                    leading = True
                if not leading and label.sure and _names_a_heading(text, tokens, unit.first, unit.end, label):
                    leading, separated = True, True
                if leading and (separated or unit.words <= 8):
                    weight, null, kind = (6.0, -2.0, "label") if label.sure else (4.5, 0.0, "label")
                elif leading and label.sure and (not before or framed):
                    weight, null, kind = 5.0, 0.0, "label"
                elif label.sure and not label.weeks and unit.begins and index and _is_subject(tokens, unit, label):
                    # "The third question is the one that we discuss all day."
                    weight, null, kind = 4.0, 2.0, "subject"
                elif (
                    label.sure
                    and len(before) <= 16
                    and unit.begins
                    and (
                        _turns_to(before)
                        or turned_by(text, tokens, unit.first, label.first)
                        or (separated and _turns_to(before, stop=True))
                    )
                ):
                    # "I come now back to the first question, …"
                    weight, null, kind = 4.5, 1.0, "label"
                elif framed and label.sure and label.weeks and unit.begins and len(before) <= 12:
                    # "Finally, a late answer to the third question of week one: …"
                    weight, null, kind = 4.0, 1.0, "label"
                elif framed and label.sure and index <= 4 and label.first - unit.first <= 35:
                    weight, null, kind = 4.0, 1.5, "mention"
                else:
                    continue
                mark = self._question_label(layout, index, unit, label, weight, null, kind)
                if mark is not None and not label.sure:
                    mark.kinds.add("unsure")
                return mark
            if label.weeks and (leading or len(before) <= 3) and (separated or unit.words <= 8):
                weeks = [w for w in label.weeks if w in self._counting.counts]
                if not weeks or not label.sure:
                    continue
                said = text[tokens[label.first].start : stop]
                mark = Mark(unit.start, stop, index, {"week"}, {Tag(w): 6.0 for w in weeks[:1]}, -1.0)
                mark.say(Tag(weeks[0]), f"week: '{said}'")
                self._named_beside(mark, layout, unit.first, label.first)
                return mark
            if label.weeks and framed and index <= 4 and label.sure and len(label.weeks) == 1:
                week = label.weeks[0]
                if week in self._counting.counts:
                    said = text[tokens[label.first].start : stop]
                    mark = Mark(unit.start, unit.start, index, {"week", "mention"}, {Tag(week): 3.0}, 0.0)
                    mark.say(Tag(week), f"week: '{said}'")
                    return mark
        return None

    def _named_beside(self, mark: Mark, layout: Layout, first: int, last: int) -> None:
        """ "Training (week 3)": the words before a week's name may say which of its questions."""
        week = best_of(mark).week
        for like in self._questions.like(layout.tokens, first, last):
            score = heading_score(like)
            if like.tag.week == week and score >= NAMED:
                mark.kinds |= {"heading", "week named"}
                mark.candidates[like.tag] = 4.0 + score
                mark.say(like.tag, evidence_of("heading", layout.text[mark.start : mark.end]))

    def _question_label(
        self, layout: Layout, index: int, unit: Unit, label: Label, weight: float, null: float, kind: str
    ) -> Mark | None:
        text, tokens = layout.text, layout.tokens
        candidates = {tag: weight + less for tag, less in self._counting.tags(label.questions[0], label.weeks).items()}
        if not candidates:
            return None
        if label.weeks:
            candidates = {t: s + 3.0 for t, s in candidates.items()}
        end = unit.start if kind == "mention" else tokens[label.last - 1].end
        mark = Mark(unit.start, end, index, {kind}, candidates, null)
        if label.weeks:
            mark.kinds.add("week named")
        if label.part:
            mark.section, mark.part = label.questions[0], label.part
        said = text[tokens[label.first].start : tokens[label.last - 1].end]
        mark.say_all(f"ordinal: '{said}'")
        return mark

    def _topic_mark(self, layout: Layout, index: int, unit: Unit) -> Mark | None:
        """ "Answer 2:", "Topic 3 –"."""
        tokens = layout.tokens
        if unit.words < 2:
            return None
        word, figure = tokens[unit.first].word, tokens[unit.first + 1]
        number = bool(word.sense & Sense.NUMBER_SIGN) and len(word.folded) > 2
        if not (number or word.sense & (Sense.ANSWER | Sense.TOPIC)) or not figure.word.cardinal:
            return None
        between = layout.text[tokens[unit.first].end : figure.start]
        if between.strip(" .#°:-\u00a0") or not (number or figure.word.folded.isdigit()):
            return None
        third = tokens[unit.first + 2].word if unit.words > 3 else None
        several = third is not None and third.sense & Sense.JOINING and tokens[unit.first + 3].word.folded.isdigit()
        if not several and not _separator(layout.text, figure.end, unit.end) and unit.words > 2:
            return None
        answer = bool(word.sense & Sense.ANSWER)
        label = Label(unit.first, unit.first + 2, (), (figure.word.cardinal,))
        if answer:
            return self._question_label(layout, index, unit, label, 5.5, -1.0, "label")
        mark = self._question_label(layout, index, unit, label, 4.0, 1.0, "topic")
        if mark is not None and number:
            mark.kinds.add("said")
        return mark

    def _elliptic(self, layout: Layout, index: int, unit: Unit) -> Mark | None:
        """ "As for the second, …", after a question was named in full; "On 2: …"."""
        tokens = layout.tokens
        for i in range(unit.first, min(unit.first + 9, unit.last)):
            word = tokens[i].word
            if word.ordinal:
                after = layout.text[tokens[i].end : tokens[i].end + 1]
                if i == unit.first or after not in (",", ":", "."):
                    return None
                if not any(t.word.sense & Sense.ABOUT for t in tokens[unit.first : i]):
                    return None
                label = Label(i, i + 1, (), (word.ordinal,))
                return self._question_label(layout, index, unit, label, 5.0, 0.0, "elliptic")
            if word.folded.isdigit() and i > unit.first:
                rest = layout.text[tokens[i].end : tokens[i].end + 3]
                if rest.lstrip(" \u00a0")[:1] not in tuple(":)(–—") and not rest.startswith((" - ", ". ", ".:", ".)")):
                    return None
                if not any(t.word.sense & Sense.ABOUT for t in tokens[unit.first : i]):
                    return None  # "What are the (6) kinds of …?"
                label = Label(i, i + 1, (), (word.cardinal,))
                return self._question_label(layout, index, unit, label, 4.0, 1.0, "topic")
            if not word.sense & (Sense.ABOUT | Sense.BETWEEN | Sense.STOP | Sense.TOPIC):
                return None
        return None

    def _in_brackets(self, layout: Layout, index: int, unit: Unit) -> Mark | None:
        """ "On the markets (3): …", "Prices (your no. 2)"; among other labels only."""
        tokens = layout.tokens
        limit = tokens[min(unit.first + _LONGEST_TOPIC, unit.last) - 1].end + 3
        found = _BRACKETED.search(layout.text, unit.own, min(limit, unit.end))
        if not unit.begins or found is None:
            return None
        after = layout.text[found.end() : unit.end].strip(" \u00a0*_")
        before = [t.word for t in tokens[unit.first : unit.last] if t.end <= found.start()]
        turns = _turns_to(before, stop=True) or any(w.sense & Sense.TURNING for w in before[:_EARLY])
        if after and not (turns and after.startswith(_AFTER_BRACKETS)):
            return None
        inside = [i for i in range(unit.first, unit.last) if found.start() < tokens[i].start < found.end()]
        small = Sense.QUESTION | Sense.NUMBER_SIGN | Sense.ABOUT | Sense.BETWEEN | Sense.STOP
        if not inside or not all(tokens[i].word.sense & small for i in inside[:-1]):
            return None
        label = Label(inside[-1], inside[-1] + 1, (), (int(found[1]),))
        mark = self._question_label(layout, index, unit, label, 5.0, 0.5, "bracketed")
        if mark is not None:
            mark.end = found.end()
        return mark

    def _inner_label(self, layout: Layout, index: int, unit: Unit, sentence: Sentence, now: int) -> Mark | None:
        """A label that begins a sentence in the middle of a paragraph: "… plans. Q3: We …"."""
        text, tokens = layout.text, layout.tokens
        labels = labels_in(text, tokens, sentence.first, min(sentence.last, sentence.first + 14), now)
        if not labels or not labels[0].questions or not labels[0].sure:
            return None
        label = labels[0]
        before = [t.word for t in tokens[sentence.first : label.first]]
        if any(w.sense & Sense.BACK and not w.sense & Sense.ABOUT for w in before):
            return None
        stop = tokens[label.last - 1].end
        after = text[stop : stop + 3].lstrip()[:1]
        framed = (
            bool(before)
            and len(before) <= 6
            and all(w.sense & (Sense.ABOUT | Sense.BETWEEN | Sense.STOP | Sense.JOINING | Sense.ANSWER) for w in before)
            and any(w.sense & (Sense.ABOUT | Sense.ANSWER) for w in before)
        )
        set_off = after in (":", ")", "-", "–", "—", ".") if not before else framed and after in (",", ":", "-", "–")
        if not set_off and not _names_a_heading(text, tokens, sentence.first, sentence.end, label):
            return None
        mark = self._question_label(layout, index, unit, label, 5.0, 0.5, "label")
        if mark is not None:
            mark.start, mark.end = sentence.start, stop
        return mark

    # Quoted questions and headings

    def _quoted(
        self, layout: Layout, index: int, unit: Unit, sentence: Sentence, first: int, at_start: bool
    ) -> Mark | None:
        tokens = layout.tokens
        last, end = self._end_of_question(layout, sentence, first)
        words = last - first
        # "Which recommendations? That …": who copies questions may leave two words of one.
        if words < (2 if sentence.asks and at_start and unit.begins else 3) or words > LONGEST_QUESTION:
            return None
        alone = len(unit.sentences) == 1
        # "Q: …" without a number.
        labelled = (
            first == sentence.first
            and tokens[first].word.folded == "q"
            and layout.text[tokens[first].end : tokens[first].end + 2].lstrip()[:1] in (":", "-", "–", ".")
        )
        if not sentence.asks and not labelled:
            # Most sentences are an answer's own; only a question word for word is looked at further.
            pairs = self._questions.verbatim([t.word for t in tokens[first:last]])
            if max(pairs.values(), default=0.0) < 0.45:
                return None
        likenesses = self._questions.like(tokens, first, last)
        candidates = {like.tag: score for like in likenesses if (score := quotation_score(like, words)) > 0}
        if not candidates:
            return None
        best = max(likenesses, key=lambda x: quotation_score(x, words))
        word_for_word = best.verbatim >= 0.6 and words >= 6
        if labelled:
            null = 0.0
        elif sentence.asks and at_start:
            null = 3.4
        elif word_for_word:
            null = 5.0
        elif sentence.asks:
            null = 6.0
        elif at_start and alone and words <= 45 and best.verbatim >= 0.45:
            null = 5.0
        else:
            return None
        if max(candidates.values()) <= null - 2.5:
            return None
        # "4. We asked you …: that is important. How might you …?": what leads up to a copied question is copied, too.
        led_up = word_for_word and bool(unit.number) and sentence is unit.sentences[-1] and end >= unit.end
        start = unit.start if at_start or led_up else sentence.start
        mark = Mark(start, end, index, {"quoted"}, candidates, null)
        said = evidence_of("quoted", layout.text[sentence.start : end])
        mark.say_all(said)
        return mark

    def _whole_question(self, layout: Layout, index: int, unit: Unit, label_end: int) -> Mark | None:
        """A question of several sentences at the start of a unit, word for word."""
        tokens = layout.tokens
        first = unit.first
        while first < unit.last and tokens[first].start < label_end:
            first += 1
        if len(unit.sentences) < 2 or first >= unit.last:
            return None
        begins = self._questions.verbatim([t.word for t in tokens[first : unit.sentences[0].last]])
        if max(begins.values(), default=0.0) < 0.5:
            return None
        found: tuple[float, Sentence, Likeness] | None = None
        for n, sentence in enumerate(unit.sentences[:_MOST_SENTENCES]):
            words = sentence.last - first
            if not 6 <= words <= LONGEST_QUESTION:
                continue
            best = max(self._questions.like(tokens, first, sentence.last), key=lambda x: x.verbatim, default=None)
            if best is None or best.verbatim < 0.7 or best.covered < 0.7:
                continue
            # The answer may begin in the next sentence or cell with the question's own words.
            if found is None or best.verbatim + best.covered > found[0]:
                found = best.verbatim + best.covered, sentence, best
            if n == 0 and best.verbatim > 0.95 and best.covered > 0.95:
                break
        if found is None or found[1] is unit.sentences[0]:
            return None
        _, sentence, best = found
        score = quotation_score(best, sentence.last - first)
        mark = Mark(unit.start, sentence.end, index, {"quoted"}, {best.tag: score}, 3.4)
        mark.say(best.tag, evidence_of("quoted", layout.text[unit.own : sentence.end]))
        return mark

    def _end_of_question(self, layout: Layout, sentence: Sentence, first: int) -> tuple[int, int]:
        """The last token and the end of a question that its answer follows in one sentence: "Who pays: nobody"."""
        text, tokens = layout.text, layout.tokens
        upto = min(sentence.last, first + LONGEST_QUESTION)
        quoting = first < upto and text[max(sentence.start, tokens[first].start - 1)] in '"“«'
        if sentence.asks and upto - first <= 25:
            return sentence.last, sentence.end
        separators = _BEFORE_ANSWER + ('"”»' if quoting else "")
        if first + 3 >= upto or not _ANSWER_FOLLOWS.search(text, tokens[first + 2].end, tokens[upto - 1].start):
            return sentence.last, sentence.end
        for i in range(first + 3, upto):
            gap = text[tokens[i - 1].end : tokens[i].start]
            if not any(c in separators for c in gap) and not _DASH.search(gap):
                continue
            asked = max(self._questions.like(tokens, first, i), key=lambda x: x.verbatim, default=None)
            if asked is None or asked.verbatim < 0.7:
                continue
            if asked.covered < 0.6 and (asked.verbatim < 0.85 or i - first < 6):
                continue
            beyond = self._questions.verbatim([t.word for t in tokens[i : min(sentence.last, i + 12)]])
            if max(beyond.values(), default=0.0) < 0.3:
                return i, tokens[i - 1].end + len(gap.rstrip())
        return sentence.last, sentence.end

    def _heading(self, layout: Layout, index: int, unit: Unit, label_end: int) -> Mark | None:
        """A short line before a passage, or the words before a colon, that name what a question asks."""
        text, tokens, units = layout.text, layout.tokens, layout.units
        first, last = unit.first, unit.last
        while first < last and tokens[first].start < label_end:
            first += 1
        if first >= last or (tokens[first].word.sense & Sense.SALUTATION and unit.words <= 8):
            return None
        stop, inline, alone = unit.end, False, False
        limit = tokens[min(first + LONGEST_HEADING, last - 1)].end
        ends = (":", "：", " – ", " — ", " - ", " | ", *((",",) if _opens_a_topic(tokens, first, last) else ()))
        cuts = (text.find(c, tokens[first].end, limit + 2) for c in ends)
        cut = min((p for p in cuts if p > 0), default=-1)
        opening = unit.sentences[0]
        if len(unit.sentences) > 1 and not opening.asks and opening.last - first <= LONGEST_SENTENCE:
            # "On the role of women. They sell …"
            end = tokens[opening.last - 1].end
            alone = cut < 0 or end < cut
            cut = end if alone else cut
        if 0 < cut < tokens[last - 1].start:
            stop, inline = cut, True
            while last > first and tokens[last - 1].end > cut:
                last -= 1
        # A bullet or figure in front makes a heading of a longer line too, if it is no sentence.
        listed = bool(unit.bullet or unit.number) and text[tokens[last - 1].end : stop].strip(" *_:") == ""
        if last - first > (LONGEST_LISTED if listed and not inline else LONGEST_HEADING + 4):
            return None
        if last <= first or is_figures(layout, unit) or is_row(layout, unit):
            return None
        tail = text[tokens[last - 1].end : unit.end].strip()
        if not inline:
            if tail[:1] in (".", ",", ";", "!") and unit.words > 6:
                return None
            following = units[index + 1] if index + 1 < len(units) else None
            if following is None or _same_list(unit, following) or (index and _same_list(units[index - 1], unit)):
                return None
            if following.words < 4 and not following.bullet:
                return None
        named = self._questions.named_in(tokens, first, last)
        while first + 1 < last and tokens[first].word.sense & Sense.ABOUT:
            first += 1  # "Concerning the registers": the concern is not what it is about
        candidates: dict[Tag, float] = {}
        likenesses = self._questions.like(tokens, first, last)
        for like in likenesses:
            candidates[like.tag] = heading_score(like) + max(
                like.verbatim, 5.0 * (like.verbatim - 0.35) if last - first >= 4 else 0.0
            )
        if named is not None:
            candidates[named] = max(8.0, candidates.get(named, 0.0))
        if not candidates or max(candidates.values()) < NAMED:
            return None
        null = 4.0 if inline or last - first > LONGEST_HEADING else 3.4
        if alone and not (unit.number or text[unit.own : stop].isupper()):
            # A short sentence is more often the first of an answer, unless others stand so.
            null += 1.8
        mark = Mark(unit.start, stop, index, {"heading"}, candidates, null)
        said = evidence_of("heading", text[unit.own : stop])
        mark.say_all(said)
        return mark


def quotation_score(like: Likeness, words: int) -> float:
    """How strongly a sentence of `words` words speaks for its being this question, quoted."""
    score = 8.0 * like.share * min(1.0, like.matched / 2.0) + 1.5 * like.covered
    if words >= 5:
        score += 5.0 * max(0.0, like.verbatim - 0.35)
    return score


def heading_score(like: Likeness) -> float:
    """How strongly a few words speak for their naming this question; from NAMED on they do."""
    return 7.0 * like.share * min(1.0, like.matched / 1.6)


def evidence_of(kind: str, words: str) -> str:
    """What a facilitator is shown: "question quoted: '…'" or "heading: '…'"."""
    said = " ".join(words.split()).strip("*_").rstrip(" -–—:|.")
    if len(said) > 80:
        said = said[:79].rstrip() + "…"
    return f"{'question quoted' if kind == 'quoted' else kind}: '{said}'"


def _one_with_week(week: Mark, marks: list[Mark]) -> list[Mark]:
    """ "Week 1: How do you …?": the name of a week and a question beside it are one mark."""
    beside = [m for m in marks if m is not week and m.start == week.start]
    for mark in beside:
        mark.kinds.add("week named")
        mark.null = min(mark.null, week.null)
        for tag in mark.candidates:
            if tag.week == best_of(week).week:
                mark.candidates[tag] += 3.0
        mark.candidates |= week.candidates
        mark.evidence |= {tag: list(said) for tag, said in week.evidence.items()}
    return [m for m in marks if m is not week or not beside]


def _merge(into: Mark, other: Mark) -> None:
    if max(other.candidates.values()) < max(other.null, 3.0):
        return
    into.end = max(into.end, other.end)
    into.kinds |= other.kinds
    for tag, weight in other.candidates.items():
        into.candidates[tag] = into.candidates.get(tag, 0.0) + weight
    into.null = min(into.null, other.null)
    for tag, evidence in other.evidence.items():
        for said in evidence:
            into.say(tag, said)


def _turns_to(before: Sequence[Word], stop: bool = False) -> bool:
    """ "Turning now to revenue, that is, your first question", "P.D. Quant aux coûts, la deuxième question".

    With `stop` small words that turn to a subject among other things count, too: "On prices, question 3: …".
    """
    begin = next((word for word in before if len(word.folded) > 1), None)
    return begin is not None and bool(begin.sense & Sense.ABOUT) and (stop or not begin.sense & Sense.STOP)


def turned_by(text: str, tokens: Sequence[Token], first: int, label: int) -> bool:
    """ "I come back now to the first question", "Permettez-moi de revenir sur …": a word that turns, early in the
    sentence, and none but small ones between it and the label."""
    small = Sense.ABOUT | Sense.BETWEEN | Sense.STOP | Sense.PREVIOUS | Sense.CURRENT
    i = label - 1
    while i >= first and not tokens[i].word.sense & Sense.TURNING:
        if not tokens[i].word.sense & small:
            return False
        i -= 1
    if not first <= i < first + _EARLY:
        return False
    return not any(mark in text[tokens[first].start : tokens[label].start] for mark in ".!?,;:")


def _is_subject(tokens: Sequence[Token], unit: Unit, label: Label) -> bool:
    """ "The third question is …", with nothing but an article before it."""
    return (
        label.first <= unit.first + 1
        and bool(tokens[label.first].word.ordinal)
        and (label.first == unit.first or bool(tokens[unit.first].word.sense & Sense.STOP))
    )


def _names_a_heading(text: str, tokens: Sequence[Token], first: int, end: int, label: Label) -> bool:
    """ "Threats to soils (Q1)", "On the threats (question 1): …"."""
    stop = tokens[label.last - 1].end
    if label.first - first > LONGEST_HEADING or text[tokens[label.first].start - 1] not in "([":
        return False
    # "(questions 3 and 4 together)"
    closing = next((i for i in range(stop, min(stop + _LONGEST_REMARK, end)) if text[i] in ")]"), -1)
    following = text[closing + 1 : end].lstrip(" *_")[:1]
    return closing >= 0 and following in ("", ":", "-", "–", "—")


def _opens_a_topic(tokens: Sequence[Token], first: int, last: int) -> bool:
    """ "As for the costs, …", "Regarding the law, …", "On the question of trust, …"."""
    begin = [t.word for t in tokens[first : min(last, first + 4)]]
    frames = [bool(w.sense & Sense.ABOUT) for w in begin]
    if len(begin) < 3 or not frames[0]:
        return False
    return (
        frames[1]
        or any(w.sense & Sense.ABOUT and not w.sense & Sense.STOP for w in begin[:3])
        or any(w.sense & (Sense.QUESTION | Sense.TOPIC) for w in begin)
    )


def _is_year(word: str) -> bool:
    return len(word) == 4 and word.isdigit() and word[:2] in ("19", "20")


def _separator(text: str, at: int, end: int) -> bool:
    """Whether a label is set off from what follows: "Q2:", "Q2 –", "(Q2)", "Q2." or the line's end."""
    rest = text[at : min(end, at + 4)].lstrip(" \u00a0*_")
    return not rest or rest[0] in ":-–—.)]/|(\n،؛："


def _same_list(one: Unit, other: Unit) -> bool:
    """Two items of one list, one right below the other, both short."""
    if one.words > 30 or other.words > 30:
        return False
    if one.number and other.number:
        return one.style == other.style and other.number == one.number + 1
    return bool(one.bullet) and one.bullet == other.bullet
