"""Who reads along: import, add, remove, set, list. Functions write into the caller's session and commit nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.errors import M4dbotError, NotFound
from m4dbot.store.tables import Group, Subscriber

# What a person may be known by; `delivery` is one of publishing.values.DELIVERIES.
FIELDS = ("name", "language", "organisation", "country", "delivery")
ACTIVE, LEFT = "active", "left"
PORTION = 500  # addresses asked for in one query


@dataclass(frozen=True, slots=True)
class Person:
    """A line of a list of subscribers. None in `fields` (or a field left out) keeps what is known."""

    address: str  # lower case
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, each with the addresses. `gone` left before and stay away."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    rejoined: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def import_people(
    session: Session,
    group_id: int,
    people: Sequence[Person],
    now: datetime,
    *,
    defaults: Mapping[str, str],
    rejoin: bool = False,
) -> Imported:
    """Add people and bring those who are there up to date. Writes.

    Who left or was suspended stays so, unless `rejoin`.
    `defaults` has the language and delivery of somebody new whose line names none. Nobody is removed.
    """
    rows: dict[str, Subscriber] = {}
    addresses = [p.address for p in people]
    for start in range(0, len(addresses), PORTION):
        query = select(Subscriber).where(
            Subscriber.group_id == group_id, Subscriber.address.in_(addresses[start : start + PORTION])
        )
        rows |= {r.address: r for r in session.scalars(query)}
    lists: dict[str, list[str]] = {"added": [], "changed": [], "unchanged": [], "rejoined": [], "gone": []}
    for person in people:
        row = rows.get(person.address)
        if row is None:
            row = Subscriber(group_id=group_id, address=person.address, state=ACTIVE, state_reason="", joined_at=now)
            for name in FIELDS:
                setattr(row, name, person.fields.get(name) or defaults.get(name, ""))
            session.add(row)
            rows[person.address] = row
            lists["added"].append(person.address)
        elif row.state != ACTIVE and not rejoin:
            lists["gone"].append(person.address)
        else:
            back = row.state != ACTIVE
            if back:
                row.state, row.state_reason, row.left_at, row.joined_at = ACTIVE, "", None, now
            changed = _update(row, person.fields)
            lists["rejoined" if back else "changed" if changed else "unchanged"].append(person.address)
    session.flush()
    return Imported(**{name: tuple(found) for name, found in lists.items()})


def add(
    session: Session, group_id: int, person: Person, now: datetime, *, defaults: Mapping[str, str], rejoin: bool = False
) -> str:
    """Subscribe somebody; "added", "changed", "unchanged" or "rejoined". Writes.

    Raises M4dbotError where the person left before and `rejoin` does not say that they asked to come back.
    """
    done = import_people(session, group_id, [person], now, defaults=defaults, rejoin=rejoin)
    if done.gone:
        row = _get(session, group_id, person.address)
        raise M4dbotError(f"{person.address} {_why(row)}; add --rejoin where they asked to come back.")
    return next(name for name in ("added", "rejoined", "changed", "unchanged") if getattr(done, name))


def remove(session: Session, group_id: int, address: str, now: datetime, reason: str) -> bool:
    """Take somebody off; False where they had left already. Writes. Raises NotFound."""
    row = _get(session, group_id, address)
    if row.state == LEFT:
        return False
    row.state, row.state_reason, row.left_at = LEFT, reason, now
    return True


def change(session: Session, group_id: int, address: str, fields: Mapping[str, str]) -> bool:
    """Change what is known of somebody; False where it was so before. Writes. Raises NotFound."""
    return _update(_get(session, group_id, address), fields)


def listed(session: Session, group_id: int | None = None, *, states: Sequence[str] = ()) -> list[dict[str, object]]:
    """Subscribers by group and address, each as an object with its group's slug; of some states, or all."""
    query = select(Subscriber, Group.slug).join(Group, Group.id == Subscriber.group_id)
    if group_id is not None:
        query = query.where(Subscriber.group_id == group_id)
    if states:
        query = query.where(Subscriber.state.in_(states))
    rows = session.execute(query.order_by(Group.slug, Subscriber.address))
    return [
        {
            "group": slug,
            "address": r.address,
            **{name: getattr(r, name) for name in FIELDS},
            "state": r.state,
            "state_reason": r.state_reason,
            "joined_at": r.joined_at,
            "left_at": r.left_at,
        }
        for r, slug in rows
    ]


def _get(session: Session, group_id: int, address: str) -> Subscriber:
    query = select(Subscriber).where(Subscriber.group_id == group_id, Subscriber.address == address)
    row = session.scalar(query.with_for_update())
    if row is None:
        slug = session.scalar(select(Group.slug).where(Group.id == group_id))
        raise NotFound(f"{address} is not a subscriber of {slug}; `m4dbot subscribers list` shows them.")
    return row


def _update(row: Subscriber, fields: Mapping[str, str]) -> bool:
    changed = False
    for name in FIELDS:
        wanted = fields.get(name)
        if wanted is not None and wanted != getattr(row, name):
            setattr(row, name, wanted)
            changed = True
    return changed


def _why(row: Subscriber) -> str:
    when = f" on {row.left_at:%Y-%m-%d}" if row.left_at else ""
    what = "left" if row.state == LEFT else f"is {row.state}"
    return f"{what}{when}" + (f" ({row.state_reason})" if row.state_reason else "")
