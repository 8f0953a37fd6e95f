"""`m4dbot backup`: a copy of the database while the bot runs."""

from __future__ import annotations

from pathlib import Path

import click

from m4dbot.cli import common


@click.command(epilog="Example: m4dbot backup /var/backups/m4dbot-2027-03-01.sqlite")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def backup(ctx: click.Context, /, *, file: Path) -> None:
    """Copy the database to FILE, also while the bot runs.

    The copy is checked, and readable by you only; FILE must not exist. To restore: put the copy where [database] url
    points, and run `m4dbot doctor`. On PostgreSQL it is an archive for pg_restore.
    """
    from m4dbot.store.backup import backup as copy

    with common.store(common.config_of(ctx)) as database:
        size = copy(database, file)
    click.echo(f"Wrote {file} ({size / 2**20:.1f} MB), checked.")
