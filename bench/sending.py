"""How fast personalised mail goes out: `python -m bench.sending`.

A mailing to N people goes from the outbox through a relay on this machine (a process of its own that counts and
forgets), every state committed. Beside it, in turn, a bare client sends the same mails over as many pipelined
connections without any database: what the machine and the relay allow at this moment. Compare the ratio, not the
figures, between machines.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from m4dbot.config import Config
from m4dbot.delivery import claims
from m4dbot.delivery.composing import Composer
from m4dbot.delivery.outbox import enqueue
from m4dbot.delivery.values import Recipient, Rendered, Slot
from m4dbot.delivery.worker import Worker
from m4dbot.store import groups, migrate
from m4dbot.store.database import Database, open_database
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Group

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
GROUP = "water@groups.example.org"


@contextmanager
def relay() -> Iterator[int]:
    """A counting relay in a process of its own; its port."""
    command = [sys.executable, "-m", "tests.servers.smtp_sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def mail(size: int) -> Rendered:
    """A mail of about `size` bytes with every slot."""
    pieces: list[str | Slot] = [f"From: Water network <{GROUP}>\r\nTo: ", Slot.TO, "\r\nSubject: Questions of week 1"]
    pieces += ["\r\nDate: Mon, 01 Mar 2027 08:00:00 +0000\r\nMessage-ID: <", Slot.MESSAGE_ID, ">"]
    pieces += ["\r\nList-Unsubscribe: <mailto:", Slot.LEAVE, ">\r\nMIME-Version: 1.0"]
    pieces += ["\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"]
    pieces += ["How is the water shared out in a dry year, and who decides it?\r\n" * (size // 64)]
    pieces += ["This mail went to ", Slot.RECIPIENT, ".\r\n"]
    content, slots = bytearray(), []
    for piece in pieces:
        if isinstance(piece, Slot):
            slots.append((len(content), piece.value))
        else:
            content += piece.encode()
    return Rendered("en", "", "Questions of week 1", GROUP, bytes(content), tuple(slots))


def people(count: int) -> list[Recipient]:
    return [Recipient(f"member{i}@members{i % 97}.example", f"Zoë Member {i}", "en") for i in range(count)]


def prepared(config: Config, folder: Path, size: int, count: int) -> tuple[Database, float]:
    """A database with a mailing to `count` people in its outbox, and the seconds it took to queue it."""
    database = open_database(config.database_url)
    migrate.upgrade(database)
    with database.write() as session:
        Signer.create(session)
        groups.follow(session, config.group)
    started = time.perf_counter()
    with database.write() as session:
        group_id = session.query(Group.id).scalar()
        enqueue(
            session,
            group_id=group_id,
            key="water-2027/week-1/questions",
            kind="questions",
            now=NOW,
            renderings=[mail(size)],
            recipients=people(count),
            domain="groups.example.org",
        )
    return database, time.perf_counter() - started


def bare(port: int, mails: list[tuple[bytes, bytes]], connections: int) -> float:
    """Seconds for the same mails over bare pipelined sockets, nothing recorded."""

    def send(share: list[tuple[bytes, bytes]]) -> None:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reading = sock.makefile("rb")
            reading.readline()
            sock.sendall(b"EHLO bench.example\r\n")
            while reading.readline()[3:4] == b"-":
                pass
            sock.sendall(share[0][0])
            for i, (_, content) in enumerate(share):
                for _ in range(3):
                    reading.readline()
                sock.sendall(content + (share[i + 1][0] if i + 1 < len(share) else b""))
                assert reading.readline().startswith(b"250")

    threads = [threading.Thread(target=send, args=(mails[i::connections],)) for i in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def composed(database: Database) -> tuple[list[tuple[bytes, bytes]], float]:
    """Every mail of the outbox as (envelope, content), and the seconds composing took."""
    composer = Composer(database, for_smtp=True)
    mails = []
    with database.write() as session:
        claimed = claims.claim(session, "bench", NOW, 10_000_000)
        session.rollback()
    started = time.perf_counter()
    for one in claimed:
        outgoing = composer.compose(one)
        envelope = f"MAIL FROM:<{outgoing.envelope_sender}>\r\nRCPT TO:<{one.recipient}>\r\nDATA\r\n"
        mails.append((envelope.encode(), outgoing.content))
    return mails, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=4000)
    parser.add_argument("--size", type=int, default=10_000, help="bytes of a mail")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    count = options.recipients
    rates, ratios, rows = [], [], []
    with relay() as port:
        for _ in range(options.runs):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                group = [{"slug": "water", "address": GROUP, "name": "Water network"}]
                smtp = {"host": "127.0.0.1", "port": port, "security": "none", "connections": options.connections}
                config = Config.model_validate({"group": group, "smtp": smtp, "base": folder})
                database, queueing = prepared(config, folder, options.size, count)
                mails, composing = composed(database)
                reference = bare(port, mails, options.connections)
                del mails
                worker = Worker(database, config, lambda: datetime.now(UTC))
                started = time.perf_counter()
                done = worker.deliver_due(NOW)
                took = time.perf_counter() - started
                assert done.sent == count, str(done)
                database.close()
            rates.append(count / took)
            ratios.append(reference / took)
            rows.append(
                {
                    "queueing": queueing,
                    "sending": took,
                    "claiming": worker.shares.claiming,
                    "composing": composing,
                    "committing": worker.shares.committing,
                    "bare client": reference,
                }
            )
    middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    figures = {
        "mails": count,
        "bytes": options.size,
        "connections": options.connections,
        "runs": options.runs,
        "mails_per_second": round(statistics.median(rates)),
        "best": round(max(rates)),
        "of_bare_client": round(statistics.median(ratios), 2),
        "seconds": {name: round(value, 3) for name, value in middle.items()},
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if options.json:
        print(json.dumps(figures))
        return
    rate, best, bare_rate = figures["mails_per_second"], figures["best"], count / middle["bare client"]
    print(f"{rate} personalised mails a second (median of {options.runs}, best {best}),")
    print(f"{count} mails of {options.size} bytes, {options.connections} connections, every state committed;")
    print(f"{figures['of_bare_client']} of what a bare pipelined client reached beside it ({bare_rate:.0f}).")
    print("Seconds: " + ", ".join(f"{name} {value:.3f}" for name, value in middle.items()))
    print(f"(composing and committing are inside sending) · peak memory {figures['peak_mib']} MiB")


if __name__ == "__main__":
    main()
