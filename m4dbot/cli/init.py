"""`m4dbot init`: a commented configuration to start from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from m4dbot.cli import common
from m4dbot.errors import M4dbotError
from m4dbot.resources import resource

# [section] or # [section], and key = value with or without a # before it.
_SECTION = re.compile(r"^(?:# )?(\[{1,2}[a-z.]+\]{1,2})\s*$")
_KEY = re.compile(r"^(?:# )?([a-z_]+) = (\"[^\"]*\"|\[[^\]]*\]|[^\s#]+)(\s*#.*)?$")


@click.command(
    epilog="Example: m4dbot init /etc/m4dbot --address water@groups.example.org --imap-host imap.example.org"
)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--address", metavar="ADDRESS", help="The group's address.")
@click.option("--name", metavar="TEXT", help="The group's name.")
@click.option("--slug", metavar="SLUG", help="The group's name in commands.")
@click.option("--language", "languages", multiple=True, metavar="CODE", help="A language; can be given several times.")
@click.option("--timezone", metavar="ZONE", help="For example Europe/Brussels.")
@click.option("--facilitator", "facilitators", multiple=True, metavar="ADDRESS", help="Can be given several times.")
@click.option("--imap-host", metavar="HOST", help="Where mail comes in; left out: LMTP on this machine.")
@click.option("--imap-username", metavar="NAME", help="The mailbox's log-in; else the group's address.")
@click.option("--smtp-host", metavar="HOST", help="Where mail goes out; left out: mails are put into a folder.")
@click.option("--smtp-username", metavar="NAME", help="The log-in there; else the group's address.")
@click.pass_context
def init(ctx: click.Context, /, *, folder: Path | None, **given: Any) -> None:
    """Write a commented configuration to FOLDER/config.toml (or the file named with --config).

    On a terminal it asks for what the options do not say. A file that is there already is left as it is.
    """
    named = ctx.find_root().obj
    path = folder / "config.toml" if folder is not None else Path(named or "config.toml")
    if folder is not None and folder.suffix == ".toml":
        path = folder
    if path.exists():
        raise M4dbotError(f"{path} exists already and is left as it is; name another folder.")
    values = {k: v for k, v in given.items() if v}
    if common.on_terminal():
        values = _asked(values)
    text = written(resource("config.example.toml").read_text(encoding="utf-8"), values)
    _checked(text, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as exc:
        raise M4dbotError(f"{path} cannot be written ({exc.strerror}).") from None
    click.echo(f"Wrote {path}. Look at it, then: m4dbot --config {path} doctor")


def _checked(text: str, path: Path) -> None:
    from m4dbot.config import parse_config
    from m4dbot.errors import InvalidFile

    try:
        parse_config(text, path)
    except InvalidFile as exc:
        said = "; ".join(f"{p.place.partition(', ')[2] or p.place}: {p.wrong}" for p in exc.problems)
        raise click.UsageError(f"That makes no configuration: {common.printable_line(said)}.") from None


def written(example: str, values: Mapping[str, Any]) -> str:
    """The example with these values put in; comments stay, sections that are used lose their #."""
    address = values.get("address", "")
    wanted: dict[str, dict[str, object]] = {"[[group]]": {}, "[imap]": {}, "[smtp]": {}}
    for key in ("slug", "address", "name", "timezone"):
        if values.get(key):
            wanted["[[group]]"][key] = values[key]
    if address and not values.get("slug"):
        wanted["[[group]]"]["slug"] = slug_of(address)
    if address and not values.get("name"):
        wanted["[[group]]"]["name"] = f"{slug_of(address).replace('-', ' ').capitalize()} network"
    for key in ("languages", "facilitators"):
        if values.get(key):
            wanted["[[group]]"][key] = list(values[key])
    for section in ("imap", "smtp"):
        if host := values.get(f"{section}_host"):
            user = values.get(f"{section}_username") or address or "groups@example.org"
            wanted[f"[{section}]"] = {"host": host, "username": user, "password_file": f"{section}-password"}
    lines, here = [], ""
    for line in example.splitlines():
        new = line
        if (found := _SECTION.match(line)) is not None:
            here = found[1]
            new = here if wanted.get(here) or not line.startswith("#") else line
        elif (found := _KEY.match(line)) is not None and found[1] in wanted.get(here, {}):
            new = f"{found[1]} = {json.dumps(wanted[here][found[1]], ensure_ascii=False)}{found[3] or ''}"
        lines.append(new)
    return "\n".join(lines) + "\n"


def slug_of(address: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", address.partition("@")[0].lower()).strip("-")[:63] or "group"


def _asked(values: dict[str, Any]) -> dict[str, Any]:
    """The values, with what they do not say asked for on the terminal."""
    from m4dbot.cli.subscribers_csv import checked_address
    from m4dbot.discussion.file import LANGUAGE

    def address(value: str) -> str:
        try:
            return checked_address(value)
        except ValueError as exc:
            raise click.BadParameter(str(exc)) from None

    def addresses(value: str) -> list[str]:
        return [address(v) for v in re.split(r"[\s,;]+", value) if v]

    def codes(value: str) -> list[str]:
        found = [v for v in re.split(r"[\s,;]+", value) if v]
        if not found or not all(LANGUAGE.fullmatch(v) for v in found):
            raise click.BadParameter("language codes, for example: en fr es")
        return found

    def word(value: str) -> str:
        return common.printable_line(value)

    questions: Sequence[tuple[str, str, str | None, Callable[[str], object]]] = (
        ("address", "The group's address", None, address),
        ("name", "Its name", "", word),
        ("languages", "Languages, the first one first", "en fr es", codes),
        ("timezone", "Time zone", "UTC", word),
        ("facilitators", "Facilitators' addresses", "", addresses),
        ("imap_host", "IMAP server where its mail arrives (empty: LMTP on this machine)", "", word),
        ("smtp_host", "SMTP server that mail goes out through (empty: put it into a folder)", "", word),
    )
    answers = dict(values)
    for key, question, default, check in questions:
        if key not in answers:
            answers[key] = click.prompt(question, default=default, value_proc=check, show_default=bool(default))
    for section in ("imap", "smtp"):
        if answers.get(f"{section}_host") and f"{section}_username" not in answers:
            user = click.prompt(f"Log-in name at {answers[f'{section}_host']}", default=answers["address"])
            answers[f"{section}_username"] = common.printable_line(user)
    return answers
