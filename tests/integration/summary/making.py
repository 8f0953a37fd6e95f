"""A discussion with contributions in every state, written straight into a store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.discussion.file import parse_discussion
from m4dbot.store import discussions
from m4dbot.store.tables import Contribution, DiscussionRow, Group, Message, Passage, Subscriber

NOW = datetime(2027, 4, 20, 9, tzinfo=UTC)
SLUG = "wells-2027"
SOURCE = """
slug = "wells-2027"
title = { en = "Wells that last", fr = "Des puits qui durent", es = "Pozos que duran" }
timezone = "Africa/Dakar"
languages = ["en", "fr", "es"]

[[week]]
opens = 2027-03-01
closes = 2027-03-07
[[week.question]]
text = { en = "Who digs?", fr = "Qui creuse ?", es = "¿Quién cava?" }
[[week.question]]
text = { en = "How deep?", fr = "À quelle profondeur ?", es = "¿A qué profundidad?" }
"""


def load(session: Session, group: str = "water") -> DiscussionRow:
    group_id = session.scalars(select(Group.id).where(Group.slug == group)).one()
    return discussions.save(session, group_id, SOURCE, parse_discussion(SOURCE), NOW)


def contribution(
    session: Session, row: DiscussionRow, text: str, *, state: str = "approved", **values: Any
) -> Contribution:
    """A contribution of one passage on the first question; an approved one takes the next number."""
    count = len(session.scalars(select(Message.id)).all()) + 1
    address = f"person{count}@example.org"
    message = Message(
        group_id=row.group_id,
        message_id=f"mail-{count}@example.org",
        content_hash=str(count),
        raw=text.encode(),
        size=len(text),
        source="import",
        received_at=NOW,
    )
    session.add(message)
    session.flush()
    values = {
        "author_name": f"Person {count}",
        "author_address": address,
        "contributor": {},
        "language": "en",
        "original_text": text,
        "cut": [],
        "attachments": [],
        "received_at": NOW,
        "number": count if state == "approved" else None,
        **values,
    }
    made = Contribution(message_id=message.id, group_id=row.group_id, discussion_id=row.id, state=state, **values)
    session.add(made)
    session.flush()
    session.add(
        Passage(contribution_id=made.id, position=1, text=text, week=1, question=1, confidence=0.9, evidence=[])
    )
    session.flush()
    return made


def subscriber(session: Session, row: DiscussionRow, address: str, **values: Any) -> None:
    values = {"language": "en", "delivery": "digest", "joined_at": NOW, **values}
    session.add(Subscriber(group_id=row.group_id, address=address, **values))
    session.flush()
