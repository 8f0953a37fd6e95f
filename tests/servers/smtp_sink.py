"""A receiving mail server for tests and measurements that misbehaves on request and keeps a ledger.

In a test it runs in a thread: `with SmtpSink() as sink:`; what goes wrong is a function of the test,
`sink.rule = lambda stage, mail: …`. As a command (`python -m tests.servers.smtp_sink`) it only counts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

CUT = "cut"  # as an answer: close the connection now


@dataclass
class Mail:
    """A transaction as far as it got."""

    connection: int
    sender: str = ""
    recipient: str = ""
    options: str = ""
    content: bytes = b""  # with dots unstuffed
    try_number: int = 0  # how often this recipient has been named, from 1
    told: bool = True  # whether the client got the 250

    @property
    def message_id(self) -> str:
        found = re.search(rb"(?im)^Message-ID:\s*<([^>]+)>", self.content.partition(b"\r\n\r\n")[0])
        return found[1].decode() if found else ""


# Given the stage (connect, mail, rcpt, data, content, before, dot) and the transaction: None for the usual answer, a
# reply line such as "451 4.7.1 later", CUT, or a number of seconds to wait before the usual answer. In "content" and
# "before" (the content is read, the mail not taken) only CUT counts; CUT at "dot" is after the mail was taken.
Rule = Callable[[str, Mail], "str | float | None"]


@dataclass
class SmtpSink:
    rule: Rule = lambda stage, mail: None
    pipelining: bool = True
    eight_bit: bool = True
    most_connections: int = 0  # 421 to those beyond; 0: any number
    careless: bool = False  # takes a recipient although the sender was refused
    generous: bool = False  # goes ahead at DATA although no recipient was accepted
    log_in: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    keep: bool = True  # keep the mails, not only their number
    mails: list[Mail] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)  # recipient, stage, answer
    connected: list[float] = field(default_factory=list)  # when
    violations: Counter[str] = field(default_factory=Counter)
    count: int = 0
    open: int = 0
    most_open: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._tries: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = threading.Condition()

    # In a test

    def __enter__(self) -> SmtpSink:
        ready = threading.Event()

        def serve() -> None:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                runner.run(self.start())
                ready.set()
                self._loop.run_forever()
                runner.run(self._close())

        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def pause(self) -> None:
        """Stop listening and cut every connection, as a server that goes down."""
        self._call(self._close())

    def resume(self) -> None:
        """Listen again on the same port."""
        self._call(self.start())

    def wait_for(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Until `condition` holds, looked at whenever a mail or a connection arrives."""
        until = time.monotonic() + seconds
        with self._arrived:
            while not condition():
                left = until - time.monotonic()
                assert left > 0, f"waited {seconds} seconds in vain; {self.count} mails arrived"
                self._arrived.wait(min(left, 0.1))

    def copies(self) -> Counter[tuple[str, str]]:
        """How often each (recipient, Message-ID) was taken."""
        return Counter((m.recipient, m.message_id) for m in self.mails)

    def _call(self, coroutine: object) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)  # type: ignore[arg-type]

    # The server

    async def start(self) -> None:
        context = self.tls if self.implicit_tls else None
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=1 << 26, ssl=context, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.connected.append(time.monotonic())
        try:
            await self._session(reader, writer, len(self.connected))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError, EOFError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()
            self._tasks.discard(task)
            with self._arrived:
                self._arrived.notify_all()

    async def _answer(self, writer: asyncio.StreamWriter, stage: str, mail: Mail, usual: str) -> str:
        said = self.rule(stage, mail)
        if isinstance(said, (int, float)):
            await asyncio.sleep(said)
            said = None
        if said == CUT:
            raise EOFError
        answer = said if isinstance(said, str) else usual
        if answer[0] in "45":
            self.refused.append((mail.recipient, stage, answer))
        writer.write(answer.encode() + b"\r\n")
        return answer

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if self.most_connections and self.open > self.most_connections:
            writer.write(b"421 4.7.0 too many connections\r\n")
            await writer.drain()
            return
        greeting = await self._answer(writer, "connect", Mail(number), "220 sink.example ESMTP")
        if greeting[0] != "2":
            await writer.drain()
            return
        encrypted = self.implicit_tls
        logged_in = self.log_in is None
        mail: Mail | None = None
        while True:
            line = (await reader.readuntil(b"\n"))[:-1]
            if not line.endswith(b"\r"):
                self.violations["command without CR"] += 1
            text = line.decode("utf-8", "replace").rstrip("\r")
            verb = text[:4].upper()
            if verb == "EHLO":
                offers = ["sink.example", "SIZE 50000000"]
                offers += ["PIPELINING"] * self.pipelining + ["8BITMIME"] * self.eight_bit
                offers += ["AUTH PLAIN LOGIN"] * (self.log_in is not None)
                offers += ["STARTTLS"] * (self.tls is not None and not encrypted)
                lines = [f"250-{offer}" for offer in offers[:-1]] + [f"250 {offers[-1]}"]
                writer.write("".join(f"{x}\r\n" for x in lines).encode())
            elif verb == "STAR" and self.tls is not None:
                writer.write(b"220 go ahead\r\n")
                await writer.drain()
                await writer.start_tls(self.tls)
                encrypted = True
            elif verb == "AUTH":
                logged_in = await self._log_in(reader, writer, text)
            elif verb == "MAIL":
                if mail is not None and not self.careless:
                    self.violations["MAIL inside a transaction"] += 1
                mail = self._mail(number, text)
                usual = "250 2.1.0 ok" if logged_in else "530 5.7.0 log in first"
                if (await self._answer(writer, "mail", mail, usual))[0] != "2" and not self.careless:
                    mail = None
            elif verb == "RCPT":
                found = re.match(r"RCPT TO:<([^<>]+)>$", text)
                if mail is None or found is None:
                    writer.write(b"503 5.5.1 no\r\n")
                    continue
                mail.recipient = found[1]
                self._tries[mail.recipient] += 1
                mail.try_number = self._tries[mail.recipient]
                if (await self._answer(writer, "rcpt", mail, "250 2.1.5 ok"))[0] != "2":
                    mail.recipient = ""
            elif verb == "DATA":
                if mail is not None and not mail.recipient and self.generous:
                    writer.write(b"354 go ahead\r\n")
                    if await reader.readuntil(b".\r\n") != b".\r\n":
                        self.violations["content for nobody"] += 1
                    writer.write(b"554 5.5.1 no valid recipients\r\n")
                    mail = None
                elif mail is None or not mail.recipient:
                    writer.write(b"503 5.5.1 no valid recipients\r\n")
                elif (await self._answer(writer, "data", mail, "354 go ahead"))[0] == "3":
                    await writer.drain()
                    await self._content(reader, writer, mail)
                    mail = None
            elif verb == "RSET":
                mail = None
                writer.write(b"250 2.0.0 ok\r\n")
            elif verb == "QUIT":
                writer.write(b"221 2.0.0 bye\r\n")
                await writer.drain()
                return
            else:
                self.violations[f"unknown command {text[:20]!r}"] += 1
                writer.write(b"500 5.5.2 what?\r\n")

    def _mail(self, number: int, text: str) -> Mail:
        found = re.match(r"MAIL FROM:<([^<>]*)>(.*)$", text)
        if found is None:
            self.violations["ill-formed MAIL"] += 1
            return Mail(number)
        return Mail(number, found[1], options=found[2].strip())

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: str) -> bool:
        import base64

        _, mechanism, *rest = text.split()
        if mechanism.upper() != "PLAIN":
            writer.write(b"504 5.5.4 PLAIN only\r\n")
            return False
        if not rest:
            writer.write(b"334 \r\n")
            rest = [(await reader.readuntil(b"\n")).decode().strip()]
        _, user, password = base64.b64decode(rest[0]).decode().split("\0")
        good = (user, password) == self.log_in
        writer.write(b"235 2.7.0 welcome\r\n" if good else b"535 5.7.8 wrong name or password\r\n")
        return good

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mail: Mail) -> None:
        if self.rule("content", mail) == CUT:
            await reader.readuntil(b"\n")
            raise EOFError
        content = bytearray()
        while not (content.endswith(b"\r\n.\r\n") or content == b".\r\n"):
            content += await reader.readuntil(b".\r\n")
        del content[-3:]
        if self.keep:
            raw = bytes(content)
            if re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", raw):
                self.violations["bare CR, LF or NUL"] += 1
            if re.search(rb"[^\n]{999}", raw):
                self.violations["line over 998"] += 1
            if re.search(rb"(?m)^\.(?!\.)", raw):
                self.violations["dot not stuffed"] += 1
            if not raw.isascii() and "8BITMIME" not in mail.options:
                self.violations["8 bit unannounced"] += 1
            mail.content = re.sub(rb"(?m)^\.", b"", raw)
        if self.rule("before", mail) == CUT:
            raise EOFError
        said = self.rule("dot", mail)
        if isinstance(said, (int, float)):
            await asyncio.sleep(said)
            said = None
        if isinstance(said, str) and said[0] in "45":
            self.refused.append((mail.recipient, "dot", said))
            writer.write(said.encode() + b"\r\n")
            return
        mail.told = said != CUT
        self.count += 1
        if self.keep:
            self.mails.append(mail)
            with self._arrived:
                self._arrived.notify_all()
        if said == CUT:
            raise EOFError
        writer.write(b"250 2.0.0 taken\r\n")


async def _main(port: int, ledger: bool) -> None:
    sink = SmtpSink(port=port, keep=ledger)
    await sink.start()
    print(sink.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(parser.parse_args().port, ledger=False))
