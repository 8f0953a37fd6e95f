"""`m4dbot demo`: a whole e-discussion on this machine."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from pathlib import Path

import click

from m4dbot.cli import common


@click.command(epilog="Example: m4dbot demo my-demo")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("demo-discussion"))
def demo(folder: Path) -> None:
    """Play a whole e-discussion into FOLDER, from the announcement to the consolidated reply.

    Real mail goes through servers inside this process, on a simulated clock; nothing leaves the machine. The
    folder then holds the database, every mail that was sent, and index.html, which shows it all. A few
    contributions stay in the queue for you.
    """
    from m4dbot.demo.play import play
    from m4dbot.demo.timeline import Timeline
    from m4dbot.logs import log_events

    log_events(sys.stderr, level=logging.ERROR)

    began = time.monotonic()
    with Timeline() as timeline:
        commands = play(folder, timeline.show, _program())
    click.echo()
    click.echo(f"Four weeks in {time.monotonic() - began:.0f} seconds. To see it all: {folder / 'index.html'}")
    click.echo("To try:")
    width = max(len(command) for command, _ in commands)
    for command, what in commands:
        click.echo(f"  {common.printable_line(command):{width}}  {what}")


def _program() -> str:
    """How m4dbot is called here: by its path where it is not on PATH."""
    called = sys.argv[0]
    return called if os.sep in called and called.endswith("m4dbot") and not shutil.which("m4dbot") else "m4dbot"
