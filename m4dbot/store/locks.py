"""Who may run: one bot on a SQLite database; on PostgreSQL several, of which one keeps the calendar."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from m4dbot.errors import AlreadyRunning, M4dbotError
from m4dbot.store.database import Database

CALENDAR = 7_204_461  # the advisory lock's number; any, as long as it stays the same


@contextmanager
def only_bot(database: Database) -> Iterator[None]:
    """Hold the database of a SQLite file for this process; nothing on PostgreSQL.

    The kernel gives the lock back when the process ends, however it ends, so a lock is never stale.
    Raises AlreadyRunning naming the process that holds it.
    """
    path = database.path
    if path is None:
        yield
        return
    lock = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise M4dbotError(f"The lock file {lock} cannot be written ({exc.strerror}).") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Another m4dbot (process {_holder(lock)}) already runs on {path}; stop it first."
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)


def _holder(lock: Path) -> str:
    try:
        return lock.read_text(encoding="ascii").strip() or "unknown"
    except (OSError, UnicodeDecodeError):
        return "unknown"


def keeps_calendar(session: Session) -> bool:
    """Whether this transaction holds the calendar: always on SQLite; on PostgreSQL the first to ask, until its end.

    Each occasion is claimed by a UNIQUE key in any case; the lock spares the others the work.
    """
    if session.get_bind().dialect.name == "sqlite":
        return True
    return bool(session.scalar(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": CALENDAR}))
