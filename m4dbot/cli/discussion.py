"""`m4dbot discussion`: new, check, load, list, show, rehearse, close."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from m4dbot.cli import common, text
from m4dbot.errors import InvalidFile, M4dbotError, Problem

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from m4dbot.cli.discussion_text import Draft
    from m4dbot.config import Config
    from m4dbot.discussion.changes import Change
    from m4dbot.discussion.model import Discussion
    from m4dbot.publishing.rehearse import Rehearsed
    from m4dbot.publishing.values import Sender
    from m4dbot.store.tables import DiscussionRow

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@click.group(epilog="Example: m4dbot discussion check water-2027.toml")
def discussion() -> None:
    """Write, check, load and rehearse discussions."""


@discussion.command(epilog="Example: m4dbot discussion new water-2027.toml")
@click.argument("file", default="discussion.toml", type=click.Path(path_type=Path))
def new(file: Path) -> None:
    """Write a commented discussion to FILE (discussion.toml).

    On a terminal it asks for title, languages, time zone, first day, weeks and questions; else it writes an example.
    """
    from m4dbot.cli.discussion_text import example, written

    if file.exists():
        raise M4dbotError(f"{file} exists already and is left as it is; name another file.")
    # The Monday at least two weeks away: time enough for subscribers.
    today = datetime.now().astimezone().date()
    monday = today + timedelta(days=14 + (-today.weekday()) % 7)
    draft = _asked(file, monday) if common.on_terminal() else example(monday)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(written(draft))
    except OSError as exc:
        raise M4dbotError(f"{file} cannot be written ({exc.strerror}).") from None
    click.echo(f"Wrote {file}. Edit it, then: m4dbot discussion check {file}")


def _asked(file: Path, monday: date) -> Draft:
    from m4dbot.cli.discussion_text import Draft
    from m4dbot.discussion.file import LANGUAGE

    def slug(value: str) -> str:
        if not SLUG.fullmatch(value.strip()):
            raise click.BadParameter("only small letters, digits and hyphens")
        return value.strip()

    def codes(value: str) -> list[str]:
        found = [c for c in re.split(r"[\s,;]+", value) if c]
        if not found or not all(LANGUAGE.fullmatch(c) for c in found) or len(set(found)) < len(found):
            raise click.BadParameter("language codes, each once, for example: en fr es")
        return found

    def zone(value: str) -> str:
        try:
            ZoneInfo(value.strip())
        except (KeyError, ValueError, OSError):
            raise click.BadParameter("a time zone such as Europe/Brussels or Africa/Nairobi") from None
        return value.strip()

    def day(value: str) -> date:
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise click.BadParameter("a day such as 2027-03-01") from None

    suggested = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "discussion"
    name = click.prompt("Short name (in addresses and commands)", default=suggested, value_proc=slug)
    languages = click.prompt("Languages, the first one first", default="en fr es", value_proc=codes)
    title = _in_each(languages, "Title")
    timezone = click.prompt("Time zone", default="UTC", value_proc=zone)
    first_day = click.prompt("First day", default=str(monday), value_proc=day)
    weeks = click.prompt("How many weeks", default=4, type=click.IntRange(1, 53))
    questions = []
    for week in range(1, weeks + 1):
        count = click.prompt(f"How many questions in week {week}", default=2, type=click.IntRange(1, 20))
        questions.append([_in_each(languages, f"Week {week}, question {q}") for q in range(1, count + 1)])
    return Draft(name, title, timezone, languages, first_day, questions)


def _in_each(languages: Sequence[str], what: str) -> dict[str, str]:
    """A text in the first language, and in those others for which something is typed."""
    found = {}
    for i, code in enumerate(languages):
        # The first is needed, the others may come later.
        answer = click.prompt(f"{what} ({code})", default=None if i == 0 else "", show_default=False)
        if answer.strip():
            found[code] = common.printable_line(answer)
    return found


@discussion.command(epilog="Example: m4dbot discussion check water-2027.toml")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@common.json_option
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Check discussion files: every mistake at once, with its line and what would be right."""
    from m4dbot.discussion.file import notes_on

    results = []
    for file in files:
        problems: Sequence[Problem] = ()
        notes: list[str] = []
        value = None
        try:
            _, value = _read(file)
            notes = notes_on(value)
        except InvalidFile as exc:
            problems = exc.problems
        results.append(
            {
                "file": str(file),
                "problems": [{"place": p.place, "wrong": p.wrong, "instead": p.instead} for p in problems],
                "notes": notes,
            }
        )
        if as_json:
            continue
        for problem in problems:
            click.echo(click.style("wrong  ", fg="red") + text.clean(str(problem)))
        for note in notes:
            click.echo(click.style("note   ", fg="yellow") + text.clean(f"{file}: {note}"))
        if value is not None:
            click.echo(click.style("good   ", fg="green") + text.clean(f"{file}: {_in_short(value)}"))
    if as_json:
        common.print_json(results)
    if any(r["problems"] for r in results):
        click.get_current_context().exit(1)


def _read(file: Path) -> tuple[str, Discussion]:
    from m4dbot.discussion.file import parse_discussion
    from m4dbot.toml_files import read_text

    source = read_text(file)
    return source, parse_discussion(source, str(file))


def _in_short(value: Discussion) -> str:
    questions = sum(len(w.questions) for w in value.weeks)
    return (
        f"{value.slug}, {common.plural(len(value.weeks), 'week')}, {common.plural(questions, 'question')}, "
        f"{', '.join(value.languages)}, {value.opens} to {value.closes} ({value.timezone})"
    )


@discussion.command(epilog="Example: m4dbot discussion load water-2027.toml --group water")
@click.argument("file", type=click.Path(path_type=Path))
@common.group_option
@click.option("--force-sent", is_flag=True, help="Also change what people have been told already.")
@common.dry_run_option
@click.pass_context
def load(ctx: click.Context, /, *, file: Path, group: str | None, force_sent: bool, dry_run: bool) -> None:
    """Load a discussion; from then on its mails go out by themselves.

    Load it again after edits: what changes is shown. What people have been told already (questions that went out,
    days that are past) is changed only with --force-sent.
    """
    from m4dbot.discussion.changes import changes
    from m4dbot.discussion.file import notes_on
    from m4dbot.store import discussions

    source, value = _read(file)
    config = common.config_of(ctx)
    moment = common.now()
    with common.store(config) as database, common.acting(database, dry_run) as session:
        group_id = common.group_id_of(session, config, group or value.group or None)
        known = discussions.find(session, value.slug)
        if known is not None:
            row, old = known
            _same_home(row, group_id)
            found = changes(old, value, sent=_sent(session, row.id), answered=_answered(session, row.id), now=moment)
            if not found and row.source == source:
                click.echo(f"{value.slug} is loaded already; nothing changes.")
                return
            click.echo("\n".join(_changed(found)) or "Only comments or the layout of the file changed.")
            told = [c for c in found if c.told]
            if told and not force_sent:
                raise M4dbotError(
                    f"{common.plural(len(told), 'of these changes', 'of these changes')} would contradict what people "
                    f"were told ({told[0].place}: {told[0].told}); nothing was loaded. "
                    "Use --force-sent if that is meant."
                )
        else:
            click.echo(_in_short(value))
        discussions.save(session, group_id, source, value, moment)
        at_once = list(_at_once(session, group_id, value, moment))
    for note in notes_on(value):
        click.echo(click.style("note   ", fg="yellow") + text.clean(note))
    for line in at_once:
        click.echo(click.style("note   ", fg="yellow") + text.clean(line))
    verb = "Would load" if dry_run else "Loaded"
    click.echo(f"{verb} {value.slug}{'; nothing was changed (--dry-run)' if dry_run else ''}.")


def _same_home(row: DiscussionRow, group_id: int) -> None:
    if row.group_id != group_id:
        raise M4dbotError(f"Discussion {row.slug} belongs to another group; give this one another slug.")
    if row.state == "closed":
        raise M4dbotError(f"Discussion {row.slug} is closed; give this one another slug.")


def _sent(session: Session, discussion_id: int) -> set[str]:
    from sqlalchemy import select

    from m4dbot.store.tables import Mailing

    query = select(Mailing.key).where(Mailing.discussion_id == discussion_id, Mailing.state != "skipped")
    return set(session.scalars(query))


def _answered(session: Session, discussion_id: int, states: Sequence[str] = ()) -> dict[tuple[int, int], int]:
    """How many contributions are filed under each (week, question), in these states (any)."""
    from sqlalchemy import func, select

    from m4dbot.store.tables import Contribution, Passage

    query = (
        select(Passage.week, Passage.question, func.count(func.distinct(Passage.contribution_id)))
        .join(Contribution, Contribution.id == Passage.contribution_id)
        .where(Contribution.discussion_id == discussion_id, Passage.week.is_not(None), Passage.question.is_not(None))
        .group_by(Passage.week, Passage.question)
    )
    if states:
        query = query.where(Contribution.state.in_(states))
    return {(w, q): n for w, q, n in session.execute(query) if w is not None and q is not None}


def _at_once(session: Session, group_id: int, value: Discussion, moment: datetime) -> Iterator[str]:
    """What has come due before it was loaded: better known now than from the readers."""
    from sqlalchemy import select

    from m4dbot.discussion import calendar
    from m4dbot.store.tables import Mailing

    done = set(session.scalars(select(Mailing.key).where(Mailing.group_id == group_id)))
    late = calendar.due(value, done, moment)
    useful = [d.occasion.key for d in late if d.skip is None]
    stale = [d.occasion.key for d in late if d.skip is not None]
    if useful:
        yield f"due already, going out at once: {', '.join(useful)}"
    if stale:
        yield f"too late, will be skipped: {', '.join(stale)}"


def _changed(found: Sequence[Change]) -> Iterator[str]:
    for change in found:
        told = click.style(f"  ({change.told})", fg="red") if change.told else ""
        yield click.style(text.clean(change.place), bold=True) + told
        for mark, words, colour in (("-", change.before, "red"), ("+", change.after, "green")):
            if words:
                for line in text.wrapped(words, text.width() - 4):
                    yield click.style(f"  {mark} {line}", fg=colour)


@discussion.command("list", epilog="Example: m4dbot discussion list")
@click.option("--group", metavar="SLUG", help="Only of this group.")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, /, *, group: str | None, as_json: bool) -> None:
    """The discussions there are."""
    from m4dbot.store import discussions

    config = common.config_of(ctx)
    with common.store(config) as database, database.read() as session:
        group_id = common.group_id_of(session, config, group) if group else None
        found = [_listed(session, row, value) for row, value in discussions.loaded(session, group_id)]
    if as_json:
        common.print_json(found)
    elif not found:
        click.echo("No discussion is loaded. Write one with `m4dbot discussion new FILE`.")
    else:
        rows = [
            [d["slug"], d["group"], str(d["opens"]), str(d["closes"]), d["state"], str(d["approved"]), str(d["held"])]
            for d in found
        ]
        headers = ["slug", "group", "opens", "closes", "state", "approved", "waiting"]
        text.table(headers, rows, flexible=0, right=(5, 6))


def _listed(session: Session, row: DiscussionRow, value: Discussion) -> dict[str, Any]:
    from sqlalchemy import func, select

    from m4dbot.store.tables import Contribution, Group

    query = select(Contribution.state, func.count()).where(Contribution.discussion_id == row.id)
    states = {str(state): n for state, n in session.execute(query.group_by(Contribution.state))}
    return {
        "slug": row.slug,
        "group": session.get_one(Group, row.group_id).slug,
        "title": dict(value.title.by_language),
        "timezone": value.timezone,
        "languages": list(value.languages),
        "opens": row.opens,
        "closes": row.closes,
        "state": row.state,
        **{name: states.get(name, 0) for name in ("held", "approved", "rejected", "withdrawn")},
    }


@discussion.command(epilog="Example: m4dbot discussion show water-2027")
@click.argument("slug")
@common.json_option
@click.pass_context
def show(ctx: click.Context, /, *, slug: str, as_json: bool) -> None:
    """One discussion: its calendar, what has gone out and what comes next, and who answered what."""
    from sqlalchemy import func, select

    from m4dbot.discussion import calendar
    from m4dbot.store import discussions
    from m4dbot.store.tables import Contribution, Mailing

    moment = common.now()
    with common.store(common.config_of(ctx)) as database, database.read() as session:
        row, value = discussions.get(session, slug)
        found = _listed(session, row, value)
        mailings = {m.key: m for m in session.scalars(select(Mailing).where(Mailing.discussion_id == row.id))}
        approved, waiting = _answered(session, row.id, ["approved"]), _answered(session, row.id, ["held"])
        languages = select(Contribution.language, func.count()).where(
            Contribution.discussion_id == row.id, Contribution.state.in_(("approved", "held"))
        )
        found["by_language"] = {k or "?": n for k, n in session.execute(languages.group_by(Contribution.language))}
        found["questions"] = [
            {
                "week": w.number,
                "question": q.number,
                "text": dict(q.text.by_language),
                "approved": approved.get((w.number, q.number), 0),
                "held": waiting.get((w.number, q.number), 0),
            }
            for w, q in value.questions()
        ]
        found["calendar"] = [
            {
                "key": o.key,
                "kind": o.kind.value,
                "week": o.week,
                "due_at": o.due_at,
                "state": _state(mailings.get(o.key), row, o.due_at, moment),
                "reason": mailings[o.key].reason if o.key in mailings else "",
            }
            for o in calendar.occasions(value)
        ]
    if as_json:
        common.print_json(found)
    else:
        click.echo("\n".join(_shown(found, value)))


def _state(mailing: Any, row: DiscussionRow, due_at: datetime, moment: datetime) -> str:
    if mailing is not None:
        return "sent" if mailing.state == "queued" else str(mailing.state)
    if row.state == "closed":
        return "dropped"
    return "due" if due_at <= moment else "to come"


def _shown(found: Mapping[str, Any], value: Discussion) -> Iterator[str]:
    limit = text.width()
    yield click.style(text.shortened(value.title(value.languages[0]), limit), bold=True)
    yield text.shortened(f"{_in_short(value)}, {found['state']}", limit)
    counts = [f"{found['approved']} approved", f"{found['held']} waiting", f"{found['rejected']} rejected"]
    by_language = ", ".join(f"{n} in {code}" for code, n in sorted(found["by_language"].items(), key=lambda i: -i[1]))
    yield "Contributions: " + ", ".join(counts) + (f"; {by_language}" if by_language else "")
    yield ""
    yield click.style("Answers", bold=True) + " (approved + waiting)"
    for q in found["questions"]:
        place = f"W{q['week']} Q{q['question']}"
        number = f"{q['approved']:>3} + {q['held']:<3}"
        words = next(iter(q["text"].values()))
        before = f"  {place:<7} {number} "
        line = before + text.shortened(words, limit - len(before))
        yield click.style(line, fg="yellow") if not q["approved"] + q["held"] else line
    yield ""
    yield click.style("Calendar", bold=True) + f" ({value.timezone})"
    upcoming = next((o["key"] for o in found["calendar"] if o["state"] in {"due", "to come"}), None)
    for o in found["calendar"]:
        week = f" {o['week']}" if o["week"] and o["kind"] != "last-call" else ""
        mark = "→" if o["key"] == upcoming else " "
        reason = f": {o['reason']}" if o["reason"] else ""
        line = f"{mark} {common.local(o['due_at'], value.zone):<17} {o['kind'] + week:<14} {o['state']}{reason}"
        yield click.style(text.cut(text.clean(line), limit), dim=o["state"] == "sent")


@discussion.command(epilog="Example: m4dbot discussion rehearse water-2027.toml --write rehearsal/")
@click.argument("what", metavar="FILE|SLUG")
@common.group_option
@click.option("--write", "folder", metavar="FOLDER", type=click.Path(path_type=Path), help="Write the mails there.")
@common.json_option
@click.pass_context
def rehearse(ctx: click.Context, /, *, what: str, group: str | None, folder: Path | None, as_json: bool) -> None:
    """The whole calendar: every mail that will go out, when, to how many, in which languages.

    Hours are those of the discussion's time zone. Nothing is sent. Without a configuration a file is rehearsed
    before a group without readers.
    """
    from m4dbot.publishing.rehearse import rehearse as rehearsed

    value, sender, readers, note = _stage(ctx, what, group)
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise M4dbotError(f"{folder} is there already and not an empty folder; name another.")
    found = rehearsed(value, sender, readers, mails=folder is not None)
    if as_json:
        common.print_json(
            [
                {
                    "key": r.occasion.key,
                    "kind": r.occasion.kind.value,
                    "week": r.occasion.week,
                    "due_at": r.occasion.due_at,
                    "local_time": r.local_time.isoformat(),
                    "recipients": r.recipients,
                    "by_language": dict(r.counts),
                }
                for r in found
            ]
        )
    else:
        click.echo(click.style(text.clean(_in_short(value)), bold=True))
        rows = [
            [
                common.local(r.occasion.due_at, value.zone),
                r.occasion.kind.value + (f" {r.occasion.week}" if r.occasion.week else ""),
                str(r.recipients),
                ", ".join(f"{n} {code}" for code, n in r.counts) or ", ".join(value.languages),
            ]
            for r in found
        ]
        text.table(["when", "what", "readers", "languages"], rows, right=(2,))
        if note:
            click.echo(note)
    if folder is not None:
        count = _write_mails(folder, found, sender)
        click.echo(f"Wrote {common.plural(count, 'mail')} to {folder}.", err=as_json)


def _stage(ctx: click.Context, what: str, group: str | None) -> tuple[Discussion, Sender, list[tuple[str, str]], str]:
    """The discussion, who sends, (language, delivery) of the readers, and what to say about them."""
    from sqlalchemy import select

    from m4dbot.publishing.material import sender_of
    from m4dbot.publishing.values import Sender
    from m4dbot.store import discussions
    from m4dbot.store.tables import Group, Subscriber

    path = Path(what)
    is_file = path.is_file() or not SLUG.fullmatch(what)
    value = _read(path)[1] if is_file else None
    config: Config | None = None
    if value is None or ctx.find_root().obj or Path("config.toml").exists():
        config = common.config_of(ctx)
    if config is None and value is not None:
        name = value.group or value.slug
        sender = Sender(
            name, value.title(value.languages[0]), f"{name}@groups.example.org", f"{name}.groups.example.org"
        )
        return value, sender, [], "There is no configuration here, so there are no readers yet."
    assert config is not None
    with common.store(config) as database, database.read() as session:
        if value is None:
            row, value = discussions.get(session, what)
            slug = session.get_one(Group, row.group_id).slug
        else:
            slug = config.group_named(group or value.group or None).slug
        configured = config.group_named(slug)
        query = select(Subscriber.language, Subscriber.delivery).join(Group, Group.id == Subscriber.group_id)
        active = query.where(Group.slug == slug, Subscriber.state == "active")
        readers = [(language, delivery) for language, delivery in session.execute(active)]
    note = "" if readers else f"Nobody has subscribed to {slug} yet: `m4dbot subscribers import FILE`."
    return value, sender_of(config, configured), readers, note


def _write_mails(folder: Path, found: Sequence[Rehearsed], sender: Sender) -> int:
    """The mails as .eml for a mail program, and their HTML for a browser, filled in for a made-up reader."""
    import email
    import email.policy

    from m4dbot.delivery.splice import fill, prepare, value_of

    values = {"address": "reader@example.org", "name": "A. Reader", "leave": sender.plus("leave-example")}
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(found, 1):
            for mail in one.mails:
                prepared = prepare(mail.content, mail.slots, for_smtp=False)
                parts = {
                    name: value_of(name, message_id=f"rehearsal.{number}@{sender.domain}", **values)
                    for name in prepared.names
                }
                raw = fill(prepared, parts)
                week = f"-{one.occasion.week}" if one.occasion.week else ""
                kind = f"{one.occasion.kind.value}{week}"
                stem = f"{number:02}-{one.local_time:%Y-%m-%d-%H%M}-{kind}.{mail.language}"
                (folder / f"{stem}.eml").write_bytes(raw)
                body = email.message_from_bytes(raw, policy=email.policy.default).get_body(("html",))
                if body is not None:
                    (folder / f"{stem}.html").write_text(body.get_content(), encoding="utf-8")
                count += 1
    except OSError as exc:
        raise M4dbotError(f"{folder} cannot be written ({exc.strerror}).") from None
    return count


@discussion.command(epilog="Example: m4dbot discussion close water-2027")
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Also where mails of its calendar have not gone out yet.")
@common.dry_run_option
@click.pass_context
def close(ctx: click.Context, /, *, slug: str, yes: bool, dry_run: bool) -> None:
    """End a discussion: nothing of its calendar goes out any more.

    Its contributions and its consolidated reply stay; late contributions can still be approved.
    """
    from sqlalchemy import select

    from m4dbot.discussion import calendar
    from m4dbot.store import discussions
    from m4dbot.store.tables import DiscussionRow, Mailing

    moment = common.now()
    with common.store(common.config_of(ctx)) as database, common.acting(database, dry_run) as session:
        row, value = discussions.get(session, slug)
        locked = select(DiscussionRow).where(DiscussionRow.id == row.id).with_for_update()
        row = session.scalars(locked, execution_options={"populate_existing": True}).one()
        if row.state == "closed":
            at = f" on {row.closed_at:%Y-%m-%d}" if row.closed_at else ""
            click.echo(f"{slug} was closed{at}; nothing changed.")
            return
        done = set(session.scalars(select(Mailing.key).where(Mailing.group_id == row.group_id)))
        left = [o.key for o in calendar.occasions(value) if o.key not in done and o.stale_at > moment]
        if left and not yes:
            raise M4dbotError(
                f"{common.plural(len(left), 'mail')} of its calendar would not go out any more "
                f"({', '.join(left[:3])}{', …' if len(left) > 3 else ''}); close it all the same with --yes."
            )
        row.state, row.closed_at = "closed", moment
    click.echo(f"{'Would close' if dry_run else 'Closed'} {slug}.")
