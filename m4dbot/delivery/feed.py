"""The mails this process has claimed and not begun, handed to its connections one by one.

Everything here happens in one event loop; only the database is spoken to in a thread (`Act`).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from m4dbot.delivery import claims
from m4dbot.delivery.addresses import domain_of
from m4dbot.delivery.claims import Claimed
from m4dbot.store.database import Database

BATCH = 256  # deliveries claimed at once
LOW = 96  # below this, more are claimed
MOST = 1024  # claimed and not begun, where a slow domain fills the queue
SLOW = 1.0  # seconds for one mail from which on a domain counts as slow
RENEW = claims.LEASE.total_seconds() / 3


T = TypeVar("T")


class Act:
    """Does what may wait (for a lock, a disk, a server) in the one thread that speaks to the database."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="delivery-store")

    def __call__(self, what: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, what)

    def end(self) -> None:
        self._thread.shutdown(wait=False)


class Feed:
    """`take` and what follows are for the connections; `refill`, `keep` and `release` for the one task that looks after
    them, the caretaker."""

    def __init__(self, database: Database, worker: str, act: Act, clock: Callable[[], datetime]) -> None:
        self.closed = False  # nothing is handed out any more
        self.seconds = 0.0  # spent claiming
        self._database, self._worker, self._act, self._clock = database, worker, act, clock
        self._queue: deque[Claimed] = deque()
        self._dry = False  # the last look into the database found nothing more
        self._renewed = time.monotonic()
        self._begun: dict[int, tuple[str, float]] = {}  # delivery -> its domain and when it was handed out
        self._busy: Counter[str] = Counter()  # domains of the mails that are handed out
        self._slow: set[str] = set()  # domains whose last mail took long
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Something changed: everybody who waits looks again."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def changed(self, seconds: float) -> None:
        """Wait for a change, at most so long."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        await asyncio.wait([future], timeout=seconds)
        self._waiting.discard(future)

    # For the connections

    async def take(self, linger: float = 0.0) -> Claimed | None:
        """The next mail; None where there is none within `linger` seconds, or none is to be begun any more."""
        until = time.monotonic() + linger
        while not self.closed:
            claimed = self.peek()
            if claimed is not None:
                return claimed
            # While more may be in the database the caretaker is about to fetch it.
            left = until - time.monotonic() if self._dry else 1.0
            if left <= 0:
                return None
            await self.changed(left)
        return None

    def peek(self) -> Claimed | None:
        """The next mail if there is one right now."""
        # This process was stopped or starved, and its claims may have run out: the caretaker looks first.
        if not self._queue or self.closed or time.monotonic() - self._renewed > 2 * RENEW:
            return None
        claimed = self._pick()
        domain = domain_of(claimed.recipient)
        self._begun[claimed.delivery_id] = (domain, time.monotonic())
        self._busy[domain] += 1
        if len(self._queue) == LOW - 1:
            self.notify()
        return claimed

    def ended(self, claimed: Claimed) -> None:
        """What was taken is done with, one way or the other."""
        domain, since = self._begun.pop(claimed.delivery_id)
        self._busy[domain] -= 1
        if not self._busy[domain]:
            del self._busy[domain]
        if time.monotonic() - since >= SLOW:
            self._slow.add(domain)
        else:
            self._slow.discard(domain)

    def give_back(self, claimed: Claimed) -> None:
        """What was taken has not been tried: somebody else takes it next."""
        self.ended(claimed)
        self._queue.append(claimed)
        self.notify()

    def _pick(self) -> Claimed:
        held = self._held()
        if held:
            # A domain that lets its connection wait gets one at a time, as long as others have mail too.
            for i, claimed in enumerate(self._queue):
                if domain_of(claimed.recipient) not in held:
                    del self._queue[i]
                    return claimed
        return self._queue.popleft()

    def _held(self) -> set[str]:
        now = time.monotonic()
        held = {domain for domain, since in self._begun.values() if now - since >= SLOW}
        return held | (self._slow & self._busy.keys()) if self._slow else held

    # For the caretaker

    def wants_more(self) -> bool:
        """Whether the database should be asked for more."""
        if self._dry or self.closed:
            return False
        held = self._held()
        if not held:
            return len(self._queue) < LOW
        return len(self._queue) < MOST and sum(domain_of(c.recipient) not in held for c in self._queue) < LOW

    def look_again(self) -> None:
        """There may be something due again."""
        self._dry = False
        self.notify()

    async def refill(self) -> None:
        """Claim more."""
        started = time.perf_counter()
        fetched = await self._act(self._claim)
        self.seconds += time.perf_counter() - started
        self._queue += fetched
        self._dry = not fetched
        self.notify()

    def _claim(self) -> list[Claimed]:
        now = self._clock()
        with self._database.read() as session:
            if not claims.any_due(session, now):
                return []
        with self._database.write() as session:
            return claims.claim(session, self._worker, now, BATCH)

    async def keep(self) -> None:
        """Renew the claims when it is time. What another worker was given meanwhile is forgotten: this process was
        asleep longer than its claims held."""
        if time.monotonic() - self._renewed < RENEW:
            return
        ours = await self._act(self._renew)
        self._queue = deque(c for c in self._queue if c.delivery_id in ours)
        self._renewed = time.monotonic()
        self.look_again()

    def _renew(self) -> set[int]:
        now = self._clock()
        with self._database.write() as session:
            ours = claims.renew(session, self._worker, now)
            claims.recover(session, now, alone=False)
        return ours

    async def release(self) -> None:
        """Give back to the database what nobody has begun."""
        left = [c.delivery_id for c in self._queue]
        self._queue.clear()
        if left:
            await self._act(lambda: self._release(left))

    def _release(self, delivery_ids: list[int]) -> None:
        with self._database.write() as session:
            claims.release(session, self._worker, delivery_ids)

    @property
    def waiting(self) -> int:
        """How many mails are claimed and not begun."""
        return len(self._queue)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to begin, here or (at the last look) in the database."""
        return self._dry and not self._queue
