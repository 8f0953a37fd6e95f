"""`m4dbot subscribers`: import, add, remove, set, list, export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from m4dbot.cli import common, text
from m4dbot.errors import InvalidFile, M4dbotError

if TYPE_CHECKING:
    from m4dbot.config import Config
    from m4dbot.store.subscribers import Imported

LARGEST = 50 * 1024 * 1024  # bytes of a CSV file


@click.group(epilog="Example: m4dbot subscribers import members.csv --group water")
def subscribers() -> None:
    """Who reads along: import, add, remove, set, list, export."""


@subscribers.command("import", epilog="Example: m4dbot subscribers import members.csv --group water")
@click.argument("file", metavar="CSV", type=click.Path(path_type=Path))
@common.group_option
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out and import the rest.")
@click.option("--rejoin", is_flag=True, help="Bring back also those who left.")
@common.dry_run_option
@common.json_option
@click.pass_context
def import_(
    ctx: click.Context,
    /,
    *,
    file: Path,
    group: str | None,
    skip_bad: bool,
    rejoin: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import subscribers from a CSV file (- for standard input).

    The first line names the columns: name, address, language, organisation, country, delivery (also in French or
    Spanish); only address must be there. Nothing is imported while a line is bad, unless --skip-bad. People who are
    there already are brought up to date; nobody is removed; those who left stay away, unless --rejoin.
    """
    from m4dbot.cli.subscribers_csv import read_csv
    from m4dbot.store.subscribers import import_people

    config = common.config_of(ctx)
    found = read_csv(_bytes(file), str(file))
    if found.problems and not (skip_bad and found.people):
        raise InvalidFile(found.problems)
    with common.store(config) as database, common.acting(database, dry_run) as session:
        group_id = common.group_id_of(session, config, group)
        defaults = _defaults(config, group)
        done = import_people(session, group_id, found.people, common.now(), defaults=defaults, rejoin=rejoin)
    for problem in found.problems:
        click.echo(text.clean(f"left out: {problem}"), err=True)
    if found.ignored:
        click.echo(text.clean(f"Columns without a meaning here: {', '.join(found.ignored)}"), err=True)
    if as_json:
        lists = {name: list(getattr(done, name)) for name in ("added", "changed", "unchanged", "rejoined", "gone")}
        common.print_json({**lists, "bad": [{"place": p.place, "wrong": p.wrong} for p in found.problems]})
    else:
        click.echo(_summary(done, len(found.problems), dry_run))


def _bytes(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(LARGEST)
    try:
        if file.stat().st_size > LARGEST:
            raise M4dbotError(f"{file} is larger than {LARGEST // 2**20} MB; divide it.")
        return file.read_bytes()
    except OSError as exc:
        raise M4dbotError(f"{file} cannot be read ({exc.strerror}).") from None


def _defaults(config: Config, group: str | None) -> dict[str, str]:
    configured = config.group_named(group)
    return {"language": configured.languages[0], "delivery": configured.policies.default_delivery}


def _summary(done: Imported, bad: int, dry_run: bool) -> str:
    parts = [f"{len(done.added)} added", f"{len(done.changed)} changed", f"{len(done.unchanged)} unchanged"]
    if done.rejoined:
        parts.append(f"{len(done.rejoined)} back again")
    if done.gone:
        parts.append(f"{len(done.gone)} left before and stay away (--rejoin brings them back)")
    if bad:
        parts.append(f"{bad} bad lines left out")
    return ", ".join(parts) + (" (--dry-run: nothing was changed)." if dry_run else ".")


def _fields(command: Any) -> Any:
    """The options for what a person may be known by."""
    for option, metavar, told in (
        ("--delivery", "WHAT", "posts, digest, questions, summary or none."),
        ("--country", "TEXT", "Where from."),
        ("--organisation", "TEXT", "Of which organisation."),
        ("--language", "CODE", 'For example "es".'),
        ("--name", "TEXT", "The name."),
    ):
        command = click.option(option, metavar=metavar, help=told)(command)
    return command


def _checked(given: dict[str, str | None]) -> dict[str, str]:
    from m4dbot.cli.subscribers_csv import CHECKS, checked_words

    found = {}
    for name, value in given.items():
        if value is None:
            continue
        try:
            found[name] = CHECKS[name](value) if name in CHECKS else checked_words(value, f"the {name}")
        except ValueError as exc:
            raise click.UsageError(f"--{name}: {exc}.") from None
    return found


def _address(value: str) -> str:
    from m4dbot.cli.subscribers_csv import checked_address

    try:
        return checked_address(value)
    except ValueError as exc:
        raise click.UsageError(f"{exc}.") from None


@subscribers.command(epilog="Example: m4dbot subscribers add grace@example.org --name 'Grace Wanjiru' --language en")
@click.argument("address")
@_fields
@common.group_option
@click.option("--rejoin", is_flag=True, help="Also where the person left before.")
@click.pass_context
def add(ctx: click.Context, /, *, address: str, group: str | None, rejoin: bool, **given: str | None) -> None:
    """Subscribe somebody."""
    from m4dbot.store.subscribers import Person
    from m4dbot.store.subscribers import add as add_person

    person = Person(_address(address), _checked(given))
    config = common.config_of(ctx)
    with common.store(config) as database, database.write() as session:
        group_id = common.group_id_of(session, config, group)
        done = add_person(session, group_id, person, common.now(), defaults=_defaults(config, group), rejoin=rejoin)
    said = {
        "added": "is subscribed",
        "rejoined": "is subscribed again",
        "changed": "was subscribed already and is brought up to date",
        "unchanged": "was subscribed already; nothing changed",
    }
    click.echo(f"{person.address} {said[done]}.")


@subscribers.command(epilog="Example: m4dbot subscribers remove grace@example.org")
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@common.group_option
@click.option("--reason", default="", metavar="TEXT", help="Recorded.")
@common.as_option
@click.pass_context
def remove(
    ctx: click.Context, /, *, addresses: tuple[str, ...], group: str | None, reason: str, as_: str | None
) -> None:
    """Take people off. They get nothing more, and an import does not bring them back."""
    from m4dbot.store.subscribers import remove as remove_person

    checked = [_address(a) for a in addresses]
    by = common.facilitator(as_)
    config = common.config_of(ctx)
    with common.store(config) as database, database.write() as session:
        group_id = common.group_id_of(session, config, group)
        why = f"removed by {by}" + (f": {reason}" if reason else "")
        done = [remove_person(session, group_id, a, common.now(), why) for a in checked]
    for address, changed in zip(checked, done, strict=True):
        click.echo(f"{address} {'is taken off' if changed else 'had left already; nothing changed'}.")


@subscribers.command("set", epilog="Example: m4dbot subscribers set grace@example.org --delivery posts")
@click.argument("address")
@_fields
@common.group_option
@click.pass_context
def set_(ctx: click.Context, /, *, address: str, group: str | None, **given: str | None) -> None:
    """Change what is known of somebody, or what they get."""
    from m4dbot.store.subscribers import change

    checked, fields = _address(address), _checked(given)
    if not fields:
        raise click.UsageError("Say what to change: --name, --language, --organisation, --country or --delivery.")
    config = common.config_of(ctx)
    with common.store(config) as database, database.write() as session:
        changed = change(session, common.group_id_of(session, config, group), checked, fields)
    click.echo(f"{checked} {'is changed' if changed else 'was so already; nothing changed'}.")


@subscribers.command("list", epilog="Example: m4dbot subscribers list --group water")
@click.option("--group", metavar="SLUG", help="Only of this group.")
@click.option("--all", "everybody", is_flag=True, help="Also those who left.")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, /, *, group: str | None, everybody: bool, as_json: bool) -> None:
    """Who is subscribed."""
    found = _listed(ctx, group, everybody)
    if as_json:
        common.print_json(found)
        return
    if not found:
        click.echo("Nobody is subscribed. Import a list with `m4dbot subscribers import FILE`.")
        return
    several = len({p["group"] for p in found}) > 1
    headers = ["address", "name", "language", "delivery", "country", "state"]
    rows = [[str(p[h]) for h in headers] for p in found]
    if several:
        headers, rows = ["group", *headers], [[str(p["group"]), *r] for p, r in zip(found, rows, strict=True)]
    text.table(headers, rows, flexible=headers.index("name"))
    click.echo(common.plural(len(found), "person", "people"), err=True)


@subscribers.command(epilog="Example: m4dbot subscribers export --group water --output members.csv")
@common.group_option
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to a new file; else print.")
@click.option("--all", "everybody", is_flag=True, help="Also those who left.")
@click.pass_context
def export(ctx: click.Context, /, *, group: str | None, output: Path | None, everybody: bool) -> None:
    """Write the subscribers as CSV, as `import` reads it. No cell can be a spreadsheet's formula."""
    from m4dbot.cli.subscribers_csv import write_csv

    common.config_of(ctx).group_named(group)
    content = write_csv(_listed(ctx, group, everybody))
    if output is None:
        click.echo(content.replace("\r\n", "\n"), nl=False)
        return
    # With its mark, so that spreadsheets do not take it for windows-1252.
    common.write_private(output, content.encode("utf-8-sig"))
    click.echo(f"Wrote {output}.")


def _listed(ctx: click.Context, group: str | None, everybody: bool) -> list[dict[str, object]]:
    from m4dbot.store.subscribers import listed

    config = common.config_of(ctx)
    with common.store(config) as database, database.read() as session:
        group_id = common.group_id_of(session, config, group) if group else None
        return listed(session, group_id, states=() if everybody else ("active",))
