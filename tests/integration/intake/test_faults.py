"""A store that is locked, full or restarted, and mail that upsets the door."""

from __future__ import annotations

import smtplib
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from m4dbot.config import Config, Listener
from m4dbot.errors import Unreachable
from m4dbot.intake import door
from m4dbot.intake.door import accept
from m4dbot.intake.listener import MailListener
from m4dbot.intake.processing import process_new
from m4dbot.intake.routing import Routing
from m4dbot.intake.values import Arrival
from m4dbot.store import database as database_module
from m4dbot.store.database import Database, open_database
from m4dbot.store.tables import Message
from tests.samples import IN_WEEK_1, WELLS, load_discussion, mail
from tests.servers.postgresql import PostgreSQL


def count(database: Database, disposition: str | None = None) -> int:
    with database.read() as session:
        query = select(func.count()).select_from(Message)
        if disposition:
            query = query.where(Message.disposition == disposition)
        return session.scalar(query) or 0


def routing_of(database: Database, config: Config) -> Routing:
    with database.read() as session:
        return Routing.load(session, config)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_locked_database(database: Database, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program holds the file, a writer waits, then says so; nothing is stored half, nothing is lost."""
    routing = routing_of(database, config)
    monkeypatch.setattr(database_module, "LOCK_WAIT", 0.2)
    impatient = open_database(config.database_url)
    holder = sqlite3.connect(tmp_path / "m4dbot.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unreachable, match="locked"):
        accept(impatient, [Arrival(mail(), "imap", IN_WEEK_1)], routing)
    patient = threading.Thread(target=accept, args=(database, [Arrival(mail(), "imap", IN_WEEK_1)], routing))
    patient.start()
    patient.join(0.3)
    assert patient.is_alive()
    holder.execute("ROLLBACK")
    holder.close()
    patient.join(30)
    assert count(database) == 1
    impatient.close()


@pytest.fixture
def full(database: Database) -> Iterator[list[bool]]:
    """A switch: while it holds True, the database's file cannot grow."""
    switch = [False]

    @event.listens_for(database.engine, "begin")
    def limit(connection: object) -> None:
        # Set as SQLite would find a disk without room: no page more than there are.
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() if switch[0] else 1_073_741_823  # type: ignore[attr-defined]
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")  # type: ignore[attr-defined]

    yield switch
    event.remove(database.engine, "begin", limit)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk(database: Database, config: Config, full: list[bool]) -> None:
    """The mail server is told to come again; when there is room everything goes on and the file is sound."""
    load_discussion(database, WELLS)
    big = mail("Question 1: " + "water " * 20_000)
    settings = Listener(port=0, protocol="smtp")
    with (
        MailListener(database, config, settings, clock=lambda: datetime.now(UTC), on_mail=lambda: None) as listener,
        smtplib.SMTP("127.0.0.1", listener.port, timeout=20) as client,
    ):
        full[0] = True
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("a@example.net", ["water@groups.example.org"], big)
        assert refused.value.smtp_code == 451
        full[0] = False
        client.sendmail("a@example.net", ["water@groups.example.org"], big)
    full[0] = True
    with pytest.raises(Unreachable, match="full"):
        process_new(database, config, IN_WEEK_1)
    full[0] = False
    assert count(database, "new") == 1
    [outcome] = process_new(database, config, IN_WEEK_1).outcomes
    assert outcome.contribution_id is not None
    with database.read() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))], indirect=True
)
def test_postgresql_restarts(database: Database, config: Config, postgresql: PostgreSQL) -> None:
    """While it is away that is said; when it is back the same process goes on."""
    routing = routing_of(database, config)
    for n in range(3):
        accept(database, [Arrival(mail(message_id=f"<a{n}@x>"), "imap", IN_WEEK_1)], routing)
        postgresql.stop()
        try:
            with pytest.raises(Unreachable):
                accept(database, [Arrival(mail(message_id=f"<b{n}@x>"), "imap", IN_WEEK_1)], routing)
        finally:
            postgresql.start()
        accept(database, [Arrival(mail(message_id=f"<b{n}@x>"), "imap", IN_WEEK_1)], routing)
    assert count(database) == 6
    assert len(process_new(database, config, IN_WEEK_1).outcomes) == 6


def test_a_mail_that_upsets_the_door(database: Database, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored by its bytes, once, and the mail behind it too."""
    real = door.headers_of

    def headers_of(raw: bytes) -> object:
        if b"thorn" in raw:
            raise RecursionError("deep")
        return real(raw)

    monkeypatch.setattr(door, "headers_of", headers_of)
    arrivals = [Arrival(raw, "imap", IN_WEEK_1) for raw in (mail("thorn\n"), mail(message_id="<2@x>"))]
    for expected in ([True, True], [False, False]):
        assert [a.new for a in accept(database, arrivals, routing_of(database, config))] == expected
    assert count(database) == 2
