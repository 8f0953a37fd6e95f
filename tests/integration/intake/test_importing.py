"""Mail from files."""

from __future__ import annotations

import mailbox
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from m4dbot.config import Config
from m4dbot.errors import NotFound
from m4dbot.intake import importing
from m4dbot.intake.importing import Imported, import_mail
from m4dbot.store.database import Database
from m4dbot.store.tables import Contribution, Message, Passage
from tests.samples import WELLS, load_discussion, mail

NOW = datetime(2027, 5, 1, tzinfo=UTC)


def some(count: int) -> list[bytes]:
    return [
        mail(
            f"Question {1 + n % 2}: answer {n}.\n",
            message_id=f"<{n}@x>",
            date=f"Tue, {2 + n % 5:02} Mar 2027 09:00:00 +0100",
        )
        for n in range(count)
    ]


def test_folders_mboxes_and_maildirs(database: Database, config: Config, tmp_path: Path) -> None:
    """The same mails in three forms are taken in once, received when they were written, tagged and held."""
    load_discussion(database, WELLS)
    raws = some(6)
    (tmp_path / "eml").mkdir()
    for n, raw in enumerate(raws):
        (tmp_path / "eml" / f"{n}.eml").write_bytes(raw)
    box = mailbox.mbox(tmp_path / "box")
    folder = mailbox.Maildir(tmp_path / "maildir", create=True)
    for raw in raws:
        box.add(raw)
        folder.add(raw)
    box.close()
    folder.close()
    done = import_mail(database, config, [tmp_path / "eml", tmp_path / "box", tmp_path / "maildir"], NOW)
    assert (done.mails, done.new, len(done.outcomes)) == (18, 6, 6)
    with database.read() as session:
        rows = session.scalars(select(Message).order_by(Message.id)).all()
        assert [r.received_at.day for r in rows] == [2, 3, 4, 5, 6, 2]
        assert {r.source for r in rows} == {"import"}
        assert {c.state for c in session.scalars(select(Contribution))} == {"held"}
        assert [(p.week, p.question) for p in session.scalars(select(Passage))] == [(1, 1), (1, 2)] * 3


def test_an_interrupted_import_goes_on(
    database: Database, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle and started again, every mail is there once; progress is told after each batch."""
    monkeypatch.setattr(importing, "BATCH", 10)
    for n, raw in enumerate(some(35)):
        (tmp_path / f"{n:02}.eml").write_bytes(raw)

    def interrupt(done: Imported) -> None:
        if done.mails == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_mail(database, config, [tmp_path], NOW, on_progress=interrupt)
    seen: list[tuple[int, int]] = []
    import_mail(database, config, [tmp_path], NOW, on_progress=lambda d: seen.append((d.mails, d.new)))
    assert seen == [(10, 0), (20, 0), (30, 10), (35, 15)]
    assert import_mail(database, config, [tmp_path], NOW).new == 0


def test_dates_that_cannot_be(database: Database, config: Config, tmp_path: Path) -> None:
    """A mail without a date, or from the future, came now."""
    (tmp_path / "1.eml").write_bytes(mail(date="Fri, 03 Mar 2062 09:00:00 +0000"))
    (tmp_path / "2.eml").write_bytes(mail(date="soon", message_id="<2@x>"))
    import_mail(database, config, [tmp_path], NOW)
    with database.read() as session:
        assert session.scalars(select(Message.received_at)).all() == [NOW, NOW]


def test_a_missing_path_is_named(database: Database, config: Config, tmp_path: Path) -> None:
    """What is not there is named."""
    with pytest.raises(NotFound, match="nowhere"):
        import_mail(database, config, [tmp_path / "nowhere"], NOW)
