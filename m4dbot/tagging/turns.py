"""Where a mail turns to another week without naming a question: "Also, about last week: …", "Regreso a la semana 1"."""

from __future__ import annotations

from collections.abc import Sequence

from m4dbot.tagging.counting import Counting
from m4dbot.tagging.labels import Label, labels_in
from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import Layout, Unit, last_sign
from m4dbot.tagging.marks import NAMED, Mark, best_of, heading_score
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import Sense

_MOST = 40  # turns in a mail
_FIRST_WORDS = 25  # of a paragraph, in which it says so
_NEAR = 8  # words between the week and the word that turns to it
_LONGEST_BACK = 30  # words of a first paragraph that does no more than announce a late answer
_LINE = 16  # words of a line that says no more than that
_LINE_WEIGHT = 4.0
_SENTENCE_WEIGHT = 3.2  # as much as the step to another week costs, so that the words below decide
_TURNING = 1.8  # more where the sentence says that it comes back to something
_TURNING_RELATIVE = 1.2
_OBJECT = 0.6  # more where it says something about the week
_RELATIVE = 0.5  # less for "last week", which may be last week
_UNSAID = 0.6  # less for each question of the week as long as nothing speaks for it


def turns(
    layout: Layout, marks: Sequence[Mark], questions: Questions, counting: Counting, home: int, now: int
) -> list[Mark]:
    """The marks with one for each paragraph or line that says it is about another week than `home`, or about it again.

    `now` is the week open when the mail was written, for "last week"; 0 if unknown.
    """
    if len(counting.counts) < 2 or not home:
        return list(marks)
    of_unit: dict[int, list[Mark]] = {}
    for mark in marks:
        of_unit.setdefault(mark.unit, []).append(mark)
    first = min(of_unit, default=len(layout.units))  # what turns has begun with something
    labelled = any(m.kinds & {"label", "week", "number"} and "mention" not in m.kinds for m in marks)
    away = False  # whether something above is about another week than the mail's
    found = 0
    result: list[Mark] = []
    for index, unit in enumerate(layout.units):
        here = of_unit.get(index, [])
        taken = any(m.explicit or (_names_week(m) and "mention" not in m.kinds) for m in here)
        if unit.begins and unit.sentences and not (taken or unit.bullet or unit.number) and found < _MOST:
            beside = [m for m in here if m.start == unit.start]
            # "And now to this week" is said where something else came before.
            turn = _turn(layout, index, beside, questions, counting, None if away else home, now)
            if turn is not None and (index > first or (not labelled and unit.words >= _LONGEST_BACK)):
                here = [turn, *(m for m in here if m.start != unit.start)]
                found += 1
        result += here
        away = away or any(best_of(m).week != home for m in here if _names_week(m) or "turn" in m.kinds)
    return result


def _names_week(mark: Mark) -> bool:
    return bool(mark.kinds & {"week", "week named"})


def _comes_back(layout: Layout, label: Label, first: int, last: int) -> bool:
    """ "I return to last week", "la semana pasada no alcancé …": a word that turns, beside the week's name."""
    tokens = layout.tokens
    small = Sense.ABOUT | Sense.BETWEEN
    if label.first > first and tokens[label.first - 1].word.sense & small:
        before = tokens[max(first, label.first - _NEAR) : label.first]
        if any(t.word.sense & Sense.TURNING for t in before):
            return True
    return any(t.word.sense & Sense.TURNING for t in tokens[label.last : min(last, label.last + _NEAR)])


def _is_object(layout: Layout, label: Label, unit: Unit) -> bool:
    """ "About last week", "de la semaine dernière", "last week, about dikes"."""
    tokens = layout.tokens
    before = label.first > unit.first and tokens[label.first - 1].word.sense & (Sense.ABOUT | Sense.BETWEEN)
    behind = tokens[label.last].word.sense if label.last < unit.last else Sense.NONE
    return bool(before) or bool(behind & Sense.ABOUT and not behind & Sense.STOP)


def _turn(
    layout: Layout,
    index: int,
    beside: Sequence[Mark],
    questions: Questions,
    counting: Counting,
    home: int | None,
    now: int,
) -> Mark | None:
    """The mark of a paragraph that turns to another week than `home`; to any where that is None."""
    tokens, unit = layout.tokens, layout.units[index]
    last = min(unit.sentences[0].last, unit.first + _FIRST_WORDS)
    labels = labels_in(layout.text, tokens, unit.first, last, now, relative=True)
    weeks = {week for label in labels for week in label.weeks}
    if len(weeks) != 1 or any(label.questions or not label.sure for label in labels):
        return None
    week = weeks.pop()
    line = unit.words <= _LINE and len(unit.sentences) == 1 and last_sign(layout, unit) not in (".", "!")
    back = _comes_back(layout, labels[0], unit.first, unit.sentences[0].last)
    if week == home or week not in counting.counts or (week > now > 0 and not line):
        return None  # a week to come is announced, not answered
    is_object = _is_object(layout, labels[0], unit)
    if labels[0].relative and not (line or back or is_object):
        return None  # "last week the lorry broke down"
    if index == 0 or (not (line or back) and beside and beside[0].kinds == {"week", "mention"}):
        return None
    weight = _LINE_WEIGHT if line else _SENTENCE_WEIGHT
    relative = labels[0].relative
    if back:
        weight += _TURNING_RELATIVE if relative else _TURNING
    elif is_object:
        weight += _OBJECT
    if relative:
        weight -= _RELATIVE
    candidates = {Tag(week): weight}
    if not line:
        candidates |= {Tag(week, number): weight - _UNSAID for number in range(1, counting.counts[week] + 1)}
    said = {like.tag: heading_score(like) for like in questions.like(tokens, unit.first, last)}
    for mark in beside:
        for tag, score in mark.candidates.items():
            said[tag] = max(score, said.get(tag, 0.0))
    for tag, score in said.items():
        if tag.week == week and score >= NAMED:
            candidates[tag] = candidates.get(tag, weight) + score - NAMED
    mark = Mark(unit.start, unit.end if line else unit.start, index, {"turn"}, candidates, 0.0)
    mark.say_all(f"week: '{layout.text[tokens[labels[0].first].start : tokens[labels[0].last - 1].end]}'")
    return mark
