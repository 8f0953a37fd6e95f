"""From stored mail to the queue: new mails are read, tagged, judged and filed, each guarded on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session, undefer

from m4dbot.discussion.model import Discussion
from m4dbot.errors import M4dbotError, Unreachable
from m4dbot.intake.bounces import record_bounce
from m4dbot.intake.examining import Examined, Job, examine_all, shown
from m4dbot.intake.routing import NO_GROUP
from m4dbot.intake.values import Disposition, Outcome, Processed
from m4dbot.moderation import corrections
from m4dbot.moderation.policy import Action, Circumstances, judge
from m4dbot.reading.addresses import message_ids_of, person_of
from m4dbot.reading.commands import CommandName, parse_command
from m4dbot.reading.plus import PlusKind, plus_of
from m4dbot.reading.values import Kind, Person, Reading, Surroundings
from m4dbot.store import discussions
from m4dbot.store.database import Database
from m4dbot.store.identity import headers_of, storable
from m4dbot.store.secret import Signer
from m4dbot.store.tables import (
    Contribution,
    Delivery,
    DiscussionRow,
    Facilitator,
    Group,
    Mailing,
    Message,
    Passage,
    Subscriber,
)
from m4dbot.tagging.values import Segment, SetBy, Tag

if TYPE_CHECKING:
    from m4dbot.config import Config
    from m4dbot.config import Group as ConfiguredGroup

BATCH = 100  # mails a transaction
BATCH_BYTES = 16 * 1024 * 1024  # raw bytes held at a time; one larger mail is a batch of its own
SHOWN_OF_UNREADABLE = 100_000  # characters
_PARENTS = 12  # Message-IDs of a thread that are looked up

log = structlog.get_logger("m4dbot.intake")

# Called in the transaction that stores a contribution, for example to acknowledge it.
OnContribution = Callable[[Session, Contribution, Reading], None]


def process_new(
    database: Database,
    config: Config,
    now: datetime,
    limit: int = 1000,
    on_contribution: OnContribution | None = None,
    pool: Executor | None = None,
) -> Processed:
    """Deal with up to `limit` new mails in the order of arrival. Writes; may be called by several processes at once.

    A mail that cannot be read or tagged is held with the reason, and the next goes on. `on_contribution` is called
    for each contribution in the transaction that stores it; where it raises, the contribution is stored without.
    `pool` is what to examine mails in; None for this process.
    """
    outcomes: list[Outcome] = []
    after = 0
    while len(outcomes) < limit:
        batch = _load(database, after, min(BATCH, limit - len(outcomes)))
        if not batch:
            break
        after = batch[-1].id
        outcomes += _process(database, config, now, batch, on_contribution, pool=pool)
    return Processed(tuple(outcomes))


def has_new(database: Database) -> bool:
    """Whether a mail waits to be dealt with."""
    with database.read() as session:
        return session.scalar(select(Message.id).where(Message.disposition == Disposition.NEW).limit(1)) is not None


# One batch


@dataclass(slots=True)
class _Mail:
    """A mail on its way through a batch. `parents` are the Message-IDs it may reply to, the nearest first."""

    row: Message
    headers_from: Person
    parents: tuple[str, ...]
    found: Examined = field(default_factory=lambda: Examined(None))
    variant_of: int | None = None
    repeats: int | None = None

    @property
    def reading(self) -> Reading | None:
        return self.found.reading

    @property
    def sender(self) -> str:
        author = self.reading.author if self.reading is not None else self.headers_from
        return storable(author.address.lower(), 320)


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    language: str


@dataclass(slots=True)
class _Known:
    """What the store says about a batch's groups, senders and parents; looked up once for all its mails."""

    groups: Mapping[int, ConfiguredGroup]
    signer: Signer
    members: dict[tuple[int, str], _Member] = field(default_factory=dict)
    facilitators: dict[int, set[str]] = field(default_factory=dict)
    discussions: dict[int, dict[int, Discussion]] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)  # discussion's text by its number
    parents: dict[tuple[int, str], tuple[int | None, Tag]] = field(default_factory=dict)


def _load(database: Database, after: int, limit: int) -> list[Message]:
    with database.read() as session:
        waiting = select(Message.id, Message.size).where(Message.disposition == Disposition.NEW, Message.id > after)
        wanted: list[int] = []
        total = 0
        for number, size in session.execute(waiting.order_by(Message.id).limit(limit)):
            if wanted and total + size > BATCH_BYTES:
                break
            wanted.append(number)
            total += size
        if not wanted:
            return []
        query = select(Message).options(undefer(Message.raw)).where(Message.id.in_(wanted)).order_by(Message.id)
        rows = list(session.scalars(query))
        session.expunge_all()
        return rows


def _process(
    database: Database,
    config: Config,
    now: datetime,
    rows: Sequence[Message],
    on_contribution: OnContribution | None,
    *,
    pool: Executor | None,
) -> list[Outcome]:
    mails = [_opened(row) for row in rows]
    with database.read() as session:
        known = _look_up(session, config, mails)
    for mail, found in zip(mails, examine_all([_job(m, known) for m in mails], pool), strict=True):
        mail.found = found
    with database.read() as session:
        _look_up_earlier(session, mails)
    try:
        with database.write() as session:
            return _write(session, mails, known, now, on_contribution)
    except Unreachable:
        raise  # the mails stay new, and wait
    except Exception as exc:
        log.warning("intake.batch_failed", mails=len(mails), error=shown(exc))
    outcomes: list[Outcome] = []
    for mail in mails:
        outcomes += _alone(database, mail, known, now, on_contribution)
    return outcomes


def _alone(
    database: Database, mail: _Mail, known: _Known, now: datetime, on_contribution: OnContribution | None
) -> list[Outcome]:
    """A mail of a batch that failed: as it is, then without the hook, at last held for a person to look at."""
    failure = ""
    for hook in dict.fromkeys((on_contribution, None)):
        try:
            with database.write() as session:
                return _write(session, [mail], known, now, hook)
        except Unreachable:
            raise
        except Exception as exc:
            failure = shown(exc)
            log.error("intake.not_filed", message=mail.row.id, hook=hook is not None, error=failure)
    unread = replace(mail, found=Examined(None, f"It could not be filed ({failure})."))
    with database.write() as session:
        return _write(session, [unread], known, now, None)


# Before reading: groups and senders


def _opened(row: Message) -> _Mail:
    headers, _ = headers_of(row.raw)
    # RFC 5322 §3.6.4: the parent's Message-ID comes last in References.
    thread = message_ids_of(headers.structured("references"))[-_PARENTS:]
    nearest = (*message_ids_of(headers.structured("in-reply-to"))[:1], *reversed(thread))
    parents = tuple(dict.fromkeys(storable(p) for p in nearest))
    return _Mail(row, person_of(headers.structured("from")), parents)


def _look_up(session: Session, config: Config, mails: Sequence[_Mail]) -> _Known:
    configured = {g.slug: g for g in config.group}
    numbers = {m.row.group_id for m in mails if m.row.group_id != NO_GROUP}
    groups = {
        row.id: configured[row.slug]
        for row in session.scalars(select(Group).where(Group.id.in_(numbers)))
        if row.slug in configured
    }
    known = _Known(groups, Signer.load(session))
    senders = {m.headers_from.address.lower() for m in mails if m.headers_from.address}
    members = select(Subscriber.group_id, Subscriber.address, Subscriber.name, Subscriber.language).where(
        Subscriber.group_id.in_(numbers), Subscriber.address.in_(senders), Subscriber.state != "left"
    )
    for group_id, address, name, language in session.execute(members):
        known.members[group_id, address] = _Member(name, language)
    facilitators = select(Facilitator.group_id, Facilitator.address).where(Facilitator.group_id.in_(numbers))
    for group_id, address in session.execute(facilitators):
        known.facilitators.setdefault(group_id, set()).add(address)
    for row in session.scalars(select(DiscussionRow).where(DiscussionRow.group_id.in_(numbers))):
        try:
            value = discussions.value_of(row)
        except M4dbotError as exc:
            # A newer m4dbot may read files more strictly; its mail is held as if there were no discussion.
            log.error("intake.discussion_unreadable", discussion=row.slug, error=str(exc))
            continue
        known.discussions.setdefault(row.group_id, {})[row.id] = value
        known.sources[row.id] = row.source
    _look_up_parents(session, mails, known)
    return known


def _job(mail: _Mail, known: _Known) -> Job:
    row = mail.row
    there = known.discussions.get(row.group_id, {})
    found = ((p, known.parents.get((row.group_id, p))) for p in mail.parents)
    return Job(
        number=row.id,
        raw=row.raw,
        surroundings=_surroundings(mail, known),
        received_at=row.received_at,
        discussions={number: known.sources[number] for number in there},
        parents={p: place for p, place in found if place is not None},
    )


def _surroundings(mail: _Mail, known: _Known) -> Surroundings:
    row = mail.row
    group = known.groups.get(row.group_id)
    if group is None:
        return Surroundings(envelope_sender=row.envelope_sender, envelope_recipient=row.envelope_recipient or None)
    sender = mail.headers_from.address.lower()
    member = known.members.get((row.group_id, sender))
    return Surroundings(
        group_address=group.address,
        facilitators=tuple(sorted(known.facilitators.get(row.group_id, ()))),
        own_list_ids=(group.list_id.lower(),),
        own_domains=(group.domain,),
        languages=tuple(group.languages),
        prior_language=member.language if member else None,
        envelope_sender=row.envelope_sender,
        envelope_recipient=row.envelope_recipient or None,
        known_names={sender: member.name} if member and member.name else {},
    )


def _look_up_parents(session: Session, mails: Sequence[_Mail], known: _Known) -> None:
    ids = sorted({p for m in mails for p in m.parents})
    query = select(Mailing.group_id, Delivery.message_id, Mailing.discussion_id, Mailing.week, Mailing.question).join(
        Mailing, Mailing.id == Delivery.mailing_id
    )
    for start in range(0, len(ids), 500):
        found = session.execute(query.where(Delivery.message_id.in_(ids[start : start + 500])))
        for group_id, message_id, discussion_id, week, question in found:
            # By group: another group's mail says nothing here.
            known.parents[group_id, message_id] = (discussion_id, Tag(week, question))


# After reading: whether mails were here before


def _look_up_earlier(session: Session, mails: Sequence[_Mail]) -> None:
    """Earlier mails with the same Message-ID, and earlier contributions of the same authors."""
    groups = {m.row.group_id for m in mails}
    named = {m.row.message_id for m in mails if m.row.message_id}
    first: dict[tuple[int, str], int] = {}
    query = select(Message.group_id, Message.message_id, func.min(Message.id))
    query = query.where(Message.group_id.in_(groups), Message.message_id.in_(named))
    for group_id, message_id, number in session.execute(query.group_by(Message.group_id, Message.message_id)):
        first[group_id, message_id] = number
    said: dict[tuple[int, str, str], int] = {}
    senders = {m.sender for m in mails if m.sender}
    lengths = {len(storable(m.reading.own_text)) for m in mails if m.reading is not None}
    earlier = select(
        Contribution.group_id, Contribution.author_address, Contribution.original_text, Contribution.message_id
    ).where(
        Contribution.group_id.in_(groups),
        Contribution.author_address.in_(senders),
        func.length(Contribution.original_text).in_(lengths),
        Contribution.state != "withdrawn",
    )
    for group_id, address, text, number in session.execute(earlier.order_by(Contribution.id)):
        said.setdefault((group_id, address, _words(text)), number)
    for mail in mails:
        row = mail.row
        same_id = first.get((row.group_id, row.message_id))
        if same_id is not None and same_id < row.id:
            mail.variant_of = same_id
        if mail.reading is not None and mail.reading.kind is Kind.CONTRIBUTION and mail.reading.own_text:
            key = (row.group_id, mail.sender, _words(storable(mail.reading.own_text)))
            before = said.setdefault(key, row.id)
            mail.repeats = before if before < row.id else None


def _words(text: str) -> str:
    return " ".join(text.split())


# Deciding and writing


@dataclass(frozen=True, slots=True)
class _Decided:
    """What becomes of a mail; `hold_reason` is set where it goes into the queue."""

    disposition: Disposition
    reason: str
    hold_reason: str | None = None


def _write(
    session: Session,
    mails: Sequence[_Mail],
    known: _Known,
    now: datetime,
    on_contribution: OnContribution | None,
) -> list[Outcome]:
    # Another process may have dealt with some of them since; what is locked elsewhere is being dealt with.
    claim = select(Message.id).where(Message.id.in_([m.row.id for m in mails]), Message.disposition == Disposition.NEW)
    ours = set(session.scalars(claim.with_for_update(skip_locked=True)))
    mails = [m for m in mails if m.row.id in ours]
    decided = [(m, _decide(session, m, known, now)) for m in mails]
    if not decided:
        return []
    queued = [(m, d.hold_reason) for m, d in decided if d.hold_reason is not None]
    contributions = _insert_contributions(session, queued)
    _update_messages(session, decided, now)
    if on_contribution is not None:
        for mail, d in decided:
            if mail.reading is not None and d.disposition is Disposition.CONTRIBUTION:
                on_contribution(session, session.get_one(Contribution, contributions[mail.row.id]), mail.reading)
    outcomes = []
    for mail, d in decided:
        row, subject = mail.row, mail.reading.subject if mail.reading else ""
        number = contributions.get(row.id)
        outcomes.append(Outcome(row.id, row.group_id, d.disposition, d.reason, mail.sender, subject, number))
    return outcomes


def _decide(session: Session, mail: _Mail, known: _Known, now: datetime) -> _Decided:
    group = known.groups.get(mail.row.group_id)
    if group is None:
        return _Decided(Disposition.HELD, "It names none of the groups here, so it is nobody's yet.")
    if mail.reading is None:
        return _Decided(Disposition.HELD, mail.found.failure, mail.found.failure)
    reading = mail.reading
    if reading.kind is not Kind.BOUNCE and (
        left := _leave(session, mail, reading, group=group, signer=known.signer, now=now)
    ):
        if _says_something_to_the_group(mail, reading, group):
            return replace(left, hold_reason=f"{left.reason} The mail went to the group as well.")
        return left
    if reading.kind is Kind.BOUNCE:
        said = record_bounce(session, mail.row, reading, group, known.signer)
        return _Decided(Disposition.BOUNCE, said)
    if reading.kind is Kind.COMMAND:
        return _command(session, mail, reading, group=group, signer=known.signer, now=now)
    if reading.kind is Kind.DECISION:
        return _for_a_person("It is a decision by mail; decide with `m4dbot review` or `m4dbot approve`.")
    verdict = judge(reading, _circumstances(mail, reading, group, known))
    if verdict.action is Action.DISCARD:
        return _Decided(Disposition(reading.kind.value), verdict.reason)
    reason = mail.found.failure or verdict.reason
    return _Decided(Disposition.CONTRIBUTION, reason, reason)


def _leave(
    session: Session, mail: _Mail, reading: Reading, *, group: ConfiguredGroup, signer: Signer, now: datetime
) -> _Decided | None:
    """A mail to the address in List-Unsubscribe takes exactly that person off, whoever sends it (RFC 2369 §3.2)."""
    plus = plus_of(_recipients(mail, reading), group.address, kind=PlusKind.LEAVE)
    if plus is None:
        return None
    checked = signer.check(f"leave-{plus.value}")
    person = session.get(Subscriber, checked[1]) if checked is not None and checked[0] == "leave" else None
    if person is None or person.group_id != mail.row.group_id:
        return _Decided(Disposition.IGNORED, "It came to an unsubscribe address that this m4dbot has not given out.")
    if person.state == "left":
        return _Decided(Disposition.LEFT, f"{person.address} had left before.")
    person.state, person.left_at, person.state_reason = "left", now, "left by the unsubscribe address"
    session.flush()
    return _Decided(Disposition.LEFT, f"{person.address} left the group by the unsubscribe address.")


def _command(
    session: Session, mail: _Mail, reading: Reading, *, group: ConfiguredGroup, signer: Signer, now: datetime
) -> _Decided:
    plus = plus_of(_recipients(mail, reading), group.address, kind=PlusKind.CORRECT)
    command = parse_command(reading.subject, reading.own_text, plus)
    if plus is not None and command is not None and command.name in {CommandName.WITHDRAW, CommandName.CORRECT}:
        checked = signer.check(f"ack-{plus.value}")
        if checked is None or checked[0] != "ack":
            return _Decided(Disposition.IGNORED, "It answers an acknowledgement that this m4dbot has not sent.")
        number = checked[1]
        if command.name is CommandName.WITHDRAW:
            done = corrections.withdraw(session, number, mail.sender, now)
        else:
            done = corrections.refile(session, number, mail.sender, command.tags, now)
        return _Decided(Disposition.CORRECTED, done.says) if done.done else _for_a_person(done.says)
    who = mail.sender or "Somebody"
    if command is not None and command.name is CommandName.LEAVE:
        # Anybody can write this From; the address in the mails' List-Unsubscribe cannot be guessed.
        return _for_a_person(f"{who} asks to be taken off; if that is so: `m4dbot subscribers remove {who}`.")
    if command is not None and command.name is CommandName.JOIN:
        return _for_a_person(f"{who} asks to join; to let them in: `m4dbot subscribers add {who}`.")
    if command is not None and command.name is CommandName.HELP:
        return _for_a_person(f"{who} asks for help; a facilitator answers best.")
    return _for_a_person(f"It is a request to the bot that was not understood: {reading.reason}")


def _for_a_person(reason: str) -> _Decided:
    """Into the queue, where facilitators look, though it is nothing to publish; it is not acknowledged."""
    return _Decided(Disposition.HELD, reason, reason)


def _says_something_to_the_group(mail: _Mail, reading: Reading, group: ConfiguredGroup) -> bool:
    """Whether a mail to an unsubscribe address went to the group as well, by a person with something to say."""
    if reading.kind not in {Kind.CONTRIBUTION, Kind.COMMAND} or not reading.own_text.strip():
        return False
    recipients = _recipients(mail, reading)
    bare = any(r.strip().lower() == group.address for r in recipients)
    named = bare or plus_of(recipients, group.address, kind=PlusKind.TAG) is not None
    return named and parse_command("", reading.own_text, None) is None


def _recipients(mail: _Mail, reading: Reading) -> tuple[str, ...]:
    envelope = mail.row.envelope_recipient
    return (envelope, *reading.recipients) if envelope else reading.recipients


def _circumstances(mail: _Mail, reading: Reading, group: ConfiguredGroup, known: _Known) -> Circumstances:
    row, sender = mail.row, mail.headers_from.address.lower()
    discussion = None
    if mail.found.discussion_id is not None:
        discussion = known.discussions[row.group_id][mail.found.discussion_id]
    day = discussion.day_of(row.received_at) if discussion is not None else row.received_at.date()
    return Circumstances(
        discussion=discussion,
        day=day,
        subscribed=(row.group_id, sender) in known.members,
        facilitator=sender in known.facilitators.get(row.group_id, ()),
        subscribers_only=group.policies.subscribers_only,
        size=row.size,
        largest=group.policies.max_bytes,
        variant_of=mail.variant_of,
        repeats=mail.repeats,
        confidence=max((s.confidence for s in mail.found.segments if s.question is not None), default=None),
    )


def _insert_contributions(session: Session, queued: Sequence[tuple[_Mail, str]]) -> dict[int, int]:
    """Write contributions with their passages; the number of each by its mail's."""
    if not queued:
        return {}
    rows = [_contribution(mail, reason) for mail, reason in queued]
    statement = insert(Contribution).returning(Contribution.id, sort_by_parameter_order=True)
    numbers = list(session.scalars(statement, rows))
    passages = [
        _passage(number, position, segment)
        for number, (mail, _) in zip(numbers, queued, strict=True)
        for position, segment in enumerate(_segments(mail), 1)
    ]
    if passages:
        session.execute(insert(Passage), passages)
    return {mail.row.id: number for number, (mail, _) in zip(numbers, queued, strict=True)}


def _segments(mail: _Mail) -> tuple[Segment, ...]:
    if mail.reading is None:
        return (Segment(_shown_raw(mail.row.raw), None, None, 0.0),)
    text = mail.reading.own_text
    return mail.found.segments or ((Segment(text, None, None, 0.0),) if text.strip() else ())


def _contribution(mail: _Mail, reason: str) -> dict[str, Any]:
    row, reading = mail.row, mail.reading
    common: dict[str, Any] = {
        "message_id": row.id,
        "group_id": row.group_id,
        "discussion_id": mail.found.discussion_id,
        "author_address": mail.sender,
        "note": "",
        "state": "held",
        "hold_reason": storable(reason),
        "received_at": row.received_at,
    }
    if reading is None:
        return {
            **common,
            "author_name": storable(mail.headers_from.name),
            "on_behalf_of": "",
            "contributor": {},
            "language": "",
            "subject": "",
            "original_text": _shown_raw(row.raw),
            "cut": [],
            "attachments": [],
        }
    line = reading.contributor
    return {
        **common,
        "author_name": storable(reading.author.name),
        "on_behalf_of": storable(_named(reading.on_behalf_of)),
        "contributor": {
            k: storable(getattr(line, k)) for k in ("name", "role", "organisation", "place") if getattr(line, k)
        },
        "language": storable(reading.language or "", 12),
        "subject": storable(reading.subject),
        "original_text": storable(reading.own_text),
        "cut": [[block.role.value, storable(block.text)] for block in reading.blocks],
        "attachments": [
            {
                "name": storable(a.name),
                "content_type": storable(a.content_type),
                "size": a.size,
                "text": None if a.text is None else storable(a.text),
                "note": storable(a.note),
            }
            for a in reading.attachments
        ],
    }


def _passage(contribution_id: int, position: int, segment: Segment) -> dict[str, Any]:
    return {
        "contribution_id": contribution_id,
        "position": position,
        "text": storable(segment.text),
        "week": segment.week,
        "question": segment.question,
        "confidence": segment.confidence,
        "evidence": [storable(e) for e in segment.evidence],
        "set_by": SetBy.MACHINE.value,
    }


def _update_messages(session: Session, decided: Iterable[tuple[_Mail, _Decided]], now: datetime) -> None:
    table = Message.__table__
    statement = (
        update(Message)
        .where(table.c.id == bindparam("number"))
        .values(disposition=bindparam("d"), reason=bindparam("r"), sender=bindparam("s"), subject=bindparam("j"))
        .values(processed_at=now)
    )
    rows = [
        {
            "number": m.row.id,
            "d": d.disposition.value,
            "r": storable(d.reason),
            "s": m.sender,
            "j": storable(m.reading.subject) if m.reading else "",
        }
        for m, d in decided
    ]
    session.connection().execute(statement, rows)


def _named(person: Person | None) -> str:
    if person is None:
        return ""
    return f"{person.name} <{person.address}>" if person.name and person.address else person.name or person.address


def _shown_raw(raw: bytes) -> str:
    """What a facilitator can see of a mail that could not be read."""
    return storable(raw[: SHOWN_OF_UNREADABLE * 2].decode("utf-8", "replace"), SHOWN_OF_UNREADABLE)
