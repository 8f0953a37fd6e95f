"""Migrations lead to the tables, and back."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from m4dbot.config import Config
from m4dbot.errors import M4dbotError
from m4dbot.store import migrate
from m4dbot.store.database import Database, open_database
from m4dbot.store.prepare import prepared
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Base, Group
from tests.servers.postgresql import PostgreSQL


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without anything in it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.create()
    opened = open_database(url)
    yield opened
    opened.close()


def shape(database: Database) -> dict[str, Any]:
    """Everything the database says about its tables, in a form that can be compared."""
    found: dict[str, Any] = {}
    with database.engine.connect() as connection:
        inspector = inspect(connection)
        for table in sorted(inspector.get_table_names()):
            if table != "alembic_version":
                found[table] = {
                    "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
                    "unique": sorted((u["name"], u["column_names"]) for u in inspector.get_unique_constraints(table)),
                    "indexes": sorted((str(i["name"]), i["column_names"]) for i in inspector.get_indexes(table)),
                    "foreign": sorted(
                        (str(f["name"]), f["constrained_columns"], f["referred_table"])
                        for f in inspector.get_foreign_keys(table)
                    ),
                    "key": inspector.get_pk_constraint(table)["constrained_columns"],
                }
        if database.is_sqlite:
            made = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
            found["numbers never come again"] = sorted(name for name, sql in made if sql and "AUTOINCREMENT" in sql)
    return found


def test_migrations_make_the_tables(empty: Database) -> None:
    """From nothing to the head: alembic sees no difference from the tables, and neither does the catalogue."""
    migrate.upgrade(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    migrated = shape(empty)
    migrate.downgrade(empty, "base")
    with empty.write() as session:
        Base.metadata.create_all(session.connection())
    assert shape(empty) == migrated


def test_every_step_goes_up_and_down(empty: Database) -> None:
    """Each migration can be undone and done again, and leaves what was there before it."""
    names = sorted(p.name for p in Path("migrations/versions").glob("[0-9]*.py"))
    revisions = [name.partition("_")[0] for name in names]
    shapes = {"base": shape(empty)}
    for revision in revisions:
        migrate.upgrade(empty, revision)
        shapes[revision] = shape(empty)
    for before, revision in reversed(list(zip(["base", *revisions], revisions, strict=False))):
        migrate.downgrade(empty, before)
        assert shape(empty) == shapes[before]
        migrate.upgrade(empty, revision)
        assert shape(empty) == shapes[revision]
        migrate.downgrade(empty, before)
    assert migrate.status(empty) == (None, revisions[-1])


def test_file_names_follow_the_revisions() -> None:
    """prepare.py reads the head from file names, so each file is named after its revision and follows the last."""
    previous, before = None, "None"
    for path in sorted(Path("migrations/versions").glob("[0-9]*.py")):
        source = path.read_text(encoding="utf-8")
        revision = path.name.partition("_")[0]
        assert re.search(rf'^revision = "{revision}"$', source, re.MULTILINE)
        assert re.search(rf"^down_revision = {before}$", source, re.MULTILINE)
        previous, before = revision, f'"{revision}"'
    assert migrate.head() == previous


def test_an_empty_database_is_made(empty: Database, make_config: Callable[..., Config]) -> None:
    """The first command makes the tables, the secret and the groups; the second changes nothing."""
    config = make_config(database={"url": empty.engine.url.render_as_string(hide_password=False)})
    for _ in range(2):
        database = prepared(config)
        with database.read() as session:
            assert [g.slug for g in session.query(Group)] == ["water"]
            secret = Signer.load(session)
        database.close()
    with empty.read() as session:
        assert Signer.load(session) == secret


def test_older_and_newer_databases_are_refused(empty: Database, make_config: Callable[..., Config]) -> None:
    """Tables are changed only when asked for; what a newer m4dbot wrote is not touched."""
    config = make_config(database={"url": empty.engine.url.render_as_string(hide_password=False)})
    prepared(config).close()
    for version, said in (("0000", "doctor --migrate"), ("9999", "newer m4dbot")):
        with empty.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
        with pytest.raises(M4dbotError, match=said):
            prepared(config)


def test_a_strange_database_is_refused(empty: Database, make_config: Callable[..., Config]) -> None:
    """A database with tables of something else is left alone."""
    with empty.write() as session:
        session.execute(text("CREATE TABLE accounts (id INTEGER)"))
    config = make_config(database={"url": empty.engine.url.render_as_string(hide_password=False)})
    with pytest.raises(M4dbotError, match="not m4dbot's"):
        prepared(config)


def test_a_missing_folder_is_named(make_config: Callable[..., Config], tmp_path: Path) -> None:
    """A database in a folder that is not there says so."""
    with pytest.raises(M4dbotError, match="does not exist"):
        prepared(make_config(database={"url": f"sqlite:///{tmp_path}/nowhere/m4dbot.sqlite"}))


def test_two_processes_at_once_make_one_database(empty: Database, tmp_path: Path) -> None:
    """Several first commands at the same moment: the tables are made once, and all of them go on."""
    url = empty.engine.url.render_as_string(hide_password=False)
    (tmp_path / "config.toml").write_text(
        f'[database]\nurl = "{url}"\n[[group]]\nslug = "water"\naddress = "water@example.org"\nname = "Water"\n'
    )
    code = "import sys; from m4dbot.config import load_config; from m4dbot.store.prepare import prepared; "
    code += "prepared(load_config(sys.argv[1]))"
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "config.toml")], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    with empty.read() as session:
        assert session.query(Group).count() == 1
        Signer.load(session)
