"""Walk the tables from one version to another. alembic is imported only when there is something to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from m4dbot.errors import M4dbotError
from m4dbot.resources import resource
from m4dbot.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

LOCK = 0x6D34_646D_6967  # the advisory lock of a PostgreSQL database while it is made or changed


def head() -> str:
    """The version this m4dbot's tables have: files are named after their revision, "0001_….py", in order."""
    found = sorted(p.name.partition("_")[0] for p in (resource("migrations") / "versions").glob("[0-9]*_*.py"))
    if not found:
        raise M4dbotError("This installation of m4dbot is incomplete: its migrations are missing; install it again.")
    return found[-1]


def current(connection: Connection) -> str | None:
    """The version a database has; None where it is empty. Raises M4dbotError where it is somebody else's."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if "alembic_version" not in names:
        shown = connection.engine.url.render_as_string(hide_password=True)
        raise M4dbotError(f"The database {shown} holds tables that are not m4dbot's; name another in [database] url.")
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def status(database: Database) -> tuple[str | None, str]:
    """(the version the database has or None where it is empty, the version this m4dbot needs)."""
    with database.read() as session:
        return current(session.connection()), head()


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the tables up to `revision`, in one transaction. Two processes at once do it once."""

    def up(config: AlembicConfig, connection: Connection) -> None:
        from alembic import command

        if current(connection) != (head() if revision == "head" else revision):
            command.upgrade(config, revision)

    _run(database, up)


def downgrade(database: Database, revision: str) -> None:
    """Take the tables back to `revision` ("base": none at all), in one transaction. What they hold besides is lost."""

    def down(config: AlembicConfig, _connection: Connection) -> None:
        from alembic import command

        command.downgrade(config, revision)

    _run(database, down)


def _run(database: Database, work: Callable[[AlembicConfig, Connection], None]) -> None:
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig()
    config.set_main_option("script_location", str(resource("migrations")).replace("%", "%%"))
    with database.write() as session:
        connection = alone(session)
        if database.is_sqlite:
            # Within a transaction this only defers the check to the commit; batch mode copies tables that others
            # refer to.
            connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        config.attributes["connection"] = connection
        work(config, connection)


def alone(session: Session) -> Connection:
    """Wait until no other process prepares this database, and keep others waiting until the transaction's end."""
    connection = session.connection()
    # On SQLite a session that writes is alone from its beginning.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    return connection
