"""Taking mail in from files, looking at mail and outbox, the doctor, and backups."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from m4dbot.config import Config, load_config
from m4dbot.doctor import Level, check_domain
from m4dbot.errors import M4dbotError
from m4dbot.store.backup import backup
from m4dbot.store.database import Database, open_database
from m4dbot.store.prepare import prepared
from m4dbot.store.tables import Contribution, Message
from tests.cli.conftest import CONFIG
from tests.cli.running import Runner
from tests.integration.moderation.make import WATER, contribution, load

MAIL = """From: Grace Wanjiru <grace@county.example.org>
To: water@groups.example.org
Subject: Re: week 1
Date: Tue, 02 Mar 2027 10:00:00 +0300
Message-ID: <{number}@county.example.org>
Content-Type: text/plain; charset=utf-8

Question {number}: the committee repairs the pump, and it costs fifty.
"""


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is asked for in the DNS."""
    monkeypatch.setattr("m4dbot.doctor.ask_dns", lambda _name, _kind: None)


@pytest.fixture
def mails(m4dbot: Runner) -> Runner:
    """A runner with a discussion and two mails taken in from files."""
    (m4dbot.folder / "water.toml").write_text(WATER, encoding="utf-8")
    m4dbot("discussion", "load", "water.toml")
    m4dbot("subscribers", "add", "rita@example.org", "--delivery", "posts")
    folder = m4dbot.folder / "mail"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.eml").write_text(MAIL.format(number=number), encoding="utf-8")
    assert m4dbot("import", "mail").out.startswith("2 mails read, 2 new.")
    return m4dbot


def test_import_takes_each_mail_in_once(mails: Runner) -> None:
    """Started again it finds nothing new; a path that is not there is named; nobody is told of an import."""
    assert "2 known before" in mails("import", "mail").out
    assert mails("import", "mail/1.eml", "--json").json["new"] == 0
    assert "nowhere" in mails("import", "nowhere", code=1).err
    assert [w["id"] for w in mails("queue", "--json").json] == [1, 2]
    assert mails("outbox", "list", "--json").json["mailings"] == []


def test_every_mail_is_listed_with_its_fate(mails: Runner) -> None:
    """list, show and raw; raw gives the very bytes."""
    mails("reject", 2)
    found = mails("mail", "list", "--json").json
    assert [(m["contribution"], m["state"], m["source"]) for m in found] == [
        (1, "held", "import"),
        (2, "rejected", "import"),
    ]
    assert mails("mail", "list", "--what", "bounce").out == "No such mail has come in.\n"
    assert "Question 1: the committee" in mails("mail", "show", 1).out
    assert "no mail 9" in mails("mail", "show", 9, code=1).err


def test_raw_gives_the_bytes(mails: Runner) -> None:
    """What arrived is what is printed."""
    command = [sys.executable, "-m", "m4dbot", "mail", "raw", "1"]
    printed = subprocess.run(command, cwd=mails.folder, capture_output=True, check=True).stdout
    assert printed == MAIL.format(number=1).encode()


def test_the_outbox_is_listed_retried_and_cancelled(mails: Runner) -> None:
    """Each mailing with its deliveries; what is cancelled can be tried again by name only."""
    mails("approve", 1)
    listed = mails("outbox", "list", "--json").json
    assert listed["mailings"][0]["counts"] == {"pending": 1}
    assert "1 delivery is cancelled" in mails("outbox", "cancel", "1").out
    assert "no delivery will be" in mails("outbox", "retry").out
    assert "1 delivery will be" in mails("outbox", "retry", "1").out
    shown = mails("outbox", "show", "1", "--json").json[0]
    assert (shown["to"], shown["state"]) == ("rita@example.org", "pending")
    assert "no delivery 77" in mails("outbox", "retry", "77", code=1).err


def test_the_digest_is_previewed(mails: Runner) -> None:
    """As text on the terminal or as a page; nothing is queued by looking."""
    mails("approve", 1)
    assert "the committee repairs the pump" in mails("digest", "preview", "--week", 1).out
    mails("digest", "preview", "water-2027", "--week", 1, "--language", "fr", "--html", "digest.html")
    assert "<html" in (mails.folder / "digest.html").read_text(encoding="utf-8")
    assert "no week 9" in mails("digest", "preview", "--week", 9, code=1).err
    assert len(mails("outbox", "list", "--json").json["mailings"]) == 1


def test_the_doctor_says_what_is_in_order(m4dbot: Runner, offline: None) -> None:
    """A new installation has no failure; what is not in order comes with what to do."""
    found = m4dbot("doctor", "--json").json
    assert {f["what"] for f in found} >= {
        "configuration",
        "group",
        "clock",
        "disk",
        "database",
        "tables",
        "SMTP",
        "DNS",
    }
    assert all(f["do"] for f in found if f["level"] != "ok")
    assert all(len(line) <= 80 for line in m4dbot("doctor").out.splitlines())


def test_the_doctor_fails_where_servers_do_not_answer(m4dbot: Runner, offline: None) -> None:
    """IMAP and SMTP that cannot be reached are failures, each with its section; the others are checked all the same."""
    servers = "".join(
        f'[{section}]\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\nusername = "water"\npassword_env = "NONE"\n'
        for section in ("imap", "smtp")
    )
    (m4dbot.folder / "config.toml").write_text(servers + CONFIG, encoding="utf-8")
    found = {f["what"]: f for f in m4dbot("doctor", "--json", code=1).json}
    assert (found["IMAP"]["level"], found["SMTP"]["level"], found["tables"]["level"]) == ("fail", "fail", "ok")


def test_the_doctor_finds_a_damaged_database(mails: Runner, offline: None) -> None:
    """A page that was overwritten is a failure that names the backup, and the file is left alone."""
    path = mails.folder / "m4dbot.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw = bytearray(path.read_bytes())
    for page in range(8, len(raw) // 4096, 2):
        raw[page * 4096 : page * 4096 + 200] = b"\xa5" * 200
    path.write_bytes(raw)
    ran = mails("doctor", code=1)
    assert "backup" in " ".join(ran.out.split())
    assert path.read_bytes() == bytes(raw)


def test_old_tables_are_brought_up_to_date_when_asked(m4dbot: Runner, offline: None) -> None:
    """A database that was never migrated is refused by commands and made good by --migrate."""
    m4dbot("discussion", "list")
    with closing(sqlite3.connect(m4dbot.folder / "m4dbot.sqlite")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()
    assert "doctor --migrate" in m4dbot("discussion", "list", code=1).err
    assert any(f["level"] == "fail" and "--migrate" in f["says"] for f in m4dbot("doctor", "--json", code=1).json)


def answers(records: dict[tuple[str, str], Sequence[str] | None]) -> object:
    return lambda name, kind: records.get((name, kind), [])


GOOD = {
    ("groups.example.org", "MX"): ["10 mail.example.org."],
    ("groups.example.org", "TXT"): ["some=thing", "v=spf1 include:relay.example.org -all"],
    ("_dmarc.example.org", "TXT"): ["v=DMARC1; p=quarantine"],
    ("m1._domainkey.groups.example.org", "TXT"): ["v=DKIM1; k=rsa; p=MIGf"],
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {}),
        ({("groups.example.org", "MX"): None}, {"DNS": "warn"}),
        ({("groups.example.org", "MX"): []}, {"MX": "warn"}),
        ({("groups.example.org", "MX"): ["0 ."]}, {"MX": "fail"}),
        ({("groups.example.org", "TXT"): ["v=spf10 -all"]}, {"SPF": "warn"}),
        ({("groups.example.org", "TXT"): ["v=spf1 -all", "v=spf1 +all"]}, {"SPF": "fail"}),
        ({("groups.example.org", "TXT"): ["v=spf1 +all"]}, {"SPF": "warn"}),
        ({("groups.example.org", "TXT"): None}, {"SPF": "warn"}),
        ({("_dmarc.example.org", "TXT"): []}, {"DMARC": "warn"}),
        ({("_dmarc.groups.example.org", "TXT"): ["v=DMARC1; p=none", "v=DMARC1; p=none"]}, {"DMARC": "fail"}),
        ({("m1._domainkey.groups.example.org", "TXT"): ["v=DKIM1; p="]}, {"DKIM": "fail"}),
        ({("m1._domainkey.groups.example.org", "TXT"): None}, {"DKIM": "warn"}),
    ],
)
def test_what_the_dns_says_of_a_domain(
    changed: dict[tuple[str, str], list[str] | None], expected: dict[str, str]
) -> None:
    """Each record that is missing, doubled or open to everybody is found, and only it; DMARC may be the parent's."""
    found = list(check_domain("groups.example.org", answers({**GOOD, **changed}), "m1"))  # type: ignore[arg-type]
    assert {f.what: f.level.value for f in found if f.level is not Level.OK} == expected
    assert all(f.do for f in found if f.level is not Level.OK)


def test_a_backup_is_whole_private_and_never_replaces(mails: Runner) -> None:
    """The copy is one file, sound, its owner's only; a file that is there is left; a restored copy works."""
    mails("backup", "copy.sqlite")
    path = mails.folder / "copy.sqlite"
    assert path.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    before = path.read_bytes()
    assert "left as it is" in mails("backup", "copy.sqlite", code=1).err
    assert path.read_bytes() == before
    assert "does not exist" in mails("backup", "no/where.sqlite", code=1).err
    assert not list(mails.folder.glob(".*.part*"))
    other = mails.folder / "elsewhere"
    other.mkdir()
    shutil.copy(path, other / "m4dbot.sqlite")
    shutil.copy(mails.folder / "config.toml", other)
    restored = mails("--config", other / "config.toml", "queue", "--json").json
    assert [w["id"] for w in restored] == [1, 2]


def test_a_backup_while_others_write(database: Database, config: Config, tmp_path: Path) -> None:
    """Copies made while mail comes in are consistent: no contribution without its mail."""
    if not database.is_sqlite:
        pytest.skip("pg_dump reads one snapshot")
    with database.write() as session:
        discussion = load(session)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with database.write() as session:
                contribution(session, discussion_id=discussion)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            backup(database, tmp_path / f"copy-{number}.sqlite")
    finally:
        stop.set()
        writer.join(60)
    for number in range(3):
        copy = open_database(f"sqlite:///{tmp_path / f'copy-{number}.sqlite'}")
        with copy.read() as session:
            mails = len(session.scalars(select(Message.id)).all())
            assert mails == len(session.scalars(select(Contribution.id)).all())
        copy.close()


def test_a_backup_of_postgresql(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump makes an archive that pg_restore can read; without pg_dump a sentence says what to install."""
    if database.is_sqlite:
        pytest.skip("of PostgreSQL")
    if shutil.which("pg_dump") is not None:
        assert backup(database, tmp_path / "copy.dump") > 0
        assert (tmp_path / "copy.dump").read_bytes()[:5] == b"PGDMP"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(M4dbotError, match="postgresql-client"):
        backup(database, tmp_path / "other.dump")
    assert not (tmp_path / "other.dump").exists()


def test_prepared_is_what_the_commands_use(m4dbot: Runner) -> None:
    """A command on a new installation makes the database, with the configured groups."""
    m4dbot("subscribers", "list")
    database = prepared(load_config(None))
    assert database.path is not None
    assert database.path.exists()
    database.close()
