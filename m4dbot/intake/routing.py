"""Which groups a mail is for: by its envelope, else by what its headers say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.intake.values import Arrival
from m4dbot.reading.addresses import addresses_of
from m4dbot.reading.headers import Headers
from m4dbot.store.tables import Group

if TYPE_CHECKING:
    from m4dbot.config import Config

NO_GROUP = 0  # message.group_id of a mail that names none of ours: a NULL would not be unique

_NAMING = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "x-forwarded-to",
    "to",
    "cc",
    "resent-to",
    "resent-cc",
    "apparently-to",
)
# RFC 5321 §4.4: "for <address>" in a trace header; the only sign of a blind copy where the server adds no other.
_FOR = re.compile(r"\sfor\s{1,4}<([^<>\s]{3,320})>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Routing:
    """The groups' addresses and slugs with their numbers in the store. Only configured groups receive mail."""

    by_address: Mapping[str, int]
    by_slug: Mapping[str, int]

    @classmethod
    def load(cls, session: Session, config: Config) -> Routing:
        ids = {g.slug: g.id for g in session.scalars(select(Group))}
        return cls(
            {g.address: ids[g.slug] for g in config.group if g.slug in ids},
            {g.slug: ids[g.slug] for g in config.group if g.slug in ids},
        )

    def group_of(self, address: str) -> int | None:
        """The group whose address this is, with or without a detail (RFC 5233)."""
        local, _, domain = address.strip().strip("<>").lower().rpartition("@")
        return self.by_address.get(f"{local}@{domain}") or self.by_address.get(f"{local.partition('+')[0]}@{domain}")

    def groups_for(self, arrival: Arrival, headers: Headers) -> tuple[int, ...]:
        """The groups a mail is for, in the order named; `(NO_GROUP,)` where it names none and there are several."""
        if arrival.group_slug is not None:
            found = self.by_slug.get(arrival.group_slug)
            return (NO_GROUP if found is None else found,)
        named: list[str] = []
        if arrival.envelope_recipient:
            named.append(arrival.envelope_recipient)
        else:
            named += addresses_of(*(value for name in _NAMING for value in headers.all_structured(name)))
        groups = dict.fromkeys(g for g in map(self.group_of, named) if g is not None)
        if not groups:
            traced = (m[1] for value in headers.all_structured("received")[:30] for m in _FOR.finditer(value))
            groups = dict.fromkeys(g for g in map(self.group_of, traced) if g is not None)
        if not groups and len(self.by_slug) == 1:
            groups = dict.fromkeys(self.by_slug.values())
        return tuple(groups) or (NO_GROUP,)
