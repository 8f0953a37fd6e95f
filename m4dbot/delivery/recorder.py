"""Writes down what became of mails: `record` returns when it is committed.

Connections that finish a mail at the same time share one commit, so that a commit for every mail costs little
(group commit). A state that cannot be written is tried again until it is, because the server has the mail already.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from m4dbot.delivery import claims
from m4dbot.delivery.claims import Result
from m4dbot.delivery.feed import Act
from m4dbot.store.database import Database

log = structlog.get_logger(__name__)


SLOW_COMMIT = 0.002  # seconds
LONGEST_GATHERING = 0.005  # seconds


class Unrecorded(Exception):
    """The database took nothing until the end; the mails of this commit may go out once more."""


class Recorder:
    """`until` says when to stop insisting (seconds of time.monotonic; None: never)."""

    def __init__(self, database: Database, worker: str, act: Act) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds = 0.0  # spent in commits
        self.until: float | None = None
        self._database, self._worker, self._act = database, worker, act
        self._open: list[Result] = []
        self._next: asyncio.Future[bool] | None = None  # of the commit that `_open` will be
        self._writing: asyncio.Task[None] | None = None

    async def record(self, results: Sequence[Result]) -> None:
        """Commit `results`, together with what others bring meanwhile. Raises Unrecorded where that was impossible."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        mine = self._next
        self._open += results
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        if not await mine:
            raise Unrecorded

    async def _write_all(self) -> None:
        took = 0.0
        while self._next is not None:
            # Connections that were answered in the same moment get into the same commit. Where commits are slow it
            # pays to wait for more of them, for a fraction of what the last one took.
            await asyncio.sleep(min(took / 4, LONGEST_GATHERING) if took > SLOW_COMMIT else 0)
            batch, told, self._open, self._next = self._open, self._next, [], None
            started = time.perf_counter()
            written = await self._insist(batch)
            took = time.perf_counter() - started
            self.seconds += took
            if written:
                self.counts.update(r.state for r in batch)
            told.set_result(written)
        self._writing = None

    async def _insist(self, batch: Sequence[Result]) -> bool:
        pause = 0.1
        while True:
            try:
                await self._act(lambda: self._write(batch))
            except DBAPIError as exc:
                log.error("delivery.cannot_record", reason=str(exc.orig), retry_seconds=pause)
            else:
                return True
            if self.until is not None and time.monotonic() + pause > self.until:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    def _write(self, batch: Sequence[Result]) -> None:
        with self._database.engine.begin() as connection:
            claims.record(connection, self._worker, batch)
