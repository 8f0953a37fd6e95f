"""The document as HTML, plain text and Markdown."""

from __future__ import annotations

import base64
import hashlib
import re
import string
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from m4dbot.errors import M4dbotError
from m4dbot.reading.values import ContributorLine
from m4dbot.summary.html import to_html
from m4dbot.summary.markdown import to_markdown
from m4dbot.summary.model import ConsolidatedReply
from m4dbot.summary.outline import byline
from m4dbot.summary.text import WIDTH, to_text
from m4dbot.summary.words import words_in
from tests.unit.summary.making import Page, approved, document, holds, line

Written = Callable[[ConsolidatedReply, str | None], str]


def html_text(reply: ConsolidatedReply, language: str | None) -> str:
    return Page(to_html(reply, language)).text


def markdown_page(reply: ConsolidatedReply, language: str | None = None) -> Page:
    return Page(MarkdownIt("commonmark", {"html": False}).enable("table").render(to_markdown(reply, language)))


def markdown_text(reply: ConsolidatedReply, language: str | None) -> str:
    return markdown_page(reply, language).text


formats = pytest.mark.parametrize("shown", [html_text, to_text, markdown_text], ids=["html", "text", "markdown"])

MANY = document(
    approved(
        1,
        ("Dear colleagues,", 1, None),
        ("Women dig by hand.\nThey are paid in grain:\n\n- a sack a metre\n- two below twenty metres", 1, 1),
        ("1. Twenty metres\n2. Thirty, where it is dry", 1, 2),
        contributor=line("Amina Diallo", "Coordinator", "Réseau Puits", "Thiès, Sénégal"),
        note="See also response 2.",
        attachments=("plan & costs.docx",),
    ),
    approved(2, ("Nous creusons à trois : « pas seuls ! »", 1, 1), language="fr", edited=True),
    approved(3, ("¿Quién repara? Mi tía. https://pozos.example.org/guía_(2026)", 2, 1), language="es"),
    approved(4, ("نحفر بأيدينا، ثم نبني.", 1, 1), language="ar", author_name="ليلى حداد"),
    approved(5, ("Thank you all for a month of wells.", None, None), language=""),
)

# What tries to be more than text somewhere.
HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(2)> </style></title></blockquote>
**bold** _it_ `code` [link](javascript:alert(3)) ![pic](https://evil.example/p.png) &lt;b&gt; &copy; $x$ ~~no~~
# heading
> quote
--- | table
===
1) one
    indented code
{{ 7*7 }} {% raw %} {words} %s %(n)s \\ <https://x.example/> http://a.example/"onmouseover="alert(4)
<a href='javascript:alert(5)'>x</a> <!-- --> ]]> \u202eturned\u202c"""


@formats
@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_every_word_of_every_contribution_is_there(shown: Written, language: str) -> None:
    """In full, in each format, whatever the language of the fixed words."""
    text = shown(MANY, language)
    for response in MANY.responses:
        for passage in response.passages:
            for paragraph in passage.text.split("\n\n"):
                assert holds(text, paragraph), paragraph
    for wanted in ("See also response 2.", "plan & costs.docx", "Coordinator, Réseau Puits, Thiès", "ليلى حداد"):
        assert holds(text, wanted), wanted


@formats
def test_the_sections_come_in_the_order_of_a_consolidated_reply(shown: Written) -> None:
    """Cover, figures, questions, people, contributions by question, resources, responses in full, thanks."""
    text = shown(MANY, "en").partition("With thanks")[2]
    headings = [
        *("Participation", "The questions", "Who took part", "Contributions by question", "Resources named"),
        *("All responses in full", "With thanks"),
    ]
    at = [text.index(heading) for heading in headings]
    assert at == sorted(at)


@formats
def test_questions_stand_in_every_language_they_were_put_in(shown: Written) -> None:
    """The reader's language first."""
    text = shown(MANY, "fr")
    assert text.index("Qui creuse") < text.index("Who digs?") < text.index("¿Quién cava?")
    assert "How deep?" in text  # it has no translation


@formats
def test_a_long_question_stands_in_full_once(shown: Written) -> None:
    """With its paragraphs and its list; where it is a heading or a bar, its first paragraph is enough."""
    reply = document(approved(1, ("A.", 1, 1)))
    asked = "What keeps a well alive?\n\nThink of:\n\n- money\n- masons\n\nAnd of rain."
    first, *others = reply.weeks[0].questions
    week = replace(reply.weeks[0], questions=(replace(first, text={"en": asked}), *others))
    text = shown(replace(reply, weeks=(week, *reply.weeks[1:])), "en")
    assert holds(text, asked)
    assert text.count("And of rain.") == 1
    assert text.count("What keeps a well alive?") > 1


@formats
def test_silence_is_said(shown: Written) -> None:
    """A question nobody answered says so."""
    assert "No response was filed under this question." in shown(document(approved(1, ("A.", 1, 1))), "en")


@formats
def test_a_draft_says_that_it_is_one(shown: Written) -> None:
    """And a released document does not."""
    one = approved(1, ("A.", 1, 1))
    assert "This is a draft" in shown(document(one, released=False), "en")
    assert "draft" not in shown(document(one), "en").lower()


@formats
def test_days_are_those_of_the_discussion(shown: Written) -> None:
    """Each language writes them its own way."""
    assert "1 March – 4 April 2027" in shown(MANY, "en")
    assert "du 1er mars au 4 avril 2027" in shown(MANY, "fr")
    assert "del 1 de marzo al 4 de abril de 2027" in shown(MANY, "es")


@formats
def test_hostile_words_are_shown_as_they_were_written(shown: Written) -> None:
    """Markup of any kind is text; nothing is swallowed by it."""
    reply = document(approved(1, (HOSTILE, 1, 1), note=HOSTILE))
    text = " ".join(shown(reply, "en").split())
    for wanted in (
        *("<script>alert(1)</script><img src=x onerror=alert(2)>", "**bold** _it_ `code`", "{{ 7*7 }} {% raw %}"),
        *("[link](javascript:alert(3)) ![pic](", "&lt;b&gt; &copy; $x$ ~~no~~", "# heading", "> quote", "--- | table"),
        *("1) one", "indented code", "{words} %s %(n)s \\", "<a href='javascript:alert(5)'>x</a> <!-- --> ]]>"),
    ):
        assert wanted in text, wanted


@pytest.mark.parametrize("page", [lambda r: Page(to_html(r, "en")), markdown_page], ids=["html", "markdown rendered"])
def test_hostile_words_do_nothing(page: Callable[[ConsolidatedReply], Page]) -> None:
    """No element, handler or address of theirs is in the page; links lead to the web or inside it."""
    evil = {"author_name": HOSTILE, "subject": HOSTILE, "attachments": (HOSTILE,), "language": '"><script>'}
    who = line(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    made = page(document(approved(1, (HOSTILE, 1, 1), note=HOSTILE, contributor=who, **evil)))
    found = {tag for tag, _ in made.elements}
    assert not found & {"script", "img", "iframe", "object", "embed", "form", "input", "base", "button", "del"}
    assert not [name for _, attributes in made.elements for name in attributes if name.startswith("on")]
    assert all(re.match(r"#|https?://", address) for address in made.attributes("href"))
    assert not made.attributes("src")


@pytest.mark.parametrize(
    ("who", "country", "shown"),
    [
        (
            line("Ana", "President of Agua Clara", "Agua Clara", "Lima"),
            "Peru",
            "Ana, President of Agua Clara, Lima, Pérou",
        ),
        (line("Ana", place="Perú"), "", "Ana, Pérou"),
        (line("Ana", place="Lima, Perú"), "PE", "Ana, Lima, Perú"),
        (line("Ana", organisation="Bureau du Pérou"), "Peru", "Ana, Bureau du Pérou"),
        (line("Ana", organisation="Atlantis Water"), "Atlantis", "Ana, Atlantis Water"),
        (line("Ana", "Engineer"), "Atlantis", "Ana, Engineer, Atlantis"),
    ],
)
def test_a_persons_line_says_nothing_twice(who: ContributorLine, country: str, shown: str) -> None:
    """Organisation and country are left out where the line has named them; a country alone is in our language."""
    reply = document(approved(1, ("A.", 1, 1), contributor=who, country=country))
    assert byline(reply.person(1), words_in("fr")) == shown


class TestHtml:
    def test_the_page_stands_alone_under_its_own_policy(self) -> None:
        """The one style sheet is allowed by its hash; nothing is fetched and nothing else is allowed."""
        page = Page(to_html(MANY))
        policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
        digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        assert not page.attributes("style")
        assert "url(" not in page.style
        assert "@import" not in page.style

    @pytest.mark.parametrize("language", ["en", "fr", "es"])
    def test_every_link_inside_leads_somewhere(self, language: str) -> None:
        """Names are unique; each listed passage leads to its own place in the response in full."""
        page = Page(to_html(MANY, language))
        names = page.attributes("id")
        assert len(names) == len(set(names))
        inside = {address[1:] for address in page.attributes("href") if address.startswith("#")}
        assert inside <= set(names)
        assert {"r1-2", "r1-3", "r2-1", "r3-1", "r4-1", "r5-1"} <= inside

    def test_words_are_marked_with_their_language(self) -> None:
        """So that they are read aloud, hyphenated and set in the right direction."""
        page = Page(to_html(MANY, "fr"))
        said = {a.get("lang") for _, a in page.elements if a.get("class") == "said"}
        assert said == {"en", "fr", "es", "ar", None}
        assert page.elements[0] == ("html", {"lang": "fr"})
        assert all(a.get("dir") == "auto" for _, a in page.elements if a.get("class") == "said")

    def test_lists_are_lists_and_addresses_links(self) -> None:
        """What people typed as a list is one; a web address can be followed, brackets and all."""
        page = Page(to_html(MANY))
        assert len([1 for tag, _ in page.elements if tag == "li"]) > 4
        assert "https://pozos.example.org/guía_(2026)" in page.attributes("href")
        outside = [a for _, a in page.elements if (a.get("href") or "").startswith("http")]
        assert all("noopener" in (a.get("rel") or "") for a in outside)


class TestText:
    def test_lines_fit_a_terminal(self) -> None:
        """Only what cannot be broken, a long address, may be longer."""
        long = " ".join(["word"] * 100)
        for text in (to_text(document(approved(1, (long, 1, 1)))), to_text(MANY, "fr")):
            assert max(len(row) for row in text.splitlines() if "http" not in row) <= WIDTH

    def test_headings_are_underlined_to_their_width(self) -> None:
        """Letters without a width of their own count for none."""
        text = to_text(MANY, "fr").splitlines()
        at = text.index("Qui a participé")
        assert text[at + 1] == "=" * len("Qui a participé")


class TestMarkdown:
    def test_links_between_headings_lead_somewhere(self) -> None:
        """By the anchors that sites derive from headings."""
        for language in ("en", "fr", "es"):
            page = markdown_page(MANY, language)
            source = to_markdown(MANY, language)
            headings = re.findall(r"^#+ (.*)$", source, re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            from urllib.parse import unquote

            inside = {unquote(a[1:]) for a in page.attributes("href") if a.startswith("#")}
            assert inside <= anchors

    @settings(max_examples=150, deadline=None)
    @given(
        st.text(
            st.sampled_from(string.punctuation + " \n" * 4 + "ab1é"),
            min_size=1,
            max_size=80,
        )
    )
    def test_whatever_is_written_comes_back(self, text: str) -> None:
        """Any mixture of marks is shown as it is: rendered again, the same letters and marks in the same order."""
        if "://" in text or "www" in text:
            return
        reply = document(approved(1, (f"before {text} after", 1, 1)))
        page = markdown_page(reply)
        shown = page.text.split("All responses in full")[-1]
        wanted = "".join(reply.responses[0].text.split())
        # A bullet of any form is shown as the list's own.
        assert _bare(wanted) in _bare("".join(shown.split()))
        assert not {tag for tag, _ in page.elements} & {"code", "em", "img", "hr", "table", "h5", "h6", "pre"}


def _bare(text: str) -> str:
    return re.sub(r"[-–—•·*+]", "", text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=120), min_size=1, max_size=3))
def test_words_of_any_script_are_kept_in_every_format(texts: list[str]) -> None:
    """Letters and figures of each response are in each format, in order."""
    reply = document(*(approved(i, (text, 1, 1)) for i, text in enumerate(texts, 1)))
    for shown in (html_text, to_text, markdown_text):
        letters = _letters(shown(reply, "en"))
        for response in reply.responses:
            assert _letters(response.text) in letters


def _letters(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c)[0] in "LN")


@formats
def test_there_are_no_words_in_a_language_nobody_translated(shown: Written) -> None:
    """The refusal names the languages there are."""
    with pytest.raises(M4dbotError, match="'tlh'; there are: en, es, fr"):
        shown(MANY, "tlh")
