"""Where an answer may begin without naming its question: below a heading of any wording, or at a paragraph.

Such a mark says little by itself. What the words below it treat, the order of the questions and what
stands around it decide (see decoding).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from m4dbot.tagging.headings import lines_above, run_in, salutes
from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import Layout
from m4dbot.tagging.marks import Mark, best_of, evidence_of
from m4dbot.tagging.passages import words_between
from m4dbot.tagging.values import Tag

_ELIMINATED = 2.0  # as many headings left as questions: the third heads the third
_IN_ORDER = 0.7  # for each heading but one, where no other is known
_AS_MANY = 1.0  # as many paragraphs as questions, which may be chance
_MOST = 60  # marks of this kind in a mail
_PARAGRAPH = 15  # words
_LINE_ABOVE = 1.2  # what speaks against a heading that is known by its form only
_RUN_IN = 1.8
_NAMED = 3.5  # from here on a heading names its question
_ALIKE = 0.7  # less where a heading of the same form names a question
_CHANGE = 2.0  # what it takes to turn to another question at a paragraph that nothing sets off
_CHANGE_LABELLED = 5.0  # the same where answers are labelled
_LIST = 3  # questions
_ANSWER = 3  # words
_FAREWELL = 9  # words; a last paragraph of fewer closes the letter
_BELOW_LIST = 0.7
_FIRST_WORDS = 30
_TAKEN_UP = 2.0


def in_order(headings: int) -> float:
    """What as many headings as questions say for the third to head the third: of two nothing, and of many much."""
    return 0.0 if headings < _LIST else min(_ELIMINATED, _IN_ORDER * (headings - 1))


def beginnings(
    layout: Layout, marks: Sequence[Mark], questions: Questions, tags: Sequence[Tag], labelled: bool
) -> list[Mark]:
    """The marks with those of headings and paragraphs that may begin an answer to one of `tags`.

    `labelled` where other answers in the mail say in so many words what they answer.
    """
    listed = question_list(layout, marks)
    if listed and any(m.explicit and m.start > listed[-1].start for m in marks):
        marks = [*marks, *_first_below(layout, marks, listed)]
    elif listed:
        return [*marks, *_answers_below(layout, marks, questions, listed)]
    known = sum(m.kinds == {"heading"} for m in marks)
    explicit = sum(m.explicit for m in marks)
    headed = _headed(layout, marks, tags)
    change = _CHANGE_LABELLED if labelled or explicit or known > 1 else _CHANGE
    return [*marks, *headed, *_paragraphs(layout, [*marks, *headed], questions, tags, change)]


def _headed(layout: Layout, marks: Sequence[Mark], tags: Sequence[Tag]) -> list[Mark]:
    """Marks of headings, and of questions in other words, that name none of `tags` for sure.

    They take the questions that those around them leave: between headings for the second and the sixth
    the third to the fifth are likely. Marks that know such a line by few of its words are weighed anew.
    """
    lines, against = lines_above(layout), _LINE_ABOVE
    # A heading, the question quoted below it, and the answer.
    above = {m.unit - 1: best_of(m) for m in marks if "answered" in m.kinds and m.unit - 1 in lines}
    if any((m.explicit or "number" in m.kinds) and not _in_words(m) and m.unit - 1 not in above for m in marks):
        return []  # who labels or numbers answers needs no headings
    if not lines and not any(m.explicit for m in marks):
        lines, against = run_in(layout), _RUN_IN
    strong = {
        m.unit: best_of(m)
        for m in marks
        if m.candidates[best_of(m)] > max(m.null + 0.5, _NAMED) and _in_words(m) and (m.explicit or m.unit in lines)
    }
    strong = _once(strong, marks) | above
    asking = [i for i in strong if _asks(layout, layout.units[i].end)]
    if len(asking) > 1:
        lines = {i: end for i, end in lines.items() if i in strong or _asks(layout, end)}
    weak = {m.unit: m for m in marks if m.unit not in strong and m.kinds <= {"quoted", "heading"}}
    taken = {m.unit for m in marks} - weak.keys()
    styles = {_style(layout, i) for i in strong}
    open_lines = [i for i in lines if i not in taken and (not styles or _style(layout, i) in styles)]
    if open_lines[:1] == [0] and len(lines) > 2 and len(lines) != len(tags):
        del open_lines[0]  # the title of a contribution with headings
    if len(open_lines) + len(strong) < 2:
        return []  # one line by itself is a title, or a remark
    if any((i in lines) for i in strong):
        against -= _ALIKE
    found: list[Mark] = []
    for run, free in _runs(open_lines[:_MOST], strong, tags):
        for n, index in enumerate(run):
            unit, end = layout.units[index], lines[index]
            weights = dict.fromkeys(free, 0.0)
            if len(run) == len(free) > 1 or (len(run) == len(free) and strong):
                weights[free[n]] += _ELIMINATED if strong else in_order(len(run))
            mark = weak.get(index)
            if mark is None:
                mark = Mark(unit.start, end, index, {"heading", "form"}, weights, against)
                found.append(mark)
            else:
                for tag, weight in weights.items():
                    mark.candidates[tag] = mark.candidates.get(tag, 0.0) + weight
                if mark.null > against:
                    mark.kinds.add("form")
                    mark.null = against
            mark.say_all(evidence_of("order", layout.text[unit.own : end]))
    return found


def _once(strong: Mapping[int, Tag], marks: Sequence[Mark]) -> dict[int, Tag]:
    """Of two headings for one question the one that names it better; a question copied out stays in any case."""
    weights = {m.unit: (m.explicit, m.candidates.get(strong[m.unit], 0.0)) for m in marks if m.unit in strong}
    best: dict[Tag, int] = {}
    for unit, tag in strong.items():
        if tag not in best or weights[unit] > weights[best[tag]]:
            best[tag] = unit
    return {unit: tag for unit, tag in strong.items() if best[tag] == unit or weights[unit][0]}


def _style(layout: Layout, index: int) -> tuple[str, str]:
    return layout.units[index].bullet, layout.units[index].style


def _in_words(mark: Mark) -> bool:
    """Whether a mark is known by what it says, not by a label or figure."""
    return bool(mark.kinds & {"quoted", "heading"}) and not mark.kinds & {"label", "number", "answered", "topic"}


def _runs(
    lines: Sequence[int], strong: Mapping[int, Tag], tags: Sequence[Tag]
) -> Iterator[tuple[list[int], list[Tag]]]:
    """Lines one after the other between those that are sure, each run with the tags that are left for it."""
    in_text = [strong[unit] for unit in sorted(strong)]
    rising = all(tags.index(one) <= tags.index(other) for one, other in pairwise(t for t in in_text if t in tags))
    borders = [-1, *sorted(strong), max([*lines, *strong], default=0) + 1]
    for above, below in pairwise(borders):
        run = [i for i in lines if above < i < below]
        first = tags.index(strong[above]) + 1 if strong.get(above) in tags else 0
        last = tags.index(strong[below]) if strong.get(below) in tags else len(tags)
        free = [t for t in (tags[first:last] if first <= last else tags) if t not in strong.values()]
        if not free and not (above in strong and below in strong and rising):
            # Who begins with the last question comes to the others below it.
            free = [t for t in tags if t not in strong.values()]
        if run and free:
            yield run, free


def _asks(layout: Layout, end: int) -> bool:
    return layout.text[max(0, end - 20) : end].rstrip(' \t\u00a0*_"»”')[-1:] in ("?", "؟")


def _paragraphs(
    layout: Layout, marks: Sequence[Mark], questions: Questions, tags: Sequence[Tag], change: float
) -> list[Mark]:
    """Marks of paragraphs, each for the questions it treats most."""
    taken = {m.unit for m in marks}
    headings = {m.unit for m in marks if m.end >= layout.units[m.unit].end}
    wanted = set(tags)
    if not marks and (answers := _as_many(layout, tags)):
        return [_answer_in_order(layout, index, tags, n, change) for n, index in enumerate(answers)]
    found: list[Mark] = []
    for index, unit in enumerate(layout.units):
        if index in taken or index - 1 in headings or not unit.begins or unit.words < _PARAGRAPH:
            continue
        treated = questions.treated_in(layout.tokens[unit.first : unit.last])
        best = sorted(wanted & treated.keys(), key=lambda t: (-treated[t], str(t)))[:4]
        if best:
            found.append(Mark(unit.start, unit.start, index, {"content"}, dict.fromkeys(best, -change), 0.0))
        if len(found) >= _MOST:
            break
    return found


def _as_many(layout: Layout, tags: Sequence[Tag]) -> list[int]:
    """The paragraphs of a mail, greeting and farewell apart, if there are as many as questions; else none."""
    if len(tags) < _LIST or len({tag.week for tag in tags}) > 1:
        return []
    found = [i for i, unit in enumerate(layout.units) if unit.begins and unit.words >= _ANSWER]
    if found and salutes(layout, layout.units[found[0]]):
        del found[0]
    if found and layout.units[found[-1]].words < _FAREWELL:
        found.pop()
    return found if len(found) == len(tags) else []


def _answer_in_order(layout: Layout, index: int, tags: Sequence[Tag], n: int, change: float) -> Mark:
    start = layout.units[index].start
    weights = dict.fromkeys(tags, -change) | {tags[n]: _AS_MANY - change}
    return Mark(start, start, index, {"content"}, weights, 0.0)


def question_list(layout: Layout, marks: Sequence[Mark]) -> list[Mark]:
    """The questions copied one below the other, with the answers after them all; [] where they are not."""
    run: list[Mark] = []
    for mark in marks:
        if "quoted" not in mark.kinds:
            continue
        if run and words_between(layout, run[-1].end, mark.start) > _ANSWER:
            if len(run) >= _LIST:
                break
            run = []
        run.append(mark)
    if len(run) < _LIST or words_between(layout, run[-1].end, len(layout.text)) < _PARAGRAPH:
        return []
    return run


def _first_below(layout: Layout, marks: Sequence[Mark], listed: Sequence[Mark]) -> list[Mark]:
    """A mark for the answer right below a list of questions that answers only the others under their names."""
    index = listed[-1].unit + 1
    above = [best_of(m) for m in listed]
    named = next((best_of(m) for m in marks if m.explicit and m.start > listed[-1].start), None)
    if index >= len(layout.units) or any(m.unit == index for m in marks) or named not in above[1:]:
        return []
    if layout.units[index].words < _PARAGRAPH:
        return []
    start = layout.units[index].start
    mark = Mark(start, start, index, {"content", "below a list"}, {above[above.index(named) - 1]: _ELIMINATED}, 0.0)
    mark.say_all("order: below the copied questions")
    return [mark]


def _answers_below(layout: Layout, marks: Sequence[Mark], questions: Questions, listed: Sequence[Mark]) -> list[Mark]:
    """A mark for each paragraph or item below a list of questions, which it answers in order."""
    taken = {m.unit for m in marks}
    tags = list(dict.fromkeys(best_of(m) for m in listed))
    answers = [
        i
        for i, unit in enumerate(layout.units)
        if i > listed[-1].unit
        and i not in taken
        and (unit.begins or unit.bullet or unit.number)
        and unit.words >= _ANSWER
    ]
    if len(answers) > 1 and (last := layout.units[answers[-1]]).words < _FAREWELL and not last.bullet:
        answers.pop()
    as_many = len(answers) == len(tags)
    found = []
    for n, index in enumerate(answers[:_MOST]):
        start = layout.units[index].start
        weights = dict.fromkeys(tags, -_BELOW_LIST)
        if as_many:
            weights[tags[n]] += _ELIMINATED
        _weigh_first_words(layout, index, questions, weights)
        mark = Mark(start, start, index, {"content", "below a list"}, weights, 0.0)
        mark.say_all(f"order: answer {n + 1} below the copied questions" if as_many else "below the copied questions")
        found.append(mark)
    return found


def _weigh_first_words(layout: Layout, index: int, questions: Questions, weights: dict[Tag, float]) -> None:
    """Many an answer takes up the words of its question in its first sentence."""
    unit = layout.units[index]
    if unit.sentences:
        last = min(unit.sentences[0].last, unit.first + _FIRST_WORDS)
        for like in questions.like(layout.tokens, unit.first, last):
            if like.tag in weights:
                weights[like.tag] += _TAKEN_UP * like.share * min(1.0, like.matched / 1.5)
