"""A process that sends an outbox until SIGTERM, to be killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from m4dbot.config import Config
from m4dbot.delivery.worker import Worker
from m4dbot.store.database import open_database
from tests.integration.sending.making import NOW


@contextmanager
def bot(folder: Path, port: int, connections: int) -> Iterator[ForkServerProcess]:
    """The process at work on the database in `folder`; port 0 stands for no relay. It is killed at the end."""
    # Processes come from a server that has imported everything already; thirty interpreters would take a minute.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    ours, theirs = context.Pipe()
    process = context.Process(target=_send, args=(folder, port, connections, theirs))
    process.start()
    theirs.close()
    try:
        assert ours.recv() == "ready"
        yield process
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def _send(folder: Path, port: int, connections: int, ready: Connection) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    group = [{"slug": "water", "address": "water@groups.example.org", "name": "Water network"}]
    smtp = {"host": "127.0.0.1", "port": port, "security": "none", "connections": connections}
    tables = {"group": group, "base": folder, **({"smtp": smtp} if port else {})}
    config = Config.model_validate(tables)
    started = time.monotonic()
    worker = Worker(
        open_database(config.database_url), config, lambda: NOW + timedelta(seconds=time.monotonic() - started)
    )
    ready.send("ready")
    worker.run(stop)
