"""A private Dovecot on loopback: IMAP with STARTTLS, IMAPS, accounts made on demand."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.servers.postgresql import free_port

PASSWORD = "only-for-tests"

CONFIGURATION = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
listen = 127.0.0.1
protocols = imap
shutdown_clients = yes
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
ssl = yes
ssl_cert = <{root}/server.crt
ssl_key = <{root}/server.key
disable_plaintext_auth = no
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%u
}}
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 100
namespace inbox {{
  inbox = yes
  separator = /
}}
protocol imap {{
  imap_idle_notify_interval = 30s
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  # Wrong passwords would slow down all that comes from this address for a while.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service auth {{
  user = {user}
}}
service auth-worker {{
  user = {user}
}}
service dict {{
  user = {user}
}}
"""


def find() -> str | None:
    return next((p for p in ("/usr/sbin/dovecot", shutil.which("dovecot")) if p and Path(p).exists()), None)


class Dovecot:
    """Started on entering, stopped and removed on leaving. Any user name logs in with PASSWORD.

    `ca_file` is the authority that signed the server's certificate, `other_ca_file` one that did not.
    """

    def __init__(self) -> None:
        # Short, because socket paths beneath it have to stay under 108 characters.
        self.root = Path(tempfile.mkdtemp(prefix="dv", dir="/tmp"))
        self.port, self.tls_port = free_port(), free_port()
        self.ca_file, self.other_ca_file = self.root / "server.crt", self.root / "other.crt"
        self._process: subprocess.Popen[bytes] | None = None
        self._accounts = 0

    def __enter__(self) -> Dovecot:
        account = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        for folder in ("run", "state", "mail"):
            (self.root / folder).mkdir()
        for name in ("server", "other"):
            self._certificate(name)
        (self.root / "dovecot.conf").write_text(
            CONFIGURATION.format(
                root=self.root,
                user=account.pw_name,
                group=grp.getgrgid(account.pw_gid).gr_name,
                uid=account.pw_uid,
                gid=account.pw_gid,
                password=PASSWORD,
                port=self.port,
                tls_port=self.tls_port,
            )
        )
        if os.getuid() == 0:
            for path in (self.root, *self.root.rglob("*")):
                os.chown(path, account.pw_uid, account.pw_gid)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def _certificate(self, name: str) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"]
        command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        command += ["-keyout", f"{self.root}/{name}.key", "-out", f"{self.root}/{name}.crt"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        program = find()
        if program is None:
            raise FileNotFoundError("Dovecot is not installed")
        self._process = subprocess.Popen(
            [program, "-F", "-c", str(self.root / "dovecot.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    if probe.recv(10):
                        return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError((self.root / "log").read_text(errors="replace")[-2000:])

    def stop(self) -> None:
        if self._process is not None:
            serving = self.imap_processes()
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None
            # A client in IDLE keeps the process that serves it alive.
            for pid in serving:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def account(self, name: str = "") -> Account:
        """An account of one's own; without a name a new one."""
        self._accounts += 1
        return Account(self, name or f"u{os.getpid()}n{self._accounts}")

    def imap_processes(self) -> list[int]:
        """The process ids that serve logged-in clients."""
        assert self._process is not None
        listed = subprocess.run(
            ["ps", "-o", "pid=,comm=", "--ppid", str(self._process.pid)], capture_output=True, text=True, check=False
        )
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if line.split()[1] == "imap"]

    def kill_clients(self) -> int:
        """kill -9 every process that serves a logged-in client; how many there were."""
        found = self.imap_processes()
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return len(found)


class Account:
    """One mailbox on the server, with a client of one's own to look and meddle with."""

    def __init__(self, server: Dovecot, name: str) -> None:
        self.server, self.name = server, name

    @property
    def settings(self) -> dict[str, object]:
        """The [imap] table that reads this account, without TLS."""
        return {
            "host": "127.0.0.1",
            "port": self.server.port,
            "security": "none",
            "username": self.name,
            "password_env": "M4DBOT_TEST_IMAP_PASSWORD",
        }

    def client(self):  # type: ignore[no-untyped-def]
        """A logged-in IMAPClient, to be used in a with statement."""
        from imapclient import IMAPClient

        client = IMAPClient("127.0.0.1", port=self.server.port, ssl=False, timeout=20)
        client._imap.debug = 0
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.login(self.name, PASSWORD)
        return client

    def append(self, mails: Sequence[bytes], folder: str = "INBOX") -> None:
        with self.client() as client:
            for mail in mails:
                client.append(folder, mail)

    def count(self, folder: str = "INBOX", criteria: str = "ALL") -> int:
        with self.client() as client:
            client.select_folder(folder, readonly=True)
            return len(client.search([criteria]))

    def forget_uids(self) -> None:
        """Make the server give the folder a new UIDVALIDITY: it is made up anew where its list of UIDs is gone."""
        for path in (self.server.root / "mail" / self.name / "Maildir").glob("dovecot*"):
            if path.is_file():
                path.unlink()


def tls_context(server: Dovecot) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.ca_file))
