"""The confirmation to a contributor: RFC 3834's rules for who must not get one come first."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from m4dbot.delivery.addresses import sendable
from m4dbot.delivery.outbox import enqueue
from m4dbot.delivery.values import Recipient
from m4dbot.discussion import calendar
from m4dbot.discussion.calendar import OccasionKind
from m4dbot.discussion.model import Discussion
from m4dbot.publishing import compose
from m4dbot.publishing.audience import reading_language
from m4dbot.publishing.headers import one_line
from m4dbot.publishing.material import configured_group, sender_of
from m4dbot.publishing.values import Acknowledgement, MailKind, Place
from m4dbot.reading.addresses import message_ids_of
from m4dbot.reading.headers import Headers
from m4dbot.store import discussions
from m4dbot.store.identity import headers_of
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Contribution, Delivery, DiscussionRow, Mailing, Message, Passage, Subscriber

if TYPE_CHECKING:
    from m4dbot.config import Config

# Two robots that answer each other stop here, however little they look like robots.
ONE_IN = timedelta(hours=24)
_ROBOTS = re.compile(
    r"(?i)(?:mailer-daemon|postmaster|listserv|majordomo|root|daemon|(?:no|do-?not)[._-]?reply|ne-pas-repondre|no-responder"
    r"|bounces?|notifications?|autoreply|auto-reply|owner-.*|.*-(?:owner|request|bounces?))(?:[+=].*)?"
)


def acknowledge(session: Session, config: Config, contribution_id: int, now: datetime) -> int | None:
    """Queue the confirmation of a mail that became a contribution; the mailing's id, or None where none is due.

    Call it once the passages are stored. A mail gets at most one, an address at most one a day, and none goes to
    robots (see `refusal`), to importers of old mail, or where the group does not want it. Writes.
    """
    row = session.get_one(Contribution, contribution_id)
    group = configured_group(session, config, row.group_id)
    if group is None or not group.policies.acknowledge or row.discussion_id is None:
        return None
    message = session.get_one(Message, row.message_id)
    headers, _ = headers_of(message.raw)
    if refusal(message.source, message.envelope_sender, row.author_address, headers, group.address):
        return None
    if _had_one(session, row.group_id, row.author_address, now):
        return None
    discussion = discussions.value_of(session.get_one(DiscussionRow, row.discussion_id))
    subscriber = session.execute(
        select(Subscriber.name, Subscriber.language).where(
            Subscriber.group_id == row.group_id,
            Subscriber.address == row.author_address,
            Subscriber.state == "active",
        )
    ).one_or_none()
    wanted = row.language or (subscriber.language if subscriber else "")
    language = reading_language(wanted, discussion.languages)
    about = Acknowledgement(
        subject=row.subject,
        name=row.author_name,
        # Nothing of the mail goes back to an address that nobody has vouched for.
        filed=tuple(_filed(session, row.id, with_words=subscriber is not None)),
        reply_to=group.plus(Signer.load(session).ack(message.id)),
        message_id=message.message_id,
        references=message_ids_of(headers.get("References"))[-20:],
        next_digest=_next_digest(discussion, now),
    )
    return enqueue(
        session,
        group_id=row.group_id,
        key=f"ack/{message.id}",
        kind=MailKind.ACKNOWLEDGEMENT,
        now=now,
        discussion_id=row.discussion_id,
        contribution_id=row.id,
        renderings=[compose.acknowledgement(sender_of(config, group), discussion, about, language=language, now=now)],
        recipients=[Recipient(row.author_address, row.author_name, language)],
        domain=group.domain,
    )


def refusal(source: str, envelope_sender: str | None, author: str, headers: Headers, group_address: str) -> str:
    """Why a mail gets no automatic answer, or "" where it may have one (RFC 3834 §2)."""
    if source == "import":
        return "it was imported"
    if envelope_sender == "":
        return "it came from the null sender"
    if not sendable(author):
        return "there is no address to answer to"
    local, _, domain = author.lower().rpartition("@")
    own_local, _, own_domain = group_address.lower().rpartition("@")
    if domain == own_domain and (local == own_local or local.startswith(own_local + "+")):
        return "it came from the group itself"
    if _ROBOTS.fullmatch(local):
        return "its address is a robot's"
    submitted = (headers.get("Auto-Submitted") or "no").split(";")[0].strip().lower()
    if submitted != "no":
        return "it was submitted automatically"
    if (headers.get("Precedence") or "").strip().lower() in {"bulk", "junk", "list", "auto_reply"}:
        return "it is bulk mail"
    if headers.get("List-Id") or headers.get("List-Unsubscribe"):
        return "it came by way of a list"
    return ""


def _had_one(session: Session, group_id: int, address: str, now: datetime) -> bool:
    query = (
        select(func.count())
        .select_from(Delivery)
        .join(Mailing, Mailing.id == Delivery.mailing_id)
        .where(
            Mailing.group_id == group_id,
            Mailing.kind == MailKind.ACKNOWLEDGEMENT,
            Mailing.created_at > now - ONE_IN,
            func.lower(Delivery.recipient) == (sendable(address) or address).lower(),
        )
    )
    return bool(session.scalar(query))


def _filed(session: Session, contribution_id: int, *, with_words: bool) -> list[tuple[Place, str]]:
    """Each place once, in the person's order. A stretch on no question says nothing where another one names one."""
    query = select(Passage).where(Passage.contribution_id == contribution_id).order_by(Passage.position)
    found: dict[Place, str] = {}
    for passage in session.scalars(query):
        place = Place(passage.week, passage.question if passage.week is not None else None)
        found.setdefault(place, one_line(passage.text, 90) if with_words else "")
    asked = {place: words for place, words in found.items() if place.question is not None}
    return list((asked or found).items())


def _next_digest(discussion: Discussion, now: datetime) -> datetime | None:
    coming = (o.due_at for o in calendar.occasions(discussion) if o.kind is OccasionKind.DIGEST)
    return next((at for at in coming if at > now), None)
