"""The doctor before servers that answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from m4dbot.config import Config
from m4dbot.doctor import Finding, Level, check_mail_in, check_mail_out, examine
from tests.servers.dovecot import Dovecot
from tests.servers.smtp_sink import SmtpSink

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def by_what(findings: list[Finding]) -> dict[str, Finding]:
    return {f.what: f for f in findings}


def test_a_mailbox_that_lets_us_in(dovecot: Dovecot, make_config: Callable[..., Config]) -> None:
    """The log-in is tried and the folder looked into; a wrong password and a missing folder are told apart."""
    settings = dovecot.account().settings
    (fine,) = check_mail_in(make_config(imap=settings))
    assert fine.level is Level.OK
    (finding,) = check_mail_in(make_config(imap={**settings, "folder": "Nowhere"}))
    assert (finding.level, "Nowhere" in finding.says) == (Level.FAIL, True)


def test_a_wrong_password(
    dovecot: Dovecot, make_config: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is told with the section to look at, and without the password."""
    monkeypatch.setenv("WRONG", "correct-horse")
    settings = {**dovecot.account().settings, "password_env": "WRONG"}
    (finding,) = check_mail_in(make_config(imap=settings))
    assert finding.level is Level.FAIL
    assert "[imap]" in finding.do
    assert "correct-horse" not in finding.says


def test_a_relay_that_lets_us_in(make_config: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """The SMTP log-in is tried, and no mail is sent by trying."""
    monkeypatch.setenv("RELAY", "right")
    with SmtpSink(log_in=("bot", "right")) as sink:
        smtp = {"host": "127.0.0.1", "port": sink.port, "security": "none", "username": "bot", "password_env": "RELAY"}
        (fine,) = check_mail_out(make_config(smtp=smtp))
        assert (fine.level, "as bot" in fine.says) == (Level.OK, True)
        monkeypatch.setenv("RELAY", "wrong")
        (refused,) = check_mail_out(make_config(smtp=smtp))
        assert refused.level is Level.FAIL
        assert sink.mails == []


@pytest.mark.parametrize(
    ("clock", "level"), [(NOW, Level.OK), (datetime(1970, 1, 1, tzinfo=UTC), Level.FAIL)], ids=["right", "wrong"]
)
def test_every_check_runs_on_both_stores(
    config: Config, monkeypatch: pytest.MonkeyPatch, clock: datetime, level: Level
) -> None:
    """A sound installation has no failure; a clock that was never set is one."""
    monkeypatch.setattr("m4dbot.doctor.ask_dns", lambda _name, _kind: None)
    found = by_what(list(examine(config, clock)))
    assert found["clock"].level is level
    assert found["tables"].level is Level.OK
    assert not [f for w, f in found.items() if f.level is Level.FAIL and w != "clock"]
