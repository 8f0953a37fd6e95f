"""Databases, servers and configurations for the tests.

A server that is not installed skips its tests, except where M4DBOT_REQUIRE_SERVERS is set (`make test` sets it).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from m4dbot.config import Config
from m4dbot.store import groups, migrate
from m4dbot.store.database import Database, open_database
from m4dbot.store.secret import Signer
from tests.servers import dovecot as dovecot_server
from tests.servers import postgresql as postgresql_server

WATER = {
    "slug": "water",
    "address": "water@groups.example.org",
    "name": "Water network",
    "languages": ["en", "fr", "es"],
    "timezone": "Europe/Brussels",
    "facilitators": [{"address": "fay@groups.example.org", "name": "Fay Facilitator"}],
}
SOIL = {
    "slug": "soil",
    "address": "soil@groups.example.org",
    "name": "Soil network",
    "timezone": "America/Lima",
    "facilitators": ["sol@groups.example.org"],
}


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist registers its marker itself, but not where it is switched off.
    config.addinivalue_line("markers", "xdist_group(name): run these tests in one worker")


@pytest.fixture(autouse=True)
def _log_as_at_the_start() -> Iterator[None]:
    """A command sets up the log for its process; the next test is another process, as it were."""
    yield
    structlog.reset_defaults()


def _missing(what: str, packages: str) -> None:
    sentence = f"{what} is not installed (apt-get install {packages})"
    if os.environ.get("M4DBOT_REQUIRE_SERVERS"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgresql_server.PostgreSQL]:
    """A private PostgreSQL server."""
    if postgresql_server.find() is None:
        _missing("PostgreSQL", "postgresql")
    with postgresql_server.PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot() -> Iterator[dovecot_server.Dovecot]:
    """A private Dovecot; `dovecot.account()` is a mailbox of one's own."""
    if dovecot_server.find() is None:
        _missing("Dovecot", "dovecot-imapd")
    with pytest.MonkeyPatch.context() as patch, dovecot_server.Dovecot() as server:
        patch.setenv("M4DBOT_TEST_IMAP_PASSWORD", dovecot_server.PASSWORD)
        yield server


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "m4dbot.sqlite"
    database = open_database(f"sqlite:///{path}")
    migrate.upgrade(database)
    with database.write() as session:
        Signer.create(session)
    database.close()
    return path


@pytest.fixture(scope="session")
def _postgresql_template(postgresql: postgresql_server.PostgreSQL) -> str:
    url = postgresql.create()
    database = open_database(url)
    migrate.upgrade(database)
    with database.write() as session:
        Signer.create(session)
    database.close()
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh database with tables and a secret, without groups; each test runs on both kinds."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "m4dbot.sqlite")
        yield f"sqlite:///{tmp_path / 'm4dbot.sqlite'}"
    else:
        server: postgresql_server.PostgreSQL = request.getfixturevalue("postgresql")
        url = server.create(request.getfixturevalue("_postgresql_template"))
        yield url
        server.drop(url)


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., Config]:
    """A factory of configurations: `make_config()`, `make_config(group=[…], imap={…})`; files lie in tmp_path."""

    def make(**tables: Any) -> Config:
        tables.setdefault("group", [WATER])
        return Config.model_validate({**tables, "base": tmp_path, "path": tmp_path / "config.toml"})

    return make


@pytest.fixture
def config(make_config: Callable[..., Config], database_url: str) -> Config:
    """One group ("water", water@groups.example.org, facilitator fay@…) on the test's database."""
    return make_config(database={"url": database_url})


@pytest.fixture
def two_groups(make_config: Callable[..., Config], database_url: str) -> Config:
    """Two groups ("water" and "soil") on the test's database."""
    return make_config(database={"url": database_url}, group=[WATER, SOIL])


@pytest.fixture
def database(database_url: str, config: Config) -> Iterator[Database]:
    """A fresh store with the group of `config`, on SQLite and on PostgreSQL in turn."""
    opened = open_database(database_url)
    with opened.write() as session:
        groups.follow(session, config.group)
    yield opened
    opened.close()
