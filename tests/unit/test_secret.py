"""Signed address details."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.store.secret import Signer, without_details

SIGNER = Signer(b"\x01" * 32)


@given(st.integers(1, 10**12), st.sampled_from(["leave", "b", "ack"]))
def test_what_was_signed_is_recognised(number: int, kind: str) -> None:
    """A detail says what it is for and whom it is about, whatever case a server gives it."""
    made = {"leave": SIGNER.leave, "b": SIGNER.bounce, "ack": SIGNER.ack}[kind](number)
    assert SIGNER.check(made) == (kind, number)
    assert SIGNER.check(made.upper()) == (kind, number)
    assert len(f"discussion+{made}") <= 64


@given(st.text(max_size=60))
def test_nothing_else_is(detail: str) -> None:
    """Whatever was not signed with the key is refused without an error."""
    assert SIGNER.check(detail) is None


@pytest.mark.parametrize("change", ["leave-13-", "b-12-", "ack-12-", "leave-012-", "leave--12-"])
def test_a_signature_is_for_one_thing(change: str) -> None:
    """The hash of one subscriber's detail fits no other subscriber, no other purpose, and no other installation."""
    mac = SIGNER.leave(12).rpartition("-")[2]
    assert SIGNER.check(f"leave-12-{mac}") == ("leave", 12)
    assert SIGNER.check(change + mac) is None
    assert Signer(b"\x02" * 32).check(SIGNER.leave(12)) is None


def test_the_key_stays_inside() -> None:
    """A signer that ends up in a log shows nothing."""
    assert "01" not in repr(SIGNER)


@given(st.integers(1, 10**12), st.text(max_size=30), st.text(max_size=30))
def test_what_is_published_acts_for_nobody(number: int, before: str, after: str) -> None:
    """Signed addresses in a text, also inside a link, become the group's; other plus-addresses stay."""
    for detail in (SIGNER.leave(number), SIGNER.ack(number).upper(), SIGNER.bounce(number)):
        text = f"{before} mailto:g+{detail}@example.org g%2B{detail}%40example.org {after}"
        assert detail not in without_details(text)
        assert "mailto:g@example.org g%40example.org" in without_details(text)
    assert without_details("g+w2q1@example.org, g+leave@example.org") == "g+w2q1@example.org, g+leave@example.org"
