"""Every mail, in every language: well-formed, complete in both versions, and inert whatever people write."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from m4dbot.delivery.splice import check_rendered
from m4dbot.delivery.values import Rendered
from m4dbot.discussion.model import Discussion
from m4dbot.publishing import compose
from m4dbot.publishing.values import Digest, Figures, MailKind, Place, Post, Section, Sender, Words
from tests.unit.publishing.conftest import FILLED, NOW, entry, filled, html_of, parsed, text_of

LANGUAGES = ("en", "fr", "es")
TO_SUBSCRIBERS = set(MailKind) - {MailKind.ACKNOWLEDGEMENT, MailKind.REJECTION, MailKind.HELD}
AUTOMATIC_ANSWERS = set(MailKind) - TO_SUBSCRIBERS

Mails = Callable[..., dict[MailKind, Rendered]]


@pytest.mark.parametrize("language", [*LANGUAGES, "ar", "pt", "fr-CA"])
def test_every_mail_is_rendered_in_every_language(mails: Mails, language: str) -> None:
    """All kinds are there, fit for a server, parse without defects and hold a text and an HTML version."""
    rendered = mails(language)
    assert set(rendered) == set(MailKind)
    for mail in rendered.values():
        check_rendered(mail)
        assert mail.language == language
        message = parsed(mail)
        assert not message.defects
        assert max(map(len, filled(mail).split(b"\r\n"))) <= 78
        assert message.get_body(("plain",)).get_content().strip()
        assert HTMLParser(html_of(mail)).css_first("html").attributes["lang"]
        assert parsedate_to_datetime(str(message["Date"])) == NOW
        assert str(message["Subject"]) == mail.subject
        assert "{" not in mail.subject


@pytest.mark.parametrize("kind", sorted(TO_SUBSCRIBERS))
def test_list_headers(mails: Mails, sender: Sender, kind: MailKind) -> None:
    """A subscriber's mail names the list, how to write to it and how exactly this person leaves it."""
    message = parsed(mails()[kind])
    leave = FILLED["leave"].decode()
    assert message["List-Id"].endswith("<wells.groups.example.org>")
    assert message["List-Unsubscribe"] == f"<mailto:{leave}>"
    assert message["List-Post"] == "<mailto:wells@groups.example.org>"
    assert message["List-Help"] == "<mailto:wells+help@groups.example.org>"
    assert message["List-Owner"] == "<mailto:fay@groups.example.org>"
    assert message["List-Archive"] == f"<{sender.archive}>"
    assert message["Precedence"] == "list"
    assert message["Message-ID"] == "<x.abc@groups.example.org>"
    assert message["To"].addresses[0].addr_spec == "reader@example.org"
    # A person's own words are not "generated" (RFC 3834 §5.1).
    assert message["Auto-Submitted"] == (None if kind is MailKind.POST else "auto-generated")
    assert leave in text_of(mails()[kind])
    assert f'href="mailto:{leave}"' in html_of(mails()[kind])
    assert mails()[kind].envelope_sender == sender.address


@pytest.mark.parametrize("kind", sorted(AUTOMATIC_ANSWERS))
def test_automatic_answers(mails: Mails, kind: MailKind) -> None:
    """They come from the null sender, say what they are, and offer nobody to leave what they are not in."""
    mail = mails()[kind]
    message = parsed(mail)
    assert mail.envelope_sender == ""
    assert message["Auto-Submitted"] == ("auto-generated" if kind is MailKind.HELD else "auto-replied")
    assert message["Precedence"] == "bulk"
    assert message["List-Unsubscribe"] is None
    assert "leave" not in {slot for _, slot in mail.slots}
    if kind is not MailKind.HELD:
        assert message["In-Reply-To"] == "<m1@example.org>"


def test_acknowledgement_answers_the_mail_and_can_be_answered(mails: Mails) -> None:
    """RFC 3834 §3.1.5: it threads under the person's mail, and its Reply-To is signed for exactly this mail."""
    message = parsed(mails("fr")[MailKind.ACKNOWLEDGEMENT])
    assert message["References"].split() == ["<m0@example.org>", "<m1@example.org>"]
    assert message["Reply-To"] == "wells+ack-5-abc@groups.example.org"
    text = text_of(mails("fr")[MailKind.ACKNOWLEDGEMENT])
    assert "Qui creuse les puits ?".replace(" ?", " ?") in text.replace("\u00a0", " ")
    assert "semaine 1, question 1" in text
    assert "retirer" in text


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Re: Fwd: RE[2]: Wells", "Received: Wells"),
        ("RE : TR : Puits", "Received: Puits"),
        ("Mali: a well", "Received: Mali: a well"),
        ("Re:", "Your contribution has been received"),
        ("", "Your contribution has been received"),
    ],
)
def test_an_automatic_answer_names_the_subject_once(mails: Mails, subject: str, expected: str) -> None:
    """Prefixes of replying and forwarding are left out; what the person wrote before a colon is not."""
    assert mails(subject=subject)[MailKind.ACKNOWLEDGEMENT].subject == expected


def test_mails_of_a_week_thread_together(mails: Mails) -> None:
    """The questions open the week's thread; reminder, digest and posts refer to it, and posts to their question."""
    week = "<wells-2027.week-1@groups.example.org>"
    rendered = {kind: parsed(mail) for kind, mail in mails().items()}
    assert rendered[MailKind.QUESTIONS]["References"] == week
    assert rendered[MailKind.QUESTIONS]["In-Reply-To"] is None
    for kind in (MailKind.REMINDER, MailKind.DIGEST):
        assert rendered[kind]["References"] == week
        assert rendered[kind]["In-Reply-To"] == week
    question = "<wells-2027.week-1.question-1@groups.example.org>"
    assert rendered[MailKind.POST]["References"].split() == [week, question]
    assert rendered[MailKind.POST]["In-Reply-To"] == question


def test_threads_say_what_an_answer_is_about(discussion: Discussion, sender: Sender) -> None:
    """Every identifier that mails of a week refer to stands for its week or question."""
    places = compose.threads(sender, discussion)
    assert places["wells-2027.week-2@groups.example.org"] == Place(2)
    assert places["wells-2027.week-1.question-2@groups.example.org"] == Place(1, 2)
    assert len(places) == 5


def test_answers_carry_evidence(mails: Mails) -> None:
    """Reply-To names the week, each question has an address of its own in both versions, a post its question's."""
    questions = mails()[MailKind.QUESTIONS]
    assert parsed(questions)["Reply-To"] == "wells+w1@groups.example.org"
    for number in (1, 2):
        assert f"wells+w1q{number}@groups.example.org" in text_of(questions)
        assert f"mailto:wells+w1q{number}@groups.example.org?subject=" in html_of(questions)
    assert parsed(mails()[MailKind.POST])["Reply-To"] == "wells+w1q1@groups.example.org"


def test_posts_come_from_the_group(mails: Mails) -> None:
    """From is the group's address with the author's name, so that the author's DMARC policy has no say."""
    author = parsed(mails("es")[MailKind.POST])["From"].addresses[0]
    assert author.addr_spec == "wells@groups.example.org"
    assert author.display_name == "Awa Sene vía Wells Network"


@pytest.mark.parametrize(
    ("places", "detail"),
    [
        ([Place(1, 1)], "+w1q1"),
        ([Place(1), Place(1, 2), Place(1)], "+w1q2"),
        ([Place(1, 1), Place(1, 2)], "+w1"),
        ([Place(1, 1), Place(2, 1)], ""),
        ([Place()], ""),
        ([Place(2)], "+w2"),
    ],
)
def test_a_post_is_answered_where_it_belongs(
    discussion: Discussion, sender: Sender, places: list[Place], detail: str
) -> None:
    """One question, else one week, else the group; a greeting filed under the week does not count."""
    said = Post(entry(), tuple(Words(place, "words") for place in places))
    mail = compose.post(sender, discussion, said, language="en", now=NOW)
    assert parsed(mail)["Reply-To"] == f"wells{detail}@groups.example.org"


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_version_says_what_the_html_version_says(mails: Mails, language: str) -> None:
    """Every sentence of the HTML that is not a button or hidden is in the text version too."""
    for kind, mail in mails(language).items():
        tree = HTMLParser(html_of(mail))
        for node in tree.css("a, .preheader, style, title, .fill, .rest, .badge, .count, .name, .band"):
            node.decompose()
        flat = _squeezed(text_of(mail))
        for paragraph in tree.css("p, h1, h2, td.note"):
            said = _squeezed(paragraph.text(separator="·"))
            for part in re.split(r"[·:]", said):
                assert part.strip(" ,") in flat, (kind, part)


def _squeezed(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}"\'<a href="javascript:x">y</a>'
BROKEN = "Eve\r\nBcc: victim@example.org\r\n\r\n<b>body</b>\x00\x1b[2J\u202eevil\u2028x"


@pytest.mark.parametrize(
    "words", [HOSTILE, BROKEN, "=?utf-8?q?=0D=0ABcc=3A_v=40example=2Eorg?=", "x" * 5000, "é " * 900]
)
def test_hostile_words_are_inert(mails: Mails, words: str) -> None:
    """Whatever stands in a name, subject or text adds no header, no element and no template; it stays text."""
    for kind, mail in mails("en", name=words, text=words, subject=words).items():
        check_rendered(mail)
        message = parsed(mail)
        assert message["Bcc"] is None
        assert len(message.get_all("Subject")) == 1
        assert not message.defects
        tree = HTMLParser(html_of(mail))
        assert not tree.css("script, img, iframe, object, form, svg, [onerror], [onclick]")
        for link in tree.css("a"):
            assert re.match(r"https?://|mailto:wells[+@]", link.attributes["href"]), link.attributes["href"]
        if words == HOSTILE and kind in {MailKind.DIGEST, MailKind.POST}:
            assert "{{ 7*7 }}" in tree.body.text()
            assert "<script>alert(1)</script>" in text_of(mail)


def test_template_language_in_words_is_not_run(mails: Mails) -> None:
    """A contributor's {{ … }} is printed as it was written, in both versions."""
    mail = mails("en", text="{{ 191 * 7 }} {% for x in y %}", name="{{ t }} {name}")[MailKind.DIGEST]
    assert "{{ 191 * 7 }}" in text_of(mail)
    assert "1337" not in text_of(mail)
    assert "{{ 191 * 7 }}" in HTMLParser(html_of(mail)).body.text()


def test_words_in_another_script_keep_their_direction(mails: Mails) -> None:
    """Arabic words in an English mail are marked right to left, the mail itself stays left to right."""
    tree = HTMLParser(html_of(mails("en", text="حفرنا البئر معا")[MailKind.DIGEST]))
    assert tree.css_first("html").attributes["dir"] == "ltr"
    assert any("حفرنا" in node.text() for node in tree.css('[dir="rtl"]'))


def test_a_missing_translation_is_shown_in_the_first_language(mails: Mails) -> None:
    """The second question exists in English only: French readers see it in English, marked as English."""
    mail = mails("fr")[MailKind.QUESTIONS]
    assert "What breaks first?" in text_of(mail)
    asked = next(n for n in HTMLParser(html_of(mail)).css("[lang=en]") if "What breaks first?" in n.text())
    assert asked.attributes["dir"] == "ltr"


def test_rendering_is_repeatable(mails: Mails) -> None:
    """The same values give the same bytes: a mail rendered again is the same mail."""
    assert {k: m.content for k, m in mails("fr").items()} == {k: m.content for k, m in mails("fr").items()}


def test_slots_stand_where_they_belong(mails: Mails) -> None:
    """Cut out at its slots the mail holds no trace of the marks, and filled in no line grows long."""
    for mail in mails().values():
        assert b"slot" not in mail.content.replace(b"-slot", b"")
        assert [name for _, name in mail.slots][:2] == ["to", "message-id"]
        assert b"To: " + FILLED["to"] in filled(mail)


def test_digest_orders_by_question_not_by_arrival(discussion: Discussion, sender: Sender) -> None:
    """Sections come in the order handed in; silent questions say so; what comes late has a heading of its own."""
    content = Digest(
        week=(Section(Place(2, 1), (entry("Later words."),)), Section(Place(2), (entry("On everything."),))),
        earlier=(Section(Place(1, 2), (entry("Earlier words."),)),),
        figures=Figures(3, 1, 1, {(2, 1): 1}, {"en": 3}),
    )
    text = text_of(compose.digest(sender, discussion, discussion.weeks[1], content, language="en", now=NOW))
    order = ["Who pays for repairs?", "Later words.", "On everything.", "Late answers", "What breaks first?", "Earlier"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)


def test_a_long_digest_stays_small(discussion: Discussion, sender: Sender) -> None:
    """Forty contributions of 250 words stay below what large mail services show without clipping (102 kB)."""
    sentences = "They repair the pump before the rains, and the whole street pays a little. " * 3
    words = "\n\n".join([sentences.strip()] * 6)
    content = Digest(week=(Section(Place(1, 1), tuple(entry(words, contribution_id=i) for i in range(40))),))
    html = html_of(compose.digest(sender, discussion, discussion.weeks[0], content, language="en", now=NOW))
    assert len(html.encode()) < 90_000
