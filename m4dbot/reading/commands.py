"""What a mail asks the bot to do, where it says little else; and the answers to an acknowledgement."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from m4dbot.reading.phrases import phrases, plain_words, word_tables
from m4dbot.reading.plus import PlusAddress, PlusKind
from m4dbot.tagging.values import Tag


class CommandName(StrEnum):
    LEAVE = "leave"
    JOIN = "join"
    HELP = "help"
    WITHDRAW = "withdraw"
    CORRECT = "correct"


@dataclass(frozen=True, slots=True)
class Command:
    """`token` is what the address detail carried, "" where the mail came to the bare address.

    `tags` are the places a correction names. From alone proves nothing: who may do what is for
    moderation to say.
    """

    name: CommandName
    token: str = ""
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class Correction:
    """An answer to an acknowledgement: take it back, or file it elsewhere, in the order of the passages."""

    withdraw: bool = False
    tags: tuple[Tag, ...] = ()


_MOST_WORDS = {CommandName.LEAVE: 25, CommandName.JOIN: 12, CommandName.HELP: 12, CommandName.WITHDRAW: 25}

_JOINED = re.compile(r"([^\W\d]{1,12})(\d{1,3})(?!\d)")
_FIGURE = re.compile(r"(\d{1,3})(?:st|nd|rd|th|er|re|ère|ere|e|è|ème|eme|ª|º|a|o)?")
_PIECE = re.compile(r"[^\W\d_]+|\d+[^\W\d_]{0,3}|[&,+/\n;]")


@dataclass(frozen=True, slots=True)
class _Words:
    courtesies: frozenset[str]
    week: frozenset[str]
    question: frozenset[str]
    linking: frozenset[str]
    numbers: dict[str, int]


@cache
def _words() -> _Words:
    table = word_tables()["correction"]
    return _Words(
        courtesies=frozenset(table["courtesies"]),
        week=frozenset(table["week"]),
        question=frozenset(table["question"]),
        linking=frozenset(table["and"]),
        numbers={word: number for number, words in enumerate(table["numbers"], start=1) for word in words},
    )


def parse_command(subject: str, own_text: str, plus: PlusAddress | None = None) -> Command | None:
    """The command a mail is, or None where it is none for certain.

    An address detail decides alone; otherwise the subject, or all of the text, must be a command
    and next to nothing else be said: "help" above a long letter is a contribution's title.
    """
    if plus is not None:
        if plus.kind is PlusKind.LEAVE:
            return Command(CommandName.LEAVE, plus.value)
        if plus.kind is PlusKind.COMMAND:
            return Command(CommandName(plus.value))
        if plus.kind is PlusKind.CORRECT:
            correction = parse_correction(own_text)
            if correction is None:
                return None
            name = CommandName.WITHDRAW if correction.withdraw else CommandName.CORRECT
            return Command(name, plus.value, correction.tags)
    words = len(own_text[:2_000].split())
    if words > max(_MOST_WORDS.values()):
        return None
    for asked in (CommandName.LEAVE, CommandName.JOIN, CommandName.HELP):
        if words <= _MOST_WORDS[asked] and _is(subject, asked):
            return Command(asked)
    if words and _is(own_text, CommandName.LEAVE):
        return Command(CommandName.LEAVE)
    if words and not subject.strip():
        return next((Command(asked) for asked in (CommandName.JOIN, CommandName.HELP) if _is(own_text, asked)), None)
    return None


def _is(text: str, name: CommandName) -> bool:
    """Whether all of `text` is one of a command's phrases, courtesies aside."""
    if len(text) > 300:
        return False
    known = phrases(f"command.{name.value}")
    words = plain_words(text)
    if words in known or words.strip() in known:
        return True
    kept = [w for w in words.split() if w not in _words().courtesies]
    shortened = {" ".join(w for w in phrase.split() if w not in _words().courtesies) for phrase in known}
    return bool(kept) and " ".join(kept) in shortened


def parse_correction(text: str) -> Correction | None:
    """What an answer to an acknowledgement says, or None where it says neither.

    "W2 Q1", "semaine 2, question 1", "question 3 de la semana 2", "week 2 questions 1 and 3",
    numbers in figures or words; or "withdraw" in one of the languages. Only short answers are
    read so: more than two dozen other words are somebody's own thoughts.
    """
    text = text.strip()
    if not text or len(text) > 600:
        return None
    first_line = text.split("\n", 1)[0]
    if _is(text, CommandName.WITHDRAW) or (len(text.split()) <= 20 and _is(first_line, CommandName.WITHDRAW)):
        return Correction(withdraw=True)
    tags, others = _tags_of(text)
    return Correction(tags=tags) if tags and others <= 24 else None


def _tags_of(text: str) -> tuple[tuple[Tag, ...], int]:
    pieces = _PIECE.findall(_JOINED.sub(r"\1 \2 ", unicodedata.normalize("NFKC", text).casefold()))
    known = _words()
    tags: list[Tag] = []
    week: int | None = None
    bare_week = False  # a week that no question has followed yet
    asked = ""  # the label the next number belongs to
    others = 0
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else ""
        number = _number(piece)
        if piece in known.week:
            ordinal = _number(pieces[index - 1]) if index else None
            if _number(following) is None and ordinal is not None and not asked:
                week = _week_named(tags, ordinal)  # "second week"
                bare_week = not any(t.week == week and t.question for t in tags)
            else:
                asked = "week"
        elif piece in known.question:
            ordinal = _number(pieces[index - 1]) if index else None
            if _number(following) is None and ordinal is not None and not asked:
                tags.append(Tag(week, ordinal))  # "third question"
                bare_week = False
            else:
                asked = "question"
        elif number is not None and asked == "week":
            if bare_week and week is not None:
                tags.append(Tag(week))
            week = _week_named(tags, number)
            bare_week = not any(t.week == week and t.question for t in tags)
            asked = ""
        elif number is not None and asked == "question":
            tags.append(Tag(week, number))
            bare_week = False
            if following not in known.linking:
                asked = ""
        elif piece in known.linking or piece in ("\n", ";"):
            if piece in ("\n", ";"):
                asked = ""
        elif number is None or following not in known.week | known.question:
            others += 1
    if bare_week and week is not None:
        tags.append(Tag(week))
    return tuple(dict.fromkeys(tags)), others


def _week_named(tags: list[Tag], week: int) -> int:
    """`week`, given as well to the questions that were named before it: "question 1 de la semaine 2"."""
    for index, tag in enumerate(tags):
        if tag.week is None:
            tags[index] = Tag(week, tag.question)
    return week


def _number(piece: str) -> int | None:
    figure = _FIGURE.fullmatch(piece)
    if figure:
        value = int(figure[1])
        return value if 0 < value < 500 else None
    return _words().numbers.get(piece)
