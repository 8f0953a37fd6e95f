"""`m4dbot outbox`: what is to be sent, was sent, and could not be sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from m4dbot.cli import common, text


@click.group(epilog="Example: m4dbot outbox list")
def outbox() -> None:
    """What is to be sent, was sent, and could not be sent."""


@outbox.command("list", epilog="Example: m4dbot outbox list --limit 20")
@click.option("--group", metavar="SLUG", help="Only of this group.")
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), show_default=True, help="How many mailings.")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, /, *, group: str | None, limit: int, as_json: bool) -> None:
    """The newest mailings, and the deliveries that failed or wait for another attempt."""
    from m4dbot.delivery.outbox import list_mailings, list_troubles

    config = common.config_of(ctx)
    with common.store(config) as database, database.read() as session:
        group_id = common.group_id_of(session, config, group) if group else None
        mailings = list_mailings(session, group_id=group_id, limit=limit)
        troubles = list_troubles(session, group_id=group_id)
    if as_json:
        common.print_json({"mailings": [asdict(m) for m in mailings], "troubles": [asdict(t) for t in troubles]})
        return
    if not mailings:
        click.echo("Nothing has been queued yet.")
        return
    rows = [[str(m.mailing_id), m.key, f"{m.due_at:%Y-%m-%d %H:%M}", _counted(m.counts, m.reason)] for m in mailings]
    text.table(["id", "mailing", "due (UTC)", "deliveries"], rows, flexible=3, right=(0,))
    if troubles:
        click.echo()
        click.echo(click.style("Not delivered", bold=True))
        told = [[str(t.delivery_id), t.recipient, f"{t.state} ({t.attempts})", t.last_reply] for t in troubles]
        text.table(["id", "to", "state (attempts)", "the server's last words"], told, right=(0,))
        click.echo(click.style("m4dbot outbox show ID · retry [ID…] · cancel ID…", dim=True))


def _counted(counts: dict[str, int], reason: str) -> str:
    return ", ".join(f"{n} {state}" for state, n in counts.items()) or (f"skipped: {reason}" if reason else "nobody")


@outbox.command(epilog="Example: m4dbot outbox show 317")
@click.argument("id_", metavar="ID", type=int)
@click.option("--mailing", is_flag=True, help="ID is a mailing's: show each of its deliveries.")
@click.option("--raw", is_flag=True, help="Print the mail itself, as it goes out.")
@common.json_option
@click.pass_context
def show(ctx: click.Context, /, *, id_: int, mailing: bool, raw: bool, as_json: bool) -> None:
    """One delivery, with every attempt's outcome and, with --raw, the mail."""
    from sqlalchemy import select

    from m4dbot.errors import NotFound
    from m4dbot.store.tables import Delivery, Mailing, Rendering

    with common.store(common.config_of(ctx)) as database, database.read() as session:
        query = select(Delivery, Mailing, Rendering).join(Mailing, Mailing.id == Delivery.mailing_id)
        query = query.join(Rendering, Rendering.id == Delivery.rendering_id).order_by(Delivery.id)
        rows = session.execute(query.where(Delivery.mailing_id == id_ if mailing else Delivery.id == id_)).all()
        if not rows:
            what = "mailing with deliveries" if mailing else "delivery"
            raise NotFound(f"There is no {what} {id_}; `m4dbot outbox list` shows them.")
        found = [_as_object(*row) for row in rows]
        content = _raw(rows[0][0], rows[0][2]) if raw else b""
    if raw:
        sys.stdout.buffer.write(content)
    elif as_json:
        common.print_json(found)
    elif mailing:
        headers = ["id", "to", "state", "attempts", "the server's last words"]
        cells = [[str(d["id"]), d["to"], d["state"], str(d["attempts"]), d["last_reply"]] for d in found]
        text.table(headers, cells, right=(0, 3))
    else:
        for label, value in found[0].items():
            if value not in (None, ""):
                click.echo(text.clean(f"{label.replace('_', ' '):<16}{value}"))


def _as_object(delivery: Any, mailing: Any, rendering: Any) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "mailing": mailing.id,
        "key": mailing.key,
        "to": delivery.recipient,
        "language": rendering.language,
        "subject": rendering.subject,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at if delivery.state in {"pending", "deferred"} else None,
        "sent_at": delivery.sent_at,
        "message_id": delivery.message_id,
        "last_reply": delivery.last_reply,
    }


def _raw(delivery: Any, rendering: Any) -> bytes:
    """The mail with this person's parts. The address that takes them off is a secret of theirs and left out."""
    from m4dbot.delivery.splice import fill, prepare, value_of

    prepared = prepare(rendering.content, rendering.slots, for_smtp=False)
    about = {"address": delivery.recipient, "name": delivery.name, "message_id": delivery.message_id}
    return fill(prepared, {n: value_of(n, leave="leave-hidden@invalid", **about) for n in prepared.names})


@outbox.command(epilog="Example: m4dbot outbox retry 317 318")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--mailing", type=int, metavar="ID", help="All of this mailing.")
@common.dry_run_option
@click.pass_context
def retry(ctx: click.Context, /, *, ids: tuple[str, ...], mailing: int | None, dry_run: bool) -> None:
    """Try again what failed or waits: these deliveries, those of a mailing, or (without either) all of them."""
    from m4dbot.delivery.outbox import list_troubles
    from m4dbot.delivery.outbox import retry as try_again

    wanted = _ids(ids, mailing)
    with common.store(common.config_of(ctx)) as database, common.acting(database, dry_run) as session:
        if not wanted and mailing is None:
            wanted = [t.delivery_id for t in list_troubles(session, limit=1_000_000)]
        count = try_again(session, common.now(), delivery_ids=wanted, mailing_id=mailing) if wanted or mailing else 0
    click.echo(f"{common.plural(count, 'delivery', 'deliveries')} {'would be' if dry_run else 'will be'} tried again.")


@outbox.command(epilog="Example: m4dbot outbox cancel --mailing 12")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--mailing", type=int, metavar="ID", help="All of this mailing.")
@common.dry_run_option
@click.pass_context
def cancel(ctx: click.Context, /, *, ids: tuple[str, ...], mailing: int | None, dry_run: bool) -> None:
    """Take back what has not gone out yet."""
    from m4dbot.delivery.outbox import cancel as take_back

    wanted = _ids(ids, mailing)
    if not wanted and mailing is None:
        raise click.UsageError("Name deliveries, or a mailing with --mailing.")
    with common.store(common.config_of(ctx)) as database, common.acting(database, dry_run) as session:
        count = take_back(session, delivery_ids=wanted, mailing_id=mailing)
    verb = "would be" if dry_run else "is" if count < 2 else "are"
    click.echo(f"{common.plural(count, 'delivery', 'deliveries')} {verb} cancelled.")


def _ids(words: Sequence[str], mailing: int | None) -> list[int]:
    single, ranges = common.numbers(words)
    if (single or ranges) and mailing is not None:
        raise click.UsageError("Name deliveries or a mailing, not both.")
    return single + [i for first, last in ranges for i in range(first, last + 1)]
