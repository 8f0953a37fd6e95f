"""Which discussion a mail belongs to: what speaks for one, and what would speak for any."""

from __future__ import annotations

from datetime import UTC, date, datetime

from m4dbot.discussion.model import Discussion, Question, Text, Week
from m4dbot.intake.choosing import choose
from m4dbot.reading.values import Block, Kind, Person, Reading, Role
from m4dbot.tagging.tagger import Tagger

NOW = datetime(2030, 4, 24, 10, tzinfo=UTC)


def _discussion(slug: str, opens: date, closes: date, *questions: str) -> Discussion:
    asked = tuple(Question(i, Text({"en": text})) for i, text in enumerate(questions, 1))
    return Discussion(slug, Text({"en": slug}), "UTC", ("en",), (Week(1, opens, closes, asked),))


OLD = _discussion(
    "bees",
    date(2030, 4, 1),
    date(2030, 4, 7),
    "How do you find a roof whose owner agrees to hives?",
    "What do neighbours fear, and how is it answered?",
    "Which plants should the parks department sow?",
)
ON = _discussion("trams", date(2030, 4, 22), date(2030, 4, 28), "Who pays for the tram at night?")
DISCUSSIONS = {1: OLD, 2: ON}
TAGGERS = {number: Tagger(discussion) for number, discussion in DISCUSSIONS.items()}


def _chosen(text: str) -> int | None:
    reading = Reading(
        kind=Kind.CONTRIBUTION,
        reason="",
        message_id="m@example.org",
        subject="From the north side",
        date=NOW,
        author=Person("A", "a@example.org"),
        blocks=(Block(Role.OWN, text),),
    )
    return choose(DISCUSSIONS, reading, NOW, None, lambda number: TAGGERS[number].tag(reading))


def test_a_question_copied_out_names_its_discussion() -> None:
    """Two weeks after its end, while another is on."""
    assert _chosen("What do neighbours fear, and how is it answered?\n\nNoise at five in the morning, mostly.") == 1


def test_headings_of_a_persons_own_name_no_discussion() -> None:
    """As many headings as a discussion has questions may be chance: the day decides."""
    sections = ("Bells", "The purse", "What grandfather did")
    below = "It was so for as long as I can remember, and everybody had got used to it in the end."
    assert _chosen("\n\n".join(f"{heading}\n\n{below}" for heading in sections)) == 2
