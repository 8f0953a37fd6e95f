"""The relay is spoken to as configured: encrypted, its certificate checked, logged in."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from m4dbot.config import Config
from m4dbot.delivery.worker import Delivered, Worker
from m4dbot.store.database import Database
from m4dbot.store.tables import Delivery
from tests.integration.sending.making import NOW, people, queue
from tests.servers.smtp_sink import SmtpSink


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with relay.crt and other.crt and their keys; each vouches for itself, the second for another host."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, holder in (("relay", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:elsewhere.example")):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        command += ["-addext", f"subjectAltName={holder}"]
        command += ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder


def serving(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / f"{name}.crt", certificates / f"{name}.key")
    return context


@pytest.fixture(params=["starttls", "tls"])
def relay(request: pytest.FixtureRequest, certificates: Path) -> Iterator[SmtpSink]:
    """A relay with TLS that wants a log-in; its port is its own."""
    tls = serving(certificates, "relay")
    with SmtpSink(tls=tls, implicit_tls=request.param == "tls", log_in=("bot", "pässword")) as running:
        yield running


def worker_for(database: Database, make_config: Callable[..., Config], relay: SmtpSink, **smtp: object) -> Worker:
    security = "tls" if relay.implicit_tls else "starttls"
    values = {"host": "localhost", "port": relay.port, "security": security, "timeout_seconds": 5, **smtp}
    return Worker(database, make_config(smtp=values), lambda: NOW)


@pytest.fixture(autouse=True)
def queued(database: Database) -> None:
    with database.write() as session:
        queue(session, recipients=people(20))


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("M4DBOT_SMTP_PASSWORD", "pässword")


def untouched(database: Database) -> bool:
    with database.read() as session:
        rows = session.execute(select(Delivery.state, Delivery.attempts))
        return {tuple(row) for row in rows} == {("pending", 0)}


def test_encrypted_and_logged_in(
    database: Database, make_config: Callable[..., Config], relay: SmtpSink, certificates: Path
) -> None:
    """TLS from the start and STARTTLS, with a certificate authority of one's own."""
    worker = worker_for(database, make_config, relay, ca_file=str(certificates / "relay.crt"), username="bot")
    assert worker.deliver_due(NOW) == Delivered(sent=20)
    assert not relay.violations


def test_a_certificate_nobody_vouches_for_is_refused(
    database: Database, make_config: Callable[..., Config], relay: SmtpSink
) -> None:
    """Nothing is sent, and the trouble names the certificate."""
    done = worker_for(database, make_config, relay, username="bot").deliver_due(NOW)
    assert "certificate" in done.trouble
    assert untouched(database)
    assert not relay.mails


def test_a_certificate_for_another_name_is_refused(
    database: Database, make_config: Callable[..., Config], relay: SmtpSink, certificates: Path
) -> None:
    """Trusted, but not this host's."""
    relay.tls = serving(certificates, "other")
    relay.pause()
    relay.resume()
    worker = worker_for(database, make_config, relay, ca_file=str(certificates / "other.crt"), username="bot")
    assert "certificate" in worker.deliver_due(NOW).trouble
    assert not relay.mails
    assert untouched(database)


def test_a_wrong_password_is_told_and_fails_nobody(
    database: Database,
    make_config: Callable[..., Config],
    relay: SmtpSink,
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The server's words are shown; the password is not."""
    monkeypatch.setenv("M4DBOT_SMTP_PASSWORD", "not this one")
    worker = worker_for(database, make_config, relay, ca_file=str(certificates / "relay.crt"), username="bot")
    assert worker.deliver_due(NOW).trouble == "535 5.7.8 wrong name or password"
    assert untouched(database)
    shown = capsys.readouterr()
    assert "not this one" not in shown.out + shown.err


def test_a_missing_password_is_told(
    database: Database,
    make_config: Callable[..., Config],
    relay: SmtpSink,
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The trouble says where the password was looked for."""
    monkeypatch.delenv("M4DBOT_SMTP_PASSWORD")
    worker = worker_for(database, make_config, relay, ca_file=str(certificates / "relay.crt"), username="bot")
    assert "M4DBOT_SMTP_PASSWORD" in worker.deliver_due(NOW).trouble
    assert untouched(database)


def test_a_relay_that_wants_a_log_in_gets_no_recipient_failed(
    database: Database, make_config: Callable[..., Config], relay: SmtpSink, certificates: Path
) -> None:
    """530 at MAIL is about the configuration."""
    done = worker_for(database, make_config, relay, ca_file=str(certificates / "relay.crt")).deliver_due(NOW)
    assert done.trouble.startswith("530")
    assert done.failed == 0


def test_starttls_is_not_done_without(database: Database, make_config: Callable[..., Config]) -> None:
    """A server (or somebody in between) that offers no STARTTLS gets neither password nor mail."""
    with SmtpSink(log_in=("bot", "pässword")) as plain:
        done = worker_for(database, make_config, plain, username="bot").deliver_due(NOW)
    assert done.trouble == "localhost offers no STARTTLS"
    assert untouched(database)
