"""Paragraphs, lists and web addresses in what people type."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4dbot.summary.links import links
from m4dbot.summary.paragraphs import Paragraph, paragraphs


def test_lines_a_program_broke_are_joined() -> None:
    """The author's own breaks stay."""
    text = (
        "The committee meets on Mondays, and whoever has found a leak says so,\n"
        "which takes ten minutes and saves a month.\n"
        "\n"
        "Amina Diallo\n"
        "Coordinator, Thiès"
    )
    assert paragraphs(text) == [
        Paragraph(
            (
                "The committee meets on Mondays, and whoever has found a leak says so, "
                "which takes ten minutes and saves a month.",
            )
        ),
        Paragraph(("Amina Diallo", "Coordinator, Thiès")),
    ]


def test_a_stretch_pasted_into_a_flowing_mail_is_joined_too() -> None:
    """Beside lines that were never broken, a broken stretch has a width of its own."""
    flowing = "This mail flows: " + "its program does not break lines at all " * 4
    pasted = "This was copied from an older mail, whose program broke the lines\nat a width of about seventy."
    assert paragraphs(f"{flowing.strip()}\n\n{pasted}")[1].lines == (pasted.replace("\n", " "),)


@pytest.mark.parametrize(
    "bullet", ["-", "•", "*", "–", "▪", "\uf0b7", "-\u00a0\u00a0\u00a0", "·\u2003", "o\u00a0\u00a0"]
)
def test_items_of_a_list(bullet: str) -> None:
    """Whatever stands in front of them."""
    found = paragraphs(f"We need:\n{bullet} rope\n{bullet} two buckets\n\nThat is all.")
    assert [(p.marker, p.lines) for p in found] == [
        ("", ("We need:",)),
        ("•", ("rope",)),
        ("•", ("two buckets",)),
        ("", ("That is all.",)),
    ]


def test_numbers_of_a_list_stay_as_they_were_written() -> None:
    """Counting them anew would make other numbers of them."""
    found = paragraphs("3. third\n4. fourth\nb) other\n(iv) roman")
    assert [(p.marker, p.lines) for p in found] == [
        ("3.", ("third",)),
        ("4.", ("fourth",)),
        ("b)", ("other",)),
        ("(iv)", ("roman",)),
    ]


def test_a_figure_in_front_of_a_line_is_no_item() -> None:
    """2027 was a dry year; -5 is a number; "o" is a Spanish word."""
    assert [p.marker for p in paragraphs("2027 was dry\n\n-5 degrees\n\n1.5 metres\n\no pagan todos")] == [""] * 4


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_word_is_lost(text: str) -> None:
    """Every letter and figure is in exactly one line, in order."""
    lines = [piece for p in paragraphs(text) for piece in (p.marker, *p.lines)]
    # An "o" may have been a bullet.
    assert _letters("".join(lines)) == _letters(text)


def _letters(text: str) -> list[str]:
    return [c for c in text if c.isalnum() and c != "o"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://wells.example.org/a?b=1&c=2.", ["https://wells.example.org/a?b=1&c=2"]),
        ("(http://wells.example.org/map_(north))", ["http://wells.example.org/map_(north)"]),
        ("« https://puits.example.org »", ["https://puits.example.org"]),
        ("www.wells.example.org, and more", ["https://www.wells.example.org"]),
        ("HTTP://WELLS.EXAMPLE.ORG/A", ["HTTP://WELLS.EXAMPLE.ORG/A"]),
        ("https://a.example/x؟ https://b.example/y،", ["https://a.example/x", "https://b.example/y"]),
        ("<https://wells.example.org>", ["https://wells.example.org"]),
        ("amina@www.example.org javascript:alert(1) file:///etc/passwd ftp://x.example", []),
        ("http://localhost www. https://", []),
    ],
)
def test_web_addresses(text: str, found: list[str]) -> None:
    """As they are typed in sentences, without the sentence's own marks; http and https only."""
    assert [url for _, _, url in links(text)] == found


def test_long_runs_cost_little() -> None:
    """A mail made to be slow is not (linear patterns, bounded addresses)."""
    for text in ("https://" * 20_000, "www." * 40_000, "https://a.b/" + "(" * 100_000, "https://a.b/" + ")" * 100_000):
        assert len(list(links(text))) < 100_000
