"""Engines and sessions for SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from m4dbot.errors import M4dbotError, Unreachable

LOCK_WAIT = 60.0  # seconds a writer waits for another on SQLite before giving up


@dataclass(frozen=True, slots=True)
class Database:
    """A store to work with: `with database.write() as session:` commits at the end or rolls back."""

    engine: Engine

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that holds the write lock from its start on SQLite (BEGIN IMMEDIATE)."""
        with _told(self.engine), Session(self.engine) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading: one consistent view, never waiting for a writer."""
        engine = self.engine.execution_options(m4dbot_read=True)
        with _told(self.engine), Session(engine) as session:
            yield session
            session.rollback()

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """Say in a sentence what a database could not do; the driver's own words stay inside."""
    try:
        yield
    except OperationalError as exc:
        shown = engine.url.render_as_string(hide_password=True)
        said = " ".join(str(exc.orig).split())
        if "no such table" in said or "no such column" in said:
            raise M4dbotError(f"The database {shown} is not up to date ({said}); run `m4dbot doctor`.") from exc
        raise Unreachable(f"The database {shown} cannot be used: {said}.") from exc
    except DBAPIError as exc:
        if "malformed" in str(exc.orig) or "not a database" in str(exc.orig):
            shown = engine.url.render_as_string(hide_password=True)
            raise M4dbotError(f"The database {shown} is damaged ({exc.orig}); restore it from a backup.") from exc
        raise


def open_database(url: str | URL) -> Database:
    """The store at `url` ("sqlite:///…" or "postgresql://…"). Nothing is connected or created yet.

    Raises M4dbotError where the URL makes no sense or a driver is missing.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return Database(_sqlite(parsed))
        if parsed.get_backend_name() == "postgresql":
            return Database(_postgresql(parsed))
    except (ArgumentError, NoSuchModuleError):
        raise M4dbotError("[database] url is no database address; for example sqlite:///m4dbot.sqlite") from None
    except ModuleNotFoundError:
        raise M4dbotError("PostgreSQL needs its driver: pip install 'm4dbot[postgresql]'") from None
    raise M4dbotError(
        f"[database] url names {parsed.get_backend_name()}; m4dbot keeps its store in SQLite or PostgreSQL"
    )


def _sqlite(url: URL) -> Engine:
    # An engine per file; connections are made with autocommit so that our own BEGIN decides.
    engine = create_engine(url, connect_args={"timeout": LOCK_WAIT, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # With a deferred BEGIN two writers that read first claim the same rows.
        reading = connection.get_execution_options().get("m4dbot_read")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(url, pool_pre_ping=True, pool_size=10, connect_args={"connect_timeout": 10})
