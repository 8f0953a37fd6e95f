"""`m4dbot import`: mail from files, as if it had arrived."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from m4dbot.cli import common, text

if TYPE_CHECKING:
    from m4dbot.intake.importing import Imported


@click.command("import", epilog="Example: m4dbot import archive.mbox more/ --group water")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@common.group_option
@common.json_option
@click.pass_context
def import_mail(ctx: click.Context, /, *, paths: tuple[Path, ...], group: str | None, as_json: bool) -> None:
    """Take mail in from .eml files, mbox files, Maildirs or folders of .eml files.

    Each mail is stored, read, tagged and filed as if it had arrived, but nobody is told. A mail that is there already
    is not taken in twice, so an import that was interrupted can be started again. With --group all of it is that
    group's; else the mails' recipients decide.
    """
    from m4dbot.intake.importing import import_mail as take_in

    config = common.config_of(ctx)
    slug = config.group_named(group).slug if group is not None else None
    with common.store(config) as database, _progress(paths) as on_progress:
        done = take_in(database, config, paths, common.now(), group_slug=slug, on_progress=on_progress)
    if as_json:
        common.print_json({"mails": done.mails, "new": done.new, "outcomes": [asdict(o) for o in done.outcomes]})
        return
    counts: dict[str, int] = {}
    for outcome in done.outcomes:
        counts[outcome.disposition.value] = counts.get(outcome.disposition.value, 0) + 1
    known = f", {done.mails - done.new} known before" if done.mails > done.new else ""
    click.echo(f"{common.plural(done.mails, 'mail')} read, {done.new} new{known}.")
    if counts:
        click.echo(text.clean(", ".join(f"{n} {what}" for what, n in sorted(counts.items(), key=lambda c: -c[1]))))


@contextmanager
def _progress(paths: Sequence[Path]) -> Iterator[Callable[[Imported], None] | None]:
    """A bar on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    from m4dbot.intake.files import count_mails

    counts = [count_mails(path) for path in paths]
    total = sum(c or 0 for c in counts) if None not in counts else None
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("mails", total=total)

        def show(done: Imported) -> None:
            bar.update(task, completed=done.mails)

        yield show
