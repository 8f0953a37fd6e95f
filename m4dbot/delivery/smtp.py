"""One connection to the relay.

With PIPELINING (RFC 2920) one write carries a mail's content, its final dot and the next mail's envelope, so that a
mail costs one round trip. A mail's final dot goes out only after the state of the mail before it is committed:
a crash can repeat the one mail that is in flight on each connection, and no other.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket
import ssl
from pathlib import Path
from typing import Protocol

from m4dbot.config import Smtp
from m4dbot.delivery.composing import Outgoing
from m4dbot.delivery.retry import Reply, Stage, Verdict, judge
from m4dbot.errors import M4dbotError

# RFC 5321 §4.5.3.2.6: a server may work on a mail for ten minutes. Whoever gives up sooner sends mail twice.
DOT_TIMEOUT = 600.0
LONGEST_REPLY = 64 * 1024  # bytes
REFUSALS_IN_A_ROW = 5  # from which on the relay is taken to refuse us rather than a mail
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Lost(Exception):
    """The connection is of no more use; `reply` says why and at which stage."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(str(reply))


class Source(Protocol):
    """Where a connection gets its mails, and what it tells of them."""

    async def take(self) -> Outgoing | None:
        """The next mail, waited for a moment; None ends the connection."""

    async def peek(self) -> Outgoing | None:
        """The next mail if there is one right now."""

    async def ended(self, mail: Outgoing, reply: Reply) -> None:
        """The server's word on a mail; returns when it is committed."""

    def give_back(self, mail: Outgoing) -> None:
        """A mail that was taken and not tried."""


class Connection:
    """A session with the relay, ready for mail; made by `connect`."""

    def __init__(self, wire: _Wire, extensions: dict[str, str]) -> None:
        self.pipelining = "PIPELINING" in extensions  # may be switched off before the first mail
        self._wire = wire
        self._eight_bit = "8BITMIME" in extensions
        self._size = "SIZE" in extensions
        self.out_of_step = False  # the server goes ahead where it has refused; the connection has to end
        self._in_doubt = False  # a transaction was refused half way; the next one begins with RSET

    async def send_all(self, source: Source) -> None:
        """Send what `source` gives until it gives nothing. Raises Lost; what was under way is told before."""
        mail = await source.take()
        announced = False
        following: Outgoing | None = None
        refusals = 0
        try:
            while mail is not None:
                refusal = await self._envelope(mail, announced)
                announced = False
                if refusal is None:
                    following = await source.peek() if self.pipelining else None
                    behind = b"".join(command for _, command in self._steps(following)) if following else b""
                    await self._wire.write(mail.content + behind, Stage.DOT)
                    announced = following is not None
                    reply = await self._wire.read(Stage.DOT, DOT_TIMEOUT)
                else:
                    reply = refusal
                told, mail = mail, None
                await source.ended(told, reply)
                if reply.code == 421 or self.out_of_step:
                    raise Lost(reply)
                refusals = refusals + 1 if judge(reply) is Verdict.RELAY else 0
                if refusals >= REFUSALS_IN_A_ROW:
                    raise Lost(reply)
                mail, following = following, None
                if mail is None:
                    mail = await source.take()
        except Lost as lost:
            if mail is not None:
                # Nothing was said about this mail before RCPT: an idle connection had simply been closed.
                if lost.reply.stage is Stage.MAIL:
                    source.give_back(mail)
                else:
                    await source.ended(mail, lost.reply)
            raise
        finally:
            if following is not None:
                source.give_back(following)

    async def quit(self) -> None:
        """Say good-bye and close; never raises."""
        with contextlib.suppress(Lost):
            await self._wire.write(b"QUIT\r\n", Stage.CONNECT)
            await self._wire.read(Stage.CONNECT, 2.0)
        self.abort()

    def abort(self) -> None:
        """End the connection at once; whoever waits on it gets Lost."""
        self._wire.abort()

    def _steps(self, mail: Outgoing) -> list[tuple[Stage, bytes]]:
        options = f" SIZE={len(mail.content)}" if self._size else ""
        if mail.eight_bit:
            options += " BODY=8BITMIME"
        return [
            (Stage.MAIL, f"MAIL FROM:<{mail.envelope_sender}>{options}\r\n".encode("ascii")),
            (Stage.RCPT, f"RCPT TO:<{mail.claimed.recipient}>\r\n".encode("ascii")),
            (Stage.DATA, b"DATA\r\n"),
        ]

    async def _envelope(self, mail: Outgoing, announced: bool) -> Reply | None:
        """Get as far as the go-ahead for the content; the refusal where there is one."""
        if mail.eight_bit and not self._eight_bit:
            return Reply(554, "5.6.3 the relay takes no 8-bit mail (it offers no 8BITMIME)", Stage.DATA)
        steps = self._steps(mail)
        if not announced and self._in_doubt:
            await self._wire.write(b"RSET\r\n", Stage.MAIL)
            await self._wire.read(Stage.MAIL)
        if not announced and self.pipelining:
            await self._wire.write(b"".join(command for _, command in steps), Stage.MAIL)
        refusal: Reply | None = None
        named = False  # whether a recipient was accepted
        for stage, command in steps:
            if not self.pipelining:
                await self._wire.write(command, stage)
            reply = await self._wire.read(stage)
            fine = reply.code == 354 if stage is Stage.DATA else 200 <= reply.code < 300
            if reply.code == 421:
                return reply
            if not fine and refusal is None:
                refusal = reply
                if not self.pipelining:
                    break
            named = named or (stage is Stage.RCPT and fine)
            if refusal and reply.code == 354 and named:
                # It refused the sender, took the recipient all the same, and waits for a content: a dot now would
                # be an empty mail to a person.
                self.out_of_step = True
            elif refusal and reply.code == 354:
                # RFC 2920 §3.1: a server that goes ahead without recipients wants its dot all the same.
                await self._wire.write(b".\r\n", Stage.DATA)
                await self._wire.read(Stage.DATA)
        self._in_doubt = refusal is not None
        return refusal


class _Wire(asyncio.Protocol):
    """Bytes out, replies in. Whatever ends the connection becomes Lost with the stage it came at."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._ended = ""  # why there is no connection any more
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._full = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        _wake(self._reader)

    def eof_received(self) -> None:
        self._end("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(_why(exc) if exc is not None else "connection lost")

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._writer)

    def _end(self, why: str) -> None:
        self._ended = self._ended or why
        _wake(self._reader)
        _wake(self._writer)

    # For the connection

    def abort(self) -> None:
        self._end("connection closed")
        if self._transport is not None:
            self._transport.abort()

    async def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        # What came before the handshake could be an attacker's and must not count as said inside it.
        if self._buffer:
            raise Lost(Reply(0, "the server went on talking before TLS began", Stage.CONNECT))
        assert self._transport is not None
        transport = await asyncio.get_running_loop().start_tls(self._transport, self, context, server_hostname=host)
        if transport is None:
            raise Lost(Reply(0, self._ended, Stage.CONNECT))
        self._transport = transport

    def notice_a_dead_peer(self) -> None:
        """A peer that is gone without a word is noticed in about a minute, though a live one may take ten for a
        mail."""
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        if sock is None:
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    async def write(self, content: bytes, stage: Stage) -> None:
        if self._ended or self._transport is None:
            raise Lost(Reply(0, self._ended, stage))
        self._transport.write(content)
        while self._full and not self._ended:
            self._writer = asyncio.get_running_loop().create_future()
            if not await self._waited(self._writer, self._timeout):
                raise Lost(Reply(0, "the server did not take the mail in time", stage))

    async def read(self, stage: Stage, timeout: float | None = None) -> Reply:
        """The next reply, all its lines (RFC 5321 §4.2)."""
        lines: list[str] = []
        while True:
            end = self._buffer.find(b"\n")
            if end < 0:
                if self._ended:
                    raise Lost(Reply(0, self._ended, stage))
                if len(self._buffer) > LONGEST_REPLY or len(lines) > 200:
                    raise Lost(Reply(0, "the server's reply does not end", stage))
                self._reader = asyncio.get_running_loop().create_future()
                if not await self._waited(self._reader, timeout or self._timeout):
                    raise Lost(Reply(0, "the server did not answer in time", stage))
                continue
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            code, mark = line[:3], line[3:4]
            if not code.isdigit() or mark not in (b" ", b"-", b"\r", b""):
                raise Lost(Reply(0, f"the server said what is no reply: {_text(line)[:200]}", stage))
            lines.append(_text(line[4:]))
            if mark != b"-":
                return Reply(int(code), "\n".join(lines)[:4000], stage)

    async def _waited(self, future: asyncio.Future[None], seconds: float) -> bool:
        """Whether something came in time. After that nothing is certain any more, so the connection ends."""
        handle = asyncio.get_running_loop().call_later(seconds, _expire, future)
        try:
            await future
        except TimeoutError:
            self.abort()
            return False
        finally:
            handle.cancel()
        return True


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _expire(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())


def _text(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return text if text.isprintable() else _UNPRINTABLE.sub(" ", text)


def _why(exc: BaseException) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {exc.verify_message}"
    if isinstance(exc, TimeoutError):
        return "the server did not answer in time"
    return f"connection lost ({getattr(exc, 'strerror', None) or type(exc).__name__})"


def tls_context(smtp: Smtp, base: Path) -> ssl.SSLContext | None:
    """What certificates are checked against; None where TLS is not wanted. Takes tens of milliseconds, so it is made
    once. Raises M4dbotError where the file with the certificate authority is of no use."""
    if smtp.security == "none":
        return None
    path = base / smtp.ca_file if smtp.ca_file else None
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as exc:
        raise M4dbotError(f"[smtp] ca_file: {path} cannot be used ({exc.strerror or exc}).") from None


async def connect(smtp: Smtp, base: Path, helo: str, context: ssl.SSLContext | None) -> Connection:
    """Connected, encrypted as configured with the certificate checked, logged in. Raises Lost saying why not.

    `context` is from `tls_context`. `helo` is the name we give (RFC 5321 §4.1.1.1): a domain of ours, as asking the
    DNS for one may take its time.
    """
    wire = _Wire(float(smtp.timeout_seconds))
    try:
        async with asyncio.timeout(2 * smtp.timeout_seconds):
            return await _set_up(wire, smtp, base, helo, context)
    except Lost:
        wire.abort()
        raise
    except M4dbotError as exc:
        wire.abort()
        raise Lost(Reply(0, str(exc), Stage.LOGIN)) from None
    except OSError as exc:
        wire.abort()
        raise Lost(Reply(0, _why(exc), Stage.CONNECT)) from None


async def _set_up(wire: _Wire, smtp: Smtp, base: Path, helo: str, context: ssl.SSLContext | None) -> Connection:
    implicit = context if smtp.security == "tls" else None
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: wire, smtp.host, smtp.effective_port, ssl=implicit)
    wire.notice_a_dead_peer()
    await _expect(wire, Stage.CONNECT, 220)
    extensions = await _hello(wire, helo)
    if smtp.security == "starttls":
        assert context is not None
        if "STARTTLS" not in extensions:
            raise Lost(Reply(0, f"{smtp.host} offers no STARTTLS", Stage.CONNECT))
        await wire.write(b"STARTTLS\r\n", Stage.CONNECT)
        await _expect(wire, Stage.CONNECT, 220)
        await wire.encrypt(context, smtp.host)
        # RFC 3207 §4.2: what was offered in the clear counts no more.
        extensions = await _hello(wire, helo)
    if smtp.username:
        await _log_in(wire, extensions.get("AUTH", ""), smtp, base)
    return Connection(wire, extensions)


async def _expect(wire: _Wire, stage: Stage, code: int) -> Reply:
    reply = await wire.read(stage)
    if reply.code != code:
        raise Lost(reply)
    return reply


async def _hello(wire: _Wire, helo: str) -> dict[str, str]:
    """What the server offers: keyword -> parameters."""
    await wire.write(f"EHLO {helo}\r\n".encode("ascii"), Stage.CONNECT)
    reply = await wire.read(Stage.CONNECT)
    if reply.code in {500, 501, 502, 504, 550}:
        # RFC 5321 §3.2: a server of the old kind.
        await wire.write(f"HELO {helo}\r\n".encode("ascii"), Stage.CONNECT)
        await _expect(wire, Stage.CONNECT, 250)
        return {}
    if reply.code != 250:
        raise Lost(reply)
    offers = (line.partition(" ") for line in reply.text.split("\n")[1:])
    return {keyword.upper(): parameters for keyword, _, parameters in offers}


async def _log_in(wire: _Wire, mechanisms: str, smtp: Smtp, base: Path) -> None:
    """RFC 4954. The password goes over TLS (or loopback) only; the configuration sees to that."""
    offered = mechanisms.upper().split()
    user, password = smtp.username.encode(), smtp.password(base).encode()
    if "PLAIN" in offered:
        await wire.write(b"AUTH PLAIN " + base64.b64encode(b"\0" + user + b"\0" + password) + b"\r\n", Stage.LOGIN)
    elif "LOGIN" in offered:
        await wire.write(b"AUTH LOGIN\r\n", Stage.LOGIN)
        for word in (user, password):
            await _expect(wire, Stage.LOGIN, 334)
            await wire.write(base64.b64encode(word) + b"\r\n", Stage.LOGIN)
    else:
        raise Lost(Reply(0, f"{smtp.host} offers no log-in that m4dbot knows (AUTH PLAIN or LOGIN)", Stage.LOGIN))
    await _expect(wire, Stage.LOGIN, 235)
