"""The demo's mail world: an IMAP server and a mail server in this process, on loopback.

Mail to the group is put into the group's mailbox, from where the bot reads it by IMAP; mail to anybody else is
what people receive: it is handed to `delivered` and kept as a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

Delivered = Callable[[str, str, bytes], None]
USER, PASSWORD = "group", "demo"


class ImapServer:
    """pymap with its mailbox in memory, in a thread of its own. `port` is chosen by the system."""

    def __init__(self) -> None:
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name="demo-imap", daemon=True)

    def __enter__(self) -> ImapServer:
        self._thread.start()
        self._ready.wait(20)
        if self._failure is not None or not self.port:
            raise RuntimeError("the demo's IMAP server did not start") from self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._start())
        except BaseException as exc:
            self._failure = exc
            self._ready.set()
            return
        self._ready.set()
        self._loop.run_forever()
        assert self._server is not None
        self._server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _start(self) -> None:
        from proxyprotocol.reader import ProxyProtocolReader
        from pymap.backend.dict import DictBackend
        from pymap.imap import IMAPServer

        # pymap takes its settings from a command line; what is not said here is its default.
        settings: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": 0,
            "debug": False,
            "tls": False,
            "cert": None,
            "key": None,
            "passlib_cfg": None,
            "inherited_sockets": None,
            "proxy_protocol": None,
            "disable_search_keys": None,
            "demo_data": False,
            "demo_user": USER,
            "demo_password": PASSWORD,
        }
        backend, config = await DictBackend.init(Namespace(**settings))
        config.apply_context()
        proxied = ProxyProtocolReader(config.proxy_protocol)
        protocol = proxied.get_callback(IMAPServer(backend.login, config))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Small answers wait 40 ms for an acknowledgement otherwise.
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await protocol(reader, writer)

        self._server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]


class PostOffice:
    """An aiosmtpd server that takes all mail: the group's into its IMAP mailbox, the rest to `delivered`.

    `delivered(envelope sender, recipient, raw)` is called in the server's thread.
    """

    def __init__(self, group_address: str, imap_port: int, delivered: Delivered) -> None:
        self.group_address = group_address
        self._imap_port = imap_port
        self._delivered = delivered
        self._lock = threading.Lock()
        self._mailbox: Any = None
        self._controller: Any = None

    def __enter__(self) -> PostOffice:
        from aiosmtpd.controller import Controller
        from imapclient import IMAPClient

        self._mailbox = IMAPClient("127.0.0.1", port=self._imap_port, ssl=False, timeout=20)
        self._mailbox.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._mailbox.login(USER, PASSWORD)
        self._controller = Controller(self, hostname="127.0.0.1", port=_free_port(), data_size_limit=50 << 20)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()
        with contextlib.suppress(Exception):
            self._mailbox.logout()

    @property
    def port(self) -> int:
        port: int = self._controller.port
        return port

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        raw: bytes = envelope.original_content
        for recipient in envelope.rcpt_tos:
            if is_group(recipient, self.group_address):
                await asyncio.to_thread(self._append, recipient, raw)
            else:
                self._delivered(envelope.mail_from or "", recipient, raw)
        return "250 OK"

    def _append(self, recipient: str, raw: bytes) -> None:
        with self._lock:
            self._mailbox.append("INBOX", b"Delivered-To: " + recipient.encode("ascii", "replace") + b"\r\n" + raw)


def is_group(recipient: str, group_address: str) -> bool:
    """Whether an address is the group's, with or without a plus-detail."""
    local, _, domain = recipient.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" == group_address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def mail_world(group_address: str, delivered: Delivered) -> Iterator[tuple[ImapServer, PostOffice]]:
    """Both servers, started and in the end stopped."""
    with ImapServer() as imap, PostOffice(group_address, imap.port, delivered) as office:
        yield imap, office
