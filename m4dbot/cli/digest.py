"""`m4dbot digest`: a week's digest before it goes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from m4dbot.cli import common, text
from m4dbot.errors import M4dbotError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@click.group(epilog="Example: m4dbot digest preview water-2027 --week 2")
def digest() -> None:
    """Preview a week's digest."""


@digest.command(epilog="Example: m4dbot digest preview water-2027 --week 2 --html digest.html")
@click.argument("discussion", metavar="[SLUG]", required=False)
@click.option("--week", type=click.IntRange(1, 53), metavar="N", help="Of which week; else this week's.")
@click.option("--language", default="", metavar="CODE", help="In which language; else the discussion's first.")
@click.option("--html", "html", metavar="FILE", type=click.Path(path_type=Path), help="Write it as a page to look at.")
@click.pass_context
def preview(
    ctx: click.Context, /, *, discussion: str | None, week: int | None, language: str, html: Path | None
) -> None:
    """The digest as it would go out now. Nothing is sent.

    SLUG may be left out where only one discussion is on.
    """
    import email
    import email.policy

    from m4dbot.publishing.due import digest_preview

    config = common.config_of(ctx)
    with common.store(config) as database, database.read() as session:
        slug = discussion or _only(session)
        mail = digest_preview(session, config, slug, week=week, now=common.now(), language=language)
    message = email.message_from_bytes(mail.content, policy=email.policy.default)
    if html is None:
        click.echo(click.style(text.clean(mail.subject), bold=True))
        click.echo()
        body = message.get_body(("plain",))
        # The lines are the mail's own; only what steers a terminal is taken out.
        click.echo("\n".join(map(text.clean, body.get_content().splitlines() if body is not None else ())))
        return
    page = message.get_body(("html",))
    try:
        html.write_text(page.get_content() if page is not None else "", encoding="utf-8")
    except OSError as exc:
        raise M4dbotError(f"{html} cannot be written ({exc.strerror}).") from None
    click.echo(f"Wrote {html}.")


def _only(session: Session) -> str:
    from m4dbot.store import discussions

    slugs = [row.slug for row, _ in discussions.loaded(session, also_closed=False)]
    if len(slugs) == 1:
        return slugs[0]
    if not slugs:
        raise M4dbotError("No discussion is on; load one with `m4dbot discussion load FILE`.")
    raise M4dbotError(f"There are several discussions ({', '.join(slugs)}); name one.")
