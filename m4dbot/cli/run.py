"""`m4dbot run`: the long-running process."""

from __future__ import annotations

import signal
import sys
import threading

import click

from m4dbot.cli import common


@click.command(epilog="Example: m4dbot --config /etc/m4dbot/config.toml run")
@click.option("--json-log", is_flag=True, help="Write the log as one JSON object a line.")
@click.pass_context
def run(ctx: click.Context, json_log: bool) -> None:
    """Take mail in, send mail out, until stopped by SIGTERM or SIGINT.

    Ends within ten seconds. A second one on the same SQLite database refuses to start. The log goes to standard
    error, an event a line, without the text of mails and without passwords.
    """
    stop = threading.Event()
    # Before everything else: a stop that comes while the rest is being imported is a clean one, too.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())

    from m4dbot import bot
    from m4dbot.logs import log_events

    log_events(sys.stderr, as_json=json_log)
    config = common.config_of(ctx)
    with common.store(config) as database:
        bot.run(config, database, stop)
