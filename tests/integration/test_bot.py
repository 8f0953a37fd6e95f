"""`m4dbot run` as an operator runs it: a process of its own, a real mailbox, a real mail server."""

from __future__ import annotations

import email
import email.policy
import json
import os
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.servers.dovecot import Account, Dovecot
from tests.servers.smtp_sink import SmtpSink

GROUP = """
[[group]]
slug = "water"
address = "water@groups.example.org"
name = "Water Network"
facilitators = ["fay@example.org"]
"""
READERS = """name,address,language,delivery
Ada Moreau,ada@example.net,fr,posts
Ben Okafor,ben@example.net,en,digest
"""


def discussion(opens: date) -> str:
    return f"""
slug = "pumps"
title = {{ en = "Pumps", fr = "Les pompes" }}
timezone = "UTC"
languages = ["en", "fr"]
[mails]
questions_at = "00:00"
[[week]]
opens = {opens}
closes = {opens + timedelta(days=6)}
[[week.question]]
text = {{ en = "Who repairs the pump?", fr = "Qui répare la pompe ?" }}
[[week.question]]
text = {{ en = "Who pays for the repair?", fr = "Qui paie la réparation ?" }}
"""


class Installation:
    """A folder with a configuration, and the bot running in it."""

    def __init__(self, folder: Path, servers: str) -> None:
        self.folder = folder
        (folder / "config.toml").write_text(servers + GROUP, encoding="utf-8")
        (folder / "readers.csv").write_text(READERS, encoding="utf-8")
        (folder / "pumps.toml").write_text(discussion(datetime.now(UTC).date() - timedelta(days=1)), encoding="utf-8")
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, *words: str, code: int = 0) -> str:
        run = subprocess.run(
            [sys.executable, "-m", "m4dbot", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "M4DBOT_FACILITATOR": "fay@example.org"},
        )
        assert run.returncode == code, (words, run.stdout, run.stderr)
        assert "Traceback" not in run.stderr
        return run.stdout if code == 0 else run.stderr

    def start(self) -> None:
        log = (self.folder / "log").open("a", encoding="utf-8")
        command = [sys.executable, "-m", "m4dbot", "run", "--json-log"]
        self.process = subprocess.Popen(command, cwd=self.folder, stderr=log, stdout=log, text=True)
        log.close()

    def events(self, name: str) -> list[dict[str, object]]:
        lines = (self.folder / "log").read_text(encoding="utf-8").splitlines()
        return [e for e in (json.loads(line) for line in lines if line.startswith("{")) if e["event"] == name]

    def stop(self) -> tuple[int, float]:
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30), time.monotonic() - began

    def wait_for(self, condition: Callable[[], object], seconds: float = 40) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, (self.folder / "log").read_text(encoding="utf-8")
            assert self.process is None or self.process.poll() is None, (self.folder / "log").read_text("utf-8")
            time.sleep(0.1)  # between two looks at a condition

    def loaded(self) -> None:
        self("subscribers", "import", "readers.csv")
        self("discussion", "load", "pumps.toml")


@pytest.fixture
def account(dovecot: Dovecot) -> Account:
    return dovecot.account()


@pytest.fixture
def installation(tmp_path: Path, account: Account) -> Iterator[tuple[Installation, SmtpSink]]:
    with SmtpSink() as sink:
        imap = "\n".join(f"{key} = {json.dumps(value)}" for key, value in account.settings.items())
        smtp = f'host = "127.0.0.1"\nport = {sink.port}\nsecurity = "none"'
        made = Installation(tmp_path, f"[imap]\n{imap}\n[smtp]\n{smtp}\n")
        yield made, sink
        if made.process is not None and made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def parsed(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def answer(to: str, text: str, sender: str = "ada@example.net", number: int = 1, more: str = "") -> bytes:
    return (
        f"From: Ada Moreau <{sender}>\r\nTo: {to}\r\nSubject: Re: pumps\r\nMessage-ID: <a{number}@example.net>\r\n"
        f"Date: {email.utils.format_datetime(datetime.now(UTC))}\r\n{more}\r\n{text}\r\n"
    ).encode()


def test_a_discussion_lives_from_the_questions_to_somebody_leaving(
    installation: tuple[Installation, SmtpSink], account: Account
) -> None:
    """Questions go out, an answer comes in and is confirmed, approving posts it, leaving takes exactly one off."""
    m4dbot, sink = installation
    m4dbot.loaded()
    m4dbot.start()
    sink.wait_for(lambda: {"ada@example.net", "ben@example.net"} <= {m.recipient for m in sink.mails}, 40)
    questions = next(parsed(m.content) for m in sink.mails if m.recipient == "ada@example.net")
    assert "Qui répare la pompe" in questions.get_body(("plain",)).get_content()  # type: ignore[union-attr]

    reply = f"In-Reply-To: {questions['Message-ID']}\r\n"
    account.append([answer(str(questions["Reply-To"]), "Question 2: the families, after harvest.", more=reply)])
    m4dbot.wait_for(lambda: json.loads(m4dbot("queue", "--json")))
    waiting = json.loads(m4dbot("queue", "--json"))
    assert len(waiting) == 1
    sink.wait_for(lambda: any(parsed(m.content)["Auto-Submitted"] == "auto-replied" for m in sink.mails), 40)

    m4dbot("approve", "1")
    posts = lambda: [m for m in sink.mails if b"the families, after harvest" in m.content and b"via" in m.content]  # noqa: E731
    sink.wait_for(lambda: bool(posts()), 40)
    assert {m.recipient for m in posts()} == {"ada@example.net"}  # Ben gets digests

    leave = str(questions["List-Unsubscribe"]).strip("<>").removeprefix("mailto:").partition("?")[0]
    account.append([answer(leave, "", sender="somebody.else@example.com", number=2)])
    m4dbot.wait_for(lambda: "ada@example.net" not in m4dbot("subscribers", "list", "--json"))
    assert "ben@example.net" in m4dbot("subscribers", "list", "--json")

    code, seconds = m4dbot.stop()
    assert code == 0
    assert seconds < 10
    copies = sink.copies()
    assert set(copies.values()) == {1}
    assert not sink.violations
    assert "families" not in (m4dbot.folder / "log").read_text(encoding="utf-8")


def test_a_second_bot_on_the_same_database_is_refused(installation: tuple[Installation, SmtpSink]) -> None:
    """It says who runs, at once, and the first goes on; after a kill -9 the way is free."""
    m4dbot, _ = installation
    m4dbot.start()
    m4dbot.wait_for(lambda: m4dbot.events("bot.started"))
    assert m4dbot.process is not None
    said = m4dbot("run", code=1)
    assert f"process {m4dbot.process.pid}" in said
    assert m4dbot.process.poll() is None
    m4dbot.process.kill()
    m4dbot.process.wait()
    m4dbot.start()
    m4dbot.wait_for(lambda: len(m4dbot.events("bot.started")) == 2)
    assert m4dbot.stop()[0] == 0


def test_without_servers_mail_comes_by_lmtp_and_goes_into_a_maildir(tmp_path: Path) -> None:
    """The embedded default: a listener on loopback and an outbox folder."""
    m4dbot = Installation(tmp_path, "[lmtp]\nport = 0\n")
    m4dbot.loaded()
    m4dbot.start()
    try:
        m4dbot.wait_for(lambda: m4dbot.events("listener.started"))
        event = m4dbot.events("listener.started")[0]
        with smtplib.LMTP("127.0.0.1", int(str(event["port"]))) as lmtp:
            lmtp.sendmail(
                "ben@example.net",
                ["water@groups.example.org"],
                answer("water@groups.example.org", "Question 1: the smith.", sender="ben@example.net"),
            )
        m4dbot.wait_for(lambda: json.loads(m4dbot("queue", "--json")))
        outbox = tmp_path / "outbox" / "new"
        m4dbot.wait_for(lambda: outbox.is_dir() and len(list(outbox.iterdir())) >= 3)
        recipients = {str(parsed(path.read_bytes())["To"]) for path in outbox.iterdir()}
        assert any("ada@example.net" in r for r in recipients)
        assert m4dbot.stop()[0] == 0
    finally:
        if m4dbot.process is not None and m4dbot.process.poll() is None:
            m4dbot.process.kill()


def test_the_bot_ends_cleanly_at_random_moments(installation: tuple[Installation, SmtpSink], account: Account) -> None:
    """SIGTERM in the middle of intake and sending: status 0 within ten seconds, and nothing is lost or doubled."""
    import random

    m4dbot, sink = installation
    m4dbot.loaded()
    chance = random.Random(20270301)
    for number in range(1, 9):
        account.append([answer("water@groups.example.org", f"Question 1: answer {number}.", number=100 + number)])
        m4dbot.start()
        m4dbot.wait_for(lambda n=number: len(m4dbot.events("bot.started")) == n)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.8))  # the random moment
        code, seconds = m4dbot.stop()
        assert code == 0
        assert seconds < 10
    m4dbot.start()
    m4dbot.wait_for(lambda: len(m4dbot.events("bot.started")) == 9)
    m4dbot.wait_for(lambda: len(json.loads(m4dbot("queue", "--json"))) == 8)
    sink.wait_for(lambda: {"ada@example.net", "ben@example.net"} <= {m.recipient for m in sink.mails}, 40)
    assert m4dbot.stop()[0] == 0
    assert set(sink.copies().values()) == {1}
