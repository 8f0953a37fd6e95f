"""Who gets which mail, and in which language."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.delivery.values import Recipient
from m4dbot.discussion.model import Discussion
from m4dbot.publishing.texts import available
from m4dbot.publishing.values import MailKind
from m4dbot.store.tables import Subscriber

# Who takes part gets questions and their frame; the contributions come one by one or as digests; who wants the
# summary only gets nothing else, and "none" reads elsewhere.
_TAKING_PART = frozenset({"posts", "digest", "questions"})
AUDIENCE: dict[MailKind, frozenset[str]] = {
    MailKind.ANNOUNCEMENT: _TAKING_PART,
    MailKind.QUESTIONS: _TAKING_PART,
    MailKind.REMINDER: _TAKING_PART,
    MailKind.POST: frozenset({"posts"}),
    MailKind.DIGEST: frozenset({"digest"}),
    MailKind.LAST_CALL: _TAKING_PART,
    MailKind.THANKS: _TAKING_PART,
    MailKind.SUMMARY: frozenset({"posts", "digest", "questions", "summary"}),
}


def recipients(
    session: Session,
    group_id: int,
    kind: MailKind,
    discussion: Discussion,
    leaving_out: Container[str] = (),
) -> list[Recipient]:
    """The active subscribers of a group who get this kind of mail, each with the language it is rendered in."""
    query = (
        select(Subscriber)
        .where(
            Subscriber.group_id == group_id,
            Subscriber.state == "active",
            Subscriber.delivery.in_(AUDIENCE[kind]),
        )
        .order_by(Subscriber.id)
    )
    return [
        Recipient(
            address=row.address,
            name=row.name,
            language=reading_language(row.language, discussion.languages),
            subscriber_id=row.id,
        )
        for row in session.scalars(query)
        if row.address not in leaving_out
    ]


def reading_language(wanted: str, offered: Sequence[str]) -> str:
    """The language somebody is written to in: their own where there are texts or questions in it, else the first
    of `offered`. Without it a hundred languages in a list of subscribers would mean a hundred renderings."""
    for code in (wanted, wanted.partition("-")[0]):
        if code and (code in offered or code in available()):
            return code
    return offered[0] if offered else "en"


def languages_of(people: Iterable[Recipient]) -> list[str]:
    """The languages to render in, the most read one first: it serves whoever has no rendering of their own."""
    counts: dict[str, int] = {}
    for person in people:
        counts[person.language] = counts.get(person.language, 0) + 1
    return sorted(counts, key=lambda code: (-counts[code], code))
