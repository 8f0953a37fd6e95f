"""The per-language data files: complete, and alike in shape."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from m4dbot.tagging.vocabulary import LANGUAGES, Sense, fold, skeleton, vocabulary

FILES = sorted(LANGUAGES.glob("*.toml"))

# Beginnings in which two notions meet: "compete" and "competence", "public" and "publication". Of these
# the files list every common form, plurals too. Leave a new word out rather than lengthen this list.
SHARED = frozenset(
    """
    actib agricol agricul aprob arbeit asegur asicur atent autonom behind benefic bent berbr bolont
    bolunt camp capacit cidad ciudad colect compet compl compr compreh comun concept confid constr contr
    contrac coperat cost cusamen cust custom dibid diplom disadb enferm entrepr expen facilit factor
    fisc fiscal fonct funcion gemein gobern grain import inbest inform inmigr integr inter interb intern
    laborat landwir lang larg libr maner marc marcet medic menin mobilit motib negoc operat organic padr
    partic period person pert pesc plac polic prec prob procur prof public racolt ragac reben regr
    rendim rent reprod residen restric scol sindac sold sosten stipend stor tier trabail trabaj trabal
    trafic transf transp treat untern
    """.split()  # noqa: SIM905
)


def _concepts(file: Path) -> dict[str, list[str]]:
    concepts = tomllib.loads(file.read_text("utf-8"))["concepts"]
    return {concept: fold(words).split() for concept, words in concepts.items()}


def _shape(data: dict[str, object]) -> dict[str, object]:
    return {k: _shape(v) if isinstance(v, dict) else type(v) for k, v in data.items()}


def test_seven_languages_are_shipped() -> None:
    """English, French, Spanish, Portuguese, Italian, German and Arabic."""
    assert [f.stem for f in FILES] == ["ar", "de", "en", "es", "fr", "it", "pt"]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_each_file_has_what_the_english_one_has(file: Path) -> None:
    """A translator sees by comparing with English what is to be filled in."""
    english = tomllib.loads((LANGUAGES / "en.toml").read_text("utf-8"))
    assert _shape(tomllib.loads(file.read_text("utf-8"))) == _shape(english)


@pytest.mark.parametrize(
    "words",
    [
        ("strategies", "stratégies", "estrategias", "strategie"),
        ("challenges", "défis", "desafíos", "desafios", "sfide", "Herausforderungen", "تحديات"),
        ("municipality", "municipalité", "municipio", "Gemeinde"),
        ("mechanism", "mécanismes", "mecanismos", "meccanismi"),
    ],
)
def test_languages_meet_in_their_words(words: tuple[str, ...]) -> None:
    """The same thing has one key in every language, by spelling or by the files."""
    assert len({vocabulary().word(word).key for word in words}) == 1


def test_common_words_have_no_key() -> None:
    """ "The", "et" and "los" tell no question from another."""
    assert not any(vocabulary().word(word).key for word in ("the", "et", "los", "und", "della", "من"))


def test_short_words_keep_their_letters() -> None:
    """Too little would be left of them."""
    assert skeleton("eau") == "eau"


def test_words_glued_to_figures_are_understood() -> None:
    """ "W2Q1" holds two numbers, "2nd" an ordinal, "P3" perhaps a question."""
    look = vocabulary().word
    assert look("W2Q1").glued == (("w", 2), ("q", 1))
    assert look("2nd").ordinal == 2
    assert look("P3").glued == (("q", 3),)
    assert not look("P3").sure
    assert look("Fragen").sense & Sense.QUESTION


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_concepts_stand_in_one_order(file: Path) -> None:
    """So that a translator can lay two files side by side: the same notions, by the alphabet, none empty."""
    concepts = _concepts(file)
    assert list(concepts) == sorted(_concepts(LANGUAGES / "en.toml"))
    assert all(concepts.values())


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_every_word_leads_to_its_concept(file: Path) -> None:
    """No word of one language is taken for another notion's, or for a word too common to tell anything."""
    look = vocabulary().word
    astray = {w: look(w).key for concept, words in _concepts(file).items() for w in words if look(w).key != concept}
    assert not astray


def test_no_other_notions_meet_in_what_is_left_of_their_words() -> None:
    """What a word is cut down to leads to one concept, in all languages together."""
    owners: dict[str, set[str]] = defaultdict(set)
    for file in FILES:
        for concept, words in _concepts(file).items():
            for word in words:
                if len(skel := skeleton(word)) >= 4:
                    owners[skel].add(concept)
    meeting = {skel: sorted(concepts) for skel, concepts in owners.items() if len(concepts) > 1}
    assert {k: v for k, v in meeting.items() if k not in SHARED} == {}
    assert SHARED - meeting.keys() == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tax", "budget"),
        ("school", "training"),
        ("law", "policy"),
        ("compete", "competence"),
        ("información", "informal"),
        ("marché", "marco"),
        ("land", "Länder"),
        ("evaluation", "monitoring"),
        ("proteger", "prevenir"),
        ("ميزانية", "ضريبة"),
    ],
)
def test_notions_two_questions_could_tell_apart_do_not_meet(one: str, other: str) -> None:
    """Lumped together, they would make two questions of one discussion alike."""
    assert vocabulary().word(one).key != vocabulary().word(other).key


@pytest.mark.parametrize(
    "words",
    [
        ("obstacle", "obstáculos", "ostacoli", "Hindernisse", "عوائق"),
        ("fisheries", "pêche", "pesca", "Fischerei", "صيد"),
        ("tax", "impôts", "impuestos", "impostos", "imposte", "Steuern", "ضرائب"),
        ("donors", "bailleurs", "donantes", "doadores", "donatori", "Geldgeber", "مانحين"),
        ("elections", "élections", "elecciones", "eleições", "elezioni", "Wahlen", "انتخابات"),
        ("collect", "collecte", "recolección", "coleta", "raccolta", "Sammlung", "جمع"),
    ],
)
def test_everyday_notions_meet_across_languages(words: tuple[str, ...]) -> None:
    """Far from each other in spelling, these are found by the files alone."""
    assert len({vocabulary().word(word).key for word in words}) == 1
