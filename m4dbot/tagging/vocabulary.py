"""What words mean to tagging: labels, numbers and topics, in every language there is a file for.

Languages are not told apart here. A contributor writes "Q2" in a Spanish mail and quotes a French
question in an English one, so all files are read into one table.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

LANGUAGES = Path(__file__).with_name("languages")

# A word is a run of letters and digits; "_" is emphasis in plain-text mail, not part of a word.
WORD = re.compile(r"[^\W_]+")
# "W2Q1", "Week1", "Q3a", "2nd": letters and figures written together.
_GLUED = re.compile(r"([^\W\d_]*)(\d{1,3})([^\W\d_]*)(?:(\d{1,3})([^\W\d_]?))?")
_NUMERALS = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX"
ROMAN = {numeral: value for value, numeral in enumerate(_NUMERALS.split(), 1)}
_CACHE_LIMIT = 40_000  # words; a mail of nonsense must not grow the process

_LONGEST_VERB = 20  # letters

LAST = -1  # the number of "the last question"


class Sense:
    """What a word may be doing in a label; bits. Plain integers, for enum.IntFlag costs more than the rest."""

    NONE: Final = 0
    QUESTION: Final = 1 << 0
    WEEK: Final = 1 << 1
    ANSWER: Final = 1 << 2
    TOPIC: Final = 1 << 3
    NUMBER_SIGN: Final = 1 << 4
    ABOUT: Final = 1 << 5
    BACK: Final = 1 << 6
    JOINING: Final = 1 << 7
    BETWEEN: Final = 1 << 8
    SALUTATION: Final = 1 << 9
    STOP: Final = 1 << 10
    PREVIOUS: Final = 1 << 11  # "last week"
    CURRENT: Final = 1 << 12  # "this week"
    TURNING: Final = 1 << 13


@dataclass(frozen=True, slots=True)
class Word:
    """A word as tagging sees it.

    `key` is what it is about: a concept's name where a language file knows it, else its skeleton;
    empty for words too common to tell anything. `near` is a shorter key that finds cognates.
    `cardinal` and `ordinal` are numbers or 0; `glued` holds the numbers of "W2Q1" as
    ("w", 2), ("q", 1), and `sure` is false where the letters alone may mean something else ("P3").
    """

    folded: str
    head: str  # its first letters, for comparing words with slips at their ends
    key: str
    near: str
    sense: int = Sense.NONE
    cardinal: int = 0
    ordinal: int = 0
    after: bool = False  # this ordinal follows its noun in some language: "pregunta tercera"
    glued: tuple[tuple[str, int], ...] = ()
    sure: bool = True
    labelling: bool = False  # may be part of a label at all


def fold(text: str) -> str:
    """Without case and accents; Arabic letters in their plain shapes."""
    text = text.casefold()
    if text.isascii():
        return text
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return plain.replace("ة", "ه").replace("ى", "ي").replace("ـ", "")


_ARABIC_FRONT = ("وبال", "وال", "بال", "كال", "فال", "ولل", "لل", "ال")
_ARABIC_ENDINGS = ("ات", "ون", "ين", "يه", "ها", "ه", "ي")


def _bare_arabic(word: str) -> str:
    for front in _ARABIC_FRONT:
        if word.startswith(front) and len(word) >= len(front) + 2:
            return word[len(front) :]
    return word


# Spellings in which the same learned word differs between languages written in Latin letters.
_RESPELL = (
    ("ph", "f"),
    ("th", "t"),
    ("ch", "c"),
    ("qu", "c"),
    ("ck", "c"),
    ("k", "c"),
    ("z", "c"),
    ("y", "i"),
    ("v", "b"),
    ("ou", "o"),
    ("lh", "l"),
    ("nh", "n"),
    ("gn", "n"),
)
_DOUBLE = re.compile(r"(.)\1")


def skeleton(folded: str) -> str:
    """What is left of a word when inflection and a language's spelling are taken off.

    >>> skeleton("strategies") == skeleton("estrategias") == skeleton("strategie")
    True
    """
    if "\u0600" <= folded[:1] <= "\u06ff":
        word = _bare_arabic(folded)
        for ending in _ARABIC_ENDINGS:
            if word.endswith(ending) and len(word) >= len(ending) + 3:
                return word[: -len(ending)]
        return word
    if len(folded) <= 3:
        return folded
    word = folded
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            break
    for old, new in _RESPELL:
        word = word.replace(old, new)
    word = _DOUBLE.sub(r"\1", word)
    if word.startswith("es") and word[2:3] in ("p", "t", "c"):
        word = word[1:]
    elif word.startswith("desc"):
        word = "de" + word[3:]
    word = word.rstrip("s")[:7].rstrip("aeious")
    # Of "idea" and "ideas" nothing but vowels is left to tell them by.
    return word if len(word) >= 3 else folded.rstrip("sx")


class Vocabulary:
    """All language files as one table. Use `vocabulary()`; reading the files takes some milliseconds."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._senses: dict[str, int] = {}
        self._cardinals: dict[str, int] = {}
        self._ordinals: dict[str, int] = {}
        self._accented: set[str] = set()  # number words as they are written
        self._after: set[str] = set()
        self._endings: set[str] = set()
        self._short: dict[str, str] = {"q": "q", "w": "w"}
        self._short_answers: set[str] = set()
        self.letters: dict[str, frozenset[str]] = {}  # by language, what may stand for "question" or "answer"
        self._exact: dict[str, str] = {}
        self._concepts: dict[str, str] = {}
        self.general: set[str] = set()
        self._verbs: list[tuple[str, tuple[str, ...]]] = []
        self.known: dict[str, Word] = {}  # words looked up before
        for file in files:
            self._read(file)
        self._verbs.sort(key=lambda verb: -len(verb[0]))
        self._endings_by_last = {
            last: [v for v in self._verbs if v[0][-1] == last] for last in {v[0][-1] for v in self._verbs}
        }

    def _read(self, file: Path) -> None:
        data = tomllib.loads(file.read_text("utf-8"))
        labels, numbers, phrases = data["labels"], data["numbers"], data["phrases"]
        for name, sense in (
            ("question", Sense.QUESTION),
            ("week", Sense.WEEK),
            ("answer", Sense.ANSWER),
            ("topic", Sense.TOPIC),
            ("number_sign", Sense.NUMBER_SIGN),
        ):
            self._add(labels[name], sense)
        for name, letter in (("question_short", "q"), ("week_short", "w")):
            for short in fold(labels[name]).split():
                self._short.setdefault(short, letter)
        self._short_answers.update(fold(labels["answer_short"]).split())
        self.letters[file.stem] = frozenset(fold(f"{labels['question_short']} {labels['answer_short']}").split())
        for name, sense in (
            ("about", Sense.ABOUT),
            ("back", Sense.BACK),
            ("turning", Sense.TURNING),
            ("joining", Sense.JOINING),
            ("between", Sense.BETWEEN),
            ("salutations", Sense.SALUTATION),
        ):
            self._add(phrases[name], sense)
        self._add(numbers["previous_week"], Sense.PREVIOUS)
        self._add(numbers["current_week"], Sense.CURRENT)
        self._add(data["words"]["stop"], Sense.STOP)
        for table, entries in (
            (self._cardinals, numbers["cardinals"]),
            (self._ordinals, numbers["ordinals"]),
        ):
            for value, words in enumerate(entries, 1):
                self._accented.update(words.casefold().split())
                for word in fold(words).split():
                    table.setdefault(word, value)
        self._accented.update(numbers["last"].casefold().split())
        for word in fold(numbers["last"]).split():
            self._ordinals.setdefault(word, LAST)
        if file.stem not in ("en", "de"):
            self._after.update(w for words in numbers["ordinals"] for w in fold(words).split())
        self._endings.update(fold(numbers["ordinal_endings"]).split())
        self.general.update(fold(phrase) for phrase in phrases["general"])
        infinitives = tuple(fold(data["words"]["infinitives"]).split())
        self._verbs.extend((ending, infinitives) for ending in fold(data["words"]["verb_endings"]).split())
        for concept, words in data["concepts"].items():
            for word in fold(words).split():
                self._exact.setdefault(word, concept)
                if len(skel := skeleton(word)) >= 4:
                    self._concepts.setdefault(skel, concept)
                else:
                    # The skeleton of a short word is too little: "données" must not meet "done".
                    for plural in ("s", "es", "x"):
                        self._exact.setdefault(word + plural, concept)

    def _add(self, words: str, sense: int) -> None:
        for word in fold(words).split():
            self._senses[word] = self._senses.get(word, Sense.NONE) | sense

    def word(self, raw: str) -> Word:
        """What there is to know of a word as it stands in the text."""
        found = self.known.get(raw)
        if found is None:
            if len(self.known) > _CACHE_LIMIT:
                self.known.clear()
            found = self.known[raw] = self._look(raw)
        return found

    def _look(self, raw: str) -> Word:
        folded = fold(raw[:60])
        sense = self._senses.get(folded, Sense.NONE)
        bare = folded
        if not sense and "\u0600" <= folded[:1] <= "\u06ff":
            bare = _bare_arabic(folded)
            sense = self._senses.get(bare, Sense.NONE)
            if not sense and bare[:1] in "بلو":
                sense = self._senses.get(_bare_arabic(bare[1:]), Sense.NONE)
        cardinal = self._cardinals.get(bare, 0)
        ordinal = self._ordinals.get(bare, 0)
        if raw.casefold() not in self._accented and not raw.isascii() and bare == folded:
            cardinal = ordinal = 0  # "très" is not "tres"
        after = bare in self._after or ordinal == LAST
        glued: tuple[tuple[str, int], ...] = ()
        sure = True
        if raw in ROMAN:
            cardinal = ROMAN[raw]
        elif folded[-1:].isdigit() or any(c.isdigit() for c in folded):
            cardinal, ordinal, glued, sure = self._figures(folded)
        key = near = ""
        if not (sense & Sense.STOP) and len(folded) >= 2 and not cardinal and not glued:
            skel = skeleton(folded)
            exact = self._exact.get(folded) or self._exact.get(bare)
            key = exact or self._concepts.get(skel) or self._by_infinitive(folded) or skel
            near = skel[:5] if key is skel and len(skel) >= 5 else ""
        labelling = bool(glued or sense & (Sense.QUESTION | Sense.WEEK) or folded in self._short)
        return Word(folded, folded[:6], key, near, sense, cardinal, ordinal, after, glued, sure, labelling)

    def _by_infinitive(self, folded: str) -> str:
        """The concept of a verb's form, found by its infinitive: "évalués", "protegen", "formados"; else empty."""
        if not 5 <= len(folded) <= _LONGEST_VERB:
            return ""
        for ending, infinitives in self._endings_by_last.get(folded[-1], ()):
            if folded.endswith(ending) and len(folded) - len(ending) >= 3:
                stem = folded[: -len(ending)]
                for infinitive in infinitives:
                    if (concept := self._exact.get(stem + infinitive)) is not None:
                        return concept
        return ""

    def _figures(self, folded: str) -> tuple[int, int, tuple[tuple[str, int], ...], bool]:
        """Cardinal, ordinal, glued labels and whether their letters can mean nothing else."""
        m = _GLUED.fullmatch(folded)
        if m is None:
            return 0, 0, (), True
        letters, first, middle, second, _ = m.groups()
        number = int(first)
        if not letters and second is None:
            if not middle:
                return number, 0, (), True
            if middle in self._endings:
                return 0, number, (), True
            return (number if len(middle) == 1 else 0), 0, (), True
        kind = self._letters(letters)
        if kind is None or (not middle and second is not None):
            return 0, 0, (), True
        sure = letters in ("q", "w") or (len(letters) > 1 and letters not in self._short_answers)
        if second is None:
            # "Q2a" and "W2" end here; "Q2bis" or "W2D2" is something else.
            return 0, 0, (((kind, number),) if len(middle) <= 1 else ()), sure
        follows = self._letters(middle)
        if follows is None or follows == kind:
            return 0, 0, (), True
        return 0, 0, ((kind, number), (follows, int(second))), True

    def _letters(self, letters: str) -> str | None:
        if letters in self._short:
            return self._short[letters]
        if letters in self._short_answers:
            return "q"
        sense = self._senses.get(letters, Sense.NONE)
        if sense & Sense.QUESTION:
            return "q"
        return "w" if sense & Sense.WEEK else None

    def short(self, folded: str) -> str | None:
        """ "q" or "w" for a letter that stands for "question" or "week": "Q. 2"."""
        return self._short.get(folded)


@cache
def vocabulary() -> Vocabulary:
    """The table of all shipped languages, read once."""
    return Vocabulary(sorted(LANGUAGES.glob("*.toml")))
