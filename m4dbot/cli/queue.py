"""`m4dbot queue`: what waits for a decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from m4dbot.cli import common, text

if TYPE_CHECKING:
    from m4dbot.store.waiting import Filed, Waiting

SURE = 0.9  # from here on a tag is marked as sure
INDENT = 6


@click.command(epilog="Example: m4dbot queue --group water")
@click.option("--group", metavar="SLUG", help="Only of this group.")
@click.option("--discussion", metavar="SLUG", help="Only of this discussion.")
@common.json_option
@click.pass_context
def queue(ctx: click.Context, group: str | None, discussion: str | None, as_json: bool) -> None:
    """What waits for a decision, oldest first.

    Each contribution with who wrote it, its language, when it came, where its passages were filed (✓ sure, ? look
    at it), its first words, and why it waits.
    """
    from m4dbot.store.waiting import waiting

    config = common.config_of(ctx)
    found = waiting(config, group, discussion)
    if as_json:
        common.print_json([as_object(w) for w in found])
        return
    if not found:
        click.echo("Nothing waits for a decision.")
        return
    zones = {g.slug: ZoneInfo(g.timezone) for g in config.group}
    click.echo(_heading(found))
    for one in found:
        click.echo()
        click.echo("\n".join(_shown(one, zones.get(one.group, ZoneInfo("UTC")), several=len(zones) > 1)))
    click.echo()
    click.echo(
        click.style("m4dbot show ID · approve ID… · reject ID… --reason TEXT · retag ID TAG · edit ID", dim=True)
    )


def as_object(one: Waiting) -> dict[str, object]:
    """What `--json` prints of a waiting contribution."""
    found = asdict(one)
    author = {"name": found.pop("author_name"), "address": found.pop("author_address")}
    return {
        "id": found.pop("id"),
        "author": author,
        **found,
        "on_behalf_of": found["on_behalf_of"] or None,
        "discussion": found["discussion"] or None,
        "language": found["language"] or None,
    }


def _heading(found: list[Waiting]) -> str:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.group] = counts.get(one.group, 0) + 1
    verb = "waits" if len(found) == 1 else "wait"
    where = f" in {found[0].group}" if len(counts) == 1 else f": {', '.join(f'{n} in {g}' for g, n in counts.items())}"
    return f"{common.plural(len(found), 'contribution')} {verb}{where}"


def _shown(one: Waiting, zone: ZoneInfo, *, several: bool) -> Iterator[str]:
    limit = text.width()
    who = ", ".join(v for v in map(one.contributor.get, ("name", "role", "organisation", "place")) if v)
    who = who or one.author_name or one.author_address or "unknown"
    if one.on_behalf_of:
        who = f"{one.on_behalf_of} (sent by {one.author_name or one.author_address})"
    yield click.style(f"{one.id:>4}", bold=True) + "  " + click.style(text.shortened(who, limit - INDENT), bold=True)
    facts = [one.language or "language?", common.local(one.received_at, zone), " · ".join(_places(one.passages))]
    if several:
        facts.insert(0, one.discussion or one.group)
    yield " " * INDENT + text.shortened(" · ".join(facts), limit - INDENT)
    words = one.text.strip() or one.subject or "(no words of its own)"
    yield " " * INDENT + f"“{text.shortened(words, limit - INDENT - 2)}”"
    for line in text.wrapped(one.hold_reason, limit - INDENT):
        yield " " * INDENT + click.style(line, dim=True)


def _places(passages: tuple[Filed, ...]) -> Iterator[str]:
    """Each place once, in order, with its mark."""
    from m4dbot.tagging.values import Tag

    marks: dict[str, bool] = {}
    for p in passages:
        place = "no tag" if p.week is None else str(Tag(p.week, p.question))
        marks[place] = marks.get(place, True) and p.week is not None and p.confidence >= SURE
    for place, sure in marks.items():
        yield f"{place} {'✓' if sure else '?'}"
    if not marks:
        yield "no tag ?"
