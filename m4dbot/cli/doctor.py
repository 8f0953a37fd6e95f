"""`m4dbot doctor`: is everything in order, and what to do where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from m4dbot.cli import common, text
from m4dbot.errors import InvalidFile

if TYPE_CHECKING:
    from m4dbot.doctor import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(epilog="Example: m4dbot --config /etc/m4dbot/config.toml doctor")
@click.option("--migrate", is_flag=True, help="Bring the tables of an older m4dbot up to date (make a backup first).")
@click.option("--selector", default="", metavar="NAME", help="Look for this DKIM key in the DNS.")
@common.json_option
@click.pass_context
def doctor(ctx: click.Context, /, *, migrate: bool, selector: str, as_json: bool) -> None:
    """Check configuration, database, mail servers, clock and the domain's records, and say what to do.

    Nothing is sent. The exit status is 1 where anything fails.
    """
    from m4dbot.doctor import Finding, Level, examine

    findings: list[Finding] = []

    def told(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            _print(finding)

    try:
        config = common.config_of(ctx)
    except InvalidFile as exc:
        for problem in exc.problems:
            told(Finding(Level.FAIL, "configuration", str(problem)))
    else:
        told(Finding(Level.OK, "configuration", f"{config.path} is complete."))
        for finding in examine(config, common.now(), migrate=migrate, selector=selector):
            told(finding)
    if as_json:
        common.print_json([{"level": f.level, "what": f.what, "says": f.says, "do": f.do} for f in findings])
    if any(f.level is Level.FAIL for f in findings):
        click.get_current_context().exit(1)


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level.value:<5}", fg=_COLOURS[finding.level.value])
    margin = 20
    for i, line in enumerate(text.wrapped(finding.says.replace("\n", "; "), text.width() - margin)):
        click.echo(f"{level if i == 0 else ' ' * 5} {finding.what if i == 0 else '':<13} {line}")
    for i, line in enumerate(text.wrapped(finding.do, text.width() - margin - 2) if finding.do else ()):
        click.echo(" " * margin + click.style(("→ " if i == 0 else "  ") + line, bold=True))
