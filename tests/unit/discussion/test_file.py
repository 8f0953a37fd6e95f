"""discussion.toml: read as a whole, every mistake at once."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.discussion.file import notes_on, parse_discussion
from m4dbot.errors import InvalidFile

GOOD = """
slug = "water-2027"
title = { en = "Water", fr = "L’eau" }
timezone = "Europe/Brussels"
languages = ["en", "fr"]
[mails]
questions_at = "07:30"
reminder_at = false
[[week]]
opens = 2027-03-01
closes = 2027-03-07
[[week.question]]
text = { en = "Who pays?", fr = "Qui paie ?" }
labels = ["payment"]
[[week.question]]
text = { en = "Who repairs?" }
[[week]]
opens = 2027-03-10
closes = 2027-03-11
[[week.question]]
text = { en = "What lasts?", fr = "Qu’est-ce qui dure ?" }
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        parse_discussion(text, "d.toml")
    return [str(p) for p in caught.value.problems]


def test_a_good_file_becomes_a_discussion() -> None:
    """Weeks and questions are numbered in order of appearance; hours are read, false switches off."""
    found = parse_discussion(GOOD)
    assert [(w.number, w.opens, len(w.questions)) for w in found.weeks] == [
        (1, date(2027, 3, 1), 2),
        (2, date(2027, 3, 10), 1),
    ]
    assert (found.hours.questions_at, found.hours.reminder_at) == (time(7, 30), None)
    assert found.weeks[0].questions[0].labels == ("payment",)
    assert found.weeks[0].questions[1].text("fr") == "Who repairs?"


def test_what_is_allowed_but_perhaps_not_meant_is_noted() -> None:
    """Missing translations, gaps and very short weeks are pointed out without refusing the file."""
    notes = "\n".join(notes_on(parse_discussion(GOOD)))
    assert "week 1, question 2 has no text in fr" in notes
    assert "between week 1 and week 2 are 2 days" in notes
    assert "week 2 has only 2 days" in notes


def test_every_mistake_is_found_at_once_with_its_line_and_the_way_out() -> None:
    """One run shows all there is to mend."""
    bad = (
        GOOD.replace('"Europe/Brussels"', '"Europe/Brusels"')
        .replace("closes = 2027-03-07", "closes = 2027-02-07")
        .replace("opens = 2027-03-10", 'opens = "2027-03-10"')
        .replace('{ en = "Who repairs?" }', '"Who repairs?"')
        .replace("labels", "lables")
        .replace('questions_at = "07:30"', "questions_at = 730")
    )
    found = mistakes(bad)
    assert len(found) == 6
    for piece in (
        "d.toml: line 4, timezone: 'Europe/Brusels' is no known time zone",
        "line 11, week 1: closes: 2027-02-07 is before opens 2027-03-01",
        "did you mean labels?",
        'write { en = "…" }',
        'an hour of the day such as "08:00"',
        "a day without quotation marks",
    ):
        assert any(piece.replace("week 1: ", "week 1, ") in line for line in found), (piece, found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "slug: is missing"),
        ("slug = a", "line 1, column 8: is not valid TOML"),
        (GOOD.replace("[[week]]", "[week]", 1), "is not valid TOML"),
        (
            GOOD.replace('languages = ["en", "fr"]', 'languages = ["en"]'),
            "'fr' is not among the discussion's languages",
        ),
        (GOOD.replace("opens = 2027-03-10", "opens = 2027-03-07"), "is not after week 1 closes"),
        (GOOD.replace("Who repairs?", "who  PAYS?"), "is the same as question 1"),
        (GOOD.replace('languages = ["en", "fr"]', 'languages = ["en", "fr", "en"]'), "names 'en' twice"),
    ],
)
def test_a_mistake_is_named(text: str, said: str) -> None:
    """Each mistake has its sentence."""
    assert any(said in line for line in mistakes(text)), mistakes(text)


@given(st.text(max_size=400) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_no_text_raises_anything_but_invalid_file(text: str) -> None:
    """Garbage is refused in words."""
    with pytest.raises(InvalidFile):
        parse_discussion(text)


@given(cut=st.integers(0, len(GOOD)), junk=st.sampled_from(["", "=", "[[", '"', "\x00", "= 1\n", "[x]\n"]))
def test_a_damaged_file_is_refused_or_read_but_never_a_surprise(cut: int, junk: str) -> None:
    """A file cut anywhere, with junk at the cut, gives a discussion or InvalidFile."""
    for text in (GOOD[:cut] + junk + GOOD[cut:], GOOD[:cut] + junk):
        with suppress(InvalidFile):
            assert parse_discussion(text).weeks
