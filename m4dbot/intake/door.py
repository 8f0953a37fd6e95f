"""The one door: every mail, whatever way it came, is stored here before anything is decided about it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from m4dbot.intake.routing import Routing
from m4dbot.intake.values import Accepted, Arrival, CursorMove, Disposition
from m4dbot.reading.headers import Headers
from m4dbot.store.database import Database
from m4dbot.store.identity import hash_of, headers_of, storable, stored_message_id
from m4dbot.store.tables import Cursor, Message

log = structlog.get_logger("m4dbot.intake")

_SENDER_LENGTH = 1000  # characters of an envelope address that are kept


def accept(
    database: Database, arrivals: Sequence[Arrival], routing: Routing, cursor: CursorMove | None = None
) -> list[Accepted]:
    """Store mails, one row for each group they are for, and move the cursor, all in one transaction.

    When this returns, the mails are on disk. A mail that was stored before is not stored again. The order of
    arrival is kept.
    """
    rows, places = [], []
    for number, arrival in enumerate(arrivals):
        for row in _rows(arrival, routing):
            rows.append(row)
            places.append(number)
    with database.write() as session:
        numbers = _insert(session, rows)
        if cursor is not None:
            _move(session, cursor)
    accepted, seen = [], set()
    for row, place in zip(rows, places, strict=True):
        number, new = numbers[_identity(row)]
        accepted.append(Accepted(place, number, row["group_id"], new and number not in seen))
        seen.add(number)
    return accepted


def _rows(arrival: Arrival, routing: Routing) -> list[dict[str, Any]]:
    message_id, content_hash, groups = _identified(arrival, routing)
    written = {
        "message_id": message_id,
        "content_hash": content_hash,
        "raw": arrival.raw,
        "size": arrival.full_size or len(arrival.raw),
        "source": arrival.source,
        "source_detail": storable(arrival.source_detail, 2000),
        "envelope_sender": None
        if arrival.envelope_sender is None
        else storable(arrival.envelope_sender, _SENDER_LENGTH),
        "envelope_recipient": storable(arrival.envelope_recipient, _SENDER_LENGTH),
        "received_at": arrival.received_at,
        "disposition": Disposition.NEW.value,
        "reason": "",
        "sender": "",
        "subject": "",
    }
    return [{"group_id": group_id, **written} for group_id in groups]


def _identified(arrival: Arrival, routing: Routing) -> tuple[str, str, tuple[int, ...]]:
    """A mail's Message-ID, the hash of what its sender wrote, and its groups."""
    try:
        headers, body_start = headers_of(arrival.raw)
        groups = routing.groups_for(arrival, headers)
        return stored_message_id(headers), hash_of(arrival.raw, headers, body_start), groups
    except Exception as exc:
        # Whatever is wrong with it, it is somebody's mail, and those behind it wait: it is known by its bytes.
        log.error("intake.odd_mail", source=arrival.source, detail=arrival.source_detail, error=type(exc).__name__)
        return "", hashlib.sha256(arrival.raw).hexdigest(), routing.groups_for(arrival, Headers())


_Identity = tuple[int, str, str]
_KEY = (Message.group_id, Message.message_id, Message.content_hash)


def _identity(row: dict[str, Any]) -> _Identity:
    return row["group_id"], row["message_id"], row["content_hash"]


def _insert(session: Session, rows: list[dict[str, Any]]) -> dict[_Identity, tuple[int, bool]]:
    """The number of each row by its identity, and whether it is new."""
    if not rows:
        return {}
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    table = Message.__table__
    insert = dialect.insert(table).on_conflict_do_nothing().returning(table.c.id, *(table.c[k.key] for k in _KEY))
    numbers: dict[_Identity, tuple[int, bool]] = {}
    for row in session.connection().execute(insert, rows):
        numbers[row.group_id, row.message_id, row.content_hash] = (row.id, True)
    missing = list({key for key in map(_identity, rows) if key not in numbers})
    for start in range(0, len(missing), 500):
        known = select(Message.id, *_KEY).where(tuple_(*_KEY).in_(missing[start : start + 500]))
        for row in session.execute(known):
            numbers[row.group_id, row.message_id, row.content_hash] = (row.id, False)
    return numbers


def _move(session: Session, cursor: CursorMove) -> None:
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    values = {"uidvalidity": cursor.uidvalidity, "last_uid": cursor.last_uid, "updated_at": cursor.at}
    statement = dialect.insert(Cursor).values(mailbox=cursor.mailbox, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["mailbox"], set_=values))
