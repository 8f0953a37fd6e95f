"""The words that mail programs put around a reply, from `reply_words.toml`, ready to be looked for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("reply_words.toml")

_WORD = re.compile(r"\w+")
# Scripts written without spaces: a word of theirs may touch any other.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Phrases:
    """A set of phrases to look for in a text in lower case: word by word, so that the time grows with
    the text and not with the number of phrases."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_first: dict[str, list[list[str]]] = {}
        self._by_last: dict[str, list[list[str]]] = {}
        unspaced = []
        for phrase in sorted(set(phrases), key=lambda p: (-len(p), p)):
            if _UNSPACED.search(phrase):
                unspaced.append(re.escape(phrase))
            else:
                words = _WORD.findall(phrase)
                self._by_first.setdefault(words[0], []).append(words)
                self._by_last.setdefault(words[-1], []).append(words)
        self._unspaced = re.compile("|".join(unspaced)) if unspaced else None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where phrases stand, (start, end), from left to right; of several at one place the longest."""
        found = []
        matches = list(_WORD.finditer(text))
        for i, match in enumerate(matches):
            for words in self._by_first.get(match[0], ()):
                if len(words) == 1 or [m[0] for m in matches[i : i + len(words)]] == words:
                    found.append((match.start(), matches[i + len(words) - 1].end()))
                    break
        if self._unspaced is not None and not text.isascii() and _UNSPACED.search(text):
            found += [match.span() for match in self._unspaced.finditer(text)]
            found.sort()
        return found

    def first(self, text: str) -> tuple[int, int] | None:
        spans = self.spans(text)
        return spans[0] if spans else None

    def at_beginning(self, text: str) -> int | None:
        """The end of the phrase with which a text begins, or None."""
        first = self.first(text[:120])
        return first[1] if first and first[0] == 0 else None

    def at_either_end(self, text: str) -> bool:
        """Whether a text begins or ends with a phrase."""
        if self._unspaced is not None and not text.isascii() and _UNSPACED.search(text):
            return any(start == 0 or end == len(text) for start, end in self.spans(text))
        words = _WORD.findall(text)
        if not words:
            return False
        if text.startswith(words[0]) and any(words[: len(p)] == p for p in self._by_first.get(words[0], ())):
            return True
        return text.endswith(words[-1]) and any(words[-len(p) :] == p for p in self._by_last.get(words[-1], ()))


@dataclass(frozen=True, slots=True)
class ReplyWords:
    """`labels` gives for the label of a header line, in lower case, what it may mean."""

    wrote: Phrases
    on: frozenset[str]
    labels: dict[str, frozenset[str]]
    original: Phrases
    forwarded: Phrases
    above: Phrases
    sent_by: Phrases
    regards: frozenset[str]
    postscript: re.Pattern[str]
    secret: tuple[str, ...]
    addressee: tuple[str, ...]
    legal: tuple[str, ...]
    firm: frozenset[str]  # without dots, in the capitals they are written in
    register: Phrases
    printing: tuple[tuple[tuple[str, ...], ...], ...]  # by language: nature, printing, only_if


def holds(text: str, stems: Iterable[str]) -> bool:
    """Whether a text in lower case holds one of these parts of words."""
    return any(stem in text for stem in stems)


def _postscript(words: Iterable[str]) -> re.Pattern[str]:
    """The beginning of a line such as "P.S.: one more thing". Of an abbreviation the dots may be missing or blanks
    stand between, which no word of any language looks like as long as something sets it off."""
    forms = []
    for word in sorted(words, key=lambda w: (-len(w), w)):
        letters = word.split(".")
        forms.append(r"[.\s-]{0,2}".join(map(re.escape, letters)) if len(letters) > 1 else re.escape(word.rstrip(":")))
    return re.compile(
        rf"[*_(\[\s]{{0,4}}(?:{'|'.join(forms)})(?:[*_\s]{{0,3}}[.:;,)\]–—-]|[*_]{{0,3}}\s{{1,3}}[^\W\d_])"
    )


@cache
def reply_words() -> ReplyWords:
    with _FILE.open("rb") as file:
        tables: dict[str, dict[str, list[str]]] = tomllib.load(file)

    def all_of(kind: str) -> set[str]:
        return {w.casefold().rstrip(":") for table in tables.values() for w in table.get(kind, ())}

    labels: dict[str, set[str]] = {}
    for kind in ("from", "sent", "to", "cc", "subject"):
        for word in all_of(kind):
            labels.setdefault(word, set()).add(kind)
    return ReplyWords(
        wrote=Phrases(all_of("wrote")),
        on=frozenset(all_of("on")),
        labels={word: frozenset(kinds) for word, kinds in labels.items()},
        original=Phrases(all_of("original")),
        forwarded=Phrases(all_of("forwarded")),
        above=Phrases(all_of("above")),
        sent_by=Phrases(all_of("sent_by")),
        regards=frozenset(all_of("regards")),
        postscript=_postscript(all_of("postscript")),
        secret=tuple(sorted(all_of("secret"))),
        addressee=tuple(sorted(all_of("addressee"))),
        legal=tuple(sorted(all_of("legal"))),
        firm=frozenset(
            form.replace(".", "").split()[-1] for table in tables.values() for form in table.get("firm", ())
        ),
        register=Phrases(all_of("register")),
        printing=tuple(
            tuple(tuple(table[kind]) for kind in ("nature", "printing", "only_if"))
            for table in tables.values()
            if "nature" in table
        ),
    )
