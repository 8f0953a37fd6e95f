"""What contributors may change about their own contribution by answering its acknowledgement.

As long as it waits in the queue: say where it belongs, or take it back. A facilitator's tag stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.discussion.model import Discussion
from m4dbot.moderation.decisions import State
from m4dbot.store import discussions
from m4dbot.store.tables import Contribution, Decision, DiscussionRow, Passage
from m4dbot.tagging.values import SetBy, Tag


@dataclass(frozen=True, slots=True)
class Corrected:
    """`done` is False where nothing was changed; `says` tells why, or what was done."""

    done: bool
    says: str


def withdraw(session: Session, message_number: int, sender: str, now: datetime) -> Corrected:
    """Take back the contribution that came as mail `message_number`, for its author. Writes."""
    row, refused = _of_author(session, message_number, sender)
    if row is None:
        return Corrected(False, refused)
    if row.state == State.WITHDRAWN:
        return Corrected(True, f"Contribution {row.id} was withdrawn before.")
    if row.state != State.HELD:
        return Corrected(False, f"Its author asks to take back contribution {row.id}, which is {row.state} already.")
    row.state, row.decided_at = State.WITHDRAWN, now
    _record(session, row, action="withdraw", sender=sender, now=now, details={"from": State.HELD.value})
    return Corrected(True, f"Contribution {row.id} was withdrawn by its author.")


def refile(session: Session, message_number: int, sender: str, tags: Sequence[Tag], now: datetime) -> Corrected:
    """File the passages of a waiting contribution where its author says. Writes.

    One tag is for all passages; as many tags as passages with a question (or passages at all) go to them in order.
    A question without a week is of the passage's own week. Other numbers of tags cannot be understood.
    """
    row, refused = _of_author(session, message_number, sender)
    if row is None:
        return Corrected(False, refused)
    if row.state != State.HELD:
        return Corrected(False, f"Its author corrects the tags of contribution {row.id}, which is {row.state} already.")
    if row.discussion_id is None:
        return Corrected(False, f"Its author says where contribution {row.id} belongs, but it is in no discussion yet.")
    discussion = discussions.value_of(session.get_one(DiscussionRow, row.discussion_id))
    query = select(Passage).where(Passage.contribution_id == row.id).order_by(Passage.position)
    passages = list(session.scalars(query))
    wanted = _pair(passages, tags)
    if wanted is None:
        said = ", ".join(map(str, tags))
        return Corrected(False, f"The correction of contribution {row.id} ({said}) does not fit its passages.")
    changes = []
    for passage, tag in wanted:
        meant = _with_week(tag, passage, discussion, row.received_at)
        if not _exists(discussion, meant):
            return Corrected(False, f"The correction of contribution {row.id} names {tag}, which there is not.")
        changes.append((passage, meant))
    details = []
    for passage, tag in changes:
        if passage.set_by == SetBy.FACILITATOR:
            continue
        before = Tag(passage.week, passage.question)
        details.append([passage.position, str(before), str(tag)])
        passage.week, passage.question, passage.confidence = tag.week, tag.question, 1.0
        passage.set_by = SetBy.CONTRIBUTOR
        machine = [e for e in passage.evidence if not str(e).startswith("contributor:")]
        passage.evidence = [f"contributor: filed by {sender}", *machine]
    if not details:
        return Corrected(False, f"A facilitator has filed contribution {row.id} already; its author says otherwise.")
    _record(session, row, action="retag", sender=sender, now=now, details={"passages": details})
    return Corrected(True, f"Contribution {row.id} was filed anew by its author.")


def _of_author(session: Session, message_number: int, sender: str) -> tuple[Contribution | None, str]:
    query = select(Contribution).where(Contribution.message_id == message_number).with_for_update()
    row = session.scalar(query)
    if row is None:
        return None, "It answers the acknowledgement of a mail that is no contribution."
    # The address detail proves that somebody has seen the acknowledgement; it may have been forwarded.
    if not sender or row.author_address.lower() != sender.lower():
        return None, f"It corrects contribution {row.id}, but comes from another address than its author's."
    return row, ""


def _pair(passages: Sequence[Passage], tags: Sequence[Tag]) -> list[tuple[Passage, Tag]] | None:
    if len(tags) == 1:
        return [(p, tags[0]) for p in passages]
    filed = [p for p in passages if p.question is not None]
    for chosen in (filed, list(passages)):
        if len(chosen) == len(tags):
            return list(zip(chosen, tags, strict=True))
    return None


def _with_week(tag: Tag, passage: Passage, discussion: Discussion, received_at: datetime) -> Tag:
    if tag.week is not None:
        return tag
    open_week = discussion.week_at(received_at) or discussion.weeks[-1]
    return tag._replace(week=passage.week or open_week.number)


def _exists(discussion: Discussion, tag: Tag) -> bool:
    if tag.week is None or discussion.week(tag.week) is None:
        return False
    return tag.question is None or discussion.question(tag.week, tag.question) is not None


def _record(
    session: Session, row: Contribution, *, action: str, sender: str, now: datetime, details: dict[str, object]
) -> None:
    session.add(
        Decision(contribution_id=row.id, action=action, by=sender[:320], way="mail", at=now, reason="", details=details)
    )
    session.flush()
