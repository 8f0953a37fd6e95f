"""`m4dbot mail`: every mail that came in, and what became of it."""

from __future__ import annotations

import sys
from typing import Any

import click

from m4dbot.cli import common, text


@click.group(epilog="Example: m4dbot mail list --what held")
def mail() -> None:
    """Every mail that came in, and what became of it. Nothing is ever dropped."""


@mail.command("list", epilog="Example: m4dbot mail list --what held")
@click.option("--group", metavar="SLUG", help="Only of this group.")
@click.option("--what", metavar="DISPOSITION", help="Only these: contribution, held, bounce, auto-reply, spam, ….")
@click.option("--limit", default=50, type=click.IntRange(1), show_default=True, help="How many, the newest.")
@click.option("--all", "every", is_flag=True, help="All of them.")
@common.json_option
@click.pass_context
def list_(
    ctx: click.Context, /, *, group: str | None, what: str | None, limit: int, every: bool, as_json: bool
) -> None:
    """The mails that came in, the newest last, each with what became of it and why."""
    from sqlalchemy import select

    from m4dbot.intake.values import Disposition
    from m4dbot.store.tables import Contribution, Group, Message

    if what is not None and what not in set(Disposition):
        raise click.UsageError(f"--what: there is {', '.join(Disposition)}.")
    config = common.config_of(ctx)
    with common.store(config) as database, database.read() as session:
        query = (
            select(Message, Group.slug, Contribution.id, Contribution.state)
            .outerjoin(Group, Group.id == Message.group_id)
            .outerjoin(Contribution, Contribution.message_id == Message.id)
        )
        if group is not None:
            query = query.where(Message.group_id == common.group_id_of(session, config, group))
        if what is not None:
            query = query.where(Message.disposition == what)
        query = query.order_by(Message.id.desc())
        rows = session.execute(query if every else query.limit(limit)).all()
        found = [_as_object(*row) for row in reversed(rows)]
    if as_json:
        common.print_json(found)
    elif not found:
        click.echo("No such mail has come in.")
    else:
        text.table(
            ["id", "received (UTC)", "from", "what", "why"],
            [[str(m["id"]), f"{m['received_at']:%Y-%m-%d %H:%M}", m["sender"], _what(m), m["reason"]] for m in found],
            right=(0,),
        )


def _what(one: dict[str, Any]) -> str:
    if one["contribution"] is None:
        return str(one["disposition"])
    return f"{one['contribution']} {one['state']}"


def _as_object(row: Any, group: str | None, contribution: int | None, state: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "group": group,
        "message_id": row.message_id,
        "received_at": row.received_at,
        "sender": row.sender,
        "subject": row.subject,
        "disposition": row.disposition,
        "reason": row.reason,
        "contribution": contribution,
        "state": state,
        "source": row.source,
        "source_detail": row.source_detail,
        "envelope_sender": row.envelope_sender,
        "envelope_recipient": row.envelope_recipient,
        "size": row.size,
        "sha256": row.content_hash,
        "processed_at": row.processed_at,
    }


def _one(ctx: click.Context, number: int) -> tuple[dict[str, Any], bytes]:
    from sqlalchemy import select
    from sqlalchemy.orm import undefer

    from m4dbot.errors import NotFound
    from m4dbot.store.tables import Contribution, Group, Message

    with common.store(common.config_of(ctx)) as database, database.read() as session:
        query = (
            select(Message, Group.slug, Contribution.id, Contribution.state)
            .outerjoin(Group, Group.id == Message.group_id)
            .outerjoin(Contribution, Contribution.message_id == Message.id)
            .where(Message.id == number)
            .options(undefer(Message.raw))
        )
        row = session.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"There is no mail {number}; `m4dbot mail list` shows them.")
        return _as_object(*row), row[0].raw


@mail.command(epilog="Example: m4dbot mail show 12")
@click.argument("id_", metavar="ID", type=int)
@common.json_option
@click.pass_context
def show(ctx: click.Context, /, *, id_: int, as_json: bool) -> None:
    """One mail: where it came from, what became of it and why, and its text."""
    found, raw = _one(ctx, id_)
    if as_json:
        common.print_json(found)
        return
    for label, value in found.items():
        if value not in (None, ""):
            for i, line in enumerate(text.wrapped(str(value), text.width() - 20)):
                click.echo(f"{label.replace('_', ' ') if i == 0 else '':<20}{line}")
    from m4dbot.reading.read import read

    reading = read(raw)
    for block in reading.blocks:
        click.echo()
        click.echo("\n".join(text.indented(block.text.strip("\n"), 2, text.width(), dim=block.role.value != "own")))


@mail.command(epilog="Example: m4dbot mail raw 12 > 12.eml")
@click.argument("id_", metavar="ID", type=int)
@click.pass_context
def raw(ctx: click.Context, /, *, id_: int) -> None:
    """The bytes of one mail as it arrived, for a file."""
    content = _one(ctx, id_)[1]
    if sys.stdout.isatty():
        # A mail can hold what steers a terminal.
        click.echo("\n".join(map(text.clean, content.decode("utf-8", errors="replace").splitlines())))
    else:
        sys.stdout.buffer.write(content)
