"""The words that mail programs put around a reply, from `reply_words.toml`, ready to be looked for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("reply_words.toml")

# Scripts written without spaces: a word of theirs may touch any other.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class ReplyWords:
    """`labels` gives for the label of a header line, in lower case, what it may mean."""

    wrote: re.Pattern[str]
    on: frozenset[str]
    labels: dict[str, frozenset[str]]
    original: re.Pattern[str]
    forwarded: re.Pattern[str]
    above: re.Pattern[str]
    sent_by: re.Pattern[str]
    regards: frozenset[str]


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """One pattern for all words, the longest first, each between bounds where its script has them."""
    parts = []
    for word in sorted(set(words), key=lambda w: (-len(w), w)):
        part = re.escape(word)
        if not _UNSPACED.match(word):
            part = rf"(?<!\w){part}" if word[0].isalnum() else part
        if not _UNSPACED.match(word[-1]) and word[-1].isalnum():
            part = rf"{part}(?!\w)"
        parts.append(part)
    return re.compile("|".join(parts))


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
        wrote=_any_of(all_of("wrote")),
        on=frozenset(all_of("on")),
        labels={word: frozenset(kinds) for word, kinds in labels.items()},
        original=_any_of(all_of("original")),
        forwarded=_any_of(all_of("forwarded")),
        above=_any_of(all_of("above")),
        sent_by=_any_of(all_of("sent_by")),
        regards=frozenset(all_of("regards")),
    )
