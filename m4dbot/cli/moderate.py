"""`m4dbot show`, `approve`, `reject`, `hold`, `retag`, `edit`: one contribution, and what is decided about it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from m4dbot.cli import common, text
from m4dbot.errors import M4dbotError, NotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from m4dbot.config import Config
    from m4dbot.moderation.decisions import Outcome

INDENT = 4


@click.command(epilog="Example: m4dbot show 12")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@common.json_option
@click.pass_context
def show(ctx: click.Context, ids: tuple[str, ...], as_json: bool) -> None:
    """One contribution, with everything known about it.

    Its passages with their tags and the evidence for each, what was cut from the mail, the attachments, and every
    decision so far.
    """
    config = common.config_of(ctx)
    with common.store(config) as database, database.read() as session:
        found = [as_object(session, i) for i in common.contributions_named(session, ids)]
    if as_json:
        common.print_json(found)
        return
    zones = {g.slug: ZoneInfo(g.timezone) for g in config.group}
    for i, one in enumerate(found):
        if i:
            click.echo()
        click.echo("\n".join(_shown(one, zones.get(one["group"], ZoneInfo("UTC")))))


@click.command(epilog="Example: m4dbot approve 12 13 15-18")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--reason", default="", metavar="TEXT", help="Recorded with the decision.")
@common.as_option
@common.dry_run_option
@common.json_option
@click.pass_context
def approve(
    ctx: click.Context, /, *, ids: tuple[str, ...], reason: str, as_: str | None, dry_run: bool, as_json: bool
) -> None:
    """Release contributions: each gets its number, and its post is queued.

    Deciding twice is harmless: you are told who decided first.
    """
    from m4dbot.moderation import decisions

    def decide(session: Session, config: Config, numbers: list[int], by: str) -> list[Outcome]:
        return decisions.approve(session, config, numbers, by=by, way="cli", now=common.now(), reason=reason)

    _decide(ctx, ids, as_, decide, dry_run=dry_run, as_json=as_json)


@click.command(epilog='Example: m4dbot reject 14 --reason "This is for the organisers; they will write to you."')
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--reason", default="", metavar="TEXT", help="Recorded, and told to the author.")
@click.option("--silent", is_flag=True, help="Record the reason, but tell the author nothing.")
@common.as_option
@common.dry_run_option
@common.json_option
@click.pass_context
def reject(
    ctx: click.Context,
    /,
    *,
    ids: tuple[str, ...],
    reason: str,
    silent: bool,
    as_: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Refuse contributions, with a reason.

    With a reason the author is told (unless --silent); without one nothing is sent, as is right for spam. What has
    been published cannot be rejected: mail that went out cannot be taken back.
    """
    from m4dbot.moderation import decisions

    def decide(session: Session, config: Config, numbers: list[int], by: str) -> list[Outcome]:
        tell = None if silent else config
        return decisions.reject(session, numbers, by=by, way="cli", now=common.now(), reason=reason, tell=tell)

    _decide(ctx, ids, as_, decide, dry_run=dry_run, as_json=as_json)


@click.command(epilog='Example: m4dbot hold 12 --reason "waiting for the author to confirm the figures"')
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--reason", default="", metavar="TEXT", help="Shown in the queue.")
@common.as_option
@common.dry_run_option
@common.json_option
@click.pass_context
def hold(
    ctx: click.Context, /, *, ids: tuple[str, ...], reason: str, as_: str | None, dry_run: bool, as_json: bool
) -> None:
    """Put contributions back into the queue, or note why one still waits."""
    from m4dbot.moderation import decisions

    def decide(session: Session, _config: Config, numbers: list[int], by: str) -> list[Outcome]:
        return decisions.hold(session, numbers, by=by, way="cli", now=common.now(), reason=reason)

    _decide(ctx, ids, as_, decide, dry_run=dry_run, as_json=as_json)


@click.command(epilog='Example: m4dbot retag 12.3 "W2 Q1"')
@click.argument("what", metavar="ID[.PASSAGE]...", nargs=-1, required=True)
@click.argument("tag")
@click.option("--discussion", metavar="SLUG", help="Move the contribution to this discussion.")
@click.option("--reason", default="", metavar="TEXT", help="Recorded with the decision.")
@common.as_option
@common.dry_run_option
@common.json_option
@click.pass_context
def retag(
    ctx: click.Context,
    /,
    *,
    what: tuple[str, ...],
    tag: str,
    discussion: str | None,
    reason: str,
    as_: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """File a contribution, or one passage of it, under another week and question.

    TAG is "W2 Q1", "W2" for the week as a whole, or none. Your word outranks the machine's and the contributor's.
    """
    from m4dbot.moderation import decisions

    try:
        wanted = decisions.tag_named(tag)
    except M4dbotError as exc:
        raise click.UsageError(common.printable_line(str(exc))) from None
    targets = [_target(word) for word in what]

    def decide(session: Session, _config: Config, _numbers: list[int], by: str) -> list[Outcome]:
        return [
            decisions.retag(
                session,
                number,
                passage,
                wanted,
                by=by,
                way="cli",
                now=common.now(),
                reason=reason,
                discussion=discussion,
            )
            for number, passage in targets
        ]

    _decide(ctx, (), as_, decide, dry_run=dry_run, as_json=as_json)


@click.command(epilog="Example: m4dbot edit 12 --place Nyeri --file corrected.txt")
@click.argument("id_", metavar="ID", type=int)
@click.option(
    "--file",
    "file",
    metavar="FILE",
    help="Take the text from a file (- for standard input) instead of an editor: what the editor would show, or the "
    "whole text, whose paragraphs keep their places.",
)
@click.option("--name", metavar="TEXT", help="Contributor line: the name.")
@click.option("--role", metavar="TEXT", help="Contributor line: the role.")
@click.option("--organisation", metavar="TEXT", help="Contributor line: the organisation.")
@click.option("--place", metavar="TEXT", help="Contributor line: the place or country.")
@click.option("--on-behalf-of", metavar="NAME", help="For whom it was sent.")
@click.option("--language", metavar="CODE", help='Its language, for example "es".')
@click.option("--note", metavar="TEXT", help="Your note, printed with the post.")
@click.option("--reason", default="", metavar="TEXT", help="Recorded with the decision.")
@common.as_option
@common.json_option
@click.pass_context
def edit(
    ctx: click.Context, /, *, id_: int, file: str | None, reason: str, as_: str | None, as_json: bool, **fields: Any
) -> None:
    """Edit what will be published; the original is kept.

    Opens $EDITOR with the contributor line and each passage under its tag. A passage can be split by a new tag
    line, joined by removing one, filed elsewhere by changing it. Saving without a change, or an empty file, changes
    nothing.
    """
    from m4dbot.cli import editing
    from m4dbot.moderation import decisions

    by = common.facilitator(as_)
    config = common.config_of(ctx)
    given = {k: v for k, v in fields.items() if v is not None}
    with common.store(config) as database:
        with database.read() as session:
            if not common.contributions_named(session, [str(id_)]):
                raise NotFound(f"There is no contribution {id_}.")
            form = editing.form_of(session, id_)
            revision = decisions.revision_of(session, id_)
        kept: Path | None = None
        content: str | None = None
        if file is not None:
            content = _read(file)
        elif not given:
            if not common.on_terminal():
                raise click.UsageError("There is no terminal for an editor; use --file FILE, or --name, --place, ….")
            content, kept = editing.in_editor(form.written(), id_)
        change = editing.change_of(form, content, given)
        try:
            with database.write() as session:
                outcome = decisions.edit(
                    session,
                    id_,
                    change,
                    by=by,
                    way="cli",
                    now=common.now(),
                    reason=reason,
                    revision=revision,
                )
        except M4dbotError as exc:
            where = f" Your text is kept in {kept}." if kept else ""
            raise type(exc)(f"{exc}{where}") from None
    if kept is not None:
        kept.unlink(missing_ok=True)
    _report([outcome], as_json=as_json)


def _read(file: str) -> str:
    if file != "-":
        from m4dbot.toml_files import read_text

        return read_text(Path(file))
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise M4dbotError("Standard input is not UTF-8 text.") from None


def _target(word: str) -> tuple[int, int | None]:
    number, dot, passage = word.lstrip("#").partition(".")
    if not number.isdecimal() or len(number) > 15 or (dot and (not passage.isdecimal() or len(passage) > 9)):
        raise click.UsageError(f"'{common.printable_line(word)}' is no contribution; write 12, or 12.3 for a passage.")
    return int(number), int(passage) if dot else None


Decide = Callable[["Session", "Config", "list[int]", str], "list[Outcome]"]


def _decide(
    ctx: click.Context, ids: Sequence[str], as_: str | None, decide: Decide, *, dry_run: bool, as_json: bool
) -> None:
    by = common.facilitator(as_)
    config = common.config_of(ctx)
    common.numbers(ids)
    with common.store(config) as database, common.acting(database, dry_run) as session:
        outcomes = decide(session, config, common.contributions_named(session, ids), by)
    if as_ and not any(by == f.address for g in config.group for f in g.facilitators):
        # Whoever may run this command may decide; but a slip of the pen should not become the record.
        click.echo(f"Note: {by} is not among the facilitators in the configuration.", err=True)
    if dry_run and not as_json:
        click.echo("Nothing was changed (--dry-run); it would be:")
    _report(outcomes, as_json=as_json)


def _report(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    from m4dbot.moderation.decisions import Result

    if as_json:
        common.print_json(
            [
                {"id": o.contribution_id, "result": o.result, "state": o.state, "number": o.number, "says": o.says}
                for o in outcomes
            ]
        )
    for o in outcomes:
        if not as_json:
            click.echo(text.clean(o.says), err=o.result is Result.REFUSED)
    if any(o.result is Result.REFUSED for o in outcomes):
        click.get_current_context().exit(1)


def as_object(session: Session, contribution_id: int) -> dict[str, Any]:
    """Everything known about a contribution. Raises NotFound."""
    from sqlalchemy import select

    from m4dbot.moderation.decisions import passages_of
    from m4dbot.store.tables import Contribution, Decision, DiscussionRow, Group, Message

    row = session.get(Contribution, contribution_id)
    if row is None:
        raise NotFound(f"There is no contribution {contribution_id}; `m4dbot queue` lists what waits.")
    message = session.get_one(Message, row.message_id)
    discussion = session.get(DiscussionRow, row.discussion_id) if row.discussion_id else None
    decided = select(Decision).where(Decision.contribution_id == row.id).order_by(Decision.id)
    return {
        "id": row.id,
        "state": row.state,
        "number": row.number,
        "group": session.get_one(Group, row.group_id).slug,
        "discussion": discussion.slug if discussion else None,
        "author": {"name": row.author_name, "address": row.author_address},
        "on_behalf_of": row.on_behalf_of or None,
        "contributor": dict(row.contributor),
        "language": row.language or None,
        "subject": row.subject,
        "received_at": row.received_at,
        "mail": {"id": message.id, "message_id": message.message_id, "source": message.source},
        "hold_reason": row.hold_reason,
        "note": row.note,
        "passages": [
            {
                "passage": p.position,
                "text": p.text,
                "week": p.week,
                "question": p.question,
                "confidence": p.confidence,
                "set_by": p.set_by,
                "evidence": list(p.evidence),
            }
            for p in passages_of(session, row.id)
        ],
        "original_text": row.original_text,
        "edited_text": row.edited_text,
        "cut": [{"role": role, "text": words} for role, words in row.cut if role != "own"],
        "attachments": list(row.attachments),
        "decisions": [
            {"action": d.action, "by": d.by, "way": d.way, "at": d.at, "reason": d.reason, "details": d.details}
            for d in session.scalars(decided)
        ],
    }


def _shown(one: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    limit = text.width()
    number = f" · number {one['number']}" if one["number"] else ""
    yield click.style(f"{one['id']} · {one['state']}{number} · {one['discussion'] or one['group']}", bold=True)
    yield from _facts(one, zone, limit)
    for passage in one["passages"]:
        yield ""
        yield from _passage(one["id"], passage, limit)
    if not one["passages"] and one["original_text"]:
        yield ""
        yield from text.indented(one["original_text"], INDENT, limit)
    if one["edited_text"] is not None:
        yield ""
        yield click.style("As it came", bold=True)
        yield from text.indented(one["original_text"], INDENT, limit, dim=True)
    for attachment in one["attachments"]:
        if attachment.get("text"):
            yield ""
            yield click.style(f"In {text.shortened(str(attachment.get('name')), limit - 3)}", bold=True)
            yield from text.indented(attachment["text"], INDENT, limit)
    for block in one["cut"]:
        if block["text"].strip():
            yield ""
            yield click.style(f"Cut from the mail: {block['role']}", dim=True)
            yield from text.indented(block["text"].strip("\n"), INDENT, limit, dim=True)
    if one["decisions"]:
        yield ""
        yield click.style("Decisions", bold=True)
        for d in one["decisions"]:
            why = f": {d['reason']}" if d["reason"] else ""
            line = f"{common.local_long(d['at'], zone)}  {d['action']} by {d['by']}, {d['way']}{why}"
            yield from text.indented(line, 2, limit)


def _facts(one: Mapping[str, Any], zone: ZoneInfo, limit: int) -> Iterator[str]:
    author, line = one["author"], one["contributor"]
    sender = f"{author['name']} <{author['address']}>" if author["address"] else author["name"]
    introduced = ", ".join(v for v in map(line.get, ("name", "role", "organisation", "place")) if v)
    facts = [
        ("From", sender),
        ("For", one["on_behalf_of"]),
        ("Signed", introduced),
        ("Subject", one["subject"]),
        ("Received", f"{common.local_long(one['received_at'], zone)}, mail {one['mail']['id']}"),
        ("Language", one["language"]),
        ("Waits", one["hold_reason"] if one["state"] == "held" else None),
        ("Note", one["note"]),
    ]
    facts += [("Attached", _attachment(a)) for a in one["attachments"]]
    for label, value in facts:
        if value:
            first, *rest = list(text.wrapped(str(value).replace("\n", " "), limit - 10)) or [""]
            yield f"{label:<10}{first}"
            for more in rest:
                yield " " * 10 + more


def _attachment(a: Mapping[str, Any]) -> str:
    note = f": {a['note']}" if a.get("note") else ""
    return f"{a.get('name') or 'without a name'} ({a.get('content_type', '')}, {int(a.get('size', 0)):,} bytes){note}"


def _passage(contribution_id: int, passage: Mapping[str, Any], limit: int) -> Iterator[str]:
    from m4dbot.tagging.values import Tag

    tag = Tag(passage["week"], passage["question"])
    place = "no tag" if tag.week is None else str(tag)
    sure = f"{passage['confidence']:.0%}" if passage["set_by"] == "machine" else f"by {passage['set_by']}"
    unsure = passage["set_by"] == "machine" and passage["confidence"] < 0.9
    head = f"{contribution_id}.{passage['passage']}  {place}"
    yield click.style(head, bold=True) + "  " + click.style(sure + (", look at it" if unsure else ""), dim=not unsure)
    yield from text.indented(passage["text"], INDENT, limit)
    if passage["evidence"]:
        yield from text.indented("why: " + "; ".join(map(str, passage["evidence"])), INDENT, limit, dim=True)
