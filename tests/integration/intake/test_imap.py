"""A mailbox on a real IMAP server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from m4dbot.config import Config, Imap
from m4dbot.errors import M4dbotError, Unreachable
from m4dbot.intake import imap as imap_module
from m4dbot.intake.imap import Mailbox, probe
from m4dbot.store.database import Database
from m4dbot.store.tables import Cursor, Message
from tests.samples import mail
from tests.servers.dovecot import Account, Dovecot

pytestmark = pytest.mark.xdist_group("dovecot")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def account(dovecot: Dovecot) -> Account:
    return dovecot.account()


@pytest.fixture
def open_mailbox(database: Database, config: Config, account: Account) -> Iterator[Callable[..., Mailbox]]:
    """A factory of mailboxes on the test's account: `open_mailbox(after="move", …)`."""
    opened = []

    def make(**settings: Any) -> Mailbox:
        imap = Imap.model_validate({**account.settings, "poll_seconds": 1, **settings})
        mailbox = Mailbox(database, config, imap, clock=now, group_slug=None)
        opened.append(mailbox)
        return mailbox

    yield make
    for mailbox in opened:
        mailbox.close()


def mails(first: int, last: int) -> list[bytes]:
    return [mail(f"Question 1: answer {n}.\n", message_id=f"<{n}@example.net>") for n in range(first, last)]


def stored(database: Database) -> list[str]:
    with database.read() as session:
        return [
            m.removesuffix("@example.net") for m in session.scalars(select(Message.message_id).order_by(Message.id))
        ]


def numbers(first: int, last: int) -> list[str]:
    return [str(n) for n in range(first, last)]


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.02)


class Running:
    """A mailbox that runs in a thread."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.stop, self.woken = threading.Event(), 0
        self._thread = threading.Thread(target=mailbox.run, args=(self.stop, self._on_mail))

    def _on_mail(self) -> None:
        self.woken += 1

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        begun = time.monotonic()
        self.stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert time.monotonic() - begun < 3


def test_new_mail_is_stored_once_and_marked(
    database: Database, account: Account, open_mailbox: Callable[..., Mailbox]
) -> None:
    """Unread mail is stored and marked as read; the next look finds only what is new."""
    account.append(mails(0, 3))
    mailbox = open_mailbox()
    assert [mailbox.collect(), mailbox.collect()] == [3, 0]
    account.append(mails(3, 5))
    assert mailbox.collect() == 2
    assert stored(database) == numbers(0, 5)
    assert account.count(criteria="UNSEEN") == 0
    with database.read() as session:
        assert session.scalars(select(Cursor)).one().last_uid == 5


@pytest.mark.parametrize(
    ("after", "in_folder", "unseen", "moved"), [("leave", 3, 3, 0), ("move", 0, 0, 3), ("delete", 0, 0, 0)]
)
def test_mail_is_put_away_as_configured(
    database: Database,
    account: Account,
    open_mailbox: Callable[..., Mailbox],
    after: str,
    in_folder: int,
    unseen: int,
    moved: int,
) -> None:
    """Left alone, moved to a folder that is made where it is missing, or deleted."""
    account.append(mails(0, 3))
    mailbox = open_mailbox(after=after, move_to="Processed/2027 é")
    assert [mailbox.collect(), mailbox.collect()] == [3, 0]
    assert (account.count(), account.count(criteria="UNSEEN")) == (in_folder, unseen)
    if after == "move":
        assert account.count("Processed/2027 é") == moved
    assert stored(database) == numbers(0, 3)


def test_hundreds_come_in_batches(
    database: Database, account: Account, open_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one batch and more than one command's worth of UIDs arrive in order, none twice."""
    monkeypatch.setattr(imap_module, "LONGEST_COMMAND", 30)
    monkeypatch.setattr(imap_module, "BATCH", 20)
    account.append(mails(0, 130))
    assert open_mailbox().collect() == 130
    assert stored(database) == numbers(0, 130)
    assert account.count(criteria="UNSEEN") == 0


def test_a_huge_mail_is_kept_in_part_and_stays(
    database: Database, account: Account, open_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its beginning and its size are stored, it is neither marked nor moved, and the next mail comes in."""
    monkeypatch.setattr(imap_module, "LARGEST", 50_000)
    monkeypatch.setattr(imap_module, "BEGINNING", 10_000)
    account.append([mail("x" * 60_000 + "\n", message_id="<0@example.net>"), *mails(1, 2)])
    mailbox = open_mailbox(after="move")
    with capture_logs() as logs:
        assert mailbox.collect() == 2
    assert any(entry["event"] == "imap.too_large" for entry in logs)
    assert account.count() == 1
    with database.read() as session:
        row = session.scalars(select(Message).order_by(Message.id)).first()
        assert row is not None
        assert (len(row.raw), row.size > 60_000) == (10_000, True)
    mailbox.close()
    assert mailbox.collect() == 0


def test_uidvalidity_changes(database: Database, account: Account, open_mailbox: Callable[..., Mailbox]) -> None:
    """After the server has numbered anew, old mail is not taken in again and new mail is not missed."""
    account.append(mails(0, 4))
    mailbox = open_mailbox()
    mailbox.collect()
    mailbox.close()
    with account.client() as client:
        before = client.select_folder("INBOX")[b"UIDVALIDITY"]
    after = before
    deadline = time.monotonic() + 20
    while after == before and time.monotonic() < deadline:
        account.forget_uids()
        time.sleep(0.3)
        with account.client() as client:
            after = client.select_folder("INBOX")[b"UIDVALIDITY"]
    assert after != before
    account.append(mails(4, 6))
    with capture_logs() as logs:
        assert mailbox.collect() == 2
    assert any(entry["event"] == "imap.renumbered" for entry in logs)
    assert stored(database) == numbers(0, 6)


def test_a_folder_with_lower_numbers_is_read_again(
    database: Database, account: Account, open_mailbox: Callable[..., Mailbox]
) -> None:
    """A folder put back from a copy, with the same UIDVALIDITY and lower UIDs, hides no new mail."""
    account.append(mails(0, 2))
    mailbox = open_mailbox()
    mailbox.collect()
    with database.write() as session:
        session.scalars(select(Cursor)).one().last_uid = 500
    account.append(mails(2, 4))
    assert mailbox.collect() == 2
    assert stored(database) == numbers(0, 4)


def test_another_client_takes_mail_away(
    database: Database, account: Account, open_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail that is expunged between the search and the fetch is missing, logged, and stops nothing."""
    account.append(mails(0, 10))
    mailbox = open_mailbox()
    real = Mailbox._fetch

    def fetch(self: Mailbox, sizes: dict[int, int]) -> object:
        with account.client() as client:
            client.select_folder("INBOX")
            client.delete_messages([3, 4, 10])
            client.expunge()
            client.set_flags([1], [rb"\Flagged"])
        return real(self, sizes)

    monkeypatch.setattr(Mailbox, "_fetch", fetch)
    with capture_logs() as logs:
        mailbox.collect()
    monkeypatch.undo()
    gone = [entry["uids"] for entry in logs if entry["event"] == "imap.gone"]
    # A server may hand out what was expunged as long as the session has not been told (RFC 9051 §5.5).
    missing = {uid for uids in gone for uid in uids}
    assert missing <= {3, 4, 10}
    assert set(stored(database)) == set(numbers(0, 10)) - {str(uid - 1) for uid in missing}
    account.append(mails(10, 12))
    assert mailbox.collect() == 2


def test_what_was_stored_but_not_put_away(
    database: Database, account: Account, open_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between storing and moving leaves mail in the folder: the next connection moves it, stored once."""
    account.append(mails(0, 3))
    mailbox = open_mailbox(after="move")
    with monkeypatch.context() as patch:
        patch.setattr(Mailbox, "_put_away", lambda self, uids: None)
        mailbox.collect()
    mailbox.close()
    assert account.count() == 3
    assert mailbox.collect() == 0
    assert (account.count(), account.count("Processed"), stored(database)) == (0, 3, numbers(0, 3))


def test_idle_notices_at_once(database: Database, account: Account, open_mailbox: Callable[..., Mailbox]) -> None:
    """With IDLE, mail is there long before the polling interval is over."""
    with Running(open_mailbox(poll_seconds=60)) as running:
        account.append(mails(0, 1))
        wait_until(lambda: stored(database) == ["0"])
        for n in range(1, 4):
            account.append(mails(n, n + 1))
            wait_until(lambda n=n: stored(database) == numbers(0, n + 1), 10)  # type: ignore[misc]
        wait_until(lambda: running.woken >= 2)


def test_polling(database: Database, account: Account, open_mailbox: Callable[..., Mailbox]) -> None:
    """Without IDLE, mail is found at the next look."""
    with Running(open_mailbox(idle=False, poll_seconds=1)):
        account.append(mails(0, 2))
        wait_until(lambda: stored(database) == ["0", "1"])


def test_the_server_cuts_the_line(
    dovecot: Dovecot, database: Database, account: Account, open_mailbox: Callable[..., Mailbox]
) -> None:
    """The server's process killed during IDLE, again and again: the mailbox comes back and misses nothing."""
    with Running(open_mailbox(poll_seconds=30)):
        for n in range(4):
            wait_until(lambda: len(dovecot.imap_processes()) > 0)
            dovecot.kill_clients()
            account.append(mails(n, n + 1))
            wait_until(lambda n=n: stored(database) == numbers(0, n + 1))  # type: ignore[misc]


def test_the_server_is_away_for_a_while(
    dovecot: Dovecot, database: Database, account: Account, open_mailbox: Callable[..., Mailbox]
) -> None:
    """After the server has been stopped, the mailbox is back within two polling intervals."""
    with Running(open_mailbox(poll_seconds=1)), capture_logs() as logs:
        account.append(mails(0, 1))
        wait_until(lambda: stored(database) == ["0"])
        dovecot.stop()
        wait_until(lambda: sum(entry["event"] == "imap.failed" for entry in logs) >= 3)
        dovecot.start()
        account.append(mails(1, 3))
        wait_until(lambda: stored(database) == numbers(0, 3), 5)
    assert {entry["event"] for entry in logs} <= {"imap.connected", "imap.stored", "imap.failed"}


def test_numbers_change_while_the_mailbox_is_read(
    database: Database, account: Account, open_mailbox: Callable[..., Mailbox]
) -> None:
    """The server's list of UIDs removed again and again under an open connection: nothing missed, nothing twice."""
    with Running(open_mailbox(poll_seconds=1)):
        for n in range(5):
            account.append(mails(2 * n, 2 * n + 1))
            account.forget_uids()
            account.append(mails(2 * n + 1, 2 * n + 2))
            wait_until(lambda n=n: set(stored(database)) == set(numbers(0, 2 * n + 2)))  # type: ignore[misc]
    assert sorted(stored(database)) == sorted(numbers(0, 10))


def test_waiting_for_a_server_costs_nothing(
    open_mailbox: Callable[..., Mailbox], unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody answers, attempts come with growing pauses, each said once in the log."""
    pauses: list[float] = []
    stop = threading.Event()

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 12:
            stop.set()
        return stop.is_set()

    monkeypatch.setattr(stop, "wait", wait)
    with capture_logs() as logs:
        open_mailbox(port=unused_port, poll_seconds=600).run(stop, lambda: None)
    assert len(logs) == 12
    assert pauses[0] <= 1
    assert all(later > earlier for earlier, later in pairwise(pauses[:8]))
    assert 200 < pauses[-1] <= 300


@pytest.fixture
def unused_port() -> int:
    from tests.servers.postgresql import free_port

    return free_port()


def test_an_idle_mailbox_uses_no_processor(open_mailbox: Callable[..., Mailbox], account: Account) -> None:
    """While it waits, in IDLE or by polling, a mailbox uses under a twentieth of a core."""
    account.append(mails(0, 1))
    with Running(open_mailbox(poll_seconds=60)) as running:
        wait_until(lambda: running.woken == 1)
        time.sleep(0.3)
        begun, cpu = time.monotonic(), time.process_time()
        time.sleep(1.5)  # a stretch of time is what is measured here
        assert time.process_time() - cpu < 0.05 * (time.monotonic() - begun)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_certificates_are_checked(
    dovecot: Dovecot, database: Database, account: Account, open_mailbox: Callable[..., Mailbox], security: str
) -> None:
    """With the right authority mail comes in over TLS; with another one the log-in is not even tried."""
    account.append(mails(0, 1))
    port = dovecot.tls_port if security == "tls" else dovecot.port
    how = {"security": security, "port": port, "host": "localhost"}
    assert open_mailbox(ca_file=str(dovecot.ca_file), **how).collect() == 1
    for wrong in ({"ca_file": str(dovecot.other_ca_file)}, {}):
        with pytest.raises(Unreachable, match="certificate of localhost"):
            open_mailbox(**wrong, **how).collect()


def test_the_name_in_the_certificate_counts(dovecot: Dovecot, tmp_path: Path) -> None:
    """A trusted certificate for another name is refused."""
    imap = Imap.model_validate(
        {**dovecot.account().settings, "security": "tls", "port": dovecot.tls_port, "ca_file": str(dovecot.ca_file)}
    )
    assert "0 mails in INBOX" in probe(imap, tmp_path)
    other = imap.model_copy(update={"host": "127.0.0.2"})
    with pytest.raises(Unreachable):
        probe(other, tmp_path)


def test_troubles_are_told_in_a_sentence(
    dovecot: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    """Nobody there, no such folder, no such file, no password: what, where, and what to do; never the password."""
    imap = Imap.model_validate(dovecot.account().settings)
    for change, said in (
        ({"port": unused_port}, "cannot be reached"),
        ({"folder": "Nowhere"}, "Nowhere of .* cannot be opened"),
        ({"security": "tls", "ca_file": "missing.pem"}, "ca_file .*missing.pem"),
        ({"security": "tls", "port": dovecot.port}, "cannot be reached"),
    ):
        with pytest.raises(M4dbotError, match=said):
            probe(imap.model_copy(update=change), tmp_path)
    monkeypatch.setenv("M4DBOT_TEST_IMAP_PASSWORD", "not the password")
    with pytest.raises(Unreachable, match="refuses the log-in") as refused:
        probe(imap, tmp_path)
    assert "not the password" not in str(refused.value)
    monkeypatch.delenv("M4DBOT_TEST_IMAP_PASSWORD")
    with pytest.raises(M4dbotError, match="M4DBOT_TEST_IMAP_PASSWORD"):
        probe(imap, tmp_path)


def test_the_day_of_arrival_is_the_servers(
    database: Database, account: Account, open_mailbox: Callable[..., Mailbox]
) -> None:
    """Mail that waited while the bot was down came when the server says; an implausible day counts as now."""
    raws, days = mails(0, 3), [timedelta(days=20), timedelta(days=400), timedelta(days=-3)]
    with account.client() as client:
        for raw, ago in zip(raws, days, strict=True):
            client.append("INBOX", raw, msg_time=now() - ago)
    open_mailbox().collect()
    with database.read() as session:
        came = session.scalars(select(Message.received_at).order_by(Message.id)).all()
    assert [(now() - at).days for at in came] == [20, 0, 0]


def test_the_store_fails_and_the_mail_stays(
    database: Database, account: Account, open_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that cannot be written to: no mail is marked, and later all of it comes in."""
    account.append(mails(0, 2))
    mailbox = open_mailbox()

    def refuse(*_: object) -> None:
        raise Unreachable("The database is full.")

    with monkeypatch.context() as patch:
        patch.setattr(imap_module, "accept", refuse)
        with pytest.raises(Unreachable):
            mailbox.collect()
    assert account.count(criteria="UNSEEN") == 2
    assert mailbox.collect() == 2
    assert stored(database) == ["0", "1"]
