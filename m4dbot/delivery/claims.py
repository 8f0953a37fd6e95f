"""Which worker has which deliveries. A claim is one UPDATE … RETURNING, so that no two workers get the same row; on
PostgreSQL rows claimed by others at this moment are passed over (SKIP LOCKED), on SQLite there is one writer anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, CursorResult, bindparam, case, select, update
from sqlalchemy.orm import Session

from m4dbot.store.tables import Delivery

# How long a claim holds without being renewed. A crashed worker's mails wait that long where others share the
# database.
LEASE = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to send."""

    delivery_id: int
    rendering_id: int
    subscriber_id: int | None
    recipient: str
    name: str
    message_id: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claimed delivery. `sent_at` is set where it was sent."""

    delivery_id: int
    state: str  # sent, deferred, failed
    attempts: int
    next_attempt_at: datetime
    sent_at: datetime | None
    reply: str


_TABLE = Delivery.__table__
_FREE = {
    # What was refused before goes on waiting as deferred.
    "state": case((Delivery.attempts > 0, "deferred"), else_="pending"),
    "claimed_by": "",
    "claimed_until": None,
}


def claim(session: Session, worker: str, now: datetime, limit: int) -> list[Claimed]:
    """Up to `limit` deliveries that are due, in the order they were queued.

    A quarter is kept for those that were refused before, so that new mail does not push them back for ever.
    """
    deferred = _claim(session, worker, now, "deferred", max(1, limit // 4))
    pending = _claim(session, worker, now, "pending", max(1, limit - len(deferred)))
    return pending + deferred


def _claim(session: Session, worker: str, now: datetime, state: str, limit: int) -> list[Claimed]:
    due = (
        select(Delivery.id)
        .where(Delivery.state == state, Delivery.next_attempt_at <= now)
        .order_by(Delivery.next_attempt_at, Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # PostgreSQL may run a plain subquery more than once; a materialised one claims no more than the limit.
        .cte("due")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    statement = (
        update(Delivery)
        .where(Delivery.id.in_(select(due.c.id)))
        .values(state="sending", claimed_by=worker, claimed_until=now + LEASE)
        .returning(
            Delivery.id,
            Delivery.rendering_id,
            Delivery.subscriber_id,
            Delivery.recipient,
            Delivery.name,
            Delivery.message_id,
            Delivery.attempts,
        )
        .execution_options(synchronize_session=False)
    )
    return sorted((Claimed(*row) for row in session.execute(statement)), key=lambda c: c.delivery_id)


def any_due(session: Session, now: datetime) -> bool:
    """Whether anything could be claimed; a look into the index, without a lock."""
    for state in ("pending", "deferred"):
        due = select(Delivery.id).where(Delivery.state == state, Delivery.next_attempt_at <= now).limit(1)
        if session.scalar(due) is not None:
            return True
    return False


def renew(session: Session, worker: str, now: datetime) -> set[int]:
    """Hold on to what is still ours; the ids. What is missing was given to another worker meanwhile."""
    ours = update(Delivery).where(Delivery.claimed_by == worker, Delivery.state == "sending")
    statement = ours.values(claimed_until=now + LEASE).returning(Delivery.id)
    return set(session.scalars(statement.execution_options(synchronize_session=False)))


def release(session: Session, worker: str, delivery_ids: Iterable[int]) -> None:
    """Give back what was claimed and not tried."""
    ids = list(delivery_ids)
    for start in range(0, len(ids), 500):
        ours = update(Delivery).where(Delivery.id.in_(ids[start : start + 500]), Delivery.claimed_by == worker)
        session.execute(ours.values(_FREE).execution_options(synchronize_session=False))


def recover(session: Session, now: datetime, *, alone: bool) -> int:
    """Free the claims of workers that are gone; how many.

    `alone` says that no other worker can be at work (one bot on one SQLite file): then every claim is a dead one's.
    Else those whose lease ran out.
    """
    gone = update(Delivery).where(Delivery.state == "sending")
    if not alone:
        gone = gone.where(Delivery.claimed_until <= now)
    done = session.execute(gone.values(_FREE).execution_options(synchronize_session=False))
    assert isinstance(done, CursorResult)
    return done.rowcount


_RECORD = (
    update(_TABLE)  # type: ignore[arg-type]
    .where(_TABLE.c.id == bindparam("which"), _TABLE.c.claimed_by == bindparam("worker"))
    .values(
        state=bindparam("new_state"),
        attempts=bindparam("new_attempts"),
        next_attempt_at=bindparam("next"),
        sent_at=bindparam("sent"),
        last_reply=bindparam("reply"),
        claimed_by="",
        claimed_until=None,
    )
)


def record(connection: Connection, worker: str, results: Sequence[Result]) -> None:
    """Write what became of claimed deliveries, in one statement. A bare connection halves the cost of a commit, and
    there is one for every few mails."""
    rows: list[dict[str, Any]] = [
        {
            "which": r.delivery_id,
            "worker": worker,
            "new_state": r.state,
            "new_attempts": r.attempts,
            "next": r.next_attempt_at,
            "sent": r.sent_at,
            "reply": r.reply,
        }
        for r in results
    ]
    connection.execute(_RECORD, rows)
