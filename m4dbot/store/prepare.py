"""A database that is ready to work with: made where there is none, refused where it is not of our version."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from m4dbot.errors import M4dbotError
from m4dbot.store import groups, migrate
from m4dbot.store.database import Database, open_database
from m4dbot.store.secret import KEY, Signer
from m4dbot.store.tables import Setting

if TYPE_CHECKING:
    from m4dbot.config import Config


def prepared(config: Config) -> Database:
    """The configured database, with its tables, its secret and the configured groups.

    An empty database is created, also by two processes at once. Raises M4dbotError where the tables are older than
    this m4dbot (they are changed only when asked for) or newer.
    """
    database = open_database(config.database_url)
    try:
        _prepare(database, config)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: Database, config: Config) -> None:
    if database.path is not None and not database.path.parent.is_dir():
        raise M4dbotError(f"The folder {database.path.parent} for the database does not exist; create it.")
    if database.path is not None:
        _make_private(database.path)
    found, needed = _version(database), migrate.head()
    if found is None:
        migrate.upgrade(database)
    elif found < needed:
        raise M4dbotError(
            f"The database {_shown(database)} was written by an older m4dbot (its tables are of version {found}, "
            f"this one needs {needed}): make a backup, then run `m4dbot doctor --migrate`."
        )
    elif found > needed:
        raise M4dbotError(
            f"The database {_shown(database)} was written by a newer m4dbot (its tables are of version {found}, "
            f"this one knows {needed}): install that m4dbot again."
        )
    with database.read() as session:
        behind = session.get(Setting, KEY) is None or groups.differ(session, config.group)
    if behind:
        with database.write() as session:
            migrate.alone(session)
            Signer.create(session)
            groups.follow(session, config.group)


def _make_private(path: Path) -> None:
    """Make the file of a new database, so that it never is for everybody to read; its -wal and -shm follow it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as exc:
        raise M4dbotError(f"The database {path} cannot be made ({exc.strerror}).") from None


def _version(database: Database) -> str | None:
    """The version of the tables, by one query where they are there; looking closer costs more."""
    try:
        with database.read() as session:
            found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
    except M4dbotError as exc:
        if not isinstance(exc.__cause__, DBAPIError) or "no such table" not in str(exc.__cause__.orig):
            raise
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", "") != "42P01":  # undefined_table
            raise
    else:
        if found is not None:
            return found
    return migrate.status(database)[0]


def _shown(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=True)
