"""Sends what the outbox holds: once on request (`deliver_due`), or all the time (`run`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError

from m4dbot.config import Config
from m4dbot.delivery import claims
from m4dbot.delivery.composing import Composer
from m4dbot.delivery.feed import Act, Feed
from m4dbot.delivery.maildir import Maildir
from m4dbot.delivery.recorder import Recorder
from m4dbot.delivery.relay import Relay
from m4dbot.errors import M4dbotError
from m4dbot.store.database import Database

log = structlog.get_logger(__name__)

SCAN_SECONDS = 1.0  # between looks at the outbox, for what other processes put there
STOP_LOOK_SECONDS = 0.25  # between looks at whether the bot is to end
LINGER_SECONDS = 5.0  # a connection without mail is kept that long
STOP_SECONDS = 5.0  # what is in flight gets that long to finish when the bot ends


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round did. `trouble` says why the relay took nothing more, "" where it did."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    trouble: str = ""

    def __str__(self) -> str:
        told = f"{self.sent} sent, {self.deferred} to be tried again, {self.failed} failed"
        return f"{told}; the relay takes no mail: {self.trouble}" if self.trouble else told


@dataclass(frozen=True, slots=True)
class Shares:
    """Seconds spent in each part of a round, for measuring; connections work side by side, so they may overlap."""

    claiming: float
    committing: float


class Worker:
    """Sends the outbox of `database` through the relay of `config`, or into its Maildir where it has none.

    `clock` gives the time while `run` is at work.
    """

    def __init__(self, database: Database, config: Config, clock: Callable[[], datetime]) -> None:
        self._database, self._config, self._clock = database, config, clock
        # Claims carry this name; it never comes twice.
        self._name = f"{socket.gethostname()[:60]}-{os.getpid()}-{secrets.token_hex(4)}"
        self._running: tuple[asyncio.AbstractEventLoop, Feed] | None = None
        self.shares = Shares(0.0, 0.0)

    def wake(self) -> None:
        """Something was queued in this process; a hint that may be given from any thread at any time."""
        running = self._running
        if running is not None:
            with contextlib.suppress(RuntimeError):  # it ended at this moment
                running[0].call_soon_threadsafe(running[1].look_again)

    def deliver_due(self, now: datetime) -> Delivered:
        """Send what is due at `now` and return when nothing more is to be done at that time.

        Where the relay is unreachable the mails stay queued. Claims of crashed workers are taken over when their
        lease ran out before `now`. Not to be called inside an event loop.
        """
        with self._database.write() as session:
            claims.recover(session, now, alone=False)
        return asyncio.run(self._work(lambda: now, stop=None))

    def run(self, stop: threading.Event) -> Delivered:
        """Send what becomes due until `stop`; returns within seconds after it, with every state committed.

        On SQLite the caller holds the lock that keeps a second bot out: all claims found at the start are dead.
        """
        with self._database.write() as session:
            freed = claims.recover(session, self._clock(), alone=self._database.is_sqlite)
        if freed:
            log.info("delivery.recovered", deliveries=freed)
        return asyncio.run(self._work(self._clock, stop))

    async def _work(self, clock: Callable[[], datetime], stop: threading.Event | None) -> Delivered:
        act = Act()
        recorder = Recorder(self._database, self._name, act)
        feed = Feed(self._database, self._name, act, clock)
        composer = Composer(self._database, for_smtp=self._config.smtp is not None)
        self._running = asyncio.get_running_loop(), feed
        trouble = ""
        try:
            if self._config.smtp is None:
                folder = self._config.outbox_folder
                maildir = Maildir(folder, feed=feed, composer=composer, recorder=recorder, clock=clock)
                await self._write(maildir, feed, stop)
            else:
                relay = Relay(
                    self._config.smtp,
                    self._config.base,
                    self._config.group[0].domain,
                    feed=feed,
                    composer=composer,
                    recorder=recorder,
                    clock=clock,
                    linger=LINGER_SECONDS if stop is not None else 0.0,
                )
                try:
                    await self._send(relay, feed, stop)
                finally:
                    feed.closed = True
                    feed.notify()
                    recorder.until = time.monotonic() + STOP_SECONDS
                    await relay.stop(STOP_SECONDS)
                    trouble = relay.trouble
        finally:
            self._running = None
            try:
                await feed.release()
            except (M4dbotError, DBAPIError) as exc:
                log.error("delivery.cannot_release", reason=str(exc), hint="the claims end with their lease")
            act.end()
            self.shares = Shares(feed.seconds, recorder.seconds)
        counts = recorder.counts
        return Delivered(counts["sent"], counts["deferred"], counts["failed"], trouble)

    async def _send(self, relay: Relay, feed: Feed, stop: threading.Event | None) -> None:
        """Look after feed and relay until `stop`; without one, until nothing is left to do."""
        looked = time.monotonic()
        while stop is None or not stop.is_set():
            if relay.pause and relay.idle:
                # An outage: the mails wait in the database, where others and the operator see them.
                await _guarded(feed.release, stop)
                if stop is None:
                    return
                await asyncio.sleep(min(relay.pause, STOP_LOOK_SECONDS))
                continue
            if stop is not None and time.monotonic() - looked >= SCAN_SECONDS:
                looked = time.monotonic()
                feed.look_again()
            if feed.wants_more():
                await _guarded(feed.refill, stop)
            await _guarded(feed.keep, stop)
            relay.adjust()
            if stop is None and feed.exhausted and relay.idle:
                return
            if not feed.wants_more():
                await feed.changed(STOP_LOOK_SECONDS)

    async def _write(self, maildir: Maildir, feed: Feed, stop: threading.Event | None) -> None:
        looked = time.monotonic()
        while stop is None or not stop.is_set():
            if stop is not None and time.monotonic() - looked >= SCAN_SECONDS:
                looked = time.monotonic()
                feed.look_again()
            if feed.wants_more():
                await _guarded(feed.refill, stop)
            await _guarded(feed.keep, stop)
            await _guarded(maildir.write, stop)
            if feed.exhausted:
                if stop is None:
                    return
                await feed.changed(STOP_LOOK_SECONDS)


async def _guarded(act: Callable[[], Awaitable[None]], stop: threading.Event | None) -> None:
    """A bot goes on when its database is away or its disk is full, and says so; a command tells its caller."""
    try:
        await act()
    except (M4dbotError, DBAPIError) as exc:
        if stop is None:
            raise
        log.error("delivery.waiting", reason=str(exc), retry_seconds=SCAN_SECONDS)
        await asyncio.sleep(SCAN_SECONDS)
