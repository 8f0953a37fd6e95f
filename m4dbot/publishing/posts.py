"""A contribution on approval, to those who read each as it comes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from m4dbot.delivery.outbox import enqueue
from m4dbot.publishing import compose
from m4dbot.publishing.audience import languages_of, recipients
from m4dbot.publishing.material import configured_group, post_of, published_one, sender_of
from m4dbot.publishing.values import MailKind
from m4dbot.store import discussions
from m4dbot.store.tables import Contribution, DiscussionRow

if TYPE_CHECKING:
    from m4dbot.config import Config


def post_approved(session: Session, config: Config, contribution_id: int, now: datetime) -> int | None:
    """Queue an approved contribution for its readers; the mailing's id. Writes.

    None where it is not approved, belongs to no discussion, went out before (approving twice posts once), or nobody
    reads post by post.
    """
    found = published_one(session, contribution_id)
    row = session.get(Contribution, contribution_id)
    if found is None or row is None or row.discussion_id is None:
        return None
    discussion_row = session.get_one(DiscussionRow, row.discussion_id)
    group = configured_group(session, config, row.group_id)
    if group is None:
        return None
    discussion = discussions.value_of(discussion_row)
    people = recipients(session, row.group_id, MailKind.POST, discussion)
    if not people:
        return None
    said = post_of(found)
    sender = sender_of(config, group)
    return enqueue(
        session,
        group_id=row.group_id,
        key=f"{discussion.slug}/post/{contribution_id}",
        kind=MailKind.POST,
        now=now,
        discussion_id=row.discussion_id,
        contribution_id=contribution_id,
        week=said.place.week,
        question=said.place.question,
        renderings=[compose.post(sender, discussion, said, language=code, now=now) for code in languages_of(people)],
        recipients=people,
        domain=group.domain,
    )
