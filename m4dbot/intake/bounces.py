"""Bounces: tied to the mail of ours that came back, or kept as what they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.reading.plus import PlusKind, plus_of
from m4dbot.reading.values import BounceReport, Reading
from m4dbot.store.identity import storable
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Bounce, Delivery, Mailing, Message, Subscriber

if TYPE_CHECKING:
    from m4dbot.config import Group as ConfiguredGroup

# A discussion of four weeks sends a few mails a week: two mailings that failed for good on different days are enough
# to know that an address is gone, and one is not (a server may be set up wrongly for an hour).
FAILURES = 2
WITHIN = timedelta(days=30)


def record_bounce(session: Session, row: Message, reading: Reading, group: ConfiguredGroup, signer: Signer) -> str:
    """Write what a bounce reports; what it meant, in a sentence.

    Only a bounce to the signed envelope sender of a delivery counts against its subscriber. Whatever else it names,
    an address or a Message-ID, can be made up: it is recorded and changes nothing.
    """
    delivery, signed = _tied(session, row, reading, group, signer)
    reports = reading.bounces or (BounceReport("", "", permanent=False),)
    subscriber = None
    if delivery is not None and signed and delivery.subscriber_id is not None:
        subscriber = session.get(Subscriber, delivery.subscriber_id)
    for report in reports[:50]:
        session.add(
            Bounce(
                message_id=row.id,
                group_id=row.group_id,
                subscriber_id=subscriber.id if subscriber is not None else None,
                delivery_id=delivery.id if delivery is not None else None,
                address=storable(report.address.lower(), 320),
                status=storable(report.status, 20),
                permanent=report.permanent,
                diagnostic=storable(report.diagnostic, 2000),
                at=row.received_at,
            )
        )
    session.flush()
    if delivery is None:
        return "A mail did not arrive; it could not be tied to one of ours, so nothing follows from it."
    if not signed:
        return f"It says that the mail to {delivery.recipient} did not arrive, without proof; nothing follows from it."
    permanent = next((r for r in reports if r.permanent), None)
    if permanent is None:
        return f"The mail to {delivery.recipient} did not arrive; the failure is said to be temporary."
    if delivery.state == "sent":
        delivery.state = "failed"
        delivery.last_reply = storable(f"bounced: {permanent.status} {permanent.diagnostic}".strip(), 500)
    if subscriber is not None and subscriber.state == "active" and _gone(session, subscriber, row.received_at):
        subscriber.state = "suspended"
        subscriber.state_reason = f"{FAILURES} mails came back: {permanent.status} {permanent.diagnostic}".strip()[:500]
        session.flush()
        return f"The mail to {delivery.recipient} did not arrive, like another before; the subscriber is suspended."
    return f"The mail to {delivery.recipient} did not arrive, for good."


def _tied(
    session: Session, row: Message, reading: Reading, group: ConfiguredGroup, signer: Signer
) -> tuple[Delivery | None, bool]:
    """The delivery that came back, and whether that is proven."""
    recipients = (row.envelope_recipient, *reading.recipients) if row.envelope_recipient else reading.recipients
    plus = plus_of(recipients, group.address, kind=PlusKind.BOUNCE)
    checked = signer.check(f"b-{plus.value}") if plus is not None else None
    if checked is not None and checked[0] == "b":
        delivery = session.get(Delivery, checked[1])
        if delivery is not None and session.get_one(Mailing, delivery.mailing_id).group_id == row.group_id:
            return delivery, True
    if reading.original_message_id:
        named = (
            select(Delivery)
            .join(Mailing, Mailing.id == Delivery.mailing_id)
            .where(Mailing.group_id == row.group_id)
            .where(Delivery.message_id == storable(reading.original_message_id.strip("<> ")))
        )
        return session.scalar(named.limit(1)), False
    return None, False


def _gone(session: Session, subscriber: Subscriber, at: datetime) -> bool:
    """Whether mails of different mailings came back for good on different days."""
    since = max(at - WITHIN, subscriber.joined_at)
    query = (
        select(Delivery.mailing_id, Bounce.at)
        .join(Delivery, Delivery.id == Bounce.delivery_id)
        .where(Bounce.subscriber_id == subscriber.id, Bounce.permanent, Bounce.at >= since)
    )
    found = [(mailing_id, instant.date()) for mailing_id, instant in session.execute(query)]
    return len({m for m, _ in found}) >= FAILURES and len({d for _, d in found}) >= FAILURES
