"""Notices: to facilitators of what waits, to a contributor of what was not published."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from m4dbot.delivery.addresses import sendable
from m4dbot.delivery.outbox import enqueue
from m4dbot.delivery.values import Recipient
from m4dbot.publishing import compose
from m4dbot.publishing.audience import languages_of, reading_language
from m4dbot.publishing.material import configured_group, sender_of
from m4dbot.publishing.values import MailKind, Place, Waiting
from m4dbot.store import discussions
from m4dbot.store.tables import Contribution, DiscussionRow, Group, Mailing, Message, Passage, Subscriber

if TYPE_CHECKING:
    from m4dbot.config import Config
    from m4dbot.store.database import Database

AT_MOST_EVERY = timedelta(hours=1)


def notify_facilitators(database: Database, config: Config, now: datetime) -> list[int]:
    """Tell each group's facilitators what waits, where something came since they were last told; the mailings' ids.

    At most once an hour for each group; several bots that call it at once send one. Writes only where there is
    something to tell.
    """
    with database.read() as session:
        every = session.execute(select(Group.id, Group.slug).order_by(Group.id)).all()
        groups = [(group_id, slug) for group_id, slug in every if _news(session, group_id, now)]
    queued = []
    for group_id, slug in groups:
        if not any(g.slug == slug and g.policies.notify_facilitators and g.facilitators for g in config.group):
            continue
        with database.write() as session:
            mailing_id = _notify(session, config, group_id, now)
        if mailing_id is not None:
            queued.append(mailing_id)
    return queued


def _key(newest: int) -> str:
    return f"held/{newest}"


def _news(session: Session, group_id: int, now: datetime) -> int | None:
    """The newest waiting contribution, if facilitators were not told of it, nor of others within the hour."""
    newest = session.scalar(
        select(func.max(Contribution.id)).where(Contribution.group_id == group_id, Contribution.state == "held")
    )
    if newest is None:
        return None
    told = select(Mailing.id).where(
        Mailing.group_id == group_id,
        Mailing.kind == MailKind.HELD,
        (Mailing.key == _key(newest)) | (Mailing.created_at > now - AT_MOST_EVERY),
    )
    return None if session.scalar(told.limit(1)) else newest


def _notify(session: Session, config: Config, group_id: int, now: datetime) -> int | None:
    group = configured_group(session, config, group_id)
    newest = _news(session, group_id, now)
    if group is None or newest is None:
        return None
    rows = session.scalars(
        select(Contribution)
        .where(Contribution.group_id == group_id, Contribution.state == "held")
        .order_by(Contribution.received_at.desc(), Contribution.id.desc())
    ).all()
    people = [
        Recipient(f.address, f.name, reading_language(f.language or group.languages[0], group.languages))
        for f in group.facilitators
    ]
    waiting = [_waiting(session, row) for row in rows[: compose.MOST_WAITING]]
    zone = ZoneInfo(group.timezone)
    return enqueue(
        session,
        group_id=group_id,
        key=_key(newest),
        kind=MailKind.HELD,
        now=now,
        renderings=[
            compose.held(sender_of(config, group), waiting, len(rows), zone, language=code, now=now)
            for code in languages_of(people)
        ],
        recipients=people,
        domain=group.domain,
    )


def _waiting(session: Session, row: Contribution) -> Waiting:
    query = select(Passage.week, Passage.question).where(Passage.contribution_id == row.id).order_by(Passage.position)
    labels = dict.fromkeys(Place(week, question).label for week, question in session.execute(query))
    text = row.edited_text if row.edited_text is not None else row.original_text
    return Waiting(
        contribution_id=row.id,
        name=row.on_behalf_of or row.author_name or row.author_address,
        subject=row.subject,
        reason=row.hold_reason,
        place=", ".join(filter(None, labels)),
        received_at=row.received_at,
        excerpt=text[:400],
    )


def notify_rejected(session: Session, config: Config, contribution_id: int, reason: str, now: datetime) -> int | None:
    """Queue the note to a contributor whose words were not published; the mailing's id. Writes.

    None where there is no address or discussion, or they were told before. Call it when the facilitator wants the
    person told: mail that is no contribution (spam) is better refused in silence.
    """
    row = session.get_one(Contribution, contribution_id)
    group = configured_group(session, config, row.group_id)
    if group is None or row.discussion_id is None or not sendable(row.author_address):
        return None
    discussion = discussions.value_of(session.get_one(DiscussionRow, row.discussion_id))
    known = session.scalar(
        select(Subscriber.language).where(Subscriber.group_id == row.group_id, Subscriber.address == row.author_address)
    )
    language = reading_language(row.language or known or "", discussion.languages)
    rendered = compose.rejection(
        sender_of(config, group),
        discussion,
        subject=row.subject,
        received_at=row.received_at,
        reason=reason,
        message_id=session.scalar(select(Message.message_id).where(Message.id == row.message_id)) or "",
        language=language,
        now=now,
    )
    return enqueue(
        session,
        group_id=row.group_id,
        key=f"rejection/{contribution_id}",
        kind=MailKind.REJECTION,
        now=now,
        discussion_id=row.discussion_id,
        contribution_id=contribution_id,
        renderings=[rendered],
        recipients=[Recipient(row.author_address, row.author_name, language)],
        domain=group.domain,
    )
