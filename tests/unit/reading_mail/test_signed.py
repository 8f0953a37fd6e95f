"""A signature without a mark, known by the sender's name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.reading.signed import signed
from m4dbot.reading.values import Block, Role

WORDS = "The pump was mended by the women of the village in two days."


def signature_of(text: str, name: str = "Grace Wanjiru") -> str:
    blocks = signed((Block(Role.OWN, text),), (name,))
    assert "".join("".join(b.text.split()) for b in blocks) == "".join(text.split())  # nothing is dropped
    return "\n".join(b.text for b in blocks if b.role is Role.SIGNATURE)


@pytest.mark.parametrize(
    ("tail", "name"),
    [
        ("Warm regards,\nGrace Wanjiru\nNutrition Officer, Nyeri County, Kenya", "Grace Wanjiru"),
        ("Bien cordialement,\n\nMamadou Diouf", "Mamadou Diouf"),
        ("Saludos cordiales,\nDra. María José Alvarado\nMinisterio de Educación", "María José Alvarado"),
        ("Hana Tesfaye, Marketing Manager", "Hana Tesfaye"),
        ("Tomás", "Tomás Quispe"),
        ("أمينة حسن", "أمينة حسن"),
    ],
)
def test_the_name_and_what_belongs_to_it_are_a_signature(tail: str, name: str) -> None:
    """With the sign-off above and the office below."""
    assert signature_of(f"{WORDS}\n\n{tail}", name) == tail


@pytest.mark.parametrize(
    "text",
    [
        f"{WORDS}\n\nGrace Wanjiru says the same, and I agree with her on every point of it.",
        f"Grace Wanjiru\n\n{WORDS}",
        f"{WORDS}\n\nMany of you know Grace Wanjiru",
        f"{WORDS}\n\nPeter Okello\nDirector",
        "Yes.\n\nGrace Wanjiru",
        f"{WORDS}\n\nGrace Wanjiru\n\nI forgot to say that the second pump was mended as well, by the men.",
    ],
)
def test_what_may_be_words_stays_words(text: str) -> None:
    """A sentence about oneself, a name at the top, somebody else's name, a text below."""
    assert signature_of(text) == ""


def test_a_postscript_below_stays_the_senders_words() -> None:
    """Directly below the name and the office, or behind what a telephone adds."""
    tail = "Warm regards,\nGrace Wanjiru\nNutrition Officer, Nyeri County"
    expected = [Role.OWN, Role.SIGNATURE, Role.OWN]
    blocks = signed((Block(Role.OWN, f"{WORDS}\n\n{tail}\n\nP.S. It rained."),), ("Grace Wanjiru",))
    assert [b.role for b in blocks] == expected
    apart = (
        Block(Role.OWN, f"{WORDS}\n\n{tail}"),
        Block(Role.FOOTER, "Sent from my phone"),
        Block(Role.OWN, "PS: rain"),
    )
    assert [b.role for b in signed(apart, ("Grace Wanjiru",))] == [*expected[:2], Role.FOOTER, Role.OWN]


def test_a_bare_name_is_left_where_it_is_asked_for() -> None:
    """The name alone is how people end their words; with an office below it is a signature all the same."""
    name = ("Grace Wanjiru",)
    assert len(signed((Block(Role.OWN, f"{WORDS}\n\nGrace Wanjiru"),), name, bare=False)) == 1
    assert len(signed((Block(Role.OWN, f"{WORDS}\n\nGrace Wanjiru\nNyeri County"),), name, bare=False)) == 2


@pytest.mark.parametrize("above", ["Those who come:\n\n", "Those who come:\n", "Peter Okello\n"])
def test_one_name_of_several_is_no_signature(above: str) -> None:
    """A list of people that the sender is among."""
    assert signature_of(f"{WORDS}\n\n{above}Grace Wanjiru\nAchieng Odhiambo") == ""


def test_only_the_last_own_words_are_looked_at() -> None:
    """Between answers nobody signs; what was quoted below stays where it is."""
    blocks = (
        Block(Role.OWN, f"{WORDS}\n\nGrace Wanjiru"),
        Block(Role.QUOTED, "> What else?"),
        Block(Role.OWN, f"{WORDS}\nGrace"),
        Block(Role.QUOTED, "> Thank you"),
    )
    roles = [b.role for b in signed(blocks, ("Grace Wanjiru",))]
    assert roles == [Role.OWN, Role.QUOTED, Role.OWN, Role.SIGNATURE, Role.QUOTED]


@given(st.text(max_size=400), st.text(max_size=40))
def test_nothing_is_ever_dropped(text: str, name: str) -> None:
    """Whatever the text and the name."""
    signature_of(text, name)
