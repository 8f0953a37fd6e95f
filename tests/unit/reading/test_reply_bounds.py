"""Reading a reply never fails, drops nothing, and its work is bounded whatever the mail."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from m4dbot.reading.html import html_lines
from m4dbot.reading.quotes import MOST_LINES, without_marks
from m4dbot.reading.reply import blocks_of, own_words_of
from m4dbot.reading.values import Role

FRAGMENTS = [
    "> ", ">>", "On 3 Nov 2026 at 10:15, Rosa <a@example.org> wrote:", "From: a@example.org", "Sent: 3 Nov 2026",
    "Subject: x", "-- ", "--", "____", "-----Original Message-----", "Sent from my iPhone", "\n", "\n\n", ":", "<", ">",
    "@", "\u200f", "\xa0", "wrote:", "a écrit :", "##- reply above this line -##", "Kofi", "+233 20 000 00 00",
    "www.example.org", "confidential", "recipient", "https://lists.example.org/mailman/listinfo/x", " ",
]  # fmt: skip
TAGS = [
    "<p>", "</p>", "<div>", "</div>", "<blockquote>", "</blockquote>", "<br>", "<hr>", "<table>", "<tr>", "<td>",
    "</td>", "</tr>", "</table>", "<ul>", "<ol start=9>", "<li>", "<pre>", "<a href='https://e.org/x'>", "</a>",
    "<div class=gmail_attr>", "<div id=divRplyFwdMsg>", "<div class=gmail_signature>", "<style>", "</style>",
    "<!--", "-->", "<div hidden>", "&nbsp;", "&gt; ", "<div style='border-top:solid 1pt'>",
]  # fmt: skip


def letters(text: str) -> str:
    return "".join(text.split())


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=20)), max_size=40).map("".join))
@example("-- On 3 Nov 2026 at 10:15, Rosa <a@example.org> wrote:-- ")
@settings(max_examples=300, deadline=None)
def test_plain_text_is_complete(text: str) -> None:
    """All blocks of any text in order are the text, and none is empty."""
    blocks = blocks_of(text, None)
    assert letters("".join(block.text for block in blocks)) == letters(text)
    assert all(block.text.strip() for block in blocks)


@given(st.lists(st.one_of(st.sampled_from(TAGS + FRAGMENTS), st.text(max_size=10)), max_size=60).map("".join))
@settings(max_examples=300, deadline=None)
def test_markup_keeps_what_is_shown(html: str) -> None:
    """Of any markup, every letter that a reader would see stands in a block."""
    tree = LexborHTMLParser(html)
    for node in tree.css("script, style, head, title, template, object, svg, select, textarea, noframes, [hidden]"):
        node.decompose()
    shown = Counter(c for c in tree.root.text() if c.isalnum()) if tree.root else Counter()
    blocks = blocks_of(None, html)
    assert all(block.text.strip() for block in blocks)
    assert not shown - Counter(c for block in blocks for c in block.text if c.isalnum())


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_bytes_never_fail(raw: bytes) -> None:
    """Any bytes give words."""
    assert isinstance(own_words_of(raw), str)


HOSTILE = {
    "one line beginning with On": ("On " + "x " * 20_000, None),
    "addresses": ("a@" * 20_000 + ":", None),
    "marks": (">" * 20_000 + " x", None),
    "attributions": ("On 3 Nov 2026 at 10:15, X <a@example.org> wrot\n" * 50_000, None),
    "colons": ("On 3 Nov 2026 at 10:15, X and Y wrot:\n" * 50_000, None),
    "labels": ("From: a\n" * 50_000, None),
    "signatures": ("--\nKofi\n" * 50_000, None),
    "contacts": ("a@example.org\n+233 20 000 00 00\n" * 50_000, None),
    "answers": ("> q\nanswer of 3 Nov 2026:\n" * 50_000, None),
    "nested divs": (None, "<div>" * 20_000 + "x"),
    "nested quotations": (None, "<blockquote>" * 20_000 + "x" + "</blockquote>" * 20_000),
    "nested unknown": (None, "<main>" * 20_000 + "x"),
    "nested tables": (None, "<table><tr><td>" * 3_000 + "x"),
    "many tables": (None, "<table><tr><td>a</td><td>b</td></tr></table>" * 10_000),
    "unclosed tags": (None, "<div" * 50_000),
    "many paragraphs": (None, "<p>x" * 50_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_cheap(name: str) -> None:
    """A mail made to be slow costs a fraction of a second on any machine; quadratic work would take many."""
    plain, html = HOSTILE[name]
    blocks_of("warm", "<p>warm</p>")
    begin = time.process_time()
    blocks_of(plain, html)
    assert time.process_time() - begin < 5  # what is not linear takes minutes


def test_deep_markup_keeps_its_text() -> None:
    """Text under more nested tags than a parser's recursion bears is not lost."""
    blocks = blocks_of(None, "<div>" * 2_000 + "still here" + "</div>" * 2_000)
    assert "still here" in blocks[0].text


def test_the_rest_of_a_huge_text_is_kept() -> None:
    """What lies beyond the lines looked at goes with the last block."""
    text = "line\n" * 20_000 + "the end"
    blocks = blocks_of(text, None)
    assert blocks[-1].text.endswith("the end")
    assert letters("".join(block.text for block in blocks)) == letters(text)


def test_the_rest_of_huge_markup_is_kept() -> None:
    """What lies beyond the nodes looked at is kept as text."""
    html = "<p>line</p>" * 60_000 + "<p>the end</p>"
    blocks = blocks_of(None, html)
    assert "the end" in blocks[-1].text
    assert sum(block.text.count("line") for block in blocks) == 60_000


def test_a_preformatted_text_is_laid_out_as_far_as_others() -> None:
    """One text node can hold more lines than are looked at; what is over stays text, in its order."""
    lines, rest = html_lines("<p>top</p><pre>" + "a line\n" * 20_000 + "the last</pre><p>the end</p>")
    assert len(lines) <= MOST_LINES + 5
    assert sum(line.text == "a line" for line in lines) + rest.count("a line") == 20_000
    assert rest.index("the last") < rest.index("the end")


def test_few_things_are_taken_from_an_end() -> None:
    """Who writes a thousand footers below each other keeps most of them."""
    blocks = blocks_of("Yes, gladly.\n\n" + "[image: logo]\n\n" * 500, None)
    assert blocks[0].role is Role.OWN
    assert blocks[-1].role is Role.FOOTER
    assert blocks[0].text.count("logo") > 450


def test_marks_can_be_taken_off() -> None:
    """Quoted text without the marks of its quotation, for those who compare it with questions."""
    [block] = [b for b in blocks_of("> > Who decides?\n> Rosa\n", None) if b.role is Role.QUOTED]
    assert without_marks(block.text).split() == ["Who", "decides?", "Rosa"]
