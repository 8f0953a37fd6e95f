"""A whole intake process to be killed: reads the configured mailbox and files what comes, until it is ended.

python -m tests.integration.intake.taking_in CONFIG
"""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime

from m4dbot.config import load_config
from m4dbot.intake.imap import Mailbox
from m4dbot.intake.processing import process_new
from m4dbot.store.prepare import prepared


def main() -> None:
    config = load_config(sys.argv[1])
    database = prepared(config)
    [(imap, slug)] = config.mailboxes
    mailbox = Mailbox(database, config, imap, clock=lambda: datetime.now(UTC), group_slug=slug)
    process_new(database, config, datetime.now(UTC))  # what a killed predecessor has stored
    mailbox.run(threading.Event(), lambda: print(process_new(database, config, datetime.now(UTC)).counts, flush=True))


if __name__ == "__main__":
    main()
