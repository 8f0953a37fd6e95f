"""Without a relay the mails go into a Maildir."""

from __future__ import annotations

import mailbox
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from m4dbot.config import Config
from m4dbot.delivery.worker import Delivered, Worker
from m4dbot.errors import M4dbotError
from m4dbot.store.database import Database
from m4dbot.store.tables import Delivery
from tests.integration.sending.making import NOW, people, queue, rendered


@pytest.fixture
def worker(database: Database, make_config: Callable[..., Config]) -> Worker:
    return Worker(database, make_config(), lambda: NOW)


def test_each_recipient_gets_a_file(database: Database, worker: Worker, tmp_path: Path) -> None:
    """Whole mails with the envelope noted, states as with a relay, and nothing left in tmp."""
    with database.write() as session:
        queue(session, recipients=people(150))
    assert worker.deliver_due(NOW) == Delivered(sent=150)
    box = mailbox.Maildir(tmp_path / "outbox", create=False)
    with database.read() as session:
        rows = session.execute(select(Delivery.recipient, Delivery.message_id, Delivery.state, Delivery.attempts)).all()
    assert {(m["Delivered-To"], m["Message-ID"]) for m in box} == {(r.recipient, f"<{r.message_id}>") for r in rows}
    assert {(r.state, r.attempts) for r in rows} == {("sent", 1)}
    one = next(iter(box))
    assert one["Return-Path"].startswith("<water+b-")
    assert one.get_payload().startswith("How do you read the meters?\n.one dot\n..\nSent to member")
    assert not list((tmp_path / "outbox" / "tmp").iterdir())
    assert worker.deliver_due(NOW + timedelta(hours=1)) == Delivered()


def test_a_mail_written_again_takes_the_place_of_the_first(database: Database, worker: Worker, tmp_path: Path) -> None:
    """As after a crash between the file and its state."""
    with database.write() as session:
        queue(session, recipients=people(3))
    worker.deliver_due(NOW)
    with database.write() as session:
        session.execute(update(Delivery).values(state="pending"))
    assert worker.deliver_due(NOW).sent == 3
    assert len(mailbox.Maildir(tmp_path / "outbox", create=False)) == 3


def test_a_folder_that_cannot_be_written_loses_nothing(database: Database, worker: Worker, tmp_path: Path) -> None:
    """The error names the folder; the mails stay queued."""
    (tmp_path / "outbox").write_text("in the way")
    with database.write() as session:
        queue(session, recipients=people(3))
    with pytest.raises(M4dbotError, match="outbox"):
        worker.deliver_due(NOW)
    with database.read() as session:
        assert set(session.scalars(select(Delivery.state))) == {"pending"}
    os.unlink(tmp_path / "outbox")
    assert worker.deliver_due(NOW).sent == 3


def test_a_full_disk_loses_nothing(
    database: Database, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file cannot be written whole, its mail is not counted as sent, and the rest waits too."""
    with database.write() as session:
        queue(session, recipients=people(10))
    real, written = os.fsync, []

    def full(handle: int) -> None:
        written.append(handle)
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(M4dbotError, match="No space left"):
        worker.deliver_due(NOW)
    monkeypatch.undo()
    with database.read() as session:
        assert set(session.scalars(select(Delivery.state))) == {"pending"}
    assert worker.deliver_due(NOW).sent == 10
    assert len(mailbox.Maildir(tmp_path / "outbox", create=False)) == 10


def test_a_mail_that_cannot_be_made_stops_nobody(database: Database, worker: Worker) -> None:
    """It fails alone, with the reason."""
    with database.write() as session:
        queue(session, recipients=people(4), renderings=[rendered()])
        session.execute(update(Delivery).where(Delivery.recipient.like("member2%")).values(recipient="x\r\ny@z.org"))
    assert worker.deliver_due(NOW) == Delivered(sent=3, failed=1)
