"""What facilitators decide."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from m4dbot.config import Config
from m4dbot.errors import AlreadyDecided, M4dbotError, NotFound
from m4dbot.moderation import decisions
from m4dbot.moderation.decisions import Edit, Piece, Result, tag_named
from m4dbot.store.database import Database, open_database
from m4dbot.store.tables import Contribution, Decision, Mailing
from m4dbot.tagging.values import Tag
from tests.integration.moderation.make import NOW, WATER, contribution, load

FAY = {"by": "fay@groups.example.org", "way": "cli", "now": NOW}
SOL = {"by": "sol@groups.example.org", "way": "mail", "now": NOW + timedelta(minutes=5)}


def test_approving_numbers_a_contribution_and_queues_its_post(database: Database, config: Config) -> None:
    """Numbers count in the order of approval, and each approval queues one post in its own transaction."""
    with database.write() as session:
        discussion = load(session)
        ids = [contribution(session, (f"Answer {n}.", 1, 1), discussion_id=discussion) for n in range(3)]
        outcomes = decisions.approve(session, config, [ids[2], ids[0]], **FAY)
    assert [(o.result, o.number) for o in outcomes] == [(Result.DONE, 1), (Result.DONE, 2)]
    with database.read() as session:
        assert session.get_one(Contribution, ids[2]).number == 1
        assert session.get_one(Contribution, ids[1]).state == "held"
        posts = session.scalars(select(Mailing.contribution_id).where(Mailing.kind == "post")).all()
        assert sorted(filter(None, posts)) == sorted([ids[2], ids[0]])


def test_a_post_that_cannot_be_queued_leaves_the_contribution_held(
    database: Database, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approval and post are one: there is never the one without the other."""

    def fails(*_: object) -> None:
        raise M4dbotError("The post cannot be composed.")

    monkeypatch.setattr("m4dbot.publishing.posts.post_approved", fails)
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
        (outcome,) = decisions.approve(session, config, [found], **FAY)
        assert outcome.result is Result.REFUSED
        assert "cannot be composed" in outcome.says
    with database.read() as session:
        row = session.get_one(Contribution, found)
        assert (row.state, row.number) == ("held", None)
        assert session.scalar(select(func.count(Decision.id))) == 0


def test_the_same_words_are_not_posted_twice(database: Database, config: Config) -> None:
    """A mail sent twice under two Message-IDs can be approved once; the other stays, and others are not held up."""
    with database.write() as session:
        discussion = load(session)
        one, same = (contribution(session, discussion_id=discussion) for _ in range(2))
        other = contribution(session, ("Something else.", 1, 2), discussion_id=discussion)
        outcomes = decisions.approve(session, config, [one, same, other], **FAY)
    assert [o.result for o in outcomes] == [Result.DONE, Result.REFUSED, Result.DONE]
    assert [o.number for o in outcomes] == [1, None, 2]


def test_deciding_twice_is_harmless_and_says_who_was_first(database: Database, config: Config) -> None:
    """The second approval changes nothing, makes no second post, and names the first facilitator with the time."""
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
        decisions.approve(session, config, [found], **FAY)
    with database.write() as session:
        (outcome,) = decisions.approve(session, config, [found], **SOL)
    assert outcome.result is Result.ALREADY
    assert "fay@groups.example.org" in outcome.says
    assert "2027-03-10 at 12:00 UTC" in outcome.says
    with database.read() as session:
        assert session.scalar(select(func.count(Decision.id))) == 1
        assert session.scalar(select(func.count(Mailing.id)).where(Mailing.kind == "post")) == 1


def test_what_is_published_cannot_be_rejected_or_held(database: Database, config: Config) -> None:
    """Mail that went out cannot be taken back, so the program does not pretend to."""
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
        decisions.approve(session, config, [found], **FAY)
        for refuse in (decisions.reject, decisions.hold):
            (outcome,) = refuse(session, [found], **SOL)
            assert outcome.result is Result.REFUSED
            assert outcome.state == "approved"
            assert "cannot be taken back" in outcome.says


def test_a_rejected_contribution_is_not_approved_by_surprise(database: Database, config: Config) -> None:
    """Whoever approves after a colleague's rejection is told; putting it back first makes the change of mind plain."""
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
        decisions.reject(session, [found], **FAY, reason="for the organisers")
        (outcome,) = decisions.approve(session, config, [found], **SOL)
        assert outcome.result is Result.REFUSED
        assert "for the organisers" in outcome.says
        assert f"m4dbot hold {found}" in outcome.says
        assert decisions.reject(session, [found], **SOL)[0].result is Result.ALREADY
        assert decisions.hold(session, [found], **SOL)[0].result is Result.DONE
        assert decisions.hold(session, [found], **SOL)[0].result is Result.ALREADY
        assert decisions.approve(session, config, [found], **SOL)[0].result is Result.DONE
        history = session.scalars(select(Decision.action).order_by(Decision.id)).all()
    assert history == ["reject", "hold", "approve"]


def test_what_its_author_withdrew_is_not_published(database: Database, config: Config) -> None:
    """A withdrawal outranks facilitators: nobody's words are published against their will."""
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
        session.get_one(Contribution, found).state = "withdrawn"
        (outcome,) = decisions.approve(session, config, [found], **FAY)
        assert outcome.result is Result.REFUSED
        with pytest.raises(AlreadyDecided):
            decisions.edit(session, found, Edit(note="?"), **FAY)


def test_an_unknown_number_decides_nothing(database: Database, config: Config) -> None:
    """Of several numbers with an unknown one among them, none is decided."""
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
    with pytest.raises(NotFound, match="no contribution 4711"), database.write() as session:
        decisions.approve(session, config, [found, 4711], **FAY)
    with database.read() as session:
        assert session.get_one(Contribution, found).state == "held"


def test_an_untagged_contribution_can_be_approved(database: Database, config: Config) -> None:
    """A facilitator's judgement needs no tag."""
    with database.write() as session:
        found = contribution(session, ("Thank you all!", None, None), discussion_id=load(session))
        assert decisions.approve(session, config, [found], **FAY)[0].result is Result.DONE


def test_a_contribution_outside_every_discussion_finds_its_home(database: Database, config: Config) -> None:
    """What came without a discussion goes to the one that was on; where none or several were, the way out is named."""
    with database.write() as session:
        lost = contribution(session)
        (outcome,) = decisions.approve(session, config, [lost], **FAY)
        assert outcome.result is Result.REFUSED
        assert "--discussion" in outcome.says
        load(session)
        assert decisions.approve(session, config, [lost], **FAY)[0].number == 1
        load(session, WATER.replace("water-2027", "water-too"))
        lost = contribution(session)
        assert decisions.approve(session, config, [lost], **FAY)[0].result is Result.REFUSED
        decisions.retag(session, lost, None, Tag(1, 1), **FAY, discussion="water-too")
        assert decisions.approve(session, config, [lost], **FAY)[0].number == 1


def test_a_facilitators_tag_outranks_the_machines(database: Database) -> None:
    """One passage or all are filed anew; the machine's evidence stays readable behind the person's word."""
    with database.write() as session:
        found = contribution(session, ("One.", 1, 1), ("Two.", 1, 1), discussion_id=load(session))
        assert decisions.retag(session, found, 2, Tag(2, 1), **FAY).result is Result.DONE
        assert decisions.retag(session, found, 2, Tag(2, 1), **SOL).result is Result.ALREADY
        one, two = decisions.passages_of(session, found)
        assert (one.week, one.question, one.set_by) == (1, 1, "machine")
        assert (two.week, two.question, two.set_by, two.confidence) == (2, 1, "facilitator", 1.0)
        assert two.evidence == ["facilitator: filed by fay@groups.example.org", "ordinal: 'Question 1'"]
        decisions.retag(session, found, None, Tag(2), **FAY)
        assert {(p.week, p.question) for p in decisions.passages_of(session, found)} == {(2, None)}
        decisions.retag(session, found, None, Tag(), **FAY)
        assert {(p.week, p.question) for p in decisions.passages_of(session, found)} == {(None, None)}


@pytest.mark.parametrize(
    ("passage", "tag", "says"),
    [(None, Tag(3, 1), "weeks 1 to 2"), (1, Tag(2, 2), "has one question"), (7, Tag(1, 1), "one passage")],
)
def test_a_tag_names_what_there_is(database: Database, passage: int | None, tag: Tag, says: str) -> None:
    """A week, question or passage that does not exist is refused with what there is."""
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
    with pytest.raises(NotFound, match=says), database.write() as session:
        decisions.retag(session, found, passage, tag, **FAY)


def test_editing_keeps_the_original_and_the_evidence(database: Database) -> None:
    """Changed words keep their passage's tag; a tag that changed is the facilitator's; the decision keeps the rest."""
    with database.write() as session:
        found = contribution(
            session, ("The comittee repairs it.", 1, 1), ("It costs fifty.", 1, 1), discussion_id=load(session)
        )
        pieces = (Piece("The committee repairs it.", Tag(1, 1)), Piece("It costs fifty.", Tag(1, 2)))
        change = Edit(pieces=pieces, contributor={"place": "Nyeri"}, note="See also number 3.")
        assert decisions.edit(session, found, change, **FAY).result is Result.DONE
        row = session.get_one(Contribution, found)
        assert row.original_text == "The comittee repairs it.\n\nIt costs fifty."
        assert row.edited_text == "The committee repairs it.\n\nIt costs fifty."
        assert (row.contributor["name"], row.contributor["place"]) == ("Grace Wanjiru", "Nyeri")
        one, two = decisions.passages_of(session, found)
        assert (one.set_by, one.confidence) == ("machine", 0.8)
        assert (two.set_by, two.question) == ("facilitator", 2)
        (decision,) = session.scalars(select(Decision))
        assert decision.details["before"]["passages"][0] == ["W1 Q1", "The comittee repairs it."]
        assert decisions.edit(session, found, change, **SOL).result is Result.ALREADY


def test_two_who_edit_at_once_do_not_undo_each_other(database: Database) -> None:
    """An edit that began before a colleague's decision is refused, with that colleague's name."""
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
        began = decisions.revision_of(session, found)
        decisions.retag(session, found, None, Tag(1, 2), **FAY)
    with pytest.raises(AlreadyDecided, match="fay@groups"), database.write() as session:
        decisions.edit(session, found, Edit(note="mine"), **SOL, revision=began)


def test_an_edit_leaves_words(database: Database) -> None:
    """Emptying a contribution is not editing it."""
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
        with pytest.raises(M4dbotError, match=f"m4dbot reject {found}"):
            decisions.edit(session, found, Edit(pieces=(Piece("  \n", Tag()),)), **FAY)


def test_decisions_in_the_same_second_make_one_post(
    database_url: str, config: Config, database: Database, tmp_path: Path
) -> None:
    """Eight who approve at once: one does, seven are told who was first, and one post is queued."""
    with database.write() as session:
        found = contribution(session, discussion_id=load(session))
    barrier = threading.Barrier(8)
    results: list[Result] = []

    def decide(number: int) -> None:
        own = open_database(database_url)
        try:
            barrier.wait(30)
            with own.write() as session:
                outcomes = decisions.approve(session, config, [found], by=f"f{number}", way="cli", now=NOW)
            results.append(outcomes[0].result)
        finally:
            own.close()

    threads = [threading.Thread(target=decide, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == [Result.ALREADY] * 7 + [Result.DONE]
    with database.read() as session:
        assert session.scalar(select(func.count(Mailing.id)).where(Mailing.kind == "post")) == 1


def test_numbers_are_unique_when_different_contributions_are_approved_at_once(
    database_url: str, config: Config, database: Database
) -> None:
    """Eight contributions approved at once get the numbers 1 to 8."""
    with database.write() as session:
        discussion = load(session)
        ids = [contribution(session, (f"Answer {n}.", 1, 1), discussion_id=discussion) for n in range(8)]
    barrier = threading.Barrier(8)

    def decide(contribution_id: int) -> None:
        own = open_database(database_url)
        try:
            barrier.wait(30)
            with own.write() as session:
                decisions.approve(session, config, [contribution_id], **FAY)
        finally:
            own.close()

    threads = [threading.Thread(target=decide, args=(i,)) for i in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.read() as session:
        numbers = session.scalars(select(Contribution.number).order_by(Contribution.number)).all()
        assert numbers == list(range(1, 9))


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("W2 Q1", Tag(2, 1)),
        ("w2q1", Tag(2, 1)),
        (" W12, Q3 ", Tag(12, 3)),
        ("week 2 question 1", Tag(2, 1)),
        ("W2", Tag(2)),
        ("none", Tag()),
    ],
)
def test_tags_as_facilitators_write_them(text: str, tag: Tag) -> None:
    """The usual spellings are understood."""
    assert tag_named(text) == tag


@pytest.mark.parametrize("text", ["", "Q1", "W", "2", "W2 Q", "W2 Q1 and more", "W2Q1W3"])
def test_what_is_no_tag_is_refused(text: str) -> None:
    """Nothing is guessed where a person's tag is meant: it outranks every other."""
    with pytest.raises(M4dbotError, match="names no week and question"):
        tag_named(text)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=4, unique_by=str))
def test_unchanged_text_is_split_as_before(passages: list[list[str]]) -> None:
    """Every paragraph keeps its words and its order, whatever they are."""
    old = [Piece("\n\n".join(p), Tag(i)) for i, p in enumerate(passages, 1)]
    text = "\n\n".join(p.text for p in old)
    new = decisions.resplit(old, text)
    assert "\n\n".join(p.text for p in new) == text
    if len({w for p in passages for w in p}) == sum(map(len, passages)) and len(old) == len(new):
        assert [p.text for p in new] == [p.text for p in old]


def test_a_whole_text_anew_keeps_the_places_of_its_paragraphs() -> None:
    """Changed paragraphs go where they are most alike, new ones with the one before them."""
    old = [
        Piece("The committee repairs the pump.\n\nIt meets on Mondays.", Tag(1, 1)),
        Piece("A repair costs fifty shillings or so.", Tag(1, 2)),
    ]
    text = (
        "The committee repairs the pump.\n\nIt meets on Tuesdays.\n\n"
        "A repair costs sixty shillings or so.\n\nThat is too much for us."
    )
    assert decisions.resplit(old, text) == (
        Piece("The committee repairs the pump.\n\nIt meets on Tuesdays.", Tag(1, 1)),
        Piece("A repair costs sixty shillings or so.\n\nThat is too much for us.", Tag(1, 2)),
    )
