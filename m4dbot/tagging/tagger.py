"""Which passage answers which week and question, on what evidence, how sure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime

from m4dbot.discussion.model import Discussion
from m4dbot.reading.values import Reading
from m4dbot.tagging import calibration, envelope
from m4dbot.tagging.beginnings import beginnings, question_list
from m4dbot.tagging.counting import Counting
from m4dbot.tagging.decoding import believe
from m4dbot.tagging.envelope import Place
from m4dbot.tagging.headings import asked_besides
from m4dbot.tagging.labels import parse_tag, parse_tags
from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import Layout, last_sign, lay_out, words_of
from m4dbot.tagging.marks import LONGEST_HEADING, Mark, Marker, best_of, evidence_of, quotation_score
from m4dbot.tagging.numbering import add_numbers, answer_lists
from m4dbot.tagging.passages import Passage, joined, passages_of, words_between
from m4dbot.tagging.quotations import SURELY, Quoted, answered_marks, own_and_quoted
from m4dbot.tagging.translated import translated_marks
from m4dbot.tagging.turns import turns
from m4dbot.tagging.values import Context, Tag, Tagging
from m4dbot.tagging.vocabulary import Sense, fold, vocabulary

__all__ = ["Tagger", "parse_tag", "parse_tags"]

NOTHING_KNOWN = Context()
EVERY_PARAGRAPH = "content: of its paragraphs, not of the whole"
EVERY_QUESTION = "order: as many passages as questions"
OPENING = "opening: before the first question"
SALUTATION = 12  # words; a longer opening is an introduction
LONG_OPENING = 60  # words; so much is more than an introduction may be
SHORTEST_ANSWER = 15  # words; less is not judged by its content
LONGEST_INTRODUCTION = 40  # words; with more, a sentence that names a question is answered, not announced
LONGEST_FIT = 300  # words below a label or figure that are compared with the questions
KNOWN_WEEK = 4.0  # by so much a week has to be likelier than any other
LESS_LIKELY = 1.0  # a question of the others, for each label
SURE_LIST = 5.0
FEW_NOTIONS = 4  # of a question; fewer say something only where they are close together
DENSE = 0.1  # of a passage's words
ALLOWS = 0.6  # of the likeness of another question, where the order speaks for this one
FAINT = 1.2  # a likeness to one of ours that says nothing
NOT_ASKED = 5.0  # what a question in the form of others, and like none of ours, says for its being none
FITS = 2.0  # how much the words below a mark weigh for what it may mean
FITS_FOREIGN = 1.0  # the same in a language that the discussion has no questions in
ENOUGH_WORDS = 40  # so many are judged in full
ENOUGH_LIKENESS = 0.25
FAINTEST_FIT = 0.1  # of the best


class Tagger:
    """Tags mails of one discussion. Made once (some milliseconds), then used for every mail."""

    def __init__(self, discussion: Discussion) -> None:
        self._discussion = discussion
        self._vocabulary = vocabulary()
        self._questions = Questions(discussion, self._vocabulary)
        self._counting = Counting(discussion)
        self._languages = {code[:2] for _, q in discussion.questions() for code in q.text.by_language}
        self._titles = [
            {w.word.key for w in words_of(title, self._vocabulary) if w.word.key}
            for title in discussion.title.by_language.values()
        ]
        self._marker = Marker(self._questions, self._counting)

    def tag(self, reading: Reading, context: Context = NOTHING_KNOWN, received_at: datetime | None = None) -> Tagging:
        """The passages of a mail in order: all of the person's own words.

        `received_at` (aware) stands in where the mail has no date of its own. Pure: the same mail is
        always tagged the same.
        """
        text, quotes = own_and_quoted(reading.blocks, self._questions, self._vocabulary)
        if not text.strip():
            return Tagging(())
        place = envelope.place_of(reading, self._discussion, self._counting, context, received_at)
        self._weigh_subject(place, reading.subject)
        envelope.weigh_quoted(place, [tag for quote in quotes for tag in quote.tags], len(quotes))
        layout = lay_out(text, self._vocabulary)
        language = (reading.language or "")[:2]
        marks = self._marks(layout, place, quotes, language)
        said = {week: place.evidence.get(week, []) for week in self._counting.counts}
        chances = calibration.of_weeks(said, len(said))
        fits = self._fits(layout, marks, language)
        passages = passages_of(layout, believe(marks, place.weeks, fits, place.question), chances)
        if _nothing_named(layout, passages):
            judged = self._judged(layout, place, 0, len(layout.text))
            if passages and judged.tag == Tag(passages[0].tag.week):
                # The mail as a whole tells of no question, its paragraphs lead all to one.
                judged.tag, judged.confidence = passages[0].tag, calibration.OF_ORDER
                judged.evidence.insert(0, EVERY_PARAGRAPH)
            passages = [judged]
        else:
            passages = self._opened(layout, place, passages)
        last_answer = max((i for i, p in enumerate(passages) if p.tag.question is not None), default=-1)
        every = self._every_question(layout, passages)
        for i, passage in enumerate(passages):
            if every:
                passage.confidence, passage.evidence = calibration.OF_ORDER, [EVERY_QUESTION]
                continue
            self._settle(layout, place, passage, i == 0, i < last_answer)
        segments = (p.segment(text) for p in joined(passages))
        return Tagging(tuple(s for s in segments if s.text))

    def _weigh_subject(self, place: Place, subject: str) -> None:
        """A subject that repeats a question, and not the discussion's title."""
        layout = lay_out(subject[:300], self._vocabulary)
        keys = {t.word.key for t in layout.tokens if t.word.key}
        if any(len(keys & title) >= 0.7 * min(len(keys), len(title)) for title in self._titles if title):
            return
        words = len(layout.tokens)
        for like in self._questions.like(layout.tokens, 0, words, 1):
            if words >= 5 and like.verbatim >= 0.5 and quotation_score(like, words) >= SURELY:
                place.add_question(like.tag, envelope.SUBJECT_REPLY, f"subject: '{' '.join(subject.split())}'")

    def _marks(self, layout: Layout, place: Place, quotes: Sequence[Quoted], language: str) -> list[Mark]:
        marks = self._marker.marks(layout, place.now) + answered_marks(layout, quotes)
        marks = _series(layout, marks, language)
        self._weigh_sections(marks)
        marks.sort(key=lambda m: (m.start, m.end))
        chapters = sum("general" in m.kinds for m in marks) > 1
        if all(m.kinds <= {"general", "heading"} for m in marks):
            # The chapters of a paper, about one question as a whole or about none.
            marks = [m for m in marks if "general" not in m.kinds]
        listed = {id(m) for m in question_list(layout, marks)}  # they say what is asked, not what is answered where
        sure = [m for m in marks if m.explicit and max(m.candidates.values()) > m.null + 1.5 and id(m) not in listed]
        if sure:
            # Who labels or quotes does not also hint; and "Point 1:" is then part of an answer.
            marks = [
                m
                for m in marks
                if not m.kinds & {"mention", "topic"} or m.kinds & {"week", "quoted"} or _begins_with(layout, m, sure)
            ]
        marks = _among_labels(marks)
        # "As for the second" is a question's ordinal only where questions are named besides.
        named = {m.unit for m in marks if m.kinds & {"label", "quoted", "heading", "mention"}}
        ordinals = {best_of(m) for m in marks if "elliptic" in m.kinds}
        marks = [m for m in marks if "elliptic" not in m.kinds or len(ordinals) > 1 or named - {m.unit}]
        _weigh_headings(layout, marks, sure)
        marks += self._besides(layout, marks, sure)
        _weigh_weeks(marks, place.weeks)
        weeks = _likely_weeks(place, marks)
        week = max(weeks, key=lambda w: (weeks[w], -w))
        labelled = sum("label" in m.kinds for m in sure) >= 2
        if language and language not in self._languages and not labelled:
            tags = [tag for tag in self._questions.tags if tag.week == week]
            marks = translated_marks(layout, marks, self._questions, tags)
        lists = answer_lists(
            layout, marks, weeks, self._counting, lambda first, last, tag: self._fit(layout, first, last, tag)
        )
        if place.question_weight >= envelope.SUBJECT_FRESH:
            # A mail for one question holds its points rather than other answers.
            lists = [found for found in lists if found.weight >= SURE_LIST]
        marks = add_numbers(layout, marks, lists) if lists else marks
        top = max(weeks.values())
        tags = [tag for tag in self._questions.tags if weeks.get(tag.week or 0, top - 9.0) > top - 1.0]
        marks = turns(layout, marks, self._questions, self._counting, place.week or place.now, place.now)
        mentioned = any("mention" in m.kinds and best_of(m).question is not None for m in marks)
        if place.question is None and not chapters:
            marks = beginnings(layout, marks, self._questions, tags, labelled=bool(sure or lists or mentioned))
        return sorted(marks, key=lambda m: (m.start, m.end))

    def _weigh_sections(self, marks: Sequence[Mark]) -> None:
        """ "Question 1.1", "Question 1.2": the questions of one week or section where only the second figure counts."""
        numbered = [m for m in marks if m.part]
        several_weeks = len(self._counting.counts) > 1
        if not several_weeks and len({m.section for m in numbered}) > 1:
            return  # the parts of several questions
        for mark in numbered:
            parts = {m.part for m in numbered if m.section == mark.section}
            week = (mark.section,) if several_weeks else ()
            tags = self._counting.tags(mark.part, week)
            if mark.kinds & {"quoted", "heading"} or len(parts) < 2:
                continue
            if tags and all(self._counting.tags(part, week) for part in parts):
                weight = max(mark.candidates.values())
                said = next(iter(mark.evidence.values()))
                mark.candidates = {tag: weight + less for tag, less in tags.items()}
                mark.evidence = {tag: list(said) for tag in tags}

    def _besides(self, layout: Layout, marks: Sequence[Mark], sure: Sequence[Mark]) -> list[Mark]:
        """Where somebody answers what was not asked here, below a question that looks like those copied out."""
        units = layout.units
        copied = {m.unit for m in sure if "quoted" in m.kinds and m.start == units[m.unit].start}
        beside = {m.unit: m for m in marks if m.start == units[m.unit].start}
        found = []
        for index, end in asked_besides(layout, copied).items():
            mark = beside.get(index)
            if mark is None:
                mark = Mark(units[index].start, end, index, set(), {}, 0.0)
                found.append(mark)
            elif max(mark.candidates.values()) >= FAINT:
                continue
            mark.kinds.add("general")
            mark.candidates |= {Tag(week): NOT_ASKED for week in self._counting.counts}
            mark.say_all(evidence_of("not asked here", layout.text[units[index].own : end]))
        return found

    def _fits(self, layout: Layout, marks: Sequence[Mark], language: str) -> list[dict[Tag, float]]:
        """For each mark, how well the words from it to the next fit each question."""
        full = FITS if language in self._languages else FITS_FOREIGN
        ends = [mark.start for mark in marks[1:]] + [len(layout.text)]
        found: list[dict[Tag, float]] = []
        for mark, end in zip(marks, ends, strict=False):
            first = bisect_left(layout.tokens, (mark.end,))
            last = min(bisect_left(layout.tokens, (end,)), first + LONGEST_FIT)
            treated = self._questions.treated_in(layout.tokens[first:last])
            most = max(treated.values(), default=0.0)
            scale = full * min(1.0, (last - first) / ENOUGH_WORDS) * min(1.0, most / ENOUGH_LIKENESS)
            least = most * FAINTEST_FIT
            found.append({t: scale * value / most for t, value in treated.items() if value > least} if scale else {})
        return found

    def _fit(self, layout: Layout, first: int, last: int, tag: Tag) -> float:
        """How much better some words fit a question than the others of its week, -1 to 1."""
        treated = self._questions.treated_in(layout.tokens[first : min(last, first + LONGEST_FIT)])
        mine = treated.get(tag, 0.0)
        others = max((v for t, v in treated.items() if t.week == tag.week and t != tag), default=0.0)
        if not mine + others:
            return 0.0
        # Faint likenesses are chance; from 0.2 on they count in full.
        return (mine - others) / (mine + others) * min(1.0, max(mine, others) / 0.2)

    def _opened(self, layout: Layout, place: Place, passages: list[Passage]) -> list[Passage]:
        """The passages with what stands before the first mark: a greeting, an introduction, an answer."""
        first = passages[0]
        words = words_between(layout, 0, first.start)
        if words <= SALUTATION and not _says_something(layout, first.start):
            # A salutation alone is no passage.
            first.start = 0
            return passages
        labelled_below = any(p.tag == place.question for p in passages)
        if place.question is not None and place.question_weight >= envelope.SUBJECT_REPLY and not labelled_below:
            opening = Passage(0, 0, first.start, place.question, 0.8, [place.question_evidence])
            return [opening, *passages]
        if first.turns:
            # What stands above the turn to another week is all that there is on its own.
            return [self._judged(layout, place, 0, first.start), *passages]
        week = first.tag.week
        if len({p.tag.week for p in passages}) > 1 and place.week is not None:
            week = place.week
        opening = Passage(0, 0, first.start, Tag(week), 0.85, [OPENING])
        if words >= LONG_OPENING and (first.tag.question or 0) > 1:
            # Who begins with the third question may have answered an earlier one above, without a label.
            weeks = {first.tag.week or 0: 1.0}
            tag, confidence, evidence = self._by_content(layout, 0, first.start, weeks, True)
            if tag is not None and confidence >= 0.7 and all(p.tag != tag for p in passages):
                opening.tag, opening.confidence, opening.evidence = tag, confidence, [evidence]
        return [opening, *passages]

    def _settle(self, layout: Layout, place: Place, passage: Passage, first: bool, answers_below: bool) -> None:
        """A passage below no more than the name of a week: the week's one question, or what the words tell.

        With `answers_below` the mention of a week introduces them.
        """
        week = passage.tag.week
        if passage.unnamed:
            judged = self._judged(layout, place, passage.start, passage.end)
            if judged.tag == passage.tag or not self._in_order(layout, passage, first):
                passage.tag, passage.confidence, passage.evidence = judged.tag, judged.confidence, judged.evidence
            return
        if week is None or passage.tag.question is not None:
            return
        if not passage.evidence or not passage.evidence[0].startswith("week: "):
            return
        if answers_below and passage.mentions:
            return
        if self._counting.counts[week] == 1:
            passage.tag, passage.confidence = Tag(week, 1), 0.7 if passage.mentions else 0.9
            passage.evidence.append("the week's only question")
            return
        tag, confidence, evidence = self._by_content(layout, passage.body, passage.end, {week: 1.0}, True)
        if tag is not None:
            passage.tag, passage.confidence = tag, confidence
            passage.evidence.append(evidence)

    def _every_question(self, layout: Layout, passages: Sequence[Passage]) -> bool:
        """Whether passages without marks are one for each question of a week, in order, as all but one allow."""
        week = passages[0].tag.week
        tags = [tag for tag in self._questions.tags if tag.week == week]
        if len(tags) < 3 or not all(p.unnamed for p in passages) or [p.tag for p in passages] != tags:
            return False
        return sum(self._allows(layout, passage) for passage in passages) >= len(tags) - 1

    def _in_order(self, layout: Layout, passage: Passage, first: bool) -> bool:
        """Whether a passage without marks stays with the question that the order of its neighbours leads to.

        Its words have to allow it; the first passage may be an introduction, and its words have to speak for it.
        """
        if not self._allows(layout, passage, first):
            return False
        passage.confidence = calibration.OF_ORDER
        passage.evidence = ["order: the next of the questions"]
        return True

    def _allows(self, layout: Layout, passage: Passage, surely: bool = False) -> bool:
        """Whether the words of a passage may treat its question; with `surely`, whether they rather do."""
        tokens = layout.tokens[
            bisect_left(layout.tokens, (passage.start,)) : bisect_left(layout.tokens, (passage.end,))
        ]
        treated = self._questions.treated_in(tokens)
        mine = treated.get(passage.tag, 0.0)
        other = max((v for t, v in treated.items() if t.week == passage.tag.week and t != passage.tag), default=0.0)
        if surely:
            return mine > other and self._questions.taken_up_in(tokens, passage.tag)[0] >= 2
        return mine > ALLOWS * other

    def _by_content(
        self, layout: Layout, start: int, end: int, weeks: Mapping[int, float], week_sure: bool
    ) -> tuple[Tag | None, float, str]:
        """What the words of a passage suggest among the questions of some weeks; None where they do not."""
        tokens = layout.tokens[bisect_left(layout.tokens, (start,)) : bisect_left(layout.tokens, (end,))]
        treated = self._questions.treated_in(tokens)
        scores = {tag: n * weeks[tag.week or 0] for tag, n in treated.items() if tag.week in weeks}
        ranked = sorted(scores, key=lambda t: -scores[t])
        if not ranked:
            return None, 0.0, ""
        best = ranked[0]
        second = scores[ranked[1]] if len(ranked) > 1 else 0.0
        ratio = min(9.0, scores[best] / second) if second else 9.0
        if treated[best] < 0.15 or ratio < (1.3 if treated[best] >= 0.2 else 1.6):
            return None, 0.0, ""
        notions, share = self._questions.taken_up_in(tokens, best)
        if notions < FEW_NOTIONS and (notions < 2 or share < DENSE):
            return None, 0.0, ""  # a word or two may stand in any letter
        confidence = calibration.of_content(notions, ratio, week_sure)
        return best, confidence, f"content: {treated[best]:.2f}, next {treated[best] / ratio:.2f}"

    def _judged(self, layout: Layout, place: Place, start: int, end: int) -> Passage:
        """A stretch without marks: what the envelope says of it, and its words."""
        week = place.week
        said = place.evidence.get(week, []) if week is not None else []
        kinds = {e.partition(":")[0] for e in said}
        if place.question is not None:
            sure = place.question_weight >= envelope.SUBJECT_REPLY
            why = list(dict.fromkeys([place.question_evidence, *said]))
            return Passage(start, start, end, place.question, 0.93 if sure else 0.7, why)
        only = len(self._counting.counts) == 1
        sure = bool(kinds - {"date"}) or only
        if week is None and only:
            week = next(iter(self._counting.counts))
        long = words_between(layout, start, end) >= SHORTEST_ANSWER
        if week is not None and sure and long and self._counting.counts[week] == 1:
            return Passage(start, start, end, Tag(week, 1), 0.92, ["the week's only question", *said])
        if long:
            weeks = {week: 1.0} if sure and week is not None else _likelihoods(place)
            tag, confidence, evidence = self._by_content(layout, start, end, weeks, sure)
            if tag is not None:
                why = [evidence, *place.evidence.get(tag.week or 0, [])]
                return Passage(start, start, end, tag, confidence, why)
        return Passage(start, start, end, Tag(week), calibration.of_week(kinds) if week else 0.5, list(said))


def _nothing_named(layout: Layout, passages: Sequence[Passage]) -> bool:
    """Whether a mail has no marks, or its words alone lead all to one question: nothing says where that begins."""
    if not passages:
        return True
    one = all(p.unnamed and p.tag == passages[0].tag for p in passages)
    return one and words_between(layout, 0, passages[0].start) <= LONG_OPENING


def _series(layout: Layout, marks: list[Mark], language: str) -> list[Mark]:
    """Labels that may mean something else stand where they name several questions, or in their own language.

    "P1", "D2", "F3" are questions in some languages, and codes in English.
    """
    numbers = [m for m in marks if m.kinds == {"topic", "said"}]
    if len({best_of(m) for m in numbers}) < 2:
        marks = [m for m in marks if m not in numbers]  # "Number one: nobody asked us."
    topics = [m for m in marks if "topic" in m.kinds]
    if len({best_of(m) for m in topics}) >= 2:
        for mark in topics:
            mark.null -= 1.5
    letters = vocabulary().letters.get(language)
    unsure = [m for m in marks if "unsure" in m.kinds]
    if letters is None:
        known = unsure if len({best_of(m) for m in unsure}) >= 2 else []
    else:
        known = [m for m in unsure if fold(layout.text[layout.units[m.unit].own :][:1]) in letters]
    for mark in known if len({best_of(m) for m in known}) >= 2 else ():
        mark.null -= 1.5
    left_out = {id(m) for m in unsure} - {id(m) for m in known}
    return [m for m in marks if id(m) not in left_out]


def _among_labels(marks: Sequence[Mark]) -> list[Mark]:
    """What is a label only among others.

    "The third question is …" labels an answer right below the answer to the second, "On the markets (3): …" one
    beside any label or another figure so. Who begins with "The first question is …" inside an answer lists
    questions of that answer's own.
    """
    result: list[Mark] = []
    labels = {best_of(m).question for m in marks if m.kinds & {"label", "bracketed"}}
    labelled = any("label" in m.kinds for m in marks) or len(labels) > 1
    before: int | None = None
    for mark in marks:
        number = best_of(mark).question or 0
        among = mark.kinds & {"subject", "bracketed"}
        if among:
            mark.kinds -= among
            follows = before is not None and number == before + 1
            if follows if "subject" in among else labelled:
                mark.kinds |= {"label", "said"}
            elif not mark.kinds:
                before = None
                continue
        if mark.kinds & {"label", "number", "quoted"}:
            before = number
        result.append(mark)
    return result


def _says_something(layout: Layout, end: int) -> bool:
    """Whether more than one line stands before `end`: a sentence below the salutation."""
    above = [unit for unit in layout.units if unit.start < end]
    return len(above) > 1 and above[-1].words >= 3


def _weigh_headings(layout: Layout, marks: Sequence[Mark], sure: Sequence[Mark]) -> None:
    """Headings written like those that are known are headings too; others beside them need more."""
    styles = {_style(layout, m) for m in sure if (u := layout.units[m.unit]).bullet or u.number}
    lines = all("label" not in m.kinds and _is_headline(layout, m) for m in sure)
    labelled = {best_of(m) for m in sure}
    alike: dict[tuple[str, str, bool], set[Tag]] = {}
    framed: dict[str, set[Tag]] = {}
    for mark in marks:
        if mark.kinds & {"heading", "quoted"}:
            alike.setdefault(_form(layout, mark), set()).add(best_of(mark))
        framed.setdefault(_frame(layout, mark), set()).add(best_of(mark))
    for mark in marks:
        if mark.kinds == {"heading"} or (mark.kinds == {"quoted"} and _is_headline(layout, mark)):
            beside = not sure or (lines and _is_headline(layout, mark))
            if beside and len(alike.get(_form(layout, mark), ())) >= 2:
                # Several of one form that name several questions bear each other out.
                mark.null -= 1.8
            elif (frame := _frame(layout, mark)) and len(framed[frame]) >= 2:
                # "Concernant les rations : …", "Concernant l'évacuation : …"
                mark.null -= 1.8
            unit = layout.units[mark.unit]
            if _style(layout, mark) in styles:
                mark.null -= 2.0
            elif "heading" in mark.kinds and len(sure) >= 2 and not (lines and mark.end >= unit.end):
                # A heading that turns to a question nobody labelled is one more label.
                mark.null += 1.0 if _frame(layout, mark, stop=True) and best_of(mark) not in labelled else 3.0


def _begins_with(layout: Layout, mark: Mark, sure: Sequence[Mark]) -> bool:
    """ "I begin with the third question, …", and a paragraph on it, above other questions that are labelled."""
    return (
        "mention" in mark.kinds
        and mark.start < sure[0].start
        and words_between(layout, mark.start, sure[0].start) >= LONGEST_INTRODUCTION
        and not mark.candidates.keys() & {best_of(m) for m in sure}
    )


def _is_headline(layout: Layout, mark: Mark) -> bool:
    """Whether a mark is all of a line that is no sentence."""
    unit = layout.units[mark.unit]
    return (
        mark.end >= unit.end and unit.words <= LONGEST_HEADING and last_sign(layout, unit) not in (".", ":", "?", "؟")
    )


def _form(layout: Layout, mark: Mark) -> tuple[str, str, bool]:
    """How a heading is written: its bullet, its figure, and whether its answer follows on the line."""
    unit = layout.units[mark.unit]
    return unit.bullet, unit.style, mark.end < unit.end


def _style(layout: Layout, mark: Mark) -> tuple[str, str, bool]:
    """The same for lists: of figures, the answers and the items of a list inside one are told apart by it."""
    bullet, style, inline = _form(layout, mark)
    return bullet, style, inline and not bullet


def _frame(layout: Layout, mark: Mark, stop: bool = False) -> str:
    """The word that turns to a subject, at the beginning of a mark; empty without one.

    With `stop` words like "on" count, which do more than that.
    """
    unit = layout.units[mark.unit]
    if mark.start != unit.start or unit.first >= unit.last:
        return ""
    word = layout.tokens[unit.first].word
    return word.folded if word.sense & Sense.ABOUT and (stop or not word.sense & Sense.STOP) else ""


def _weigh_weeks(marks: Sequence[Mark], weeks: Mapping[int, float]) -> None:
    """ "Question 2" above any name of a week is meant of the week that the mail is for, where that is known."""
    ranked = sorted(weeks, key=lambda week: -weeks[week])
    if len(ranked) < 2 or weeks[ranked[0]] < weeks[ranked[1]] + KNOWN_WEEK:
        return
    for mark in marks:
        if mark.kinds & {"week", "week named"}:
            return
        if "label" in mark.kinds:
            for tag in mark.candidates:
                if tag.week != ranked[0]:
                    mark.candidates[tag] -= LESS_LIKELY


def _likely_weeks(place: Place, marks: Sequence[Mark]) -> dict[int, float]:
    """How likely a mail is about each week, by its envelope and by what it names or quotes."""
    weights = dict(place.weeks)
    for mark in marks:
        best = best_of(mark)
        if mark.candidates[best] > mark.null and best.week is not None and mark.kinds & {"quoted", "week"}:
            weights[best.week] = weights.get(best.week, 0.0) + 3.0
    return weights


def _likelihoods(place: Place) -> dict[int, float]:
    """What the date leaves of each week, as a factor."""
    top = max(place.weeks.values(), default=0.0)
    return {w: 1.0 if v >= top - 0.1 else 0.8 if v >= top - 1.6 else 0.55 for w, v in place.weeks.items()}
