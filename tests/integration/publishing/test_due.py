"""The calendar's mails on a real store: each once, whatever happens in between."""

from __future__ import annotations

import email
import email.policy
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from m4dbot.config import Config
from m4dbot.discussion.calendar import occasions
from m4dbot.errors import InvalidFile, NotFound
from m4dbot.publishing import due
from m4dbot.publishing.due import ALL_HAVE_ANSWERED, NOBODY, NOTHING_TO_SAY, digest_preview, run_due
from m4dbot.publishing.values import MailKind
from m4dbot.store import discussions, groups
from m4dbot.store.database import Database
from m4dbot.store.tables import Delivery, DiscussionRow, Mailing, Rendering
from tests.integration.publishing.making import at, contribution, group_id, load, mailings, subscribe


def deliveries(database: Database, key: str) -> list[tuple[str, str]]:
    """Who gets a mailing, and in which language."""
    with database.read() as session:
        query = (
            select(Delivery.recipient, Rendering.language)
            .join(Mailing, Mailing.id == Delivery.mailing_id)
            .join(Rendering, Rendering.id == Delivery.rendering_id)
            .where(Mailing.key == key)
            .order_by(Delivery.recipient)
        )
        return [tuple(row) for row in session.execute(query)]


def body(database: Database, key: str, language: str = "en") -> bytes:
    with database.read() as session:
        query = select(Rendering.content).join(Mailing, Mailing.id == Rendering.mailing_id)
        return session.scalars(query.where(Mailing.key == key, Rendering.language == language)).one()


def test_a_discussion_from_start_to_end(database: Database, config: Config) -> None:
    """Run every hour, each occasion goes out once, at its hour, to those who get it, in their language."""
    with database.write() as session:
        discussion_id = load(session)
        for name, language, delivery in [
            ("Ann", "en", "posts"),
            ("Bob", "fr", "digest"),
            ("Cid", "sw", "questions"),
            ("Dee", "en", "summary"),
            ("Eve", "en", "none"),
        ]:
            subscribe(session, name, language, delivery)
        subscribe(session, "Gone", "en", "posts", state="left")
        contribution(session, ("By hand.", 1, 1), discussion_id=discussion_id, received_at=at(4))
    sent: list[tuple[str, datetime]] = []
    now = at(20, 0, 2)
    while now < at(10, 0, 4):
        if now == at(9):
            with database.write() as session:
                contribution(session, ("The rope.", 1, 2), discussion_id=discussion_id, received_at=now)
        sent += [(s.key, now) for s in run_due(database, config, now)]
        now += timedelta(hours=1)
    keys = [key for key, _ in sent]
    with database.read() as session:
        expected = occasions(discussions.get(session, "wells-2027")[1])
    assert keys == [o.key for o in expected]
    assert all(o.due_at <= when < o.due_at + timedelta(hours=1) for o, (_, when) in zip(expected, sent, strict=True))
    taking_part = [("ann@example.org", "en"), ("bob@example.org", "fr"), ("cid@example.org", "en")]
    assert deliveries(database, "wells-2027/week-1/questions") == taking_part
    assert deliveries(database, "wells-2027/announcement") == taking_part
    assert deliveries(database, "wells-2027/week-1/digest") == [("bob@example.org", "fr")]
    first = body(database, "wells-2027/week-1/digest", "fr")
    assert b"By hand." in first
    # The late answer stands in the next digest, the one already printed does not.
    second = body(database, "wells-2027/week-2/digest", "fr")
    assert b"The rope." in second
    assert b"By hand." not in second
    assert run_due(database, config, now) == []


def test_catching_up_after_downtime(database: Database, config: Config) -> None:
    """What is still useful goes out late, once; what only made sense then is recorded as skipped, with the reason."""
    with database.write() as session:
        discussion_id = load(session)
        subscribe(session, "Ann")
        contribution(session, ("By hand.", 1, 1), discussion_id=discussion_id, received_at=at(4))
        contribution(session, ("A levy.", 2, 1), discussion_id=discussion_id, received_at=at(9))
    results = {s.key.removeprefix("wells-2027/"): s for s in run_due(database, config, at(14, 20))}
    assert results["announcement"].skipped
    assert results["week-1/reminder"].skipped
    assert "2027-03-04 09:00" in results["week-1/reminder"].skipped
    for key in ("week-1/questions", "week-2/questions", "week-1/digest", "week-2/digest"):
        assert not results[key].skipped
        assert results[key].recipients == 1
    # Each digest takes what came until its own hour.
    assert b"By hand." in body(database, "wells-2027/week-1/digest")
    assert b"A levy." not in body(database, "wells-2027/week-1/digest")
    assert b"A levy." in body(database, "wells-2027/week-2/digest")
    with database.read() as session:
        assert mailings(session)["wells-2027/announcement"][0] == "skipped"
    assert run_due(database, config, at(14, 20)) == []


def test_reasons_to_skip(database: Database, config: Config) -> None:
    """A digest without news, a mail nobody subscribes to and a reminder nobody needs are recorded, not sent."""
    with database.write() as session:
        discussion_id = load(session)
        subscribe(session, "Awa", delivery="posts")
        contribution(session, ("By hand.", 1, 1), discussion_id=discussion_id, received_at=at(2))
    run_due(database, config, at(1, 8))
    run_due(database, config, at(4, 9))
    run_due(database, config, at(7, 18))
    with database.write() as session:
        subscribe(session, "Ben", delivery="digest")
    run_due(database, config, at(14, 18))
    with database.read() as session:
        found = mailings(session)
    assert found["wells-2027/week-1/reminder"] == ("skipped", ALL_HAVE_ANSWERED)
    assert found["wells-2027/week-1/digest"] == ("skipped", NOBODY)
    assert found["wells-2027/week-2/digest"][0] == "queued"
    run_due(database, config, at(15, 12))
    with database.write() as session:
        load(session, "other-2027")
    run_due(database, config, at(14, 19))
    with database.read() as session:
        assert mailings(session)["other-2027/week-1/digest"] == ("skipped", NOTHING_TO_SAY)


def test_reminders_go_to_those_who_have_not_written(database: Database, config: Config) -> None:
    """Who has contributed this week, published or waiting, is left alone; last week's answer does not count."""
    with database.write() as session:
        discussion_id = load(session)
        for name in ("Awa", "Ben", "Cleo"):
            subscribe(session, name)
        contribution(session, ("Early.", 1, 1), discussion_id=discussion_id, name="Awa", received_at=at(2))
        contribution(session, ("Now.", 2, 1), discussion_id=discussion_id, name="Ben", state="held", received_at=at(9))
    run_due(database, config, at(11, 9))
    assert [who for who, _ in deliveries(database, "wells-2027/week-2/reminder")] == [
        "awa@example.org",
        "cleo@example.org",
    ]


def test_several_at_once_send_once(database: Database, config: Config) -> None:
    """Four processes that find the same occasions due at the same moment queue each once."""
    with database.write() as session:
        discussion_id = load(session)
        for number in range(20):
            subscribe(session, f"Reader{number}", ["en", "fr"][number % 2])
        contribution(session, ("By hand.", 1, 1), discussion_id=discussion_id)
    ready = threading.Barrier(4)
    found: list[str] = []
    errors: list[BaseException] = []

    def one() -> None:
        try:
            ready.wait(10)
            found.extend(s.key for s in run_due(database, config, at(7, 18)))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors, [str(e) for e in errors]
    assert len(found) == len(set(found))
    with database.read() as session:
        assert set(found) == set(mailings(session))
    assert len(deliveries(database, "wells-2027/week-1/digest")) == 20


def test_an_occasion_that_fails_is_tried_again(
    database: Database, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error holds up nothing else, leaves no half-written mailing, and the next run makes up for it."""
    with database.write() as session:
        load(session)
        subscribe(session, "Ann")
    real = due.rendered

    def failing(*args: object, **values: object) -> object:
        if args[2].key.endswith("week-1/questions"):  # type: ignore[attr-defined]
            raise RuntimeError("no paper")
        return real(*args, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(due, "rendered", failing)
    with pytest.raises(RuntimeError, match="no paper"):
        run_due(database, config, at(4, 12))
    with database.read() as session:
        assert "wells-2027/week-1/questions" not in mailings(session)
        assert mailings(session)["wells-2027/week-1/reminder"][0] == "queued"
    monkeypatch.undo()
    assert [s.key for s in run_due(database, config, at(4, 13))] == ["wells-2027/week-1/questions"]


def test_a_long_digest_goes_out_in_parts(database: Database, config: Config) -> None:
    """Each part stays below what large services show whole; together they hold everything, once."""
    with database.write() as session:
        discussion_id = load(session)
        subscribe(session, "Ann")
        subscribe(session, "Bob", "fr")
        for number in range(40):
            words = "\n\n".join([f"Contribution {number} has this to say. " + "Réparer la pompe coûte cher. " * 40] * 4)
            contribution(session, (words, 1, 1 + number % 2), discussion_id=discussion_id, name=f"Author{number}")
    (sent,) = [s for s in run_due(database, config, at(7, 18)) if s.kind is MailKind.DIGEST]
    assert sent.recipients == 2
    with database.read() as session:
        keys = [key for key, (state, _) in mailings(session).items() if "/digest" in key and state == "queued"]
        subjects = session.scalars(select(Rendering.subject).where(Rendering.language == "fr")).all()
    assert keys[0] == "wells-2027/week-1/digest"
    assert keys[1:] == [f"wells-2027/week-1/digest/part-{n}" for n in range(2, len(keys) + 1)]
    assert len(keys) > 1
    assert any(subject.endswith(f"({len(keys)}/{len(keys)})") for subject in subjects)
    texts = []
    for key in keys:
        message = email.message_from_bytes(body(database, key), policy=email.policy.default)
        assert len(message.get_body(("html",)).get_content().encode()) < 102_000
        texts.append(message.get_body(("plain",)).get_content())
    for number in range(40):
        assert sum(f"Contribution {number} has this" in text for text in texts) == 1
    assert run_due(database, config, at(7, 19)) == []


def test_a_discussion_no_longer_understood_holds_up_no_other(database: Database, config: Config) -> None:
    """The others' mail goes out; the error names the discussion."""
    with database.write() as session:
        broken = load(session, "broken-2027")
        load(session)
        subscribe(session, "Ann")
        session.get_one(DiscussionRow, broken).source = 'slug = "broken-2027"'
    with pytest.raises(InvalidFile, match="broken-2027"):
        run_due(database, config, at(1))
    with database.read() as session:
        assert mailings(session)["wells-2027/week-1/questions"][0] == "queued"


def test_two_groups_and_two_discussions_stay_apart(database: Database, two_groups: Config, database_url: str) -> None:
    """Mail of one group goes to its own subscribers under its own name; discussions a month apart do not mix."""
    with database.write() as session:
        groups.follow(session, two_groups.group)
        first = load(session)
        later = load(session, "later-2027", text=_a_month_later())
        soil = load(session, "soil-2027", group="soil")
        subscribe(session, "Ann")
        subscribe(session, "Sol", group="soil")
        contribution(session, ("Of water.", 1, 1), discussion_id=first)
        contribution(session, ("Of later.", 1, 1), discussion_id=later, received_at=at(3, month=4))
        contribution(session, ("Of soil.", 1, 1), discussion_id=soil, group="soil")
    for now in (at(1, 12), at(7, 20), at(1, 12, 4), at(7, 20, 4)):
        run_due(database, two_groups, now)
    assert deliveries(database, "wells-2027/week-1/digest") == [("ann@example.org", "en")]
    assert deliveries(database, "soil-2027/week-1/digest") == [("sol@example.org", "en")]
    for slug, own, others in [
        ("wells-2027", b"Of water.", (b"Of soil.", b"Of later.")),
        ("later-2027", b"Of later.", (b"Of soil.", b"Of water.")),
        ("soil-2027", b"Of soil.", (b"Of water.", b"Of later.")),
    ]:
        digest = body(database, f"{slug}/week-1/digest")
        assert own in digest
        assert not any(words in digest for words in others)
    assert b"soil@groups.example.org" in body(database, "soil-2027/week-1/questions")
    assert b"water@groups.example.org" not in body(database, "soil-2027/week-1/questions")


def _a_month_later() -> str:
    from tests.integration.publishing.making import TEXT

    return TEXT.replace("2027-03-", "2027-04-")


def test_closed_discussions_and_lost_groups_are_silent(
    database: Database, config: Config, make_config: Callable[..., Config]
) -> None:
    """A closed discussion sends nothing more; a group that left the configuration neither."""
    with database.write() as session:
        discussion_id = load(session)
        subscribe(session, "Ann")
    elsewhere = make_config(group=[{"slug": "other", "address": "other@groups.example.org", "name": "Other"}])
    assert run_due(database, elsewhere, at(2)) == []
    with database.write() as session:
        session.get_one(DiscussionRow, discussion_id).state = "closed"
    assert run_due(database, config, at(2)) == []


def test_digest_preview_changes_nothing(database: Database, config: Config) -> None:
    """It shows the digest as it would be now, in the language asked for, and leaves no trace."""
    with database.write() as session:
        discussion_id = load(session)
        contribution(session, ("By hand.", 1, 1), discussion_id=discussion_id)
    with database.read() as session:
        preview = digest_preview(session, config, "wells-2027", week=None, now=at(4), language="fr")
        assert preview.language == "fr"
        assert b"By hand." in preview.content
        assert "semaine 1" in preview.subject
        assert mailings(session) == {}
        with pytest.raises(NotFound, match="weeks 1 to 2"):
            digest_preview(session, config, "wells-2027", week=7, now=at(4))
    with database.write() as session:
        subscribe(session, "Ann")
    assert MailKind.DIGEST in {s.kind for s in run_due(database, config, at(7, 18))}
    with database.read() as session:
        assert group_id(session)
        assert b"By hand." not in digest_preview(session, config, "wells-2027", week=2, now=at(9)).content
