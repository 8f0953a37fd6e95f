"""`m4dbot summary`: the consolidated reply, from draft to readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from m4dbot.cli import common, text
from m4dbot.errors import M4dbotError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from m4dbot.store.tables import DiscussionRow
    from m4dbot.summary.model import ConsolidatedReply

# format: the suffix of its files
FORMATS = {"html": ".html", "text": ".txt", "markdown": ".md"}
SUFFIXES = {
    ".html": "html",
    ".htm": "html",
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
}


def version_option(command: common.Decorated) -> common.Decorated:
    return click.option("--version", type=click.IntRange(min=1), metavar="N", help="This version; else the latest.")(
        command
    )


def language_option(command: common.Decorated) -> common.Decorated:
    return click.option("--language", metavar="CODE", help="Of headings and dates; responses stay as they are.")(
        command
    )


@click.group(epilog="Example: m4dbot summary draft water-2027")
def summary() -> None:
    """Draft, build, release and send the consolidated reply.

    A draft is a version of the document; a facilitator releases one, and only then can it be sent.
    """


@summary.command(epilog="Example: m4dbot summary draft water-2027 --language fr")
@click.argument("slug")
@language_option
@common.json_option
@click.pass_context
def draft(ctx: click.Context, slug: str, language: str | None, as_json: bool) -> None:
    """Write a new version from everything approved so far."""
    from m4dbot.summary import drafting, outline
    from m4dbot.summary.words import words_in

    with common.store(common.config_of(ctx)) as database, database.write() as session:
        made = drafting.draft(session, _row(session, slug), common.now(), language)
    if as_json:
        common.print_json(
            {
                "version": made.version,
                "state": made.state,
                "new": made.is_new,
                "responses": len(made.reply.responses),
                "people": len(made.reply.people),
                "pending": made.pending,
            }
        )
        return
    counted = ", ".join(words_in("en").count(key, n) for key, n in outline.tiles(made.reply))
    if made.is_new:
        click.echo(f"Version {made.version} is drafted: {counted}.")
    else:
        click.echo(f"Nothing has changed since version {made.version} ({made.state}): {counted}.")
    if made.pending:
        waits = "contribution still waits" if made.pending == 1 else "contributions still wait"
        click.echo(
            click.style(f"{made.pending} {waits} for a decision and will be missing", fg="yellow") + ": m4dbot queue"
        )
    if made.state == drafting.DRAFT:
        click.echo(f"Read it:     m4dbot summary build {slug} --output {slug}.html")
        click.echo(f"Release it:  m4dbot summary release {slug} --as YOUR-ADDRESS")


@summary.command(epilog="Example: m4dbot summary build water-2027 --output water.html")
@click.argument("slug")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    help="Else as the name of the output says; to the terminal, text; into a folder, all of them.",
)
@click.option("--output", metavar="FILE|FOLDER", type=click.Path(path_type=Path), help="Where to; else printed here.")
@version_option
@language_option
@click.pass_context
def build(
    ctx: click.Context,
    slug: str,
    *,
    format_: str | None,
    output: Path | None,
    version: int | None,
    language: str | None,
) -> None:
    """Write a version as a web page, plain text or Markdown.

    A file of that name is written over.
    """
    from m4dbot.summary import drafting

    with common.store(common.config_of(ctx)) as database, database.read() as session:
        reply = drafting.read(session, _row(session, slug), version)
    if output is None:
        click.echo(_written(reply, format_ or "text", language), nl=False)
        return
    if output.is_dir():
        draft_mark = "" if reply.released_at else "-draft"
        name = f"{slug}-consolidated-reply-v{reply.version}{draft_mark}"
        chosen = [format_] if format_ else list(FORMATS)
        files = {output / f"{name}{FORMATS[each]}": each for each in chosen}
    else:
        by_name = SUFFIXES.get(output.suffix.lower())
        if format_ is None and by_name is None:
            raise click.UsageError(f"{output} does not say which format is meant; add --format html, text or markdown.")
        files = {output: format_ or by_name or "html"}
    for path, each in files.items():
        _write(path, _written(reply, each, language))
        click.echo(f"Version {reply.version} is in {path}")


@summary.command(epilog="Example: m4dbot summary release water-2027 --as fay@groups.example.org")
@click.argument("slug")
@version_option
@common.as_option
@click.pass_context
def release(ctx: click.Context, slug: str, version: int | None, as_: str | None) -> None:
    """Let a version go out. Only a facilitator of the group can."""
    from m4dbot.store import discussions
    from m4dbot.summary import drafting

    if not as_:
        raise M4dbotError("A facilitator releases the document: add --as ADDRESS, or set M4DBOT_FACILITATOR.")
    by = common.facilitator(as_)
    with common.store(common.config_of(ctx)) as database, database.write() as session:
        row = _row(session, slug)
        zone = discussions.value_of(row).zone
        done = drafting.release(session, row, by=by, now=common.now(), version=version)
    at = common.local_long(done.at, zone)
    if done.already:
        click.echo(f"Version {done.version} was released before, by {done.by} on {at}.")
    else:
        click.echo(f"Version {done.version} is released by {done.by}.")
        click.echo(f"Send it:  m4dbot summary send {slug}")


@summary.command(epilog="Example: m4dbot summary send water-2027 --dry-run")
@click.argument("slug")
@version_option
@click.option("--reissue", is_flag=True, help="Send a later version to those who have an earlier one.")
@common.dry_run_option
@common.json_option
@click.pass_context
def send(ctx: click.Context, slug: str, *, version: int | None, reissue: bool, dry_run: bool, as_json: bool) -> None:
    """Send the released document to everybody who reads along, once.

    Those who chose to get the summary only are among them. Each mail is in the reader's language.
    """
    from m4dbot.store import discussions
    from m4dbot.summary.sending import send as send_document

    config = common.config_of(ctx)
    with common.store(config) as database, common.acting(database, dry_run) as session:
        row = _row(session, slug)
        zone = discussions.value_of(row).zone
        sent = send_document(session, config, row, now=common.now(), version=version, reissue=reissue, dry_run=dry_run)
    if as_json:
        common.print_json(
            {
                "version": sent.version,
                "key": sent.key,
                "recipients": sent.recipients,
                "by_language": dict(sent.by_language),
                "already_at": sent.already_at,
                "dry_run": dry_run,
            }
        )
        return
    people = common.plural(sent.recipients, "person", "people")
    if sent.already_at is not None:
        at = common.local_long(sent.already_at, zone)
        click.echo(f"Version {sent.version} was sent before, to {people}, on {at}; nothing was done.")
        return
    languages = ", ".join(f"{n} in {code}" for code, n in sent.by_language)
    if dry_run:
        click.echo(f"Version {sent.version} would be sent to {people} ({languages}); nothing was done.")
    else:
        click.echo(f"Version {sent.version} is in the outbox for {people} ({languages}): m4dbot outbox list")


@summary.command("list", epilog="Example: m4dbot summary list water-2027")
@click.argument("slug")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, slug: str, as_json: bool) -> None:
    """Every version, with who released it and when."""
    from m4dbot.store import discussions
    from m4dbot.summary import drafting
    from m4dbot.summary.model import from_json

    with common.store(common.config_of(ctx)) as database, database.read() as session:
        row = _row(session, slug)
        zone = discussions.value_of(row).zone
        found: list[dict[str, Any]] = [
            {
                "version": d.version,
                "state": d.state,
                "drafted_at": d.created_at,
                "responses": len(from_json(d.model).responses),
                "released_at": d.released_at,
                "released_by": d.released_by or None,
            }
            for d in drafting.versions(session, row)
        ]
    if as_json:
        common.print_json(found)
        return
    if not found:
        click.echo(f"Nothing is drafted yet: m4dbot summary draft {slug}")
        return
    shown = [
        (
            str(d["version"]),
            d["state"],
            common.local(d["drafted_at"], zone),
            str(d["responses"]),
            f"{d['released_by']}, {common.local(d['released_at'], zone)}" if d["released_at"] else "",
        )
        for d in found
    ]
    text.table(("version", "state", "drafted", "responses", "released by"), shown, right=(0, 3))


def _row(session: Session, slug: str) -> DiscussionRow:
    from m4dbot.store import discussions

    return discussions.get(session, slug)[0]


def _written(reply: ConsolidatedReply, format_: str, language: str | None) -> str:
    from m4dbot.summary.html import to_html
    from m4dbot.summary.markdown import to_markdown
    from m4dbot.summary.text import to_text

    writers: dict[str, Callable[[ConsolidatedReply, str | None], str]] = {
        "html": to_html,
        "text": to_text,
        "markdown": to_markdown,
    }
    return writers[format_](reply, language)


def _write(path: Path, content: str) -> None:
    try:
        path.write_bytes(content.encode())
    except OSError as exc:
        raise M4dbotError(f"{path} cannot be written ({exc.strerror}).") from None
