"""Groups and facilitators in the store follow the configuration, which is their source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from m4dbot.store.tables import Facilitator, Group

if TYPE_CHECKING:
    from m4dbot.config import Group as ConfiguredGroup


def differ(session: Session, configured: Sequence[ConfiguredGroup]) -> bool:
    """Whether the store has to follow. Only reads."""
    stored = {slug: (address, name) for slug, address, name in session.execute(_GROUPS)}
    wanted = {g.slug: (g.address, g.name) for g in configured}
    if any(stored.get(slug) != values for slug, values in wanted.items()):
        return True
    return {(s, a): n for s, a, n in session.execute(_FACILITATORS) if s in wanted} != _wanted_facilitators(configured)


def follow(session: Session, configured: Sequence[ConfiguredGroup]) -> None:
    """Make the store's groups and facilitators those of the configuration. Writes.

    A group that left the configuration stays in the store with all it holds; its facilitators stay known too.
    """
    stored = {slug: (address, name) for slug, address, name in session.execute(_GROUPS)}
    for group in configured:
        if group.slug not in stored:
            session.execute(insert(Group).values(slug=group.slug, address=group.address, name=group.name))
        elif stored[group.slug] != (group.address, group.name):
            changed = update(Group).where(Group.slug == group.slug).values(address=group.address, name=group.name)
            session.execute(changed)
    ids = {g.slug: g.id for g in session.scalars(select(Group))}
    have = {(s, a): n for s, a, n in session.execute(_FACILITATORS)}
    wanted = _wanted_facilitators(configured)
    slugs = {g.slug for g in configured}
    for slug, address in have.keys() - wanted.keys():
        if slug in slugs:
            gone = delete(Facilitator).where(Facilitator.group_id == ids[slug], Facilitator.address == address)
            session.execute(gone)
    for (slug, address), name in wanted.items():
        if (slug, address) not in have:
            session.execute(insert(Facilitator).values(group_id=ids[slug], address=address, name=name))
        elif have[slug, address] != name:
            renamed = update(Facilitator).where(Facilitator.group_id == ids[slug], Facilitator.address == address)
            session.execute(renamed.values(name=name))


_GROUPS = select(Group.slug, Group.address, Group.name)
_FACILITATORS = select(Group.slug, Facilitator.address, Facilitator.name).join(
    Facilitator, Facilitator.group_id == Group.id
)


def _wanted_facilitators(configured: Sequence[ConfiguredGroup]) -> dict[tuple[str, str], str]:
    return {(g.slug, f.address): f.name for g in configured for f in g.facilitators}
