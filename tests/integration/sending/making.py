"""Mailings to send in tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.delivery.outbox import enqueue
from m4dbot.delivery.values import Recipient, Rendered, Slot
from m4dbot.store.tables import Delivery, Group

NOW = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)
GROUP = "water@groups.example.org"


def rendered(
    subject: str = "Questions of week 1",
    body: str = "How do you read the meters?",
    language: str = "en",
    edition: str = "",
    envelope_sender: str = GROUP,
) -> Rendered:
    """A mail with every slot there is."""
    pieces: list[str | Slot] = [
        f"From: Water network <{GROUP}>\r\nTo: ",
        Slot.TO,
        f"\r\nSubject: {subject}\r\nDate: Mon, 01 Mar 2027 08:00:00 +0000\r\nMessage-ID: <",
        Slot.MESSAGE_ID,
        ">\r\nList-Unsubscribe: <mailto:",
        Slot.LEAVE,
        f">\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n.one dot\r\n..\r\nSent to ",
        Slot.RECIPIENT,
        "\r\n",
    ]
    content, slots = b"", []
    for piece in pieces:
        if isinstance(piece, Slot):
            slots.append((len(content), piece.value))
        else:
            content += piece.encode()
    return Rendered(language, edition, subject, envelope_sender, content, tuple(slots))


def people(count: int, domain: str = "members.example.com") -> list[Recipient]:
    return [Recipient(f"member{i}@{domain}", f"Member {i}") for i in range(count)]


def queue(
    session: Session, key: str = "water-2027/week-1/questions", recipients: Iterable[Recipient] = (), **more: Any
) -> int | None:
    """Enqueue in the group "water"; what is not said has a plain value."""
    group_id = session.scalars(select(Group.id).where(Group.slug == "water")).one()
    values: dict[str, Any] = {
        "group_id": group_id,
        "key": key,
        "kind": "questions",
        "now": NOW,
        "renderings": [rendered(subject=key)],
        "domain": "groups.example.org",
    }
    return enqueue(session, recipients=list(recipients) or people(3), **{**values, **more})


def states(session: Session) -> dict[str, str]:
    """The state of each recipient's delivery."""
    return {row.recipient: row.state for row in session.execute(select(Delivery.recipient, Delivery.state))}
