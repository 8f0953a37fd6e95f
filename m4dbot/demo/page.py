"""The demo's index.html: everything that happened, as a person would see it."""

from __future__ import annotations

import email
import email.parser
import email.policy
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from email.message import EmailMessage
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from m4dbot.discussion.model import Discussion
from m4dbot.resources import resource
from m4dbot.store.tables import Contribution, Delivery, DiscussionRow, Mailing, Message, Passage, Rendering
from m4dbot.tagging.values import Tag

UNSURE = 0.9  # below it a tag is shown in another colour


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `at` is in the discussion's zone; `outgoing` marks mail the bot sent."""

    at: datetime
    mark: str
    what: str
    why: str = ""
    outgoing: bool = False


def write_page(
    session: Session,
    row: DiscussionRow,
    discussion: Discussion,
    folder: Path,
    events: Sequence[Event],
    commands: Sequence[tuple[str, str]],
) -> Path:
    """Write index.html into the demo's folder, and the mails' HTML parts beside their .eml files."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(resource("templates")), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    language = discussion.languages[0]
    counts = _answers(session, row)
    questions = [
        (f"W{week.number} Q{q.number}", q.text(language), counts.get((week.number, q.number), 0))
        for week, q in discussion.questions()
    ]
    days = [
        (day, [{**asdict(event), "time": f"{event.at:%H:%M}"} for event in of_day])
        for day, of_day in groupby(events, key=lambda e: f"{e.at:%A} {e.at.day} {e.at:%B %Y}")
    ]
    page = templates.get_template("demo/index.html.j2").render(
        title=discussion.title(language),
        period=f"{_day(discussion.opens)} to {_day(discussion.closes)} {discussion.closes.year}, {discussion.timezone}",
        figures=_figures(session, row),
        commands=commands,
        questions=questions,
        most=max([1, *(count for *_, count in questions)]),
        days=days,
        queue=[_item(session, c, discussion) for c in _in_state(session, row, "held")],
        contributions=[_item(session, c, discussion) for c in _in_state(session, row, "approved")],
        mails=list(_mails(session, row, folder)),
        document="consolidated-reply.html",
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"


def _in_state(session: Session, row: DiscussionRow, state: str) -> Iterable[Contribution]:
    query = select(Contribution).where(Contribution.discussion_id == row.id, Contribution.state == state)
    return session.scalars(query.order_by(Contribution.received_at, Contribution.id))


def _answers(session: Session, row: DiscussionRow) -> dict[tuple[int, int], int]:
    query = (
        select(Passage.week, Passage.question, func.count(Passage.contribution_id.distinct()))
        .join(Contribution, Contribution.id == Passage.contribution_id)
        .where(Contribution.discussion_id == row.id, Contribution.state == "approved", Passage.question.is_not(None))
        .group_by(Passage.week, Passage.question)
    )
    return {(week, question): count for week, question, count in session.execute(query) if week and question}


def _figures(session: Session, row: DiscussionRow) -> list[tuple[int, str]]:
    def count(query: Any) -> int:
        return int(session.scalar(query) or 0)

    contributions = select(func.count()).select_from(Contribution).where(Contribution.discussion_id == row.id)
    return [
        (count(select(func.count()).select_from(Message)), "mails came in"),
        (count(contributions), "contributions"),
        (count(contributions.where(Contribution.state == "approved")), "published"),
        (count(contributions.where(Contribution.state == "held")), "waiting for you"),
        (count(select(func.count()).select_from(Delivery).where(Delivery.state == "sent")), "mails sent"),
    ]


def _item(session: Session, row: Contribution, discussion: Discussion) -> dict[str, Any]:
    passages = session.scalars(
        select(Passage).where(Passage.contribution_id == row.id).order_by(Passage.position)
    ).all()
    at = row.received_at.astimezone(discussion.zone)
    tags = dict.fromkeys(str(Tag(p.week, p.question)) for p in passages)
    return {
        "id": row.id,
        "who": row.on_behalf_of or row.author_name or row.author_address,
        "when": f"{_day(at)}, {at:%H:%M}",
        "language": row.language or "?",
        "reason": row.hold_reason,
        "tags": ", ".join(tags),
        "passages": [
            {
                "tag": str(Tag(p.week, p.question)),
                "unsure": p.confidence < UNSURE and p.set_by == "machine",
                "why": f"{p.confidence:.0%} – {'; '.join(p.evidence)}"
                if p.set_by == "machine"
                else f"set by {p.set_by}",
                "text": p.text.strip(),
            }
            for p in passages
        ],
    }


def _mails(session: Session, row: DiscussionRow, folder: Path) -> Iterable[dict[str, Any]]:
    """One mail of each kind and language, with its HTML part in a file of its own."""
    query = (
        select(Mailing.kind, Rendering.language, Rendering.id, func.count(Delivery.id), func.min(Delivery.message_id))
        .join(Rendering, Rendering.mailing_id == Mailing.id)
        .join(Delivery, Delivery.rendering_id == Rendering.id)
        .where(Mailing.discussion_id == row.id, Delivery.state == "sent")
        .group_by(Mailing.kind, Rendering.language, Rendering.id)
        .order_by(func.min(Mailing.created_at), Rendering.id)
    )
    files = _by_message_id(folder / "mails")
    seen: set[tuple[str, str]] = set()
    for kind, language, _rendering, count, message_id in session.execute(query):
        if (kind, language) in seen or message_id not in files:
            continue
        seen.add((kind, language))
        path = files[message_id]
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        part = mail.get_body(("html", "plain"))
        if part is None:
            continue
        shown = path.with_suffix(".html")
        shown.write_text(str(part.get_content()), encoding="utf-8")
        yield {
            "kind": kind,
            "language": language,
            "count": count,
            "subject": str(mail["Subject"]),
            "eml": f"mails/{path.name}",
            "html": f"mails/{shown.name}",
        }


def _by_message_id(folder: Path) -> dict[str, Path]:
    """The files by the Message-ID of the mail in them; only their headers are read."""
    headers = email.parser.BytesHeaderParser()
    found = {}
    for path in sorted(folder.glob("*.eml")):
        with path.open("rb") as file:
            found[str(headers.parse(file)["Message-ID"]).strip("<> ")] = path
    return found
