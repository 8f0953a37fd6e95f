"""Contributions and discussions to decide about, written straight into a store."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.discussion.file import parse_discussion
from m4dbot.store import discussions
from m4dbot.store.tables import Contribution, Group, Message, Passage, Subscriber

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)  # a Wednesday in week 2

WATER = """
slug = "water-2027"
title = { en = "Who keeps the pumps running?", fr = "Qui entretient les pompes ?" }
timezone = "Europe/Brussels"
languages = ["en", "fr"]

[[week]]
opens = 2027-03-01
closes = 2027-03-07
[[week.question]]
text = { en = "Who repairs the pump when it breaks?", fr = "Qui répare la pompe quand elle tombe en panne ?" }
[[week.question]]
text = { en = "What does a repair cost?", fr = "Combien coûte une réparation ?" }

[[week]]
opens = 2027-03-08
closes = 2027-03-14
[[week.question]]
text = { en = "Who pays for it?", fr = "Qui paie ?" }
"""


def load(session: Session, text: str = WATER, group: str = "water") -> int:
    """The id of a discussion, loaded; one subscriber of its group reads every post."""
    group_id = session.scalars(select(Group.id).where(Group.slug == group)).one()
    if session.scalar(select(Subscriber.id).where(Subscriber.group_id == group_id)) is None:
        reader = Subscriber(group_id=group_id, address="rita@example.org", language="fr", delivery="posts")
        reader.joined_at = NOW
        session.add(reader)
    return discussions.save(session, group_id, text, parse_discussion(text), NOW).id


def contribution(
    session: Session,
    *passages: tuple[str, int | None, int | None],
    group: str = "water",
    discussion_id: int | None = None,
    author: tuple[str, str] = ("Grace Wanjiru", "grace@county.example.org"),
    subject: str = "Re: the questions",
    received_at: datetime = NOW,
    hold_reason: str = "every contribution is read before it is published",
) -> int:
    """The id of a held contribution with these passages: (text, week, question)."""
    group_id = session.scalars(select(Group.id).where(Group.slug == group)).one()
    passages = passages or (("The committee repairs it.", 1, 1),)
    count = len(session.scalars(select(Message.id)).all())
    message = Message(
        group_id=group_id,
        message_id=f"mail-{count}@county.example.org",
        content_hash=f"{count:064d}",
        size=100,
        source="import",
        envelope_sender=author[1],
        received_at=received_at,
        disposition="contribution",
        sender=author[1],
        subject=subject,
        processed_at=received_at,
        raw=b"From: grace@county.example.org\r\n\r\nThe committee repairs it.\r\n",
    )
    session.add(message)
    session.flush()
    text = "\n\n".join(p[0] for p in passages)
    row = Contribution(
        message_id=message.id,
        group_id=group_id,
        discussion_id=discussion_id,
        author_name=author[0],
        author_address=author[1],
        contributor={"name": author[0], "role": "", "organisation": "", "place": ""},
        language="en",
        subject=subject,
        original_text=text,
        cut=[["own", text], ["quoted", "> What does a repair cost?"], ["signature", "Grace"]],
        attachments=[],
        hold_reason=hold_reason,
        received_at=received_at,
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
                confidence=0.8,
                evidence=["ordinal: 'Question 1'"],
            )
        )
    session.flush()
    return row.id
