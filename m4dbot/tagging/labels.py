"""Labels in words or figures: "Q2", "Pregunta 3", "deuxième interrogation", "Week 2 & 3", "w2q1"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from m4dbot.tagging.lines import Token, words_of
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import LAST, Sense, vocabulary

LARGEST = 200  # no discussion has more questions; "question 2015" is a year
_JOINTS = frozenset("&,/+-–—;")
_LOOSE = frozenset(" \n\t\u00a0.:#°º-–()[]*_/\u200f\u200e")


@dataclass(frozen=True, slots=True)
class Label:
    """A label in a text. `first` and `last` are its tokens, half open.

    `questions` may hold LAST. `sure` is false where it might be something else ("P3", "S 2").
    `relative` is true of "last week" before it is joined to its question.
    """

    first: int
    last: int
    weeks: tuple[int, ...]
    questions: tuple[int, ...]
    sure: bool = True
    relative: bool = False
    part: int = 0  # the second figure of "Question 1.2"


def labels_in(
    text: str,
    tokens: Sequence[Token],
    first: int = 0,
    last: int | None = None,
    now: int = 0,
    relative: bool = False,
) -> list[Label]:
    """Every label among tokens `first` to `last`, in order; a week and its question are one label.

    `now` is the week open when the text was written, 0 if unknown: the week that "last week's second
    question" counts from. "Last week" without a question is a label only if `relative`.
    """
    last = len(tokens) if last is None else last
    found: list[Label] = []
    i = first
    while i < last:
        word = tokens[i].word
        label = None
        if word.labelling:
            free_from = found[-1].last if found else first
            label = _label_at(text, tokens, i, first, last, free_from)
            if label is None and now and word.sense & Sense.WEEK:
                label = _relative(text, tokens, i, free_from, last, now)
        if label is None:
            i += 1
            continue
        found.append(label)
        i = max(i + 1, label.last)
    paired = [_with_ordinal(tokens, label, first) for label in _paired(text, tokens, found)]
    return [label for label in paired if relative or not label.relative or label.questions]


def _with_ordinal(tokens: Sequence[Token], label: Label, first: int) -> Label:
    """ "The first of week 3", "la primera de la semana pasada": a question without its noun."""
    if not label.weeks or label.questions:
        return label
    i = label.first - 1
    while (
        i >= max(first, label.first - 3)
        and tokens[i].word.sense & (Sense.BETWEEN | Sense.STOP)
        and not tokens[i].word.ordinal
    ):
        i -= 1
    linked = all(tokens[k].word.sense & Sense.BETWEEN for k in range(i + 1, label.first))
    if first < i < label.first - 1 and linked and not tokens[i].word.ordinal and tokens[i - 1].word.ordinal > 0:
        i -= 1  # "the first query of last week": a noun that stands for the question
    if i < first or i == label.first - 1 or not tokens[i].word.ordinal > 0:
        return label
    return replace(label, first=i, questions=(tokens[i].word.ordinal,))


def _relative(text: str, tokens: Sequence[Token], i: int, first: int, last: int, now: int) -> Label | None:
    """ "last week", "la semana pasada", "this week"."""
    for j in (i - 1, i + 1):
        if not first <= j < last or _gap(text, tokens, min(i, j)).strip():
            continue
        sense = tokens[j].word.sense
        week = now if sense & Sense.CURRENT else now - 1 if sense & Sense.PREVIOUS else 0
        if week > 0:
            return Label(min(i, j), max(i, j) + 1, (week,), (), True, True)
    return None


def _gap(text: str, tokens: Sequence[Token], i: int) -> str:
    """What stands between token i and the next."""
    return text[tokens[i].end : tokens[i + 1].start]


def _is_loose(gap: str) -> bool:
    return len(gap) <= 6 and all(c in _LOOSE for c in gap)


def _label_at(text: str, tokens: Sequence[Token], i: int, first: int, last: int, free_from: int) -> Label | None:
    word = tokens[i].word
    if word.glued:
        numbers = dict(word.glued)
        kinds = tuple(k for k, _ in word.glued)
        if len(kinds) == 2:
            return Label(i, i + 1, (numbers["w"],), (numbers["q"],))
        values, end = _more(text, tokens, i + 1, last, [numbers[kinds[0]]], kinds[0])
        return _with_part(text, tokens, _label(i, end, kinds[0], values, word.sure), last)
    if word.sense & Sense.QUESTION:
        kind = "q"
    elif word.sense & Sense.WEEK:
        kind = "w"
    else:
        letter = vocabulary().short(word.folded)
        # A lone letter is a label only with a figure after it, and then at most a dot between.
        at = i + 1
        if letter is not None and at + 1 < last and tokens[at].word.sense & Sense.NUMBER_SIGN:
            at += 1  # "Q.No.2"
        if letter is None or at >= last or not tokens[at].word.folded.isdigit():
            return None
        if any(_gap(text, tokens, k) not in (".", " ", ". ", "-", "#", " #", ":") for k in range(i, at)):
            return None
        number = tokens[at].word.cardinal
        if not 0 < number <= LARGEST:
            return None
        values, end = _more(text, tokens, at + 1, last, [number], letter)
        sure = text[tokens[i].start].isupper() and (word.folded in "qw" or len(word.folded) > 1)
        return _label(i, end, letter, values, sure)
    after = _after(text, tokens, i, last, kind)
    # "the second question 2" does not happen; "first week, question 2" does.
    if after is not None and (label := _label(i, after[1], kind, after[0], True)) is not None:
        return _with_part(text, tokens, label, last)
    return _before(text, tokens, i, max(first, free_from), kind)


def _with_part(text: str, tokens: Sequence[Token], label: Label | None, last: int) -> Label | None:
    """ "Question 1.2", which may be the second of the first week, or the second part of the first question."""
    if label is None or len(label.questions) != 1 or label.last >= last or _gap(text, tokens, label.last - 1) != ".":
        return label
    figure = tokens[label.last].word
    if not figure.folded.isdigit() or not 0 < figure.cardinal <= LARGEST:
        return label
    return replace(label, last=label.last + 1, part=figure.cardinal)


def _label(first: int, last: int, kind: str, values: list[int], sure: bool) -> Label | None:
    values = [v for v in values if v == LAST or 0 < v <= LARGEST]
    if not values:
        return None
    numbers = tuple(dict.fromkeys(values))
    return Label(first, last, numbers if kind == "w" else (), numbers if kind == "q" else (), sure)


def _after(text: str, tokens: Sequence[Token], i: int, last: int, kind: str) -> tuple[list[int], int] | None:
    """ "question 3", "question n° 3", "Question Three", "Pregunta tercera"."""
    j = i + 1
    if j < last and tokens[j].word.sense & Sense.NUMBER_SIGN and _is_loose(_gap(text, tokens, i)):
        j += 1
        if j < last and text[tokens[j].start : tokens[j].end] in ("º", "ª"):
            j += 1  # "n.º 2"
    if j >= last or not _is_loose(_gap(text, tokens, j - 1)):
        return None
    gap = _gap(text, tokens, j - 1)
    word = tokens[j].word
    figures = word.folded[:1].isdigit()
    if word.cardinal and (figures or j > i + 1 or not gap.strip(" \u00a0:#-") or word.folded.isascii()):
        # "questions: 1. What …" announces a list; the figure belongs to the list.
        if figures and ":" in gap and (j + 1 < last and text[tokens[j].end : tokens[j].end + 1] in ".)"):
            return None
        if ":" in gap and (not figures or (i and tokens[i - 1].word.ordinal > 0 and _gap(text, tokens, i - 1) == " ")):
            return None  # "Second question: 21 hours a week."
        # "the question I would ask"
        if text[tokens[j].start : tokens[j].end] == "I" and text[tokens[j].end : tokens[j].end + 1] not in ".:)-":
            return None
        if _is_count(text, tokens, j, last):
            return None
        return _more(text, tokens, j + 1, last, [word.cardinal], kind)
    if kind == "q" and gap in (" ", "\n") and _is_qualified(text, tokens, j, last):
        return [tokens[j + 1].word.cardinal], j + 2
    if word.ordinal and word.after and not gap.strip() and (word.ordinal != LAST or kind == "q"):
        return [word.ordinal], j + 1
    return None


def _is_qualified(text: str, tokens: Sequence[Token], j: int, last: int) -> bool:
    """ "Pregunta orientadora 2:", "Question directrice 1 –": an adjective between noun and figure."""
    if j + 1 >= last or len(tokens[j].word.folded) < 5 or tokens[j].word.sense:
        return False
    figure = tokens[j + 1]
    rest = text[figure.end : figure.end + 3].lstrip(" \u00a0")
    return (
        figure.word.folded.isdigit()
        and figure.word.cardinal > 0
        and text[tokens[j].end : figure.start] == " "
        and (not rest or rest[0] in ":–-.)\n")
    )


def _is_count(text: str, tokens: Sequence[Token], j: int, last: int) -> bool:
    """ "week 2 weeks ago", "question 1000 people": a figure that counts what follows it."""
    return (
        j + 1 < last
        and bool(tokens[j + 1].word.sense & Sense.WEEK)
        and not _gap(text, tokens, j).strip()
        and not (tokens[j + 1].word.sense & Sense.QUESTION)
    )


def _before(text: str, tokens: Sequence[Token], i: int, first: int, kind: str) -> Label | None:
    """ "second question", "2e semaine", "the last question", "the first two questions"."""
    j = i - 1
    if j < first:
        return None
    gap = _gap(text, tokens, j)
    if not _is_loose(gap) or "." in gap.strip(". ") or gap.strip(" \n\u00a0.°º"):
        return None
    word = tokens[j].word
    if kind == "q" and not word.ordinal:
        # "the first of the questions", "la primera de las preguntas"
        k = j
        while k > max(first, j - 2) and tokens[k].word.sense & (Sense.BETWEEN | Sense.STOP):
            k -= 1
        if k < j and tokens[k].word.ordinal > 0 and not any(_gap(text, tokens, n).strip() for n in range(k, i)):
            return _label(k, i + 1, kind, [tokens[k].word.ordinal], True)
    if word.ordinal:
        # "last week" is the week before this one, not a number.
        if word.ordinal == LAST and kind == "w":
            return None
        numbers, begin = [word.ordinal], j
        # "the first and second questions"
        if (
            j - 2 >= first
            and tokens[j - 1].word.sense & Sense.JOINING
            and tokens[j - 2].word.ordinal > 0
            and word.ordinal > 0
        ):
            numbers, begin = [tokens[j - 2].word.ordinal, word.ordinal], j - 2
        return _label(begin, i + 1, kind, numbers, True)
    if word.cardinal > 1 and j - 1 >= first and tokens[j - 1].word.ordinal == 1 and word.cardinal <= 9:
        return _label(j - 1, i + 1, kind, list(range(1, word.cardinal + 1)), True)
    return None


def _more(text: str, tokens: Sequence[Token], j: int, last: int, values: list[int], kind: str) -> tuple[list[int], int]:
    """Further numbers: "2 & 3", "1, 2 and 4", "1-3", "Q1/Q2"."""
    while j < last and len(values) < 20:
        gap = _gap(text, tokens, j - 1)
        word, k, joined = tokens[j].word, j, False
        if "\n" in gap or len(gap) > 4:
            break
        marks = set(gap.strip())
        joined = bool(marks) and marks <= _JOINTS
        through = bool(marks & set("-–—"))
        if not joined and word.sense & Sense.JOINING and not gap.strip() and j + 1 < last:
            through = word.folded in ("to", "a", "bis")
            k = j + 1
            gap = _gap(text, tokens, j)
            word, joined = tokens[k].word, not gap.strip() and "\n" not in gap
        if not joined:
            break
        # "Q1 and question 2"
        if word.sense & (Sense.QUESTION | Sense.WEEK) and k + 1 < last:
            wanted = Sense.QUESTION if kind == "q" else Sense.WEEK
            if not word.sense & wanted:
                break
            k += 1
            word = tokens[k].word
        number = word.cardinal if word.folded.isdigit() else 0
        if word.glued and len(word.glued) == 1 and word.glued[0][0] == kind:
            number = word.glued[0][1]
        # "Question 2 - 1. We think": the figure opens a list. "Week 2, 3 people": it counts.
        follows = text[tokens[k].end : tokens[k].end + 2]
        if not 0 < number <= LARGEST or (follows[:1] in (".", ")") and follows[1:].strip()):
            break
        if follows[:1] == " " and k + 1 < last and _counts(tokens[k + 1]) and not through:
            break
        if through and values[-1] < number <= values[-1] + 12:
            values.extend(range(values[-1] + 1, number + 1))
        else:
            values.append(number)
        j = k + 1
    return values, j


def _counts(token: Token) -> bool:
    """Whether a figure before this word counts it: "3 people", "2 weeks"."""
    return bool(token.word.key) and not token.word.sense & (Sense.JOINING | Sense.BETWEEN)


def _paired(text: str, tokens: Sequence[Token], labels: list[Label]) -> list[Label]:
    """A week and a question side by side are one label, in either order."""
    result: list[Label] = []
    for label in labels:
        before = result[-1] if result else None
        if (
            before is not None
            and not (before.weeks and before.questions)
            and bool(before.weeks) != bool(label.weeks)
            and label.first - before.last <= 3
            and all(
                tokens[i].word.sense & (Sense.BETWEEN | Sense.JOINING | Sense.STOP)
                for i in range(before.last, label.first)
            )
            # "Week 2, Q1", but not "Week 2. Question 1 …" in two sentences of prose.
            and len(text[tokens[before.last - 1].end : tokens[label.first].start]) <= 16
        ):
            result[-1] = Label(
                before.first,
                label.last,
                before.weeks or label.weeks,
                before.questions or label.questions,
                before.sure or label.sure,  # "S4 Q1": the one says what the other is
            )
        else:
            result.append(label)
    return result


def parse_tags(text: str) -> tuple[Tag, ...]:
    """The places a person names: "W2 Q1", "semaine 2, question 1", "Pregunta 3".

    A week or a question that is not named is None. Only the first 2,000 characters are read.
    """
    text = text[:2000]
    tokens = words_of(text, vocabulary())
    tags = [
        Tag(week, question)
        for label in labels_in(text, tokens)
        for week in (label.weeks or (None,))
        for question in (tuple(q for q in label.questions if q != LAST) or (None,))
        if week is not None or question is not None
    ]
    return tuple(dict.fromkeys(tags))


def parse_tag(text: str) -> Tag | None:
    """The first place a person names, or None: see parse_tags."""
    return next(iter(parse_tags(text)), None)
