"""What the commands share: the configuration, the store, the clock, who decides, and what is printed."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click

from m4dbot.errors import M4dbotError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from m4dbot.config import Config
    from m4dbot.store.database import Database

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

LONGEST_RANGE = 10_000


def now() -> datetime:
    """The clock: aware, in UTC. Everything below the command line is handed the time."""
    return datetime.now(UTC)


def config_of(ctx: click.Context) -> Config:
    """The configuration named by --config, M4DBOT_CONFIG, or config.toml here."""
    from m4dbot.config import load_config

    return load_config(ctx.find_root().obj)


@contextmanager
def store(config: Config) -> Iterator[Database]:
    """The configured database, ready to work with. What goes wrong on the way is logged to standard error."""
    import logging

    import structlog

    from m4dbot.logs import log_events
    from m4dbot.store.prepare import prepared

    if not structlog.is_configured():
        log_events(sys.stderr, level=logging.ERROR)
    database = prepared(config)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def acting(database: Database, dry_run: bool) -> Iterator[Session]:
    """A session to write with; with `dry_run` everything is tried and nothing is kept."""
    with database.read() if dry_run else database.write() as session:
        yield session


def group_id_of(session: Session, config: Config, slug: str | None) -> int:
    """The stored group's id; without a slug, the only group's."""
    from sqlalchemy import select

    from m4dbot.store.tables import Group

    return session.scalars(select(Group.id).where(Group.slug == config.group_named(slug).slug)).one()


def as_option(command: Decorated) -> Decorated:
    """--as ADDRESS, else M4DBOT_FACILITATOR: under which name a decision is recorded."""
    return click.option(
        "--as",
        "as_",
        metavar="ADDRESS",
        envvar="M4DBOT_FACILITATOR",
        help="Record the decision under this address; else M4DBOT_FACILITATOR, else your account's name.",
    )(command)


def json_option(command: Decorated) -> Decorated:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def dry_run_option(command: Decorated) -> Decorated:
    return click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")(command)


def group_option(command: Decorated) -> Decorated:
    return click.option("--group", "group", metavar="SLUG", help="The group, where there are several.")(command)


def facilitator(as_: str | None) -> str:
    """Who decides, as recorded with the decision: the address given, else the account: "amina@server (cli)".

    The account's name is marked so that nobody takes it for a mail address.
    """
    if as_:
        from m4dbot.config import ADDRESS

        if not ADDRESS.fullmatch(as_):
            raise click.UsageError(f"--as {printable_line(as_)}: that is no mail address.")
        return as_.lower()
    import getpass

    try:
        account = getpass.getuser()
    except (OSError, KeyError):  # a container's number without a name
        account = f"uid {os.getuid()}"
    return f"{account}@{socket.gethostname()} (cli)"


_NUMBER = re.compile(r"#?(\d{1,15})")
_RANGE = re.compile(r"#?(\d{1,15})-#?(\d{1,15})")


def numbers(words: Sequence[str]) -> tuple[list[int], list[tuple[int, int]]]:
    """The numbers and the ranges a person means: "1 2,3 5-9". Raises UsageError on anything else."""
    single: list[int] = []
    ranges: list[tuple[int, int]] = []
    for word in (w for words_ in words for w in words_.split(",") if w):
        if (found := _NUMBER.fullmatch(word)) is not None:
            single.append(int(found[1]))
        elif (found := _RANGE.fullmatch(word)) is not None and 0 <= int(found[2]) - int(found[1]) <= LONGEST_RANGE:
            ranges.append((int(found[1]), int(found[2])))
        else:
            raise click.UsageError(f"'{printable_line(word)}' is no number; write for example 12 13 15-18.")
    return single, ranges


def contributions_named(session: Session, words: Sequence[str]) -> list[int]:
    """The contributions meant by "12 15-18". Of a range, those there are; raises NotFound where it holds none."""
    from sqlalchemy import select

    from m4dbot.errors import NotFound
    from m4dbot.store.tables import Contribution

    found, ranges = numbers(words)
    for first, last in ranges:
        query = select(Contribution.id).where(Contribution.id.between(first, last)).order_by(Contribution.id)
        inside = list(session.scalars(query))
        if not inside:
            raise NotFound(f"There is no contribution from {first} to {last}; `m4dbot queue` lists what waits.")
        found += inside
    return list(dict.fromkeys(found))


def print_json(value: object) -> None:
    """JSON for scripts; instants as ISO 8601 in UTC. Characters that steer a terminal are escaped by JSON itself."""

    def plain(thing: object) -> object:
        if isinstance(thing, datetime):
            return thing.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return str(thing)

    text = json.dumps(value, ensure_ascii=False, indent=2, default=plain)
    # JSON escapes C0 controls only; C1 and direction marks reach a terminal as they are.
    click.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def printable_line(text: str) -> str:
    """One line without control characters: what a mail or a file says must not steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def local(at: datetime, zone: ZoneInfo) -> str:
    """ "Tue 2 Mar 14:05" on a clock in `zone`."""
    here = at.astimezone(zone)
    return f"{here:%a} {here.day} {here:%b %H:%M}"


def local_long(at: datetime, zone: ZoneInfo) -> str:
    """ "Tue 2 Mar 2027, 14:05 (Europe/Brussels)"."""
    here = at.astimezone(zone)
    return f"{here:%a} {here.day} {here:%b %Y, %H:%M} ({zone.key})"


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 mail", "2 mails"; "no mail" reads better than 0."""
    return f"{count or 'no'} {one if count in {0, 1} else many or one + 's'}"


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read. Raises M4dbotError where there is one already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
    except FileExistsError:
        raise M4dbotError(f"{path} exists already and is left as it is; name another file.") from None
    except OSError as exc:
        raise M4dbotError(f"{path} cannot be written ({exc.strerror}).") from None


def on_terminal() -> bool:
    """Whether a person is at both ends: questions may be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
