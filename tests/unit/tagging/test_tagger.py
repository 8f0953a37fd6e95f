"""Tagging by kinds of evidence, on small mails made for each."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4dbot.discussion.model import Discussion, Question, Text, Week
from m4dbot.reading.values import Block, Kind, Person, Reading, Role
from m4dbot.tagging.lines import LONGEST_TEXT
from m4dbot.tagging.tagger import Tagger
from m4dbot.tagging.values import Context, Segment, Tag


def _week(number: int, opens: date, closes: date, *texts: str) -> Week:
    questions = tuple(Question(i, Text({"en": t})) for i, t in enumerate(texts, 1))
    return Week(number, opens, closes, questions)


BEES = Discussion(
    slug="bees",
    title=Text({"en": "Bees in town"}),
    timezone="Europe/Vienna",
    languages=("en",),
    weeks=(
        _week(
            1,
            date(2030, 4, 1),
            date(2030, 4, 7),
            "How do you find a roof whose owner agrees to hives?",
            "What do neighbours fear, and how is it answered?",
            "Which plants should the parks department sow?",
        ),
        _week(2, date(2030, 4, 8), date(2030, 4, 14), "Who buys the honey, and at what price?"),
        _week(
            3,
            date(2030, 4, 15),
            date(2030, 4, 21),
            "How are swarms caught in the inner city?",
            "What should beginners learn before their first colony?",
        ),
    ),
)
TAGGER = Tagger(BEES)
PROSE = (
    "We began with an old baker who kept his flour dry under a tin roof and let us have the corner by the "
    "chimney, since he liked the noise."
)


def _reading(*blocks: Block | str, **more: object) -> Reading:
    made = tuple(b if isinstance(b, Block) else Block(Role.OWN, b) for b in blocks)
    return Reading(
        **{
            "kind": Kind.CONTRIBUTION,
            "reason": "",
            "message_id": "m@example.org",
            "subject": "",
            "date": datetime(2030, 4, 3, 10, tzinfo=UTC),
            "author": Person("A", "a@example.org"),
            "blocks": made,
            **more,
        }
    )


def _tags(reading: Reading, context: Context = Context()) -> list[str]:  # noqa: B008
    return [str(s.tag) for s in TAGGER.tag(reading, context).segments]


def test_a_plus_address_files_the_whole_mail() -> None:
    """`bees+w1q2@` says where a mail belongs, whatever it talks about."""
    reading = _reading(PROSE, recipients=("bees+w1q2@example.org",), subject="thoughts")
    (segment,) = TAGGER.tag(reading, Context(group_address="bees@example.org")).segments
    assert segment.tag == Tag(1, 2)
    assert segment.confidence >= 0.9
    assert segment.evidence[0].startswith("plus-address")


def test_another_groups_plus_address_says_nothing() -> None:
    """Only the group's own address counts."""
    reading = _reading(PROSE, recipients=("wasps+w1q2@example.org",))
    assert _tags(reading, Context(group_address="bees@example.org")) != ["W1 Q2"]


def test_a_known_mailing_is_what_a_mail_replies_to() -> None:
    """In-Reply-To of a mailing that stands for a week with one question answers that question."""
    reading = _reading(PROSE, in_reply_to="abc@example.org", date=datetime(2030, 4, 20, tzinfo=UTC))
    assert _tags(reading, Context(mailings={"abc@example.org": Tag(2)})) == ["W2 Q1"]


def test_a_message_id_that_names_a_week_tells_it() -> None:
    """ "week-2.en@" in References is enough where the mailing is not known."""
    reading = _reading(PROSE, references=("week-2.en@example.org",), date=None)
    assert _tags(reading) == ["W2 Q1"]


def test_a_quoted_question_beats_a_wrong_week_heading() -> None:
    """The heading says week 1, the question copied below it is of week 3."""
    text = f"Week 1:\n\nWhat should beginners learn before their first colony?\n\n{PROSE}"
    assert _tags(_reading(text)) == ["W3 Q2"]


def test_a_paragraph_is_split_where_a_question_is_quoted_in_it() -> None:
    """Questions run into the text of an answer begin a passage."""
    text = (
        f"How do you find a roof whose owner agrees to hives? {PROSE} "
        f"What do neighbours fear, and how is it answered? Stings, and with honey. We give each a jar."
    )
    first, second = TAGGER.tag(_reading(text)).segments
    assert (first.tag, second.tag) == (Tag(1, 1), Tag(1, 2))
    assert second.text.startswith("What do neighbours fear")


def test_an_introduction_belongs_to_the_week() -> None:
    """Who somebody is answers no question."""
    text = (
        "Dear all,\n\nI am a retired tram driver and have kept bees behind the depot since 1998, first alone "
        f"and then with my niece.\n\nQuestion 3: {PROSE}"
    )
    assert _tags(_reading(text)) == ["W1", "W1 Q3"]


def test_a_salutation_is_no_passage_of_its_own() -> None:
    """ "Dear all," stays with what follows."""
    assert _tags(_reading(f"Dear all,\n\nQ2: {PROSE}")) == ["W1 Q2"]


def test_a_mention_in_running_text_starts_no_passage() -> None:
    """ "as said under question 2" refers back."""
    text = f"Question 3: {PROSE} As I said under question 2, people fear what they do not see.\n\n{PROSE}"
    assert _tags(_reading(text)) == ["W1 Q3"]


def test_a_list_inside_an_answer_is_not_taken_for_question_numbers() -> None:
    """Three recommendations are not the answers to three questions."""
    text = f"Question 2. {PROSE} What helped:\n\n1. a sign\n2. a fence\n3. a phone number on the fence"
    assert _tags(_reading(text)) == ["W1 Q2"]


def test_numbered_answers_follow_the_questions() -> None:
    """A mail of numbered paragraphs answers the questions of these numbers."""
    text = f"1. {PROSE}\n\n2. {PROSE} It took a year.\n\n3. {PROSE} Clover, mostly."
    assert _tags(_reading(text)) == ["W1 Q1", "W1 Q2", "W1 Q3"]


def test_numbers_may_count_through_all_weeks() -> None:
    """There is no sixth question in any week: the sixth of all is meant."""
    assert _tags(_reading(f"Question 6: {PROSE}", date=datetime(2030, 4, 16, tzinfo=UTC))) == ["W3 Q2"]


def test_words_below_a_quoted_question_answer_it() -> None:
    """Inline answers: the question quoted above is the evidence."""
    reading = _reading(
        Block(Role.ATTRIBUTION, "On Monday, Bees wrote:"),
        Block(Role.QUOTED, "> Dear all,\n> 1. How do you find a roof whose owner agrees to hives?"),
        PROSE,
        Block(Role.QUOTED, "> 2. What do neighbours fear, and how is it answered?"),
        "Stings. We let them put on the veil and look in.",
        Block(Role.QUOTED, "> 3. Which plants should the parks department sow?\n> Yours, the bees"),
    )
    segments = TAGGER.tag(reading).segments
    assert [s.tag for s in segments] == [Tag(1, 1), Tag(1, 2)]
    assert all("quoted question" in s.evidence[0] for s in segments)


def test_the_whole_mail_quoted_below_is_evidence_for_no_one_question() -> None:
    """All questions of the week stand below: they tell the week only."""
    whole = "\n".join(f"> {q.number}. {q.text('en')}" for q in BEES.weeks[0].questions)
    reading = _reading("Thank you, I shall write next week when my leg is better.", Block(Role.QUOTED, whole))
    assert _tags(reading) == ["W1"]


def test_what_cannot_be_told_is_not_guessed() -> None:
    """No evidence, no question; without a date not even a week."""
    (segment,) = TAGGER.tag(_reading("Could somebody forward me the last digest, please?", date=None)).segments
    assert segment.tag == Tag(None, None)
    assert segment.confidence < 0.9


def test_the_hour_of_receipt_stands_in_for_a_missing_date() -> None:
    """Without a Date header the week is that in which the mail came."""
    reading = _reading("I have little to add to what Ana wrote.", date=None)
    tagging = TAGGER.tag(reading, received_at=datetime(2030, 4, 10, tzinfo=UTC))
    assert tagging.segments[0].week == 2


def test_a_late_answer_names_its_week() -> None:
    """A subject in the person's own words outweighs the date."""
    reading = _reading(f"Q2: {PROSE}", subject="My thoughts on week 1", date=datetime(2030, 4, 19, tzinfo=UTC))
    assert _tags(reading) == ["W1 Q2"]


def test_nothing_written_gives_no_passages() -> None:
    """A mail that only quotes has no passages."""
    assert TAGGER.tag(_reading(Block(Role.QUOTED, "> hello"))).segments == ()


def _words(segments: tuple[Segment, ...]) -> list[str]:
    return " ".join(s.text for s in segments).split()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Role), st.text(max_size=200)), max_size=6))
def test_the_passages_hold_all_own_words_in_order(parts: list[tuple[Role, str]]) -> None:
    """Whatever the text, no word of the person is lost, and tagging again gives the same."""
    reading = _reading(*(Block(role, text) for role, text in parts))
    tagging = TAGGER.tag(reading)
    assert "".join(_words(tagging.segments)) == "".join(reading.own_text.split())
    assert TAGGER.tag(reading) == tagging


@pytest.mark.parametrize(
    "text",
    [
        "Q1 " * 40_000,
        "a" * 200_000,
        "1. " * 60_000,
        "? " * 100_000,
        "What do neighbours fear, and how is it answered?\n" * 4_000,
        "1. x\n" * 40_000,
        "On question 2, " * 15_000,
        "\n" * 200_000 + "end",
        "- Which plants\n\n" * 12_000,
    ],
    ids=["labels", "one word", "figures", "marks", "questions", "list", "frames", "lines", "headings"],
)
def test_hostile_mails_cost_little(text: str) -> None:
    """Work is bounded whatever the length: counted in calls, for time depends on the machine."""
    reading = _reading(text)
    TAGGER.tag(reading)
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        TAGGER.tag(reading)
    finally:
        sys.setprofile(None)
    assert calls < 400_000


PIECES = (
    "Week 1: ",
    "Week 2",
    "Question 2: ",
    "Q1.",
    "1.2 ",
    "a) ",
    "1. ",
    "3) ",
    "ii. ",
    "- ",
    "\n",
    "\n\n",
    "How do you find a roof whose owner agrees to hives?",
    "Who buys the honey, and at what price?",
    "What do neighbours fear",
    "The parks department",
    "General comments",
    "On the second, ",
    "P.S. ",
    "Yes",
    PROSE,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=24))
def test_whatever_people_put_together_is_filed_with_a_reason(pieces: list[str]) -> None:
    """Labels, figures, questions and headings in any order: nothing is lost, and each tag has its evidence."""
    reading = _reading("".join(pieces))
    segments = TAGGER.tag(reading).segments
    assert "".join(_words(segments)) == "".join(reading.own_text.split())
    assert all(0 <= s.confidence <= 1 for s in segments)
    assert all(s.evidence for s in segments if s.question is not None)


def test_a_week_and_its_question_on_one_line_are_one_mark() -> None:
    """ "a) Week 1: How do you …?" with nothing below is the question, not an error."""
    assert _tags(_reading("a) Week 1: How do you find a roof whose owner agrees to hives?")) == ["W1 Q1"]
    lines = f"1. Week 1: How do you find a roof whose owner agrees to hives?\n{PROSE}\n\n2. Week 2: Who buys the honey?"
    assert _tags(_reading(f"{lines}\n{PROSE}")) == ["W1 Q1", "W2 Q1"]


def test_the_only_question_of_a_week_needs_no_name() -> None:
    """A mail to `bees+w2@` is for that week's one question, however many paragraphs it has and whatever it says."""
    about_honey = "Honey has a price and finds somebody who buys it. At the market they buy honey at half that price."
    reading = _reading(f"{PROSE}\n\n{about_honey}\n\n{PROSE}", recipients=("bees+w2@example.org",))
    (segment,) = TAGGER.tag(reading, Context(group_address="bees@example.org")).segments
    assert segment.tag == Tag(2, 1)
    assert segment.confidence >= 0.9


def test_a_copied_question_outweighs_two_figures() -> None:
    """ "Question 1.2" may be a part of the first question; the question's own words beside it decide."""
    first = "How do you find a roof whose owner agrees to hives?"
    text = f"Question 1.1 {first}\n{PROSE}\n\nQuestion 1.2 {first}\n{PROSE}"
    assert _tags(_reading(text)) == ["W1 Q1"]


@pytest.mark.parametrize("letter", ["P", "D"])
def test_codes_are_no_labels_in_english(letter: str) -> None:
    """ "P1: barley, P2: rye" numbers plots, for no English word for a question begins so."""
    text = (
        f"We have three plots.\n\n{letter}1: barley, sown late\n{letter}2: rye\n{letter}3: nothing yet, it was too wet"
    )
    assert _tags(_reading(text, language="en")) == ["W1"]


def test_below_several_questions_the_last_is_answered() -> None:
    """Who leaves three questions above one answer means the last, or all; the middle one is never meant."""
    reading = _reading(
        Block(Role.QUOTED, "> How do you find a roof whose owner agrees to hives?"),
        PROSE,
        Block(
            Role.QUOTED,
            "> What do neighbours fear, and how is it answered?\n> Which plants should the parks department sow?",
        ),
        "It rained all the time that we were there, and nobody asked us anything.",
    )
    assert _tags(reading) == ["W1 Q1", "W1 Q3"]
    assert TAGGER.tag(reading).segments[-1].confidence < 0.9


def test_a_farewell_answers_nothing() -> None:
    """Three answers and good wishes below three copied questions: the wishes belong to the last answer."""
    questions = "\n".join(q.text("en") for _, q in BEES.questions() if _.number == 1)
    answers = "\n\n".join(f"{word} {PROSE}" for word in ("Slowly.", "Everything.", "Clover."))
    tags = _tags(_reading(f"{questions}\n\n{answers}\n\nWith warm regards to everybody."))
    assert tags == ["W1", "W1 Q1", "W1 Q2", "W1 Q3"]


def test_parts_of_answers_are_no_questions_of_their_own() -> None:
    """ "1.1", "1.2", "2.1" in a discussion of one week divide the answers to its first two questions."""
    one_week = Tagger(
        Discussion(slug="roofs", title=Text({"en": "Roofs"}), timezone="UTC", languages=("en",), weeks=(BEES.weeks[0],))
    )
    segments = one_week.tag(_reading(f"1.1 {PROSE}\n1.2 {PROSE}\n2.1 {PROSE}\n2.2 {PROSE}")).segments
    assert [s.question for s in segments if s.confidence >= 0.9 and s.question is not None] == []


def test_decimals_name_week_and_question() -> None:
    """ "1.1", "1.2", "3.1", "3.2" in a discussion of several weeks: the answers of two of them."""
    text = "\n\n".join(
        f"{label} {word} {PROSE}" for label, word in zip(("1.1", "1.2", "3.1", "3.2"), "abcd", strict=True)
    )
    assert _tags(_reading(text)) == ["W1 Q1", "W1 Q2", "W3 Q1", "W3 Q2"]


def test_many_questions_are_no_burden() -> None:
    """A discussion of two hundred questions is made ready and used without delay."""
    many = Discussion(
        slug="many",
        title=Text({"en": "Many"}),
        timezone="UTC",
        languages=("en",),
        weeks=tuple(
            _week(w, date(2031, 1, w), date(2031, 1, w), *(f"What about item {w} {i} of the list?" for i in range(20)))
            for w in range(1, 11)
        ),
    )
    tagger = Tagger(many)
    reading = _reading(f"W7 Q12: {PROSE}\n\nW8 Q3: {PROSE}")
    assert [s.tag for s in tagger.tag(reading).segments] == [Tag(7, 12), Tag(8, 3)]


def test_what_is_too_long_to_search_goes_with_the_last_passage() -> None:
    """docs/security.md: words beyond the limit are kept, and no label among them is looked for."""
    text = f"Question 1: {PROSE}\n\n" + f"{PROSE}\n" * (LONGEST_TEXT // len(PROSE) + 2) + f"\nQuestion 2: {PROSE}"
    reading = _reading(text)
    segments = TAGGER.tag(reading).segments
    assert {s.question for s in segments} == {1}
    assert "".join(_words(segments)) == "".join(text.split())


def test_a_reason_says_what_was_not_asked_and_holds_no_signs() -> None:
    """A form's other question is told from a heading, and the stars around what was copied stay in the mail."""
    copied = [question.text("en") for _, question in BEES.questions()][:3]
    text = "\n\n".join(f"**{question}**\n\n{PROSE}" for question in (*copied, "Does the ferry run on Sundays?"))
    segments = TAGGER.tag(_reading(text)).segments
    assert [s.evidence[0] for s in segments] == [
        *(f"question quoted: '{question}'" for question in copied),
        "not asked here: 'Does the ferry run on Sundays?'",
    ]
