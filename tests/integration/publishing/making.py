"""Discussions, subscribers and contributions, written straight into a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from m4dbot.discussion.file import parse_discussion
from m4dbot.store import discussions
from m4dbot.store.tables import Contribution, Group, Mailing, Message, Passage, Subscriber

START = datetime(2027, 2, 1, tzinfo=UTC)

TEXT = """
slug = "{slug}"
title = {{ en = "Wells that last", fr = "Des puits qui durent" }}
timezone = "Europe/Brussels"
languages = ["en", "fr"]

[[week]]
opens = 2027-03-01
closes = 2027-03-07
[[week.question]]
text = {{ en = "Who digs the wells?", fr = "Qui creuse les puits ?" }}
[[week.question]]
text = {{ en = "What breaks first?" }}

[[week]]
opens = 2027-03-08
closes = 2027-03-14
[[week.question]]
text = {{ en = "Who pays for repairs?", fr = "Qui paie les réparations ?" }}
"""


def at(day: int, hour: int = 12, month: int = 3, minute: int = 0) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=UTC)


def group_id(session: Session, slug: str = "water") -> int:
    return session.scalars(select(Group.id).where(Group.slug == slug)).one()


def load(session: Session, slug: str = "wells-2027", group: str = "water", text: str = TEXT) -> int:
    """The id of the discussion, loaded."""
    source = text.format(slug=slug)
    return discussions.save(session, group_id(session, group), source, parse_discussion(source), START).id


def subscribe(
    session: Session,
    name: str,
    language: str = "en",
    delivery: str = "digest",
    group: str = "water",
    country: str = "",
    state: str = "active",
) -> int:
    row = Subscriber(
        group_id=group_id(session, group),
        address=f"{name.lower()}@example.org",
        name=name,
        language=language,
        delivery=delivery,
        country=country,
        state=state,
        joined_at=START,
    )
    session.add(row)
    session.flush()
    return row.id


def contribution(
    session: Session,
    *passages: tuple[str, int | None, int | None],
    discussion_id: int,
    name: str = "Awa",
    state: str = "approved",
    received_at: datetime | None = None,
    group: str = "water",
    language: str = "en",
    headers: str = "",
    source: str = "imap",
    envelope_sender: str | None = None,
    address: str | None = None,
    **columns: object,
) -> int:
    """The id of a contribution with these passages: (text, week, question)."""
    received_at = received_at or at(3)
    address = address if address is not None else f"{name.lower()}@example.org"
    count = session.scalar(select(func.count()).select_from(Message)) or 0
    text = "\n\n".join(words for words, _, _ in passages)
    message = Message(
        group_id=group_id(session, group),
        message_id=f"mail-{count}@example.org",
        content_hash=f"{count:064d}",
        size=100,
        source=source,
        envelope_sender=envelope_sender,
        received_at=received_at,
        disposition="contribution",
        sender=address,
        subject="Re: the questions",
        raw=f"From: {address}\r\n{headers}\r\n{text}\r\n".encode(),
    )
    session.add(message)
    session.flush()
    number = session.scalar(select(func.max(Contribution.number)).where(Contribution.discussion_id == discussion_id))
    row = Contribution(
        message_id=message.id,
        group_id=group_id(session, group),
        discussion_id=discussion_id,
        number=(number or 0) + 1 if state == "approved" else None,
        author_name=name,
        author_address=address,
        contributor={},
        language=language,
        subject="Re: the questions",
        original_text=text,
        cut=[],
        attachments=[],
        state=state,
        received_at=received_at,
        **columns,
    )
    session.add(row)
    session.flush()
    for position, (words, week, question) in enumerate(passages, 1):
        session.add(
            Passage(
                contribution_id=row.id,
                position=position,
                text=words,
                week=week,
                question=question,
                confidence=0.9,
                evidence=[],
            )
        )
    session.flush()
    return row.id


def mailings(session: Session, group: str = "water") -> dict[str, tuple[str, str]]:
    """Every occasion that was dealt with: its state and the reason."""
    rows = session.scalars(select(Mailing).where(Mailing.group_id == group_id(session, group)).order_by(Mailing.id))
    return {row.key: (row.state, row.reason) for row in rows}


HOUR = timedelta(hours=1)
