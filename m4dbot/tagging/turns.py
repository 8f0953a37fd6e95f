"""Where a mail turns to another week without naming a question: "Also, about last week: …", "Regreso a la semana 1"."""

from __future__ import annotations

from collections.abc import Sequence

from m4dbot.tagging.counting import Counting
from m4dbot.tagging.labels import labels_in
from m4dbot.tagging.likeness import Questions
from m4dbot.tagging.lines import Layout, Unit
from m4dbot.tagging.marks import Mark, best_of
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import Sense

_FIRST_WORDS = 25  # of a paragraph, in which it says so
_ANSWER = 30  # words of a first paragraph that does more than announce a late answer
_LINE = 10  # words of a line that says no more than that
_LINE_WEIGHT = 4.0
_SENTENCE_WEIGHT = 3.2  # as much as the step to another week costs, so that the words below decide
_TURNING_RELATIVE = 1.2
_TURNING = 1.8  # more where the sentence says that it comes back to something
_ABOUT = 0.6  # the same for "concerning"
_RELATIVE = 0.5  # less for "last week", which may be last week
_AHEAD = 1.0  # less for a week to come, which is rather announced than answered
_UNSAID = 0.6  # less for each question of the week as long as nothing speaks for it
_NAMED = 2.0  # a likeness from which on the words beside the week name a question


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
    above = min(of_unit, default=len(layout.units))  # what turns has begun with something
    away = False  # whether something above is about another week than the mail's
    result: list[Mark] = []
    for index, unit in enumerate(layout.units):
        here = of_unit.get(index, [])
        taken = any(m.explicit or (_names_week(m) and "mention" not in m.kinds) for m in here)
        turn = None
        if unit.gap and unit.sentences and not (taken or unit.bullet or unit.number):
            beside = [m for m in here if m.start == unit.start]
            # "And now to this week" is said where something else came before.
            turn = _turn(layout, index, unit, beside, questions, counting, 0 if away else home, now)
        if turn is not None and (index > above or (unit.words >= _ANSWER and _comes_back(layout, unit))):
            here = [turn, *(m for m in here if m not in beside)]
        result += here
        away = away or any(best_of(m).week != home for m in here if _names_week(m) or m is turn)
    return result


def _names_week(mark: Mark) -> bool:
    return bool(mark.kinds & {"week", "week named"})


def _comes_back(layout: Layout, unit: Unit) -> bool:
    return any(t.word.sense & Sense.TURNING for t in layout.tokens[unit.first : unit.sentences[0].last])


def _turn(
    layout: Layout,
    index: int,
    unit: Unit,
    beside: Sequence[Mark],
    questions: Questions,
    counting: Counting,
    home: int,
    now: int,
) -> Mark | None:
    tokens = layout.tokens
    last = min(unit.sentences[0].last, unit.first + _FIRST_WORDS)
    labels = labels_in(layout.text, tokens, unit.first, last, now, relative=True)
    weeks = {week for label in labels for week in label.weeks}
    if len(weeks) != 1 or any(label.questions or not label.sure for label in labels):
        return None
    week = weeks.pop()
    if week == home or week not in counting.counts:
        return None
    senses = [t.word.sense for t in tokens[unit.first : last]]
    line = unit.words <= _LINE and len(unit.sentences) == 1
    weight = _LINE_WEIGHT if line else _SENTENCE_WEIGHT
    if _comes_back(layout, unit):
        weight += _TURNING_RELATIVE if labels[0].relative else _TURNING
    elif any(sense & Sense.ABOUT and not sense & Sense.STOP for sense in senses):
        weight += _ABOUT
    if labels[0].relative:
        weight -= _RELATIVE
    if week > (home or now):
        weight -= _AHEAD
    candidates = {Tag(week): weight}
    if not line:
        candidates |= {Tag(week, number): weight - _UNSAID for number in range(1, counting.counts[week] + 1)}
    said = {
        like.tag: 7.0 * like.share * min(1.0, like.matched / 1.6) for like in questions.like(tokens, unit.first, last)
    }
    for mark in beside:
        for tag, score in mark.candidates.items():
            said[tag] = max(score, said.get(tag, 0.0))
    for tag, score in said.items():
        if tag.week == week and score >= _NAMED:
            candidates[tag] = candidates.get(tag, weight) + score - _NAMED
    mark = Mark(unit.start, unit.end if line else unit.start, index, {"turn"}, candidates, 0.0)
    mark.say_all(f"week: '{layout.text[tokens[labels[0].first].start : tokens[labels[0].last - 1].end]}'")
    return mark
