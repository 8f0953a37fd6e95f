"""People's words as HTML: laid out, and unable to do anything."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from m4dbot.publishing import html


@settings(deadline=None)
@given(st.text(st.sampled_from("<>&\"'/ab=:;!-[](){}\n\x00\u202e javascript:httpw."), max_size=200))
def test_words_hold_only_paragraphs_breaks_and_links(text: str) -> None:
    """No input makes another element than p, br and a, nor a link to anything but the web."""
    tree = LexborHTMLParser(f"<body>{html.words(text)}</body>")
    for node in tree.css("body *"):
        assert node.tag in {"p", "br", "a"}
        assert set(node.attributes) <= {"href", "rel", "class"}
    for link in tree.css("a"):
        assert str(link.attributes["href"]).startswith(("http://", "https://"))


def test_words_are_all_there() -> None:
    """Markup in words is shown as it was written."""
    shown = LexborHTMLParser(str(html.words("a <b>c</b> & d\n\n<script>e</script>"))).body.text()
    assert "a <b>c</b> & d" in shown
    assert "<script>e</script>" in shown


def test_links_are_made_of_web_addresses_only() -> None:
    """https and bare names become links; javascript and data do not."""
    tree = LexborHTMLParser(str(html.words("See https://a.example.org/x?y=1&z=2, www.b.org and javascript:alert(1).")))
    assert [a.attributes["href"] for a in tree.css("a")] == ["https://a.example.org/x?y=1&z=2", "http://www.b.org"]


def test_lists_and_wrapped_lines() -> None:
    """Items of a list are kept apart; what a mail program broke at a width is joined."""
    wrapped = "We have eleven wells in the commune, and four of them are dry by the\nend of March.\n- one\n- two"
    assert str(html.words(wrapped)).count('class="item"') == 2
    assert "by the end of March" in html.unwrapped(wrapped)
    assert html.unwrapped(wrapped).endswith("• one\n• two")


@pytest.mark.parametrize(
    ("text", "expected"), [("abc", "ltr"), ("123 سلام abc", "rtl"), ("«שלום»", "rtl"), ("…", "ltr"), ("", "ltr")]
)
def test_direction_by_the_first_letter(text: str, expected: str) -> None:
    """The first letter with a direction decides."""
    assert html.direction(text) == expected


def test_plain_drops_controls_and_keeps_words() -> None:
    """Control characters go; CRLF and Unicode separators are line ends; one empty line at most."""
    assert html.plain("a\r\nb\x00\x1b[2Jc\u2028d\n\n\n\ne\ud800") == "a\nb[2Jc\nd\n\ne"


def test_mailto_is_escaped() -> None:
    """RFC 6068: subjects with ampersands, spaces and line breaks stay one field."""
    link = html.mailto("wells+w1q2@groups.example.org", "a&b c", "x\ny")
    assert link == "mailto:wells+w1q2@groups.example.org?subject=a%26b%20c&body=x%0Ay"


def test_the_document_passes_the_barrier_again() -> None:
    """Even of our own documents only structure and links remain."""
    clean = html.document(
        '<h2 id="a">S</h2><script>x</script><style>p{}</style><img src="http://t/x.gif"><p onclick="x">t</p>'
        '<a href="javascript:x">j</a><a href="https://e.org">k</a>'
    )
    tree = LexborHTMLParser(str(clean))
    assert not tree.css("script, style, img, [onclick]")
    assert [a.attributes.get("href") for a in tree.css("a")] == [None, "https://e.org"]
    assert "x" not in tree.body.text().replace("https", "")


@pytest.mark.parametrize(
    "text", ["<a " * 60_000, "http://" * 30_000, "a." * 80_000, "[" * 200_000, "www.a.org " * 8_000]
)
def test_hostile_words_cost_little(text: str) -> None:
    """200 kB of the worst is laid out in seconds, not minutes."""
    start = time.perf_counter()
    html.words(text)
    assert time.perf_counter() - start < 10
