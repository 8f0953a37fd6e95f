"""In which language a text is written, as a code of ISO 639-1."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

MOST_CHARACTERS = 800  # more words do not make it clearer

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NOT_PROSE = re.compile(r"https?://\S{1,500}|www\.\S{1,300}|\S{1,100}@\S{1,100}")
_BEYOND_LATIN = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u2e80-\U0010ffff]")
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
        return prior if prior is not None else _only_one(scores, languages)
    if prior is not None and scores.get(prior, 0.0) >= 1 and scores[prior] * 1.4 >= scores[best]:
        return prior
    modelled = _by_model(text, tuple(dict.fromkeys((*languages, *_SMALL_WORDS_FOR))))
    if modelled is not None:
        return modelled
    return prior


def _only_one(scores: dict[str, float], languages: tuple[str, ...]) -> str | None:
    """The group's language that alone has one of the words of a very short text."""
    having = [language for language in languages if scores.get(language, 0.0) >= 0.5]
    return having[0] if len(having) == 1 else None


def _by_script(text: str, letters: int) -> str | None:
    if text.isascii() or len(_BEYOND_LATIN.findall(text)) * 2 <= letters:
        return None
    for script, language, others in _SCRIPTS:
        # Compiled when a text first needs them; `re` keeps them.
        if len(re.findall(script, text)) * 2 > letters:
            return next((other for mark, other in others if len(re.findall(mark, text)) * 60 > letters), language)
    return None


def _scores(text: str, words: list[str]) -> dict[str, float]:
    weights, rare_letters = _tables()
    scores = dict.fromkeys(rare_letters, 0.0)
    for word in words:
        for language, weight in weights.get(word.lower().replace("’", "'"), ()):
            scores[language] += weight
    lowered = text.lower()
    for language, letters in rare_letters.items():
        if scores[language]:
            # A name in a text may have one such letter; a text in the language has many.
            scores[language] += sum(min(lowered.count(letter), 6) for letter in letters) * 0.5
    return scores


@cache
def _tables() -> tuple[dict[str, tuple[tuple[str, float], ...]], dict[str, str]]:
    """Word -> languages that have it, each with its weight; and each language's own letters."""
    table: dict[str, Any] = tomllib.loads(Path(__file__).with_name("language_words.toml").read_text(encoding="utf-8"))
    having: dict[str, list[str]] = {}
    for language, entry in table.items():
        for word in dict.fromkeys(entry["words"].split()):
            having.setdefault(word, []).append(language)
    weights = {
        word: tuple((language, 1.0 / len(languages)) for language in languages) for word, languages in having.items()
    }
    return weights, {language: entry.get("letters", "") for language, entry in table.items()}


# What the model is asked to choose from, beside the group's languages.
_SMALL_WORDS_FOR = ("en", "fr", "es", "pt", "it", "de", "ar", "nl", "sv", "da", "pl", "tr", "ro", "id", "sw")


@cache
def _identifier(languages: tuple[str, ...]) -> Any:
    # Half a second and a hundred megabytes: loaded for the first text that needs it.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = set(identifier.labels)
    identifier.set_languages([language for language in languages if language in known])
    return identifier


def _by_model(text: str, languages: tuple[str, ...]) -> str | None:
    language, confidence = _identifier(languages).classify(text)
    return str(language) if confidence >= 0.5 else None
