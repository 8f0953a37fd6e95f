"""How a person's name looks in running text, and when two of them mean the same person."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from m4dbot.reading.phrases import straight

_TOKEN = re.compile(r"\S{1,60}")
_ENDS = ',;:!?)]»”"،؛'
_OPENS = "([«“\"'*_"
_INITIAL = re.compile(r"^[^\W\d_]\.$")
MOST_WORDS_OF_A_NAME = 6


@dataclass(frozen=True, slots=True)
class PeopleWords:
    """people_words.toml, folded for comparison."""

    titles: frozenset[str]
    particles: frozenset[str]
    not_names: frozenset[str]
    ends_of_names: frozenset[str]
    organisation: frozenset[str]
    organisation_endings: tuple[str, ...]
    degrees: frozenset[str]
    role: frozenset[str]
    sign_off: frozenset[str]
    before: tuple[str, ...]
    wrote: tuple[str, ...]
    asked_me: tuple[str, ...]
    kin: frozenset[str]


@cache
def people_words() -> PeopleWords:
    table = tomllib.loads(Path(__file__).with_name("people_words.toml").read_text(encoding="utf-8"))

    def folded_all(words: list[str]) -> list[str]:
        return [folded(word) for word in words]

    return PeopleWords(
        titles=frozenset(folded_all(table["titles"])),
        particles=frozenset(w for phrase in folded_all(table["particles"]) for w in phrase.split()),
        not_names=frozenset(folded_all(table["not_names"])),
        ends_of_names=frozenset(table["ends_of_names"]),
        organisation=frozenset(folded_all(table["organisation"])),
        organisation_endings=tuple(folded_all(table["organisation_endings"])),
        degrees=frozenset(folded_all(table["degrees"])),
        role=frozenset(folded_all(table["role"])),
        sign_off=frozenset(folded_all(table["sign_off"])),
        before=tuple(sorted(folded_all(table["behalf"]["before"]), key=len, reverse=True)),
        wrote=tuple(sorted(folded_all(table["behalf"]["wrote"]), key=len, reverse=True)),
        asked_me=tuple(folded_all(table["behalf"]["asked_me"])),
        kin=frozenset(folded_all(table["behalf"]["kin"])),
    )


def folded(text: str) -> str:
    """`text` for comparison; of the same length as far as the scripts at hand go."""
    return straight(text.lower())


def leading_name(text: str) -> tuple[str, int]:
    """The name that `text` begins with, with its title, and where it ends; ("", 0) where none does.

    A name is capitals with small particles between them, or, in a script without capitals, up to
    four words. It ends at punctuation or at a small word.
    """
    words = people_words()
    taken: list[str] = []
    names = end = 0
    end_of_name = 0
    kept = 0
    for match in _TOKEN.finditer(text[:400]):
        token = match[0].lstrip(_OPENS) if not taken else match[0]
        bare = token.rstrip(_ENDS)
        closes = bare != token
        low = folded(bare)
        if not bare or any(c.isdigit() or c in "@/<>" for c in bare) or len(taken) > MOST_WORDS_OF_A_NAME + 2:
            break
        if low in words.titles and not names:
            taken.append(bare)
        elif _capital(bare) or (_caseless(bare) and names < 4 and bare not in words.ends_of_names):
            sentence_ends = bare.endswith(".") and not _INITIAL.match(bare)
            taken.append(bare.rstrip(".") if sentence_ends else bare)
            names += 1
            kept, end_of_name = len(taken), match.start() + match[0].find(bare) + len(taken[-1])
            closes = closes or sentence_ends
        elif names and low in words.particles and not closes:
            taken.append(bare)
        else:
            break
        if closes or names >= MOST_WORDS_OF_A_NAME:
            break
    end = end_of_name
    return " ".join(taken[:kept]), end


def _caseless(word: str) -> bool:
    """Whether a word is of a script that has no capitals, such as Arabic."""
    return word[0].isalpha() and word[0].lower() == word[0].upper()


def _capital(word: str) -> bool:
    """Whether a word begins with a capital, behind an article's apostrophe too ("d'Almeida")."""
    if word[0].isupper():
        return True
    return len(word) > 2 and word[1] in "'’" and word[2].isupper()


def is_person(name: str) -> bool:
    """Whether a name is a person's: two words or a title and one, none of them an office's."""
    words = people_words()
    tokens = [folded(t).strip(".,") for t in name.split()]
    if any(t in words.organisation or t in words.not_names for t in tokens):
        return False
    titled = any(folded(t) in words.titles or t in words.titles for t in name.split())
    own = [t for t in name.split() if folded(t) not in words.titles and folded(t) not in words.particles]
    if not own or len(own) > MOST_WORDS_OF_A_NAME:
        return False
    if any(folded(t).strip(".,") in words.role for t in own) and not titled:
        return False
    return len(own) >= 2 or titled


def tokens_of(name: str) -> frozenset[str]:
    """The words of a name that tell it from others, without accents, titles and particles."""
    words = people_words()
    plain = unicodedata.normalize("NFD", name.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    found = re.findall(r"[^\W\d_]+", plain)
    return frozenset(t for t in found if len(t) > 1 and t not in words.titles and t not in words.particles)


def same_person(one: str, other: str) -> bool:
    """Whether two names can be one person's: all words of the shorter stand in the longer."""
    left, right = tokens_of(one), tokens_of(other)
    if not left or not right:
        return False
    return left <= right or right <= left or len(left & right) >= 2
