"""A listener for mail from a local mail server: LMTP (RFC 2033) or SMTP, on loopback.

A mail is answered with 250 when it is on disk and not before. Mails of several connections are committed together:
the disk is asked once for all that came while it was last busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, syntax

from m4dbot.errors import Unreachable
from m4dbot.intake.door import accept
from m4dbot.intake.routing import Routing
from m4dbot.intake.values import Arrival
from m4dbot.store.database import Database

if TYPE_CHECKING:
    from m4dbot.config import Config
    from m4dbot.config import Listener as Settings

LONGEST_LINE = 4 * 1024 * 1024  # bytes; RFC 5321 §4.5.3.1.6 says 1,000, real mail says otherwise
MOST_RECIPIENTS = 100  # RFC 5321 §4.5.3.1.8
BATCH = 100  # mails a transaction
BATCH_BYTES = 64 * 1024 * 1024
ENDING = 5.0  # seconds for mails in transfer to be committed when the listener stops

STORED = "250 2.0.0 Stored"
LATER = "451 4.3.0 Cannot be stored now; try again later"

log = structlog.get_logger("m4dbot.listener")


@dataclass(slots=True)
class _Waiting:
    """A mail in transfer: one arrival for each recipient, and where its answer goes."""

    arrivals: Sequence[Arrival]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[str] = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.arrivals[0].raw)

    def reply(self, status: str) -> None:
        def settle() -> None:
            if not self.answer.done():
                self.answer.set_result(status)

        # The loop is gone where the listener stopped in the meantime; then nobody waits for the answer.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(settle)


class MailListener:
    """Listens from `start` to `stop`, or while it is entered; `port` is the one it listens on.

    `clock` tells the time, aware. `on_mail` is called after each commit, in a thread of the listener's own, and should
    return at once.
    """

    def __init__(
        self,
        database: Database,
        config: Config,
        settings: Settings,
        *,
        clock: Callable[[], datetime],
        on_mail: Callable[[], None],
    ) -> None:
        self._database, self._config, self._settings = database, config, settings
        self._clock, self._on_mail = clock, on_mail
        self.port = settings.port
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._sessions: set[SMTP] = set()
        self._in_transfer = 0
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._serving = threading.Thread(target=self._serve, name="listener", daemon=True)
        self._writing = threading.Thread(target=self._write, name="listener-store", daemon=True)
        with database.read() as session:
            self._routing = Routing.load(session, config)

    def start(self) -> None:
        """Listen. Raises Unreachable where the port is taken."""
        try:
            self._server = self._loop.run_until_complete(
                self._loop.create_server(self._session, self._settings.host, self._settings.port)
            )
        except OSError as exc:
            self._loop.close()
            where = f"{self._settings.host}:{self._settings.port}"
            raise Unreachable(f"Cannot listen on {where} ({exc.strerror}); change port under [lmtp].") from None
        self.port = self._server.sockets[0].getsockname()[1]
        self._serving.start()
        self._writing.start()
        log.info("listener.started", protocol=self._settings.protocol, host=self._settings.host, port=self.port)

    def stop(self) -> None:
        """Take no more connections, commit and answer what was received in full, and end. Twice is harmless."""
        if not self._serving.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(ENDING + 5)
        self._waiting.put(None)
        self._writing.join(ENDING)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._serving.join(ENDING)
        self._loop.close()

    def __enter__(self) -> MailListener:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # In the loop's thread

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        until = self._loop.time() + ENDING
        while self._in_transfer and self._loop.time() < until:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)  # the answers are written out
        for session in list(self._sessions):
            if session.transport is not None:
                session.transport.close()
        for _ in range(50):
            if not self._sessions:
                break
            await asyncio.sleep(0.02)

    def _session(self) -> SMTP:
        kind = _Lmtp if self._settings.protocol == "lmtp" else _Smtp
        return kind(
            _Handler(self),
            self._sessions,
            data_size_limit=self._settings.max_bytes,
            enable_SMTPUTF8=True,
            ident="m4dbot",
            hostname="localhost",
            loop=self._loop,
        )

    def knows(self, recipient: str) -> bool:
        return self._routing.group_of(recipient) is not None

    async def take(self, envelope: Any, peer: str) -> str:
        """Hand a mail to the store's thread and wait for the disk; the reply."""
        # A detail says more than the bare address: where both name one group, its row is written for the detail.
        recipients = sorted(envelope.rcpt_tos, key=lambda a: "+" not in a)
        raw, now = bytes(envelope.original_content), self._clock()
        arrivals = [
            Arrival(
                raw,
                self._settings.protocol,
                now,
                source_detail=peer,
                envelope_sender=(envelope.mail_from or "").strip("<>"),  # aiosmtpd calls the null sender "<>"
                envelope_recipient=recipient,
            )
            for recipient in recipients
        ]
        waiting = _Waiting(arrivals, self._loop, self._loop.create_future())
        self._in_transfer += 1
        try:
            self._waiting.put(waiting)
            return await waiting.answer
        finally:
            self._in_transfer -= 1

    # In the store's thread

    def _write(self) -> None:
        ending = False
        while not ending:
            batch: list[_Waiting] = []
            total = 0
            following = self._waiting.get()
            while following is not None:
                batch.append(following)
                total += following.size
                if len(batch) >= BATCH or total >= BATCH_BYTES:
                    break
                try:
                    following = self._waiting.get_nowait()
                except queue.Empty:
                    break
            ending = following is None
            if batch:
                self._commit(batch)

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            self._store(batch)
        except Unreachable as exc:
            log.error("listener.refused", mails=len(batch), error=str(exc))
            for waiting in batch:
                waiting.reply(LATER)
        except Exception as exc:
            if len(batch) > 1:
                # One of them is the cause; the others need not wait for it.
                for waiting in batch:
                    self._commit([waiting])
                return
            log.error("listener.refused", size=batch[0].size, error=f"{type(exc).__name__}: {exc}"[:300])
            batch[0].reply(LATER)

    def _store(self, batch: Sequence[_Waiting]) -> None:
        arrivals = [arrival for waiting in batch for arrival in waiting.arrivals]
        accepted = accept(self._database, arrivals, self._routing)
        for waiting in batch:
            waiting.reply(STORED)
        log.info("listener.stored", mails=len(batch), new=sum(a.new for a in accepted))
        self._on_mail()


class _Session(SMTP):
    """What LMTP and SMTP have in common here."""

    line_length_limit = LONGEST_LINE

    def __init__(self, handler: Any, sessions: set[SMTP], **settings: Any) -> None:
        super().__init__(handler, **settings)
        self._all = sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._all.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._all.discard(self)
        super().connection_lost(error)


class _Smtp(_Session):
    pass


class _Lmtp(_Session, LMTP):
    """RFC 2033 §4.2: after the final dot one reply for each recipient, whatever the reply is."""

    _replies = 1
    _receiving = False

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  (aiosmtpd's names)
        self._replies = len(self.envelope.rcpt_tos) if self.envelope is not None else 1
        try:
            await super().smtp_DATA(arg)
        finally:
            self._receiving = False

    async def push(self, status: Any) -> None:
        if self._receiving:
            status = "\r\n".join([status] * self._replies)
        elif isinstance(status, str) and status.startswith("354"):
            self._receiving = True
        await super().push(status)


class _Handler:
    """aiosmtpd's hooks."""

    def __init__(self, listener: MailListener) -> None:
        self._listener = listener

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's names)
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if not self._listener.knows(address):
            # RFC 5321 §3.6.2: refused here, so that no bounce has to be written.
            return "550 5.1.1 No such group here"
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        peer = session.peer[0] if isinstance(session.peer, tuple) else str(session.peer)
        return await self._listener.take(envelope, peer)

    async def handle_exception(self, error: Exception) -> str:
        log.error("listener.session_failed", error=f"{type(error).__name__}: {error}"[:300])
        return LATER
