"""The whole process is killed while it sends: nothing is lost, and only the mails in flight may come twice."""

from __future__ import annotations

import mailbox
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from m4dbot.config import Config
from m4dbot.delivery import claims
from m4dbot.delivery.worker import Delivered, Worker
from m4dbot.store import groups, migrate
from m4dbot.store.database import Database, open_database
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Delivery
from tests.integration.sending.bot import bot
from tests.integration.sending.making import NOW, people, queue
from tests.servers.smtp_sink import Mail, SmtpSink

MAILINGS, PEOPLE, KILLS, CONNECTIONS = 20, 100, 30, 4


@pytest.fixture
def outbox(tmp_path: Path, make_config: Callable[..., Config]) -> Iterator[Database]:
    """Twenty mailings to a hundred people in a SQLite file where a bot process looks for it."""
    database = open_database(f"sqlite:///{tmp_path / 'm4dbot.sqlite'}")
    migrate.upgrade(database)
    with database.write() as session:
        Signer.create(session)
        groups.follow(session, make_config().group)
        for i in range(MAILINGS):
            queue(session, f"water-2027/post-{i}", people(PEOPLE))
    yield database
    database.close()


def waiting(database: Database) -> int:
    with database.read() as session:
        left = select(func.count(Delivery.id)).where(Delivery.state.in_(("pending", "deferred", "sending")))
        return session.scalar(left) or 0


def expected(database: Database) -> set[tuple[str, str]]:
    with database.read() as session:
        return {tuple(row) for row in session.execute(select(Delivery.recipient, Delivery.message_id))}


def test_killed_thirty_times(outbox: Database, tmp_path: Path) -> None:
    """After thirty kill -9 at random moments everybody has every mail; what came twice has the same Message-ID and
    is no more than one mail a connection and kill."""
    drawn = random.Random(11)

    def rule(stage: str, mail: Mail) -> float | None:
        return 0.02 if stage == "dot" else None

    with SmtpSink(rule=rule) as sink:
        kills = 0
        while kills < KILLS:
            before = sink.count
            with bot(tmp_path, sink.port, CONNECTIONS) as process:
                # Somewhere between the first connection and some dozens of mails further on.
                target = before + drawn.randrange(0, 60)
                sink.wait_for(lambda wanted=target: sink.count >= wanted or not waiting(outbox))  # type: ignore[misc]
                time.sleep(drawn.random() * 0.03)
                process.kill()
                process.join()
                assert process.exitcode == -signal.SIGKILL
            kills += 1
            assert waiting(outbox), "the kills were to come while mail is being sent"
        with bot(tmp_path, sink.port, CONNECTIONS) as process:
            sink.wait_for(lambda: not waiting(outbox), 120)
            process.terminate()
            process.join(10)
            assert process.exitcode == 0
        copies = sink.copies()
        twice = sum(copies.values()) - len(copies)
        print(f"{kills} kills, {sum(copies.values())} mails taken, {twice} of them twice")
        assert set(copies) == expected(outbox)
        assert twice <= kills * CONNECTIONS
        assert max(copies.values()) <= 1 + kills
        assert not sink.violations
    with outbox.read() as session:
        assert set(session.scalars(select(Delivery.state))) == {"sent"}


def test_asked_to_end_it_ends_soon_and_sends_nothing_twice(outbox: Database, tmp_path: Path) -> None:
    """SIGTERM at ten random moments: status 0 within seconds, and after the last start everybody has one of each."""
    drawn = random.Random(12)
    with SmtpSink(rule=lambda stage, mail: 0.005 if stage == "dot" else None) as sink:
        for _ in range(10):
            with bot(tmp_path, sink.port, CONNECTIONS) as process:
                target = sink.count + drawn.randrange(0, 80)
                sink.wait_for(lambda wanted=target: sink.count >= wanted)  # type: ignore[misc]
                asked = time.monotonic()
                process.terminate()
                process.join(10)
                assert process.exitcode == 0
                assert time.monotonic() - asked < 5
            with outbox.read() as session:
                assert not session.scalar(select(func.count(Delivery.id)).where(Delivery.state == "sending"))
        with bot(tmp_path, sink.port, CONNECTIONS):
            sink.wait_for(lambda: not waiting(outbox), 120)
        assert sink.copies() == dict.fromkeys(expected(outbox), 1)


def test_a_maildir_gets_each_mail_once_whatever_is_killed(outbox: Database, tmp_path: Path) -> None:
    """Without a relay a repeated mail takes the place of the first."""
    drawn = random.Random(13)
    for _ in range(8):
        with bot(tmp_path, 0, CONNECTIONS) as process:
            until = waiting(outbox) - drawn.randrange(1, 150)
            while waiting(outbox) > until:
                time.sleep(0.002)
            process.kill()
            process.join()
    with bot(tmp_path, 0, CONNECTIONS) as process:
        while waiting(outbox):
            time.sleep(0.01)
        process.terminate()
        process.join(10)
        assert process.exitcode == 0
    box = mailbox.Maildir(tmp_path / "outbox", create=False)
    found = Counter((m["Delivered-To"], m["Message-ID"].strip("<>")) for m in box)
    assert found == dict.fromkeys(expected(outbox), 1)


def test_what_a_dead_worker_held_is_free_after_its_lease(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """Others at work on the same database wait for the lease; then they send it."""
    with database.write() as session:
        queue(session, recipients=people(20))
        assert len(claims.claim(session, "dead", NOW, 12)) == 12
    assert make_worker().deliver_due(NOW) == Delivered(sent=8)
    assert make_worker().deliver_due(NOW + claims.LEASE - timedelta(seconds=1)) == Delivered()
    assert make_worker().deliver_due(NOW + claims.LEASE) == Delivered(sent=12)
    assert set(sink.copies().values()) == {1}


def test_what_was_refused_before_keeps_its_place_when_freed(database: Database) -> None:
    """A claim given back leaves the mail as it was: new, or waiting after a refusal."""
    with database.write() as session:
        queue(session, recipients=people(2))
        first = session.scalars(select(Delivery.id).order_by(Delivery.id)).first()
        session.execute(update(Delivery).where(Delivery.id == first).values(state="deferred", attempts=2))
        assert len(claims.claim(session, "dead", NOW, 10)) == 2
        assert claims.recover(session, NOW, alone=True) == 2
        found = session.execute(select(Delivery.state, Delivery.attempts).order_by(Delivery.id)).all()
    assert [tuple(row) for row in found] == [("deferred", 2), ("pending", 0)]
