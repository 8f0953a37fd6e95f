"""A worker that runs until it is told to stop."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from m4dbot.delivery import claims
from m4dbot.delivery import worker as worker_module
from m4dbot.delivery.worker import Delivered, Worker
from m4dbot.store.database import Database
from m4dbot.store.tables import Delivery
from tests.integration.sending.making import NOW, people, queue, states
from tests.servers.smtp_sink import SmtpSink


@contextmanager
def running(worker: Worker) -> Iterator[threading.Event]:
    """The worker at work in a thread; it has to end within seconds."""
    stop, told = threading.Event(), list[Delivered]()
    thread = threading.Thread(target=lambda: told.append(worker.run(stop)))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
        assert told


def ticking(seconds: float = 0.0) -> Callable[[], datetime]:
    """A clock that starts at NOW, or later."""
    started = time.monotonic()
    return lambda: NOW + timedelta(seconds=seconds + time.monotonic() - started)


def found(database: Database) -> set[str]:
    with database.read() as session:
        return set(states(session).values())


def left(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count(Delivery.id)).where(Delivery.state != "sent")) or 0


def test_what_is_queued_later_goes_out_soon(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """Found by looking each second, or at once after wake(); both over the connection that is there."""
    worker = make_worker(clock=ticking())
    with running(worker):
        with database.write() as session:
            queue(session, "one", people(1))
        sink.wait_for(lambda: sink.count == 1, 5)
        with database.write() as session:
            queue(session, "two", people(1))
        worker.wake()
        sink.wait_for(lambda: sink.count == 2, 5)
    assert len(sink.connected) == 1
    assert left(database) == 0


def test_waking_a_worker_that_does_not_run_does_nothing(worker: Worker) -> None:
    """A hint may come too early or too late."""
    worker.wake()


def test_an_outage_is_waited_out(database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]) -> None:
    """While the relay is away one connection a second at most is tried; when it is back all mail goes out."""
    worker = make_worker(clock=ticking())
    with database.write() as session:
        queue(session, recipients=people(50))
    sink.rule = lambda stage, mail: "421 4.3.2 down" if stage == "connect" else None
    with running(worker):
        sink.wait_for(lambda: len(sink.connected) >= 3)
        gaps = [later - earlier for earlier, later in zip(sink.connected, sink.connected[1:], strict=False)]
        assert all(gap > 0.9 for gap in gaps)
        assert gaps[1] > gaps[0]
        # Between the attempts the mails are nobody's.
        sink.wait_for(lambda: found(database) == {"pending"}, 4)
        sink.rule = lambda stage, mail: None
        sink.wait_for(lambda: sink.count == 50)
    assert left(database) == 0
    assert set(sink.copies().values()) == {1}


def test_a_server_that_goes_down_and_comes_back(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """Cut in the middle of five hundred mails: the rest follows, without asking anybody."""
    worker = make_worker(clock=ticking())
    with database.write() as session:
        queue(session, recipients=people(500))
    sink.rule = lambda stage, mail: 0.002 if stage == "dot" else None
    with running(worker):
        sink.wait_for(lambda: sink.count >= 100)
        sink.pause()
        sink.resume()
        sink.wait_for(lambda: left(database) == 0, 60)
    assert len(sink.copies()) == 500
    assert sink.count - 500 <= 4


def test_idle_connections_are_given_up(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a moment without mail the connection is closed; the next mail makes another."""
    monkeypatch.setattr(worker_module, "LINGER_SECONDS", 0.2)
    worker = make_worker(clock=ticking())
    with running(worker):
        for n in (1, 2):
            with database.write() as session:
                queue(session, str(n), people(1))
            worker.wake()
            sink.wait_for(lambda n=n: sink.count == n)  # type: ignore[misc]
            sink.wait_for(lambda: sink.open == 0)
    assert len(sink.connected) == 2


def test_it_ends_within_seconds_though_the_server_is_slow(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in flight is given a moment; then it counts as not sent, and nothing stays claimed."""
    monkeypatch.setattr(worker_module, "STOP_SECONDS", 0.5)
    worker = make_worker(clock=ticking())
    with database.write() as session:
        queue(session, recipients=people(20))
    waits = threading.Event()

    def rule(stage: str, mail: object) -> float | None:
        if stage != "dot":
            return None
        waits.set()
        return 60.0

    sink.rule = rule
    started = 0.0
    with running(worker) as stop:
        assert waits.wait(10)
        stop.set()
        started = time.monotonic()
    assert time.monotonic() - started < 5
    with database.read() as session:
        found = list(states(session).values())
    assert found.count("deferred") == 1
    assert found.count("pending") == 19


def test_a_start_takes_over_what_a_dead_bot_held(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """On SQLite at once, as there is one bot; where others may be at work, after the lease."""
    with database.write() as session:
        queue(session, recipients=people(5))
        claims.claim(session, "dead", NOW, 5)
    worker = make_worker(clock=ticking(0.0 if database.is_sqlite else claims.LEASE.total_seconds()))
    with running(worker):
        sink.wait_for(lambda: left(database) == 0)
    assert set(sink.copies().values()) == {1}


def test_a_locked_database_is_waited_for(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """Somebody else holds the write lock for a while: sending pauses, and nothing is sent twice."""
    if database.path is None:
        pytest.skip("PostgreSQL has no such lock")
    worker = make_worker(clock=ticking())
    with database.write() as session:
        queue(session, recipients=people(300))
    sink.rule = lambda stage, mail: 0.002 if stage == "dot" else None
    with running(worker):
        sink.wait_for(lambda: sink.count >= 50)
        held = sqlite3.connect(database.path, isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        # One mail a connection may be on its way; no further one ends before its forerunner is recorded.
        stuck = sink.count
        time.sleep(1.0)
        assert sink.count <= stuck + 2 * 4
        held.execute("ROLLBACK")
        held.close()
        sink.wait_for(lambda: left(database) == 0, 90)
    assert dict(sink.copies()) == dict.fromkeys(sink.copies(), 1)
    assert len(sink.copies()) == 300


def test_a_state_is_committed_before_the_next_mail_ends(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """At every final dot of the only connection at most the mail before it is still unrecorded: none."""
    if database.path is None:
        pytest.skip("looks into the SQLite file from outside")
    unrecorded: list[int] = []
    reader = sqlite3.connect(database.path, check_same_thread=False)

    def rule(stage: str, mail: object) -> None:
        if stage == "before":
            sent = reader.execute("SELECT count(*) FROM delivery WHERE state = 'sent'").fetchone()[0]
            unrecorded.append(sink.count - sent)

    sink.rule = rule
    with database.write() as session:
        queue(session, recipients=people(100))
    assert make_worker(connections=1).deliver_due(NOW).sent == 100
    reader.close()
    assert unrecorded == [0] * 100
