"""From approved contributions to the document."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4dbot.errors import M4dbotError
from m4dbot.summary.build import clean, one_line, passages_of
from m4dbot.summary.figures import figures
from m4dbot.summary.model import Passage, from_json, to_json
from tests.unit.summary.making import approved, document, line

TEXT = st.text(st.characters(), max_size=200)  # half characters and control characters too


def test_passages_stand_under_their_question_in_the_order_of_the_responses() -> None:
    """What is listed under a question is what was filed there, each with its response."""
    reply = document(
        approved(2, ("Deep.", 1, 2), ("We dig.", 1, 1)),
        approved(1, ("They dig.", 1, 1)),
    )
    assert [(r.number, p.text) for r, p in reply.at(1, 1)] == [(1, "They dig."), (2, "We dig.")]
    assert [(r.number, p.text) for r, p in reply.at(1, 2)] == [(2, "Deep.")]
    assert reply.at(2, 1) == []


def test_every_passage_names_its_row() -> None:
    """A sentence can be traced to the passage in the store it came from."""
    reply = document(approved(1, ("One.", 1, 1), ("Two.", 1, 2)))
    assert [p.id for p in reply.responses[0].passages] == [101, 102]


def test_a_greeting_stays_with_its_response() -> None:
    """Words about no question, beside answers, are listed apart only where they say something of their own."""
    long = "In our district " + "the water table has fallen year after year " * 5
    reply = document(
        approved(1, ("Dear all,", 1, None), ("We dig.", 1, 1), ("Best wishes", None, None)),
        approved(2, (long.strip(), 1, None), ("They dig.", 1, 1)),
        approved(3, ("A fine week!", 1, None)),
        approved(4, ("Greetings from Thiès.", None, None)),
    )
    assert [r.number for r, _ in reply.about_week(1)] == [2, 3]
    assert [r.number for r, _ in reply.unfiled()] == [4]
    assert "Dear all," in reply.responses[0].text


def test_a_tag_this_discussion_does_not_have_leaves_the_passage_unfiled() -> None:
    """Where a question was taken out of the discussion, the words stay."""
    reply = document(approved(1, ("Gone.", 7, 1)), approved(2, ("Week only.", 1, 9)))
    assert [p.text for _, p in reply.unfiled()] == ["Gone."]
    assert [p.text for _, p in reply.about_week(1)] == ["Week only."]


def test_numbers_once_given_stay() -> None:
    """What has no number yet is counted on by the time it came."""
    late, early = (datetime(2027, 3, 9, hour, tzinfo=UTC) for hour in (12, 8))
    reply = document(
        approved(5, ("Five.", 1, 1)),
        approved(6, ("Late.", 1, 1), unnumbered=True, received_at=late),
        approved(7, ("Early.", 1, 1), unnumbered=True, received_at=early),
    )
    assert [(r.number, r.text) for r in reply.responses] == [(5, "Five."), (6, "Early."), (7, "Late.")]


class TestEdited:
    def test_what_an_editor_took_out_appears_nowhere(self) -> None:
        """Passages that still hold the original's words do not bring them back."""
        original = (("We dig with spades. Call me on 555 0199.", 1, 1), ("Ten metres.", 1, 2))
        reply = document(approved(1, *original, text="We dig with spades.\n\nTen metres.", edited=True))
        assert "555" not in str(to_json(reply))

    def test_an_edited_passage_keeps_its_question(self) -> None:
        """Its place between its neighbours tells which passage it was."""
        reply = document(
            approved(
                1,
                ("We dig wiht spades.", 1, 1),
                ("Ten metres.", 1, 2),
                text="We dig with spades.\n\nTen metres.",
                edited=True,
            )
        )
        assert [(p.text, p.week, p.question, p.id) for p in reply.responses[0].passages] == [
            ("We dig with spades.", 1, 1, 0),
            ("Ten metres.", 1, 2, 102),
        ]

    def test_words_an_editor_added_belong_to_no_question(self) -> None:
        """New words beside passages that are all still there get no tag by chance."""
        reply = document(approved(1, ("We dig.", 1, 1), text="We dig.\n\nAdded.", edited=True))
        assert [(p.text, p.week) for p in reply.responses[0].passages] == [("We dig.", 1), ("Added.", None)]

    def test_a_short_passage_is_not_found_inside_a_word(self) -> None:
        """ "Yes" is not the beginning of "Yesterday", nor "day" its end."""
        end = passages_of("Yesterday it rained all day.", [Passage(1, 1, "day.", 1, 1)])
        assert [p.text.strip() for p in end] == ["Yesterday it rained all", "day."]
        assert passages_of("Yesterday", [Passage(1, 1, "day", 1, 1)])[0].id == 0
        given = [Passage(1, 1, "Yes", 1, 1), Passage(2, 2, "We dig.", 1, 2)]
        found = passages_of("Yesterday it rained. Yes. We dig.", given)
        assert [(p.text.strip(), p.question) for p in found][:2] == [("Yesterday it rained.", None), ("Yes", 1)]

    def test_long_mails_made_to_be_slow_are_not(self) -> None:
        """Whatever the passages, the work grows with the text."""
        text = "a " * 150_000
        given = [Passage(i, i, wanted, 1, 1) for i, wanted in enumerate(("a " * 50_000 + "z", "a", "aa", "z"), 1)]
        assert "".join(p.text for p in passages_of(clean(text), given)).count("a") == 150_000

    @settings(deadline=None)
    @given(TEXT, st.lists(TEXT, max_size=5))
    def test_passages_are_the_text_and_nothing_else(self, text: str, given: list[str]) -> None:
        """Whatever the passages were, what the document holds is the published text, word for word."""
        passages = [Passage(i, i, clean(t), 1, i % 2 + 1) for i, t in enumerate(given, 1)]
        found = passages_of(clean(text), passages)
        assert "".join("".join(p.text.split()) for p in found) == "".join(clean(text).split())
        assert [p.position for p in found] == list(range(1, len(found) + 1))

    @settings(deadline=None)
    @given(st.lists(TEXT.filter(lambda t: bool(clean(t).split())), min_size=1, max_size=5))
    def test_passages_that_are_the_text_stay_as_they_are(self, texts: list[str]) -> None:
        """The ordinary case: nothing was edited, so every passage keeps its row and its tag."""
        given = [Passage(i, i, clean(t), 1, i) for i, t in enumerate(texts, 1)]
        found = passages_of(clean("\n\n".join(p.text for p in given)), given)
        assert [(p.id, p.question, p.text.split()) for p in found] == [
            (p.id, p.question, p.text.split()) for p in given
        ]


class TestPeople:
    def test_one_person_with_several_responses_is_named_once(self) -> None:
        """From one address or two, with a shorter name the second time."""
        reply = document(
            approved(1, ("A.", 1, 1), contributor=line("Amina Diallo", "Coordinator", "Réseau Puits")),
            approved(2, ("B.", 1, 1), author_address="PERSON1@example.org", author_name="Amina"),
            approved(3, ("C.", 1, 1), contributor=line("AMINA DIALLO", place="Dakar, Sénégal")),
        )
        assert len(reply.people) == 1
        person = reply.person(1)
        assert (person.name, person.role, person.organisation, person.place, person.country) == (
            "Amina Diallo",
            "Coordinator",
            "Réseau Puits",
            "Dakar, Sénégal",
            "SN",
        )

    def test_two_people_at_one_address_are_two(self) -> None:
        """An office's mailbox speaks for several."""
        reply = document(
            approved(1, ("A.", 1, 1), author_address="office@example.org", author_name="Amina Diallo"),
            approved(2, ("B.", 1, 1), author_address="office@example.org", author_name="Jean Kabongo"),
        )
        assert [p.name for p in reply.people] == ["Amina Diallo", "Jean Kabongo"]

    def test_the_same_name_in_two_organisations_is_two_people(self) -> None:
        """There is more than one Maria Garcia."""
        reply = document(
            approved(1, ("A.", 1, 1), contributor=line("Maria Garcia", organisation="Agua Clara")),
            approved(2, ("B.", 1, 1), contributor=line("Maria Garcia", organisation="Ministerio de Agua")),
        )
        assert len(reply.people) == 2

    def test_a_mail_on_behalf_of_somebody_is_theirs(self) -> None:
        """The author is named, the sender thanked for sharing; the sender's office and country are not the author's."""
        reply = document(
            approved(
                1,
                ("A.", 1, 1),
                on_behalf_of="Mariam Ba <mariam@example.org>",
                contributor=line("Person 1", "Secretary", "Head office"),
                organisation="Head office",
                country="France",
            )
        )
        person = reply.person(1)
        assert (person.name, person.role, person.organisation, person.country) == ("Mariam Ba", "", "", "")
        assert reply.responses[0].shared_by == "Person 1"

    def test_a_line_about_the_true_author_is_theirs(self) -> None:
        """Read from the mail or put right by a facilitator, it names the one who speaks."""
        who = line("Mariam Ba", "Mason", "Women's group", "Thiès")
        reply = document(approved(1, ("A.", 1, 1), on_behalf_of="Mariam Ba", contributor=who))
        assert (reply.person(1).role, reply.person(1).organisation) == ("Mason", "Women's group")

    def test_nobodys_address_is_shown(self) -> None:
        """A sender without a name stays without one."""
        reply = document(approved(1, ("A.", 1, 1), author_name="person1@example.org"))
        assert reply.person(1).name == ""
        assert "person1" not in str(to_json(reply))


def test_figures_count_what_the_document_holds() -> None:
    """A response counts once under each question it speaks about, however many passages it has there."""
    counted = figures(
        document(
            approved(1, ("A.", 1, 1), ("B.", 1, 2), ("C.", 1, 1), country="Senegal", organisation="Wells"),
            approved(2, ("D.", 2, 1), language="fr", country="Sénégal", organisation="WELLS"),
            approved(3, ("E.", None, None), language="", contributor=line("Eva", place="Lima, Perú")),
        )
    )
    assert (counted.responses, counted.people, counted.organisations) == (3, 3, 1)
    assert counted.by_question == ((1, 1, 1), (1, 2, 1), (2, 1, 1))
    assert counted.by_week == ((1, 1), (2, 1))
    assert counted.by_language == (("", 1), ("en", 1), ("fr", 1))
    assert counted.by_country == (("SN", 2), ("PE", 1))


def test_resources_are_named_once_and_credited() -> None:
    """Two spellings of one address are one resource."""
    reply = document(
        approved(1, ("See https://www.wells.example/guide/.", 1, 1)),
        approved(2, ("As in wells.example, and at http://wells.example/guide (a guide).", 1, 1)),
    )
    assert [(r.url, r.numbers) for r in reply.resources] == [("https://www.wells.example/guide/", (1, 2))]


class TestKept:
    @settings(deadline=None)
    @given(TEXT, TEXT, TEXT, st.sampled_from(["en", "fr", "es"]))
    def test_what_is_kept_comes_back_as_it_was(self, text: str, name: str, note: str, language: str) -> None:
        """JSON and back, whatever people write."""
        reply = document(
            approved(1, (text, 1, 1), author_name=name, note=note, attachments=(name,)),
            approved(2, (note, None, None), contributor=line(name, note, text, name)),
            language=language,
        )
        assert from_json(to_json(reply)) == reply

    def test_what_is_none_is_refused_in_a_sentence(self) -> None:
        """A damaged row says what to do."""
        with pytest.raises(M4dbotError, match=r"title.*draft it again"):
            from_json({**to_json(document(approved(1, ("A.", 1, 1)))), "title": 5})

    def test_only_content_makes_a_difference(self) -> None:
        """Drafting again without a change is the same document."""
        reply = document(approved(1, ("A.", 1, 1)))
        later = replace(reply, drafted_at=datetime(2027, 5, 1, tzinfo=UTC)).issued(2, None)
        assert reply.same_content(later)
        assert not reply.same_content(document(approved(1, ("B.", 1, 1))))


@settings(deadline=None)
@given(TEXT)
def test_cleaning_touches_no_word(text: str) -> None:
    """Control characters go, words stay, and cleaning twice is cleaning once."""
    once = clean(text)
    assert [c for c in once if c.isalnum()] == [c for c in text if c.isalnum()]
    assert clean(once) == once
    assert "\n" not in one_line(text)
