"""A relay that misbehaves on request, and workers that send to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from m4dbot.config import Config
from m4dbot.delivery.worker import Delivered, Worker
from m4dbot.store.database import Database
from m4dbot.store.tables import Delivery
from tests.integration.sending.making import NOW
from tests.servers.smtp_sink import SmtpSink


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        yield running
    assert not running.violations


@pytest.fixture
def make_worker(database: Database, make_config: Callable[..., Config], sink: SmtpSink) -> Callable[..., Worker]:
    """A factory of workers on the test's database that send to the sink; [smtp] may be varied."""

    def make(clock: Callable[[], datetime] = lambda: NOW, **smtp: Any) -> Worker:
        values = {"host": "127.0.0.1", "port": sink.port, "security": "none", "timeout_seconds": 5, **smtp}
        return Worker(database, make_config(smtp=values), clock)

    return make


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker()


@pytest.fixture
def settle(database: Database) -> Callable[[Worker], list[tuple[datetime, Delivered]]]:
    """Deliver again and again, each time soon after the next mail is due, until no mail waits any more."""

    def run(worker: Worker, rounds: int = 400) -> list[tuple[datetime, Delivered]]:
        now, told = NOW, []
        for _ in range(rounds):
            told.append((now, worker.deliver_due(now)))
            with database.read() as session:
                waiting = Delivery.state.in_(("pending", "deferred", "sending"))
                due = session.scalar(select(func.min(Delivery.next_attempt_at)).where(waiting))
            if due is None:
                return told
            now = max(now, due) + timedelta(seconds=60)
        raise AssertionError(f"mail still waits after {rounds} rounds")

    return run
