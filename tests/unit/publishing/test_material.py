"""What goes where in a digest: every word once, under its question."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4dbot.config import DELIVERIES as CONFIGURABLE
from m4dbot.discussion.model import Discussion
from m4dbot.publishing.audience import AUDIENCE, languages_of, reading_language
from m4dbot.publishing.material import LARGEST_DIGEST, Published, by_question, digest_of, figures_of, parts_of
from m4dbot.publishing.rehearse import rehearse
from m4dbot.publishing.values import DELIVERIES, Digest, Figures, MailKind, Place, Section, Sender, Words
from tests.unit.publishing.conftest import entry


def published(number: int, *words: Words, author: str = "awa@example.org", language: str = "en") -> Published:
    said = entry("\n".join(w.text for w in words), contribution_id=number, language=language)
    return Published(said, words, author, "Senegal", datetime(2027, 3, 3, tzinfo=UTC))


places = st.builds(Place, st.sampled_from([None, 1, 2]), st.sampled_from([None, 1, 2])).map(
    lambda p: Place(p.week, p.question if p.week is not None else None)
)


@settings(deadline=None)
@given(st.lists(places, max_size=8))
def test_every_word_is_printed_once(order: list[Place]) -> None:
    """However passages are filed, each stands in exactly one place of the digest."""
    words = [Words(place, f"word{i}.") for i, place in enumerate(order)]
    printed = "\n\n".join(text for _, text in by_question(words))
    assert sorted(printed.split()) == sorted(w.text for w in words)
    found = [place for place, _ in by_question(words)]
    assert len(found) == len(set(found))


def test_greetings_stay_with_their_answer() -> None:
    """What comes before an answer goes with it, what closes the mail goes with the last one."""
    words = [
        Words(Place(1), "Dear all,"),
        Words(Place(1, 1), "First."),
        Words(Place(1, 2), "Second."),
        Words(Place(1), "Regards"),
    ]
    assert by_question(words) == [(Place(1, 1), "Dear all,\n\nFirst."), (Place(1, 2), "Second.\n\nRegards")]


def test_a_note_stands_once(discussion: Discussion) -> None:
    """Of a contribution in several places, the first part carries the note and the names of its files."""
    said = published(1, Words(Place(1, 1), "First."), Words(Place(1, 2), "Second."))
    noted = replace(said, entry=replace(said.entry, note="Shortened.", attachments=("a.pdf",)))
    digest = digest_of(discussion, discussion.weeks[0], [noted], printed=())
    found = [(e.text, e.note, e.attachments) for s in digest.week for e in s.entries]
    assert found == [("First.", "Shortened.", ("a.pdf",)), ("Second.", "", ())]


def test_words_on_another_week_stay_there() -> None:
    """A stretch filed under another week than the answers is not moved to them."""
    words = [Words(Place(2), "On week two."), Words(Place(1, 1), "First.")]
    assert by_question(words) == [(Place(2), "On week two."), (Place(1, 1), "First.")]


def test_a_digest_has_every_question_of_its_week(discussion: Discussion) -> None:
    """Questions in order, silent ones too, then the week as a whole; other weeks in sections of their own."""
    first, second = discussion.weeks
    contributions = [
        published(1, Words(Place(2, 1), "Repairs.")),
        published(2, Words(Place(1, 2), "Late.")),
        published(3, Words(Place(), "Nothing asked.")),
        published(4, Words(Place(9, 9), "No such week.")),
        published(5, Words(Place(2, 1), "Printed before.")),
    ]
    digest = digest_of(discussion, second, contributions, printed={5})
    assert [(s.place, [e.contribution_id for e in s.entries]) for s in digest.week] == [
        (Place(2, 1), [1]),
        (Place(2), [3, 4]),
    ]
    assert [(s.place, s.entries[0].text) for s in digest.earlier] == [(Place(1, 2), "Late.")]
    assert digest.contribution_ids == (1, 3, 4, 2)
    assert digest.figures.contributions == 4
    early = digest_of(discussion, first, contributions, printed=())
    assert [s.place for s in early.week] == [Place(1, 1), Place(1, 2), Place(1)]
    assert early.week[0].entries == ()
    assert [s.place for s in early.later] == [Place(2, 1)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 40_000)), max_size=30))
def test_a_long_digest_comes_in_parts(sizes: list[tuple[int, int]]) -> None:
    """Every entry is in one part, in order, none cut; a part is too large only by a single contribution."""
    sections: list[Section] = []
    for place, run in groupby(sorted(enumerate(sizes), key=lambda s: s[1][0]), key=lambda s: s[1][0]):
        entries = tuple(entry("x" * length, contribution_id=number) for number, (_, length) in run)
        sections.append(Section(Place(1, place), entries))
    whole = Digest(tuple(sections[:1]), tuple(sections[1:2]), tuple(sections[2:]), Figures(contributions=9))
    parts = parts_of(whole)
    assert [i for p in parts for i in p.contribution_ids] == list(whole.contribution_ids)
    printed = [e for p in parts for s in (*p.week, *p.earlier, *p.later) for e in s.entries]
    assert sum(len(e.text) for e in printed) == sum(length for _, length in sizes)
    assert [p.figures.contributions for p in parts] == [9] + [0] * (len(parts) - 1)
    for part in parts:
        entries = [e for s in (*part.week, *part.earlier, *part.later) for e in s.entries]
        assert len(entries) <= 1 or sum(len(e.text) for e in entries) < LARGEST_DIGEST


def test_a_short_digest_is_one_mail(discussion: Discussion) -> None:
    """Silent questions keep their place, and nothing is divided without need."""
    digest = digest_of(discussion, discussion.weeks[0], [published(1, Words(Place(1, 2), "Words."))], printed=())
    assert parts_of(digest) == (digest,)
    assert parts_of(Digest(())) == (Digest(()),)


def test_figures_count_people_once() -> None:
    """Contributions, people, countries; a contribution counts under each question it speaks about, once."""
    figures = figures_of(
        [
            published(1, Words(Place(1, 1), "a"), Words(Place(1, 2), "b"), Words(Place(1, 1), "c")),
            published(2, Words(Place(1, 1), "d"), language="fr"),
            published(3, Words(Place(1), "e"), author="ben@example.org"),
        ]
    )
    assert (figures.contributions, figures.contributors, figures.countries) == (3, 2, 1)
    assert figures.by_question == {(1, 1): 2, (1, 2): 1}
    assert figures.by_language == {"en": 2, "fr": 1}


def test_audiences() -> None:
    """What can be chosen is what can be configured; nobody who chose "none" gets anything."""
    assert DELIVERIES == CONFIGURABLE
    assert set().union(*AUDIENCE.values()) == set(DELIVERIES) - {"none"}
    assert AUDIENCE[MailKind.POST] == {"posts"}
    assert "summary" in AUDIENCE[MailKind.SUMMARY]


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        ("fr", ("en", "fr"), "fr"),
        ("fr-CA", ("en", "fr"), "fr"),
        ("ar", ("en", "ar"), "ar"),
        ("fr", ("en",), "fr"),
        ("sw", ("fr", "en"), "fr"),
        ("", ("es",), "es"),
        ("sw", (), "en"),
    ],
)
def test_reading_language(wanted: str, offered: tuple[str, ...], expected: str) -> None:
    """One's own language where there are texts or questions in it, else the discussion's first."""
    assert reading_language(wanted, offered) == expected


def test_a_rehearsal_shows_the_whole_calendar(discussion: Discussion, sender: Sender) -> None:
    """Every occasion in order, in local time, with counts and a mail for each language read."""
    subscribers = [("en", "posts"), ("fr", "digest"), ("fr", "questions"), ("sw", "digest"), ("es", "none")]
    found = rehearse(discussion, sender, subscribers)
    assert [r.occasion.due_at for r in found] == sorted(r.occasion.due_at for r in found)
    by_key = {r.occasion.key: r for r in found}
    questions = by_key["wells-2027/week-1/questions"]
    assert questions.counts == (("en", 2), ("fr", 2))
    assert [m.language for m in questions.mails] == ["en", "fr"]
    assert questions.local_time.hour == 8
    assert by_key["wells-2027/week-1/digest"].recipients == 2
    nobody = rehearse(discussion, sender, [])
    assert all(r.recipients == 0 and len(r.mails) == 3 for r in nobody)
    assert languages_of([]) == []
