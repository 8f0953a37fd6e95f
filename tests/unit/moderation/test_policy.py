"""What happens to a mail, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.discussion.model import Discussion, Question, Text, Week
from m4dbot.moderation.policy import ROBOTS, Action, Circumstances, judge
from m4dbot.reading.values import Attachment, Block, Kind, Person, Reading, Role

WEEK = Week(1, date(2027, 3, 1), date(2027, 3, 7), (Question(1, Text({"en": "Why?"})),))
ORDINARY = Circumstances(
    discussion=Discussion("wells", Text({"en": "Wells"}), "UTC", ("en",), (WEEK,)),
    day=date(2027, 3, 3),
    subscribed=True,
    facilitator=False,
    subscribers_only=False,
    size=5_000,
    largest=2**20,
    confidence=0.95,
)


def reading(kind: Kind = Kind.CONTRIBUTION, text: str = "Because it rains.", **more: object) -> Reading:
    blocks = (Block(Role.OWN, text),) if text else ()
    return Reading(kind, "The rule said so.", "1@x", "Wells", None, Person("A", "a@x"), blocks=blocks, **more)  # type: ignore[arg-type]


def test_an_ordinary_contribution_is_held() -> None:
    """Nothing is published unread, so the last rule always holds."""
    verdict = judge(reading(), ORDINARY)
    assert (verdict.action, verdict.reason) == (Action.HOLD, "Every contribution is read by a facilitator.")


@pytest.mark.parametrize("kind", sorted(ROBOTS))
def test_robots_are_discarded_with_their_reason(kind: Kind) -> None:
    """No queue, no reply; the reason is the reading's."""
    verdict = judge(reading(kind), replace(ORDINARY, subscribed=False))
    assert (verdict.action, verdict.reason) == (Action.DISCARD, "The rule said so.")


@pytest.mark.parametrize(
    ("mail", "around", "said"),
    [
        ({}, {"variant_of": 7}, "same Message-ID as mail #7"),
        ({}, {"repeats": 8}, "same words before, in mail #8"),
        ({}, {"size": 2_621_440}, "2.5 MiB large; the group takes mails of up to 1 MiB"),
        ({"text": ""}, {}, "no text"),
        (
            {"text": "", "kind": Kind.EMPTY, "attachments": (Attachment("a.pdf", "application/pdf", 9),)},
            {},
            "attachments",
        ),
        ({"attachments": (Attachment("invoice.PDF.exe ", "application/pdf", 9),)}, {}, "a program or may carry one"),
        ({"attachments": (Attachment("plan.docm", "text/plain", 9),)}, {}, "plan.docm"),
        ({}, {"discussion": None}, "No discussion"),
        ({}, {"day": date(2027, 2, 28)}, "before the discussion opens on 1 March 2027"),
        ({}, {"day": date(2027, 3, 8)}, "1 day after the discussion's last day, within its grace"),
        ({}, {"day": date(2027, 3, 21)}, "14 days after the discussion's last day, within its grace"),
        ({}, {"day": date(2027, 3, 22)}, "its grace ended on 21 March 2027"),
        ({}, {"subscribers_only": True, "subscribed": False}, "not subscribed"),
        ({"text": "word " * 5001}, {}, "5,001 words"),
        ({}, {"confidence": None}, "could not be told which question"),
        ({}, {"confidence": 0.3}, "not certain which question"),
        ({"kind": Kind.SPAM}, {}, "may be spam (The rule said so), but its sender is a member"),
    ],
)
def test_what_to_look_at_first(mail: dict[str, object], around: dict[str, object], said: str) -> None:
    """The reason names what is special about a mail."""
    verdict = judge(reading(**mail), replace(ORDINARY, **around))  # type: ignore[arg-type]
    assert verdict.action is Action.HOLD
    assert said in verdict.reason


@pytest.mark.parametrize("name", ["report.pdf", "exe", "com", "notes", "letter.docx", "a.exe.txt"])
def test_harmless_names(name: str) -> None:
    """A document is no program, whatever its name also holds."""
    assert "program" not in judge(reading(attachments=(Attachment(name, "", 1),)), ORDINARY).reason


def test_facilitators_are_no_strangers() -> None:
    """They need not subscribe to be heard."""
    around = replace(ORDINARY, subscribers_only=True, subscribed=False, facilitator=True)
    assert "subscribed" not in judge(reading(), around).reason


@given(
    kind=st.sampled_from(Kind),
    text=st.text(max_size=50),
    name=st.text(max_size=20).flatmap(lambda t: st.sampled_from([t, f"{t}.exe"])),
    day=st.dates(date(2026, 1, 1), date(2028, 1, 1)),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    confidence=st.none() | st.floats(0, 1),
)
def test_every_mail_gets_a_sentence(
    kind: Kind, text: str, name: str, day: date, flags: tuple[bool, bool, bool], confidence: float | None
) -> None:
    """Whatever comes: one action, one sentence on one line; only robots are discarded."""
    around = replace(
        ORDINARY, day=day, subscribed=flags[0], facilitator=flags[1], subscribers_only=flags[2], confidence=confidence
    )
    verdict = judge(reading(kind, text, attachments=(Attachment(name, "", 1),)), around)
    assert verdict.reason.endswith(".")
    assert len(verdict.reason.splitlines()) == 1
    assert verdict.action is Action.HOLD or kind in ROBOTS
