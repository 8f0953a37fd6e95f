"""A mailbox, read by IMAP (RFC 9051): new mail is stored with the cursor, then marked, moved or deleted.

The mail stays put until it is stored. A mail read twice is known at the door, so after anything unexpected the
folder is simply read again.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import SystemRandom
from threading import Event
from typing import TYPE_CHECKING, Any

import structlog
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError
from sqlalchemy import select as sql_select

from m4dbot.errors import M4dbotError, Unreachable
from m4dbot.intake.door import accept
from m4dbot.intake.routing import Routing
from m4dbot.intake.values import Arrival, CursorMove
from m4dbot.store.database import Database
from m4dbot.store.tables import Cursor

if TYPE_CHECKING:
    from m4dbot.config import Config, Imap

BATCH = 100  # mails a transaction
BATCH_BYTES = 16 * 1024 * 1024
LONGEST_COMMAND = 500  # UIDs named in one command; servers take lines of at least 8,000 octets
LARGEST = 64 * 1024 * 1024  # bytes of a mail that is fetched whole
BEGINNING = 1024 * 1024  # bytes that are fetched of one larger than that
IDLE_LONGEST = 600.0  # seconds; RFC 2177 asks for less than 29 minutes, firewalls forget sooner
PAUSE_LONGEST = 300.0  # seconds between attempts to connect; two polling intervals where that is less
SLICE = 0.5  # seconds after which a wait looks whether the bot is to stop
# What a server says of the day of arrival is believed within these bounds; a copied folder has new days.
OLDEST_ARRIVAL = timedelta(days=60)

log = structlog.get_logger("m4dbot.imap")
_random = SystemRandom()

# What can go wrong between two machines. imaplib's own errors are IMAPClientError's ancestors.
Troubles = (OSError, IMAPClientError, IMAPClient.Error, ssl.SSLError, EOFError)


class Mailbox:
    """One folder of one account. Not to be shared between threads.

    `clock` tells the time, aware. `group_slug` says whose the mailbox is; None where recipients decide.
    """

    def __init__(
        self, database: Database, config: Config, imap: Imap, *, clock: Callable[[], datetime], group_slug: str | None
    ) -> None:
        self._database, self._config, self._imap, self._clock = database, config, imap, clock
        self._group_slug = group_slug
        self._client: Any = None
        self._validity: int | None = None
        self.name = f"{imap.username}@{imap.host}:{imap.effective_port}/{imap.folder}"[:500]

    # Connecting

    def connect(self) -> None:
        """Log in. Raises Unreachable in a sentence where that fails, M4dbotError where there is no password."""
        self.close()
        self._client = open_client(self._imap, self._config.base)
        try:
            if self._imap.after == "move" and not self._client.folder_exists(self._imap.move_to):
                self._client.create_folder(self._imap.move_to)
        except Troubles as exc:
            self.close()
            raise Unreachable(
                f"The folder {self._imap.move_to} cannot be made at {self.name} ({_said(exc)}); "
                "make it yourself, or change move_to under [imap]."
            ) from None
        self._validity = None
        log.info("imap.connected", mailbox=self.name, security=self._imap.security)

    def close(self) -> None:
        """Let go of the connection. The folder needs no farewell: nothing in it waits for one."""
        client, self._client = self._client, None
        if client is not None:
            _shut(client)

    def interrupt(self) -> None:
        """End what another thread is waiting for; that thread's `collect`, `wait` or `run` sees the line cut."""
        client = self._client
        if client is not None:
            with contextlib.suppress(OSError):
                client.socket().shutdown(socket.SHUT_RDWR)

    # Reading

    def collect(self, stop: Event | None = None) -> int:
        """Store what is new in the folder, batch by batch; how many mails were new to the store. Writes.

        Raises Unreachable where the server or the store fails; what was stored by then stays stored.
        """
        if self._client is None:
            self.connect()
        try:
            return self._collect(stop or Event())
        except Troubles as exc:
            self.close()
            raise Unreachable(f"The mailbox {self.name} cannot be read ({_said(exc)}).") from exc
        except Unreachable:
            self.close()
            raise

    def _collect(self, stop: Event) -> int:
        # Selected anew each time: only so do a new UIDVALIDITY and a folder that was exchanged show for certain.
        selected = self._client.select_folder(self._imap.folder)
        validity, next_uid = int(selected[b"UIDVALIDITY"]), int(selected.get(b"UIDNEXT", 0))
        last = self._last_uid(validity, next_uid)
        new = 0
        if self._validity != validity:
            # Once a connection: what an earlier one stored but could not mark, move or delete any more.
            new += self._take(self._left_over(last), validity, None, stop)
            self._validity = validity
        # RFC 9051 §6.4.4: "n:*" names the last mail even where n is beyond it.
        uids = sorted(uid for uid in self._client.search(["UID", f"{last + 1}:*"]) if uid > last)
        return new + self._take(uids, validity, last, stop)

    def _last_uid(self, validity: int, next_uid: int) -> int:
        with self._database.read() as session:
            cursor = session.scalar(sql_select(Cursor).where(Cursor.mailbox == self.name))
            known = (cursor.uidvalidity, cursor.last_uid) if cursor is not None else None
        if known is None:
            return 0
        if known[0] != validity:
            log.warning("imap.renumbered", mailbox=self.name, was=known[0], now=validity)
            return 0
        if 0 < next_uid <= known[1]:
            # RFC 9051 §2.3.1.1: numbers only grow. A folder put back from a copy breaks that.
            log.warning("imap.counts_lower", mailbox=self.name, next_uid=next_uid)
            return 0
        return known[1]

    def _left_over(self, last: int) -> list[int]:
        if not last or self._imap.after == "leave":
            return []
        criteria = ["UID", f"1:{last}", "UNDELETED", *(["UNSEEN"] if self._imap.after == "mark" else [])]
        return sorted(uid for uid in self._client.search(criteria) if uid <= last)

    def _take(self, uids: Sequence[int], validity: int, last: int | None, stop: Event) -> int:
        """Fetch, store and put away; `last` is where the cursor stands, None where it is not to move."""
        if not uids:
            return 0
        with self._database.read() as session:
            routing = Routing.load(session, self._config)
        new = 0
        for batch in self._batches(uids):
            if stop.is_set():
                break
            sizes = dict(batch)
            arrivals = self._fetch(sizes)
            move = None
            if last is not None:
                move = CursorMove(self.name, validity, max(sizes), self._clock())
            found = [arrivals[uid] for uid in sizes if uid in arrivals]
            accepted = accept(self._database, found, routing, move)
            new += sum(a.new for a in accepted)
            if gone := [uid for uid in sizes if uid not in arrivals]:
                log.warning("imap.gone", mailbox=self.name, uids=gone)
            log.info("imap.stored", mailbox=self.name, mails=len(found), new=sum(a.new for a in accepted))
            self._put_away([uid for uid in sizes if uid in arrivals and arrivals[uid].full_size is None])
        return new

    def _batches(self, uids: Sequence[int]) -> Iterator[list[tuple[int, int]]]:
        """UIDs with their sizes, in batches bounded by number and bytes."""
        for some in _chunks(uids, LONGEST_COMMAND):
            answers = self._client.fetch(some, [b"RFC822.SIZE"])
            batch: list[tuple[int, int]] = []
            total = 0
            for uid in some:
                size = int(answers.get(uid, {}).get(b"RFC822.SIZE", 0))
                counted = min(size, LARGEST)
                if batch and (len(batch) >= BATCH or total + counted > BATCH_BYTES):
                    yield batch
                    batch, total = [], 0
                batch.append((uid, size))
                total += counted
            yield batch

    def _fetch(self, sizes: dict[int, int]) -> dict[int, Arrival]:
        whole = [uid for uid, size in sizes.items() if size <= LARGEST]
        answers = self._client.fetch(whole, [b"BODY.PEEK[]", b"INTERNALDATE"]) if whole else {}
        found = {
            uid: self._arrival(uid, answer[b"BODY[]"], answer)
            for uid, answer in answers.items()
            if uid in sizes and answer.get(b"BODY[]") is not None
        }
        for uid, size in sizes.items():
            if size > LARGEST:
                # Too large to hold in memory: its beginning is kept, and the mail stays where it is.
                answer = self._client.fetch([uid], [f"BODY.PEEK[]<0.{BEGINNING}>", "INTERNALDATE"]).get(uid, {})
                beginning = next((v for k, v in answer.items() if k.startswith(b"BODY[")), None)
                if beginning is not None:
                    log.warning("imap.too_large", mailbox=self.name, uid=uid, size=size)
                    found[uid] = self._arrival(uid, beginning, answer, full_size=size)
        return found

    def _arrival(self, uid: int, raw: bytes, answer: dict[bytes, Any], full_size: int | None = None) -> Arrival:
        now, received = self._clock(), answer.get(b"INTERNALDATE")
        if received is None or received.tzinfo is None or not now - OLDEST_ARRIVAL <= received <= now:
            received = now
        return Arrival(
            raw,
            "imap",
            received.astimezone(UTC),
            source_detail=f"{self._imap.folder}, UID {uid}",
            group_slug=self._group_slug,
            full_size=full_size,
        )

    def _put_away(self, uids: Sequence[int]) -> None:
        """What the configuration wants done with stored mail."""
        for some in _chunks(uids, LONGEST_COMMAND):
            if self._imap.after == "mark":
                self._client.add_flags(some, [rb"\Seen"], silent=True)
            elif self._imap.after == "move" and self._client.has_capability("MOVE"):
                self._client.move(some, self._imap.move_to)
            elif self._imap.after == "move":
                self._client.copy(some, self._imap.move_to)
                self._delete(some)
            elif self._imap.after == "delete":
                self._delete(some)

    def _delete(self, uids: list[int]) -> None:
        self._client.add_flags(uids, [rb"\Deleted"], silent=True)
        # Without UIDPLUS an EXPUNGE would remove what others have marked as deleted, so it is left to them.
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge(uids)

    # Waiting

    def run(self, stop: Event, on_mail: Callable[[], None]) -> None:
        """Read the mailbox until `stop` is set, and call `on_mail` whenever new mail was stored.

        Never raises: what a server, a database or a mail does to it is told in the log, and it tries again with growing
        pauses.
        """
        failures, longest = 0, min(PAUSE_LONGEST, 2.0 * self._imap.poll_seconds)
        while not stop.is_set():
            try:
                if self.collect(stop):
                    on_mail()
                failures = 0
                self.wait(stop)
            except Exception as exc:
                self.close()
                said = str(exc) if isinstance(exc, M4dbotError) else f"{type(exc).__name__}: {_said(exc)}"
                pause = min(longest, 2.0 ** min(failures, 9)) * _random.uniform(0.7, 1.0)
                failures += 1
                log.warning("imap.failed", mailbox=self.name, error=said, retry_seconds=round(pause, 1))
                stop.wait(pause)
        self.close()

    def wait(self, stop: Event) -> None:
        """Wait until mail may have come, a polling interval is over, or `stop` is set.

        By IDLE, mail is noticed at once. The interval bounds it all the same: that a line is dead may show only when
        something is said on it (RFC 2177).
        """
        longest = min(float(self._imap.poll_seconds), IDLE_LONGEST)
        if not self._imap.idle or not self._client.has_capability("IDLE"):
            stop.wait(longest)
            return
        if self._begin_idle():
            until = time.monotonic() + longest
            line = self._client.socket()
            while not stop.is_set() and (left := until - time.monotonic()) > 0:
                # TLS may have read ahead; what it holds does not show on the socket.
                if getattr(line, "pending", int)() or select.select([line], [], [], min(SLICE, left))[0]:
                    break
        # Raises where the server has gone: idle_check() would not.
        self._client.idle_done()

    def _begin_idle(self) -> bool:
        """Enter IDLE; False where the server had news by then, so that there is nothing to wait for."""
        try:
            self._client.idle()
        except IMAPClientError as exc:
            if "Unexpected IDLE response" not in str(exc):
                raise
            while self._client._imap._get_response() is not None:
                pass
            return False
        # News that came in one packet with the beginning of IDLE are in imaplib's buffer, not on the socket.
        line = self._client.socket()
        line.setblocking(False)
        try:
            self._client._imap._get_line()
        except (OSError, IMAPClient.Error):
            return True  # nothing there; if the line is cut, the next command says so
        finally:
            line.settimeout(self._imap.timeout_seconds)
        return False


def open_client(imap: Imap, base: Path) -> Any:
    """A logged-in IMAPClient. Raises Unreachable saying what failed and what to do; M4dbotError without password."""
    password = imap.password(base)
    where = f"{imap.host}:{imap.effective_port}"
    context = None if imap.security == "none" else _tls(imap, base)
    client = None
    try:
        client = IMAPClient(
            imap.host,
            imap.effective_port,
            ssl=imap.security == "tls",
            ssl_context=context if imap.security == "tls" else None,
            timeout=SocketTimeout(imap.timeout_seconds, imap.timeout_seconds),
        )
        # IMAPClient lets imaplib write every mail into a log that is off, at three times the cost of reading it.
        client._imap.debug = 0
        client.normalise_times = False  # aware datetimes
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if imap.security == "starttls":
            client.starttls(context)
        client.login(imap.username, password)
    except ssl.SSLCertVerificationError as exc:
        _shut(client)
        raise Unreachable(
            f"The certificate of {where} is not trusted ({exc.verify_message}); "
            "name your certificate authority with ca_file under [imap]."
        ) from None
    except LoginError as exc:
        _shut(client)
        raise Unreachable(
            f"The mail server {where} refuses the log-in of {imap.username} ({_said(exc)}); "
            "check username and password."
        ) from None
    except Troubles as exc:
        _shut(client)
        raise Unreachable(f"The mail server {where} cannot be reached ({_said(exc)}).") from None
    return client


def probe(imap: Imap, base: Path) -> str:
    """Log in and look into the folder; a sentence about it. Raises Unreachable where that fails."""
    client = open_client(imap, base)
    try:
        found = client.select_folder(imap.folder, readonly=True)
        idle = "with" if client.has_capability("IDLE") else "without"
    except Troubles as exc:
        raise Unreachable(
            f"The folder {imap.folder} of {imap.username} cannot be opened ({_said(exc)}); check folder under [imap]."
        ) from None
    finally:
        _shut(client)
    return f"{imap.username} at {imap.host} has {int(found[b'EXISTS'])} mails in {imap.folder}, {idle} IDLE."


def _tls(imap: Imap, base: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(base / imap.ca_file) if imap.ca_file else None)
    except (OSError, ssl.SSLError) as exc:
        raise M4dbotError(f"ca_file {base / imap.ca_file} under [imap] cannot be used ({_said(exc)}).") from None


def _shut(client: Any) -> None:
    """Close the socket, whatever state the connection is in."""
    if client is not None:
        with contextlib.suppress(*Troubles):
            client.shutdown()


def _said(exc: BaseException) -> str:
    text = " ".join(str(exc).split())[:300]
    return text or type(exc).__name__


def _chunks(uids: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(uids), size):
        yield list(uids[start : start + size])
