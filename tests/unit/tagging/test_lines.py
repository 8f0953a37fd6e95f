"""Sentences: what ends one, and what only looks as if it did."""

import pytest

from m4dbot.tagging.lines import lay_out
from m4dbot.tagging.vocabulary import vocabulary


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Which tools, e.g. maps or radios, helped? None did.", 2),
        ("¿Qué medios, p. ej. la radio, ayudan? Ninguno de ellos.", 2),
        ("What do you use, i.e. which tools, every day? A bell does.", 2),
        ("Ropes, nets, boats, etc. are lent. Nobody pays for them.", 2),
        ("We have plan B. They wait for it.", 2),
        ("we pay the guard. they do not.", 2),
    ],
)
def test_an_abbreviation_ends_no_sentence(text: str, sentences: int) -> None:
    layout = lay_out(text, vocabulary())
    assert sum(len(unit.sentences) for unit in layout.units) == sentences
