"""The outbox: mailings written once, and what an operator asks of them.

Every function takes a session of `Database.write()` (or `read()` for those that only list) and leaves the commit
to its owner.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from m4dbot.delivery.addresses import sendable
from m4dbot.delivery.message_ids import message_id
from m4dbot.delivery.splice import check_rendered
from m4dbot.delivery.values import Recipient, Rendered
from m4dbot.errors import M4dbotError, NotFound
from m4dbot.store.tables import Delivery, Group, Mailing, Rendering

STATES = ("pending", "deferred", "sending", "sent", "failed", "cancelled")
UNSENDABLE = "not tried: no mail can be sent to this address"


@dataclass(frozen=True, slots=True)
class MailingStatus:
    """A mailing with how many of its deliveries are in each state (only states that occur)."""

    mailing_id: int
    group: str
    key: str
    kind: str
    due_at: datetime
    created_at: datetime
    state: str  # queued, skipped
    reason: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """A delivery that did not go through, with what the server last said."""

    delivery_id: int
    mailing_id: int
    key: str
    recipient: str
    state: str
    attempts: int
    next_attempt_at: datetime
    last_reply: str


def enqueue(
    session: Session,
    *,
    group_id: int,
    key: str,
    kind: str,
    now: datetime,
    renderings: Sequence[Rendered],
    recipients: Iterable[Recipient],
    domain: str,
    due_at: datetime | None = None,
    discussion_id: int | None = None,
    contribution_id: int | None = None,
    week: int | None = None,
    question: int | None = None,
    force: bool = False,
) -> int | None:
    """Write the mailing `key` with one delivery for each recipient, due at once; the mailing's id.

    None, and nothing is written, where the occasion was claimed before, be it by another process at this moment.
    `domain` is the group's, for Message-IDs. An address given twice gets one mail. A recipient is served the
    rendering of the own language and edition, else the first one of that edition. An address no mail can go to
    becomes a failed delivery that says so.

    Raises M4dbotError where some of these people were sent the same mail under another key (`force` allows it),
    and ValueError for a rendering that no server would take or an edition that was not rendered.
    """
    for rendered in renderings:
        check_rendered(rendered)
    people: dict[str, Recipient] = {}
    for person in recipients:
        people.setdefault((sendable(person.address) or person.address.strip()).lower(), person)
    if not force:
        _refuse_repetition(session, group_id, key, renderings, people)
    mailing_id = _claim(
        session,
        group_id=group_id,
        key=key,
        kind=kind,
        due_at=due_at or now,
        created_at=now,
        discussion_id=discussion_id,
        contribution_id=contribution_id,
        week=week,
        question=question,
    )
    if mailing_id is None:
        return None
    rendering_ids = {
        (r.language, r.edition): session.scalars(
            insert(Rendering).returning(Rendering.id),
            {
                "mailing_id": mailing_id,
                "language": r.language,
                "edition": r.edition,
                "subject": r.subject,
                "envelope_sender": r.envelope_sender,
                "content": r.content,
                "slots": [list(slot) for slot in r.slots],
            },
        ).one()
        for r in renderings
    }
    rows = []
    for person in people.values():
        address = sendable(person.address)
        recipient = address or person.address.strip()[:320]
        rows.append(
            {
                "mailing_id": mailing_id,
                "rendering_id": rendering_ids[_rendering_for(person, rendering_ids)],
                "subscriber_id": person.subscriber_id,
                "recipient": recipient,
                "name": person.name,
                "message_id": message_id(group_id, key, recipient, domain),
                "state": "pending" if address else "failed",
                "attempts": 0,
                "next_attempt_at": now,
                "claimed_by": "",
                "last_reply": "" if address else UNSENDABLE,
            }
        )
    if rows:
        session.execute(insert(Delivery), rows)
    return mailing_id


def skip(
    session: Session,
    *,
    group_id: int,
    key: str,
    kind: str,
    now: datetime,
    reason: str,
    due_at: datetime | None = None,
    discussion_id: int | None = None,
    week: int | None = None,
) -> bool:
    """Record that an occasion goes by without a mail, and why; False where it was claimed before."""
    claimed = _claim(
        session,
        group_id=group_id,
        key=key,
        kind=kind,
        due_at=due_at or now,
        created_at=now,
        discussion_id=discussion_id,
        week=week,
        state="skipped",
        reason=reason,
    )
    return claimed is not None


def list_mailings(session: Session, *, group_id: int | None = None, limit: int = 50) -> tuple[MailingStatus, ...]:
    """The newest mailings first, each with its deliveries counted."""
    query = select(Mailing, Group.slug).join(Group, Group.id == Mailing.group_id)
    if group_id is not None:
        query = query.where(Mailing.group_id == group_id)
    found = session.execute(query.order_by(Mailing.id.desc()).limit(limit)).all()
    counts: dict[int, dict[str, int]] = {mailing.id: {} for mailing, _ in found}
    counted = (
        select(Delivery.mailing_id, Delivery.state, func.count())
        .where(Delivery.mailing_id.in_(counts))
        .group_by(Delivery.mailing_id, Delivery.state)
    )
    for mailing_id, state, number in session.execute(counted):
        counts[mailing_id][state] = number
    return tuple(
        MailingStatus(m.id, slug, m.key, m.kind, m.due_at, m.created_at, m.state, m.reason, counts[m.id])
        for m, slug in found
    )


def list_troubles(session: Session, *, group_id: int | None = None, limit: int = 200) -> tuple[DeliveryStatus, ...]:
    """Deliveries that failed or wait for another attempt, the newest first."""
    query = (
        select(
            Delivery.id,
            Delivery.mailing_id,
            Mailing.key,
            Delivery.recipient,
            Delivery.state,
            Delivery.attempts,
            Delivery.next_attempt_at,
            Delivery.last_reply,
        )
        .join(Mailing, Mailing.id == Delivery.mailing_id)
        .where(Delivery.state.in_(("failed", "deferred")))
    )
    if group_id is not None:
        query = query.where(Mailing.group_id == group_id)
    rows = session.execute(query.order_by(Delivery.id.desc()).limit(limit))
    return tuple(DeliveryStatus(*row) for row in rows)


def retry(session: Session, now: datetime, *, delivery_ids: Sequence[int] = (), mailing_id: int | None = None) -> int:
    """Let deliveries that failed, wait or were cancelled be tried again at once; how many.

    Of a whole mailing, those that failed or wait: what was cancelled stays so unless it is named. Raises NotFound
    where there is nothing of that name.
    """
    states = ["failed", "deferred"] if mailing_id is not None else ["failed", "deferred", "cancelled"]
    values = {"state": "pending", "attempts": 0, "next_attempt_at": now}
    return _move(session, states, values, delivery_ids, mailing_id)


def cancel(session: Session, *, delivery_ids: Sequence[int] = (), mailing_id: int | None = None) -> int:
    """Take back what has not gone out yet; how many. A mail that is going out at this moment cannot be stopped."""
    return _move(session, ["pending", "deferred"], {"state": "cancelled"}, delivery_ids, mailing_id)


def _move(
    session: Session, states: list[str], values: dict[str, Any], delivery_ids: Sequence[int], mailing_id: int | None
) -> int:
    known = set(session.scalars(select(Delivery.id).where(Delivery.id.in_(delivery_ids))))
    if missing := [str(i) for i in delivery_ids if i not in known]:
        raise NotFound(f"There is no delivery {', '.join(missing)}; `m4dbot outbox list` shows them.")
    if mailing_id is not None and session.get(Mailing, mailing_id) is None:
        raise NotFound(f"There is no mailing {mailing_id}; `m4dbot outbox list` shows them.")
    which = Delivery.mailing_id == mailing_id if mailing_id is not None else Delivery.id.in_(known)
    # An address that cannot be sent to stays refused however often it is retried.
    moved = update(Delivery).where(which, Delivery.state.in_(states), Delivery.last_reply != UNSENDABLE)
    statement = moved.values(**values).returning(Delivery.id).execution_options(synchronize_session=False)
    return len(session.execute(statement).all())


def _claim(session: Session, **values: Any) -> int | None:
    """The new mailing's id, or None where its key exists: on PostgreSQL a rival's insert is waited for."""
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    values = {"state": "queued", "reason": "", **values}
    statement = dialect.insert(Mailing).values(**values).on_conflict_do_nothing().returning(Mailing.id)
    claimed: int | None = session.execute(statement).scalar_one_or_none()
    return claimed


def _rendering_for(person: Recipient, rendered: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The (language, edition) to serve: the person's, else the language without its region, else the first."""
    of_edition = [r for r in rendered if r[1] == person.edition]
    if not of_edition:
        raise ValueError(f"nothing was rendered for the edition '{person.edition}'")
    for language in (person.language, person.language.partition("-")[0]):
        if (language, person.edition) in of_edition:
            return language, person.edition
    return of_edition[0]


def _refuse_repetition(
    session: Session, group_id: int, key: str, renderings: Sequence[Rendered], people: Mapping[str, Recipient]
) -> None:
    """Raise where people get, under a new key, what they were sent under another.

    Only mail to readers counts. Automatic answers (null envelope sender) may well say the same twice, and the rules
    for those are moderation's. A key that was claimed before sends nothing, so it repeats nothing.
    """
    if session.scalar(select(Mailing.id).where(Mailing.group_id == group_id, Mailing.key == key)) is not None:
        return
    for rendered in renderings:
        if not rendered.envelope_sender:
            continue
        # Size and subject narrow it down in the database; a Date may be a character longer.
        near = (
            select(Rendering.id, Rendering.content, Mailing.key)
            .join(Mailing, Mailing.id == Rendering.mailing_id)
            .where(
                Mailing.group_id == group_id,
                Mailing.key != key,  # a rival may have claimed it meanwhile; then nothing is sent anyway
                Rendering.subject == rendered.subject,
                func.length(Rendering.content).between(len(rendered.content) - 4, len(rendered.content) + 4),
            )
        )
        mark = _fingerprint(rendered.content)
        same = {row.id: row.key for row in session.execute(near) if _fingerprint(row.content) == mark}
        if not same:
            continue
        served = session.execute(
            select(Delivery.recipient, Delivery.rendering_id).where(
                Delivery.rendering_id.in_(same), Delivery.state.in_(("pending", "deferred", "sending", "sent"))
            )
        )
        before = {recipient.lower(): same[rendering_id] for recipient, rendering_id in served}
        again = [address for address in people if address in before]
        if again:
            raise M4dbotError(
                f"The mailing {key} would send {len(again)} of {len(people)} people what they were already sent as "
                f"{before[again[0]]} (for example {again[0]}); nothing was queued. Use --force if that is meant."
            )


def _fingerprint(content: bytes) -> bytes:
    """What a mail says, however often it was rendered: without its Date."""
    head, end, body = content.partition(b"\r\n\r\n")
    return hashlib.sha256(re.sub(rb"(?im)^Date:.*\r\n", b"", head) + end + body).digest()
