"""The connections to the relay: how many there are, and when a lost one is made again.

One connection begins; others join while there is more to send than it can carry and mail is being accepted. In an
outage one connection tries, in growing pauses, and the mails wait in the database.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from m4dbot.config import Smtp
from m4dbot.delivery.addresses import domain_of
from m4dbot.delivery.claims import Claimed, Result
from m4dbot.delivery.composing import Composer, Outgoing, not_made
from m4dbot.delivery.feed import Feed
from m4dbot.delivery.recorder import Recorder, Unrecorded
from m4dbot.delivery.retry import Reply, Stage, Verdict, connection_pause, judge, next_step
from m4dbot.delivery.smtp import Connection, Lost, connect, tls_context
from m4dbot.errors import M4dbotError

log = structlog.get_logger(__name__)

BACKLOG_FOR_ANOTHER = 4  # mails waiting for each connection there is
PAUSE_AFTER_SURPLUS = 60.0  # seconds; a server that takes no further connection is not asked again sooner


class Relay:
    """Sends what the feed holds. The caretaker calls `adjust` whenever something changed."""

    def __init__(
        self,
        smtp: Smtp,
        base: Path,
        helo: str,
        *,
        feed: Feed,
        composer: Composer,
        recorder: Recorder,
        clock: Callable[[], datetime],
        linger: float,
    ) -> None:
        self.trouble = ""  # why the relay takes nothing, while it does not
        self._smtp, self._base, self._helo = smtp, base, helo
        self._feed, self._composer, self._recorder, self._clock = feed, composer, recorder, clock
        self._linger = linger
        self._context: ssl.SSLContext | None = None
        self._pipelining = True  # until the relay shows that it does not understand it
        self._sessions: set[_Session] = set()
        self._failures = 0
        self._next_connection = 0.0  # time.monotonic
        self._next_extra = 0.0

    @property
    def idle(self) -> bool:
        return not self._sessions

    @property
    def pause(self) -> float:
        """Seconds until the relay is to be tried again; 0 where it may be now."""
        return max(0.0, self._next_connection - time.monotonic())

    def adjust(self) -> None:
        """Begin another connection where that is of use."""
        waiting = self._feed.waiting
        if self._feed.closed or not waiting or self.pause:
            return
        if self._sessions:
            enough = waiting <= BACKLOG_FOR_ANOTHER * len(self._sessions)
            if enough or len(self._sessions) >= self._smtp.connections or time.monotonic() < self._next_extra:
                return
            if not all(s.proven for s in self._sessions):
                return
        self._sessions.add(_Session(self))

    async def stop(self, seconds: float) -> None:
        """Let the connections finish what is in flight; cut those that take longer than `seconds`."""
        tasks = [session.task for session in self._sessions]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for session in list(self._sessions):
            session.abort()
        if late:
            await asyncio.wait(late, timeout=2.0)

    def _ended(self, session: _Session, lost: Lost | None) -> None:
        self._sessions.discard(session)
        if lost is not None and not self._feed.closed:
            self._lost(session, lost)
        self._feed.notify()

    def _lost(self, session: _Session, lost: Lost) -> None:
        stage, reply = lost.reply.stage.value, str(lost.reply)
        if session.out_of_step:
            self._pipelining = False
            log.warning("smtp.no_pipelining", why="the server goes ahead after refusing the sender", reply=reply)
        elif session.proven:
            log.warning("smtp.connection_lost", stage=stage, reply=reply)
        elif self._sessions:
            refused = lost.reply.stage in {Stage.CONNECT, Stage.LOGIN}
            self._next_extra = time.monotonic() + (PAUSE_AFTER_SURPLUS if refused else 1.0)
            log.info("smtp.no_further_connection", open=len(self._sessions), stage=stage, reply=reply)
        else:
            self._failures += 1
            pause = connection_pause(self._failures)
            self._next_connection = time.monotonic() + pause
            self.trouble = reply
            # Loud, because a person may have to do something: wrong password, certificate, sender refused.
            log.error(
                "smtp.relay_unusable",
                host=self._smtp.host,
                stage=stage,
                code=lost.reply.code,
                reply=reply,
                failures=self._failures,
                retry_seconds=pause,
            )

    def _accepted(self) -> None:
        self._failures = 0
        self.trouble = ""
        self._feed.notify()


class _Session:
    """One connection and its task; the Source its mails come from."""

    def __init__(self, relay: Relay) -> None:
        self.proven = False  # has had a mail accepted
        self._relay = relay
        self._connection: Connection | None = None
        self.task = asyncio.create_task(self._run(), name="smtp")

    async def _run(self) -> None:
        relay, lost = self._relay, None
        try:
            if relay._context is None:
                relay._context = tls_context(relay._smtp, relay._base)
            self._connection = await connect(relay._smtp, relay._base, relay._helo, relay._context)
            self._connection.pipelining &= relay._pipelining
            await self._connection.send_all(self)
            await self._connection.quit()
        except Lost as exc:
            lost = exc
        except M4dbotError as exc:
            lost = Lost(Reply(0, str(exc), Stage.CONNECT))
        except Unrecorded:
            log.error("smtp.unrecorded", hint="the mails in flight may go out once more")
        except Exception as exc:
            log.exception("smtp.connection_failed")
            lost = Lost(Reply(0, f"a fault inside m4dbot ({type(exc).__name__})", Stage.CONNECT))
        finally:
            self.abort()
            relay._ended(self, lost)

    @property
    def out_of_step(self) -> bool:
        return self._connection is not None and self._connection.out_of_step

    def abort(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    # Source

    async def take(self) -> Outgoing | None:
        feed = self._relay._feed
        while (claimed := await feed.take(self._relay._linger)) is not None:
            if (mail := await self._composed(claimed)) is not None:
                return mail
        return None

    async def peek(self) -> Outgoing | None:
        feed = self._relay._feed
        while (claimed := feed.peek()) is not None:
            if (mail := await self._composed(claimed)) is not None:
                return mail
        return None

    async def ended(self, mail: Outgoing, reply: Reply) -> None:
        relay = self._relay
        claimed, now = mail.claimed, relay._clock()
        step = next_step(
            reply,
            attempts=claimed.attempts,
            queued_at=mail.queued_at,
            now=now,
            retry_seconds=relay._smtp.retry_seconds,
            give_up_hours=relay._smtp.give_up_hours,
            delivery_id=claimed.delivery_id,
        )
        sent_at = now if step.state == "sent" else None
        number, text = claimed.delivery_id, str(reply)
        await self._record(claimed, Result(number, step.state, step.attempts, step.next_attempt_at, sent_at, text))
        if sent_at is not None:
            if not self.proven:
                self.proven = True
                relay._accepted()
            return
        tell = log.error if judge(reply) is Verdict.RELAY else log.warning if step.state == "failed" else log.info
        tell(
            f"delivery.{step.state}",
            message_id=claimed.message_id,
            domain=domain_of(claimed.recipient),
            stage=reply.stage.value,
            code=reply.code,
            attempts=step.attempts,
            next_attempt_at=step.next_attempt_at.isoformat() if step.state == "deferred" else None,
        )

    def give_back(self, mail: Outgoing) -> None:
        self._relay._feed.give_back(mail.claimed)

    async def _composed(self, claimed: Claimed) -> Outgoing | None:
        relay = self._relay
        try:
            return relay._composer.compose(claimed)
        except M4dbotError:
            relay._feed.give_back(claimed)
            raise
        except Exception as exc:
            # One mail that cannot be made stops nobody else's.
            await self._record(claimed, not_made(claimed, exc, relay._clock()))
            return None

    async def _record(self, claimed: Claimed, result: Result) -> None:
        try:
            await self._relay._recorder.record([result])
        finally:
            self._relay._feed.ended(claimed)
