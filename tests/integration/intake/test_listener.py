"""Mail from a local mail server, by LMTP and SMTP."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from m4dbot.config import Config, Listener
from m4dbot.errors import Unreachable
from m4dbot.intake import listener as listener_module
from m4dbot.intake.listener import MailListener
from m4dbot.store import groups
from m4dbot.store.database import Database
from m4dbot.store.tables import Message
from tests.samples import mail

GROUP = "water@groups.example.org"


@pytest.fixture
def listen(database: Database, two_groups: Config) -> Iterator[Callable[..., MailListener]]:
    """A factory of listeners on a free port: `listen(protocol="smtp", …)`."""
    with database.write() as session:
        groups.follow(session, two_groups.group)
    opened: list[MailListener] = []

    def make(on_mail: Callable[[], None] = lambda: None, **settings: Any) -> MailListener:
        made = MailListener(
            database,
            two_groups,
            Listener.model_validate({"port": 0, **settings}),
            clock=lambda: datetime.now(UTC),
            on_mail=on_mail,
        )
        made.start()
        opened.append(made)
        return made

    yield make
    for each in opened:
        each.stop()


class Client:
    """An LMTP client that reads every reply; the standard library's reads one after DATA."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._file = self._socket.makefile("rb")
        assert self._reply().startswith("220")
        assert self.say("LHLO tests").startswith("250")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def _reply(self) -> str:
        while (line := self._file.readline().decode())[3:4] == "-":
            pass
        return line

    def say(self, line: str) -> str:
        self._socket.sendall(line.encode() + b"\r\n")
        return self._reply()

    def send(self, raw: bytes, *recipients: str, sender: str = "amina@example.net") -> list[str]:
        """The replies after the final dot, one for each recipient."""
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250")
        for recipient in recipients:
            assert self.say(f"RCPT TO:<{recipient}>").startswith("250")
        assert self.say("DATA").startswith("354")
        self._socket.sendall(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return [self._reply().strip() for _ in recipients]


def stored(database: Database) -> list[Message]:
    with database.read() as session:
        rows = list(session.scalars(select(Message).order_by(Message.id)))
        for row in rows:
            _ = row.raw
        session.expunge_all()
        return rows


def test_lmtp_answers_for_each_recipient(database: Database, listen: Callable[..., MailListener]) -> None:
    """Two recipients get two replies, and each group its row; the connection goes on."""
    woken = threading.Event()
    with Client(listen(woken.set).port) as client:
        replies = client.send(mail(), GROUP, "soil+w1@groups.example.org")
        assert [r[:3] for r in replies] == ["250", "250"]
        assert [r[:3] for r in client.send(mail(message_id="<2@x>"), GROUP, sender="")] == ["250"]
    rows = stored(database)
    assert len({r.group_id for r in rows[:2]}) == 2
    assert {(r.source, r.envelope_sender) for r in rows[:2]} == {("lmtp", "amina@example.net")}
    assert rows[2].envelope_sender == ""
    assert woken.wait(5)


def test_bytes_arrive_unchanged(database: Database, listen: Callable[..., MailListener]) -> None:
    """Dots at line starts, long lines and bytes beyond ASCII come through."""
    raw = mail(".\n..two\n" + "x" * 300_000 + "\nünï\n")
    with Client(listen().port) as client:
        assert client.send(raw, GROUP)[0].startswith("250")
    assert stored(database)[0].raw == raw


def test_unknown_recipients_are_refused(database: Database, listen: Callable[..., MailListener]) -> None:
    """At RCPT, so that nobody has to write a bounce; known ones of the same mail are served."""
    with Client(listen().port) as client:
        client.say("MAIL FROM:<a@example.net>")
        assert client.say("RCPT TO:<nobody@groups.example.org>").startswith("550")
        assert client.say("RCPT TO:<water@elsewhere.example>").startswith("550")
        assert client.say(f"RCPT TO:<{GROUP.upper()}>").startswith("250")
        assert client.say("RSET").startswith("250")
        assert client.send(mail(), GROUP)[0].startswith("250")
    assert len(stored(database)) == 1


def test_smtp(database: Database, listen: Callable[..., MailListener]) -> None:
    """The same by SMTP, with one reply for the mail."""
    with smtplib.SMTP("127.0.0.1", listen(protocol="smtp").port, timeout=20) as client:
        assert client.sendmail("amina@example.net", [GROUP, "soil@groups.example.org"], mail()) == {}
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("amina@example.net", ["nobody@groups.example.org"], mail())
    assert {r.source for r in stored(database)} == {"smtp"}
    assert len(stored(database)) == 2


def test_too_large(database: Database, listen: Callable[..., MailListener]) -> None:
    """A mail beyond the limit is refused for good, once for each recipient, and the connection goes on."""
    with Client(listen(max_bytes=20_000).port) as client:
        replies = client.send(mail("y" * 100 + "\n" + "x" * 30_000 + "\n"), GROUP, "soil@groups.example.org")
        assert [r[:3] for r in replies] == ["552", "552"]
        assert client.send(mail(), GROUP)[0].startswith("250")
    assert len(stored(database)) == 1


def test_a_store_that_fails_says_later(
    database: Database, listen: Callable[..., MailListener], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is acknowledged that is not on disk; a mail that alone upsets the store holds up nobody else."""
    real = listener_module.accept

    def accept(database: Database, arrivals: Any, routing: Any) -> Any:
        if any(b"full" in a.raw for a in arrivals):
            raise Unreachable("The disk is full.")
        if any(b"odd" in a.raw for a in arrivals):
            raise ValueError("odd")
        return real(database, arrivals, routing)

    monkeypatch.setattr(listener_module, "accept", accept)
    with Client(listen().port) as client:
        assert [r[:3] for r in client.send(mail("full\n"), GROUP, "soil@groups.example.org")] == ["451", "451"]
        assert client.send(mail("odd\n", message_id="<2@x>"), GROUP)[0].startswith("451")
        assert client.send(mail(message_id="<3@x>"), GROUP)[0].startswith("250")
    assert [r.message_id for r in stored(database)] == ["3@x"]


def test_connections_share_commits(
    database: Database, listen: Callable[..., MailListener], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mails of many connections are stored, each answered, in fewer transactions than mails."""
    real, transactions = listener_module.accept, 0

    def accept(*arguments: Any) -> Any:
        nonlocal transactions
        transactions += 1
        time.sleep(0.02)  # a slow disk
        return real(*arguments)

    monkeypatch.setattr(listener_module, "accept", accept)
    port, replies = listen().port, []

    def send(sender: int) -> None:
        with Client(port) as client:
            for n in range(10):
                replies.extend(client.send(mail(f"{sender} {n}\n", message_id=f"<{sender}.{n}@x>"), GROUP))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [r[:3] for r in replies] == ["250"] * 80
    assert len(stored(database)) == 80
    assert transactions < 60


def test_the_listener_ends(database: Database, listen: Callable[..., MailListener]) -> None:
    """Open connections and half a mail do not hold it up; what was received in full is answered and stored."""
    made = listen()
    with Client(made.port) as idle, Client(made.port) as half:
        half.say("MAIL FROM:<a@example.net>")
        half.say(f"RCPT TO:<{GROUP}>")
        half.say("DATA")
        idle.send(mail(), GROUP)
        begun = time.monotonic()
        made.stop()
        assert time.monotonic() - begun < 3
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", made.port), timeout=2).close()
    assert len(stored(database)) == 1


def test_a_port_that_is_taken(database: Database, two_groups: Config, listen: Callable[..., MailListener]) -> None:
    """Says which, and where to change it."""
    settings = Listener(port=listen().port)
    second = MailListener(database, two_groups, settings, clock=lambda: datetime.now(UTC), on_mail=lambda: None)
    with pytest.raises(Unreachable, match=f"127.0.0.1:{settings.port}"):
        second.start()
