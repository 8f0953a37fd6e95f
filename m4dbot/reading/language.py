"""In which language a text is written, as a code of ISO 639-1."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

MOST_CHARACTERS = 800  # more words do not make it clearer

_ENOUGH = 0.8  # small words that only one language has
_LEAD = 0.05  # of the best, by which it leads
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NOT_PROSE = re.compile(r"https?://\S{1,500}|www\.\S{1,300}|\S{1,100}@\S{1,100}")
# Languages that are known by their script; a letter of the second set names another one of the script.
_SCRIPTS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "[\u0620-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]",
        "ar",
        (("[ٹڈڑںےۓ]", "ur"), ("[پچژگ]", "fa")),
    ),
    (
        "[\u0400-\u04ff]",
        "ru",
        (("[іїєґ]", "uk"), ("[ђјљњћџ]", "sr")),
    ),
    ("[\u0370-\u03ff\u1f00-\u1fff]", "el", ()),
    ("[\u0590-\u05ff]", "he", ()),
    ("[\u0900-\u097f]", "hi", ()),
    ("[\u0980-\u09ff]", "bn", ()),
    ("[\u0e00-\u0e7f]", "th", ()),
    ("[\u1200-\u137f]", "am", ()),
    ("[\uac00-\ud7af]", "ko", ()),
    ("[\u3040-\u30ff\u3400-\u9fff]", "zh", (("[\u3040-\u30ff]", "ja"),)),
)


def language_of(text: str, languages: tuple[str, ...] = (), prior: str | None = None) -> str | None:
    """The language of `text`, or None where it cannot be told.

    `languages` are the group's; others are recognised too, but a close call goes to one of these.
    `prior` is the member's own language: it decides where a text is too short to tell.
    """
    text = _NOT_PROSE.sub(" ", text[: MOST_CHARACTERS * 2])[:MOST_CHARACTERS]
    words = _WORD.findall(text)
    letters = sum(map(len, words))
    if letters < 2:
        return None
    by_script = _by_script(text, letters)
    if by_script:
        return by_script
    scores = _scores(text, words)
    ranked = sorted(scores, key=lambda language: -scores[language])
    best, second = ranked[0], ranked[1]
    lead = scores[best] - scores[second]
    known = frozenset((*languages, prior) if prior else languages)
    # Half as many small words again as any other language has, and enough of them: no close call.
    if scores[best] >= 3 and scores[best] >= 1.4 * scores[second] and (len(words) >= 6 or best in known):
        return best
    if len(words) < 5:
        if scores[best] >= 1 and lead >= 1:
            return best
        return prior if prior is not None else _likeliest_of_few_words(scores, scores[best], languages)
    if prior is not None and scores.get(prior, 0.0) >= 1 and scores[prior] * 1.4 >= scores[best]:
        return prior
    if len(words) > 12 and scores[best] < len(words) * 0.08:
        return prior  # next to none of any language's small words: a table, names, dummy text
    if scores[best] >= _ENOUGH and lead >= _LEAD * scores[best]:
        return best
    return prior if prior is not None else _likeliest_of_few_words(scores, scores[best], languages)


def _likeliest_of_few_words(scores: dict[str, float], best: float, languages: tuple[str, ...]) -> str | None:
    """The only one of the group's languages that a very short text can be in, else the only one at all."""
    possible = [language for language, score in scores.items() if score >= max(0.3, best * 0.7)]
    of_the_group = [language for language in possible if language in languages]
    if of_the_group:
        return of_the_group[0] if len(of_the_group) == 1 else None
    return possible[0] if len(possible) == 1 and best >= 0.6 else None


def _by_script(text: str, letters: int) -> str | None:
    # Latin letters and their accents end at U+036F.
    if text.isascii() or sum(map("\u036f".__lt__, text)) * 2 <= letters:
        return None
    for script, language, others in _SCRIPTS:
        # Compiled when a text first needs them; `re` keeps them.
        if len(re.findall(script, text)) * 2 > letters:
            return next((other for mark, other in others if len(re.findall(mark, text)) * 60 > letters), language)
    return None


def _scores(text: str, words: list[str]) -> dict[str, float]:
    weights, endings, rare_letters = _tables()
    scores = dict.fromkeys(rare_letters, 0.0)
    for written in words:
        word = written.lower().replace("’", "'")
        if word in weights:
            for language, weight in weights[word]:
                scores[language] += weight
        elif len(word) >= 6:
            # The longest ending a word has: "ciones" says more than "es".
            found = next((word[-n:] for n in (6, 5, 4, 3, 2) if word[-n:] in endings), None)
            for language, weight in endings[found] if found else ():
                scores[language] += weight * 0.6
    lowered = text.lower()
    for language, letters in rare_letters.items():
        if scores[language]:
            # A name in a text may have one such letter; a text in the language has many.
            scores[language] += sum(min(lowered.count(letter), 6) for letter in letters) * 0.5
    return scores


_Weights = dict[str, tuple[tuple[str, float], ...]]


@cache
def _tables() -> tuple[_Weights, _Weights, dict[str, str]]:
    """Words, and endings, with the languages that have them and their weights; each language's own letters."""
    table: dict[str, Any] = tomllib.loads(Path(__file__).with_name("language_words.toml").read_text(encoding="utf-8"))
    letters = {language: entry.get("letters", "") for language, entry in table.items()}
    return _weighted(table, "words"), _weighted(table, "endings"), letters


def _weighted(table: dict[str, Any], kind: str) -> _Weights:
    having: dict[str, list[str]] = {}
    for language, entry in table.items():
        for word in dict.fromkeys(entry.get(kind, "").split()):
            having.setdefault(word, []).append(language)
    return {
        word: tuple((language, 1.0 / len(languages)) for language in languages) for word, languages in having.items()
    }
