"""A whole intake process to be killed: files what comes by the configured mailbox or listener, until it is ended.

python -m tests.integration.intake.taking_in CONFIG
"""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime

import structlog

from m4dbot.config import load_config
from m4dbot.intake.imap import Mailbox
from m4dbot.intake.listener import MailListener
from m4dbot.intake.processing import process_new
from m4dbot.store.prepare import prepared


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    config = load_config(sys.argv[1])
    database = prepared(config)
    process_new(database, config, datetime.now(UTC))  # what a killed predecessor has stored
    if (settings := config.listener) is not None:
        arrived = threading.Event()
        with MailListener(database, config, settings, clock=lambda: datetime.now(UTC), on_mail=arrived.set) as listener:
            print(listener.port, flush=True)
            while True:
                arrived.wait()
                arrived.clear()
                process_new(database, config, datetime.now(UTC))
    [(imap, slug)] = config.mailboxes
    mailbox = Mailbox(database, config, imap, clock=lambda: datetime.now(UTC), group_slug=slug)
    mailbox.run(threading.Event(), lambda: print(process_new(database, config, datetime.now(UTC)).counts, flush=True))


if __name__ == "__main__":
    main()
