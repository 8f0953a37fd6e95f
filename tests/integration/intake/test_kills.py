"""kill -9 during intake: nothing is lost, nothing is stored twice."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from m4dbot.store.database import open_database
from m4dbot.store.migrate import upgrade
from m4dbot.store.tables import Contribution, Message
from tests.integration.intake.test_listener import Client
from tests.samples import mail
from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.xdist_group("dovecot")

KILLS = 30
EACH = 8  # mails that arrive around each kill

CONFIG = """
[database]
url = "{url}"
[imap]
host = "127.0.0.1"
port = {port}
security = "none"
username = "{user}"
password_env = "M4DBOT_TEST_IMAP_PASSWORD"
after = "move"
poll_seconds = 1
[[group]]
slug = "water"
address = "water@groups.example.org"
name = "Water network"
"""


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("dovecot"))])
def test_killed_at_random_moments(kind: str, dovecot: Dovecot, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Killed again and again while mail comes in and is moved: at each moment every mail is in the folder or in the
    store, and after the last start all of it is in the store once, filed, and moved once."""
    account = dovecot.account()
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'm4dbot.sqlite'}"
    else:
        url = request.getfixturevalue("postgresql").create()
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(url=url, port=dovecot.port, user=account.name))
    database = open_database(url)
    upgrade(database)
    dice = random.Random(20270301)
    kills = KILLS if kind == "sqlite" else KILLS // 3
    sent = 0
    log = (tmp_path / "log").open("wb")

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.integration.intake.taking_in", str(path)]
        return subprocess.Popen(command, stdout=log, stderr=log)

    def stored() -> list[str]:
        with database.read() as session:
            return list(session.scalars(select(Message.message_id)))

    with account.client() as client:
        for folder in ("INBOX", "Processed"):
            if not client.folder_exists(folder):
                client.create_folder(folder)
        for _ in range(kills):
            process = start()
            # Most moments lie where work is done: some while it starts, most while mail streams in.
            before = len(stored())
            for _ in range(EACH):
                client.append("INBOX", mail(f"Question 1: {sent}\n", message_id=f"<{sent}@x>"))
                sent += 1
            deadline = time.monotonic() + 10
            while len(stored()) == before and time.monotonic() < deadline and dice.random() < 0.97:
                time.sleep(0.02)
            for _ in range(dice.randrange(EACH)):
                client.append("INBOX", mail(f"Question 1: {sent}\n", message_id=f"<{sent}@x>"))
                sent += 1
            time.sleep(dice.uniform(0, 0.1))
            process.kill()
            process.wait(10)
            client.select_folder("INBOX")
            waiting = client.fetch(client.search(), ["ENVELOPE"]) if client.search() else {}
            in_folder = {e[b"ENVELOPE"].message_id.decode().strip("<>") for e in waiting.values()}
            assert in_folder | set(stored()) == {f"{n}@x" for n in range(sent)}
        process = start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            client.select_folder("INBOX")
            if not client.search() and not _unfiled(database):
                break
            time.sleep(0.1)
        process.kill()
        process.wait(10)
        client.select_folder("Processed")
        moved = len(client.search())
    log.close()
    assert sorted(stored()) == sorted(f"{n}@x" for n in range(sent))
    assert moved == sent
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Contribution)) == sent
    if kind == "sqlite":
        with database.read() as session:
            assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    database.close()


LMTP_CONFIG = """
[database]
url = "{url}"
[lmtp]
port = 0
[[group]]
slug = "water"
address = "water@groups.example.org"
name = "Water network"
"""


def test_killed_while_listening(tmp_path: Path) -> None:
    """By LMTP: each mail that was acknowledged is in the store once, each other one at most once."""
    path = tmp_path / "config.toml"
    path.write_text(LMTP_CONFIG.format(url=f"sqlite:///{tmp_path / 'm4dbot.sqlite'}"))
    database = open_database(f"sqlite:///{tmp_path / 'm4dbot.sqlite'}")
    upgrade(database)
    dice = random.Random(20270302)
    acknowledged: set[str] = set()
    tried = 0
    lock = threading.Lock()

    def deliver(port: int) -> None:
        """Send one mail after the other until the line is cut."""
        nonlocal tried
        with contextlib.suppress(OSError, AssertionError), Client(port) as client:
            while True:
                with lock:
                    name, tried = f"{tried}@x", tried + 1
                replies = client.send(mail(f"Question 1: {name}\n", message_id=f"<{name}>"), "water@groups.example.org")
                if replies[0].startswith("250"):
                    with lock:
                        acknowledged.add(name)

    for _ in range(KILLS // 3):
        command = [sys.executable, "-m", "tests.integration.intake.taking_in", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            port = next(int(line) for line in process.stdout if line.strip().isdigit())
            senders = [threading.Thread(target=deliver, args=(port,)) for _ in range(4)]
            for sender in senders:
                sender.start()
            time.sleep(dice.uniform(0.02, 0.4))
            process.kill()
            for sender in senders:
                sender.join(20)
    with database.read() as session:
        stored = list(session.scalars(select(Message.message_id)))
    assert len(acknowledged) > 20
    assert acknowledged <= set(stored)
    assert len(stored) == len(set(stored))
    database.close()


def _unfiled(database: object) -> int:
    with database.read() as session:  # type: ignore[attr-defined]
        count: int = session.scalar(select(func.count()).select_from(Message).where(Message.disposition == "new"))
        return count
