"""The tables. Instants are aware datetimes, stored in UTC; JSON columns hold plain lists and objects.

Once means a constraint: what must not happen twice has a UNIQUE key, and its row is written before mail goes out.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Names make constraints droppable in migrations, on SQLite too.
NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """An aware datetime. SQLite drops time zones, so UTC goes in and UTC comes out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: Instant, date: Date, bytes: LargeBinary, str: Text}


def _key() -> Mapped[int]:
    return mapped_column(primary_key=True, autoincrement=True)


# SQLite hands the number of a deleted last row out again; a number that is part of a signed address must not come back.
NEVER_AGAIN = {"sqlite_autoincrement": True}


class Setting(Base):
    """What the installation keeps for itself: the secret that signs unsubscribe addresses, and the like."""

    __tablename__ = "setting"
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str]


class Group(Base):
    """A group address with its people. The configuration is the source; see store/groups.py."""

    __tablename__ = "mail_group"  # GROUP is a word of SQL
    id: Mapped[int] = _key()
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    address: Mapped[str] = mapped_column(String(320))
    name: Mapped[str]


class Facilitator(Base):
    __tablename__ = "facilitator"
    __table_args__ = (UniqueConstraint("group_id", "address"),)
    id: Mapped[int] = _key()
    group_id: Mapped[int] = mapped_column(ForeignKey("mail_group.id"))
    address: Mapped[str] = mapped_column(String(320))  # lower case
    name: Mapped[str] = mapped_column(default="")


class Subscriber(Base):
    """A reader of a group. `delivery` is one of publishing.values.DELIVERIES; `state`: active, left, suspended."""

    __tablename__ = "subscriber"
    __table_args__ = (UniqueConstraint("group_id", "address"), NEVER_AGAIN)
    id: Mapped[int] = _key()
    group_id: Mapped[int] = mapped_column(ForeignKey("mail_group.id"))
    address: Mapped[str] = mapped_column(String(320))  # lower case
    name: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(String(12))
    organisation: Mapped[str] = mapped_column(default="")
    country: Mapped[str] = mapped_column(default="")
    delivery: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), default="active")
    state_reason: Mapped[str] = mapped_column(default="")
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]


class DiscussionRow(Base):
    """A loaded discussion. `source` is the text of its file, from which discussion.file builds the value."""

    __tablename__ = "discussion"
    id: Mapped[int] = _key()
    group_id: Mapped[int] = mapped_column(ForeignKey("mail_group.id"))
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    source: Mapped[str]
    opens: Mapped[date]
    closes: Mapped[date]  # the last day, without the grace
    state: Mapped[str] = mapped_column(String(20), default="loaded")  # loaded, closed
    loaded_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class WeekRow(Base):
    __tablename__ = "week"
    __table_args__ = (UniqueConstraint("discussion_id", "number"),)
    id: Mapped[int] = _key()
    discussion_id: Mapped[int] = mapped_column(ForeignKey("discussion.id"))
    number: Mapped[int]
    opens: Mapped[date]
    closes: Mapped[date]


class QuestionRow(Base):
    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("week_id", "number"),)
    id: Mapped[int] = _key()
    week_id: Mapped[int] = mapped_column(ForeignKey("week.id"))
    number: Mapped[int]
    text: Mapped[dict[str, Any]] = mapped_column(JSON)  # by language


class Message(Base):
    """A mail as it arrived. The raw bytes are stored before anything is decided about it.

    `content_hash` is over what the sender wrote (store/identity.py), not over the trace headers that
    each way of arrival adds; with group and Message-ID it is the mail's identity. `group_id` is 0 where the
    mail names none of our addresses (a NULL would not be unique). `disposition` is "new" until the mail has been
    read; then one of intake.values.Disposition, with `reason` in a sentence.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("group_id", "message_id", "content_hash"),
        Index("ix_message_disposition", "disposition"),
        NEVER_AGAIN,
    )
    id: Mapped[int] = _key()
    group_id: Mapped[int]
    message_id: Mapped[str] = mapped_column(String(1000))  # without angle brackets; "" where there is none
    content_hash: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]  # of the whole mail, in bytes; of a huge one `raw` is only the beginning
    source: Mapped[str] = mapped_column(String(20))  # imap, lmtp, smtp, import
    source_detail: Mapped[str] = mapped_column(default="")  # folder and UID, peer, or path
    envelope_sender: Mapped[str | None]  # None: not known; "": the null sender
    envelope_recipient: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime]
    disposition: Mapped[str] = mapped_column(String(20), default="new")
    reason: Mapped[str] = mapped_column(default="")
    sender: Mapped[str] = mapped_column(String(320), default="")
    subject: Mapped[str] = mapped_column(default="")
    processed_at: Mapped[datetime | None]
    # Last, because SQLite walks through a row's large values to reach what comes behind them.
    raw: Mapped[bytes] = mapped_column(deferred=True)


class Contribution(Base):
    """What a person said, with its state in moderation: held, approved, rejected, withdrawn.

    `original_text` never changes. `edited_text` is what is published where a facilitator edited it.
    `number` counts the published contributions of a discussion.
    """

    __tablename__ = "contribution"
    __table_args__ = (
        UniqueConstraint("message_id"),
        UniqueConstraint("discussion_id", "number"),
        Index("ix_contribution_group_state", "group_id", "state"),
        Index("ix_contribution_group_author", "group_id", "author_address"),
    )
    id: Mapped[int] = _key()
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    group_id: Mapped[int] = mapped_column(ForeignKey("mail_group.id"))
    discussion_id: Mapped[int | None] = mapped_column(ForeignKey("discussion.id"))
    number: Mapped[int | None]
    author_name: Mapped[str] = mapped_column(default="")
    author_address: Mapped[str] = mapped_column(String(320), default="")
    on_behalf_of: Mapped[str] = mapped_column(default="")
    contributor: Mapped[dict[str, Any]] = mapped_column(JSON)  # name, role, organisation, place
    language: Mapped[str] = mapped_column(String(12), default="")  # "" where it could not be told
    subject: Mapped[str] = mapped_column(default="")
    original_text: Mapped[str]
    edited_text: Mapped[str | None]
    cut: Mapped[list[Any]] = mapped_column(JSON)  # all blocks in order as [role, text]; what was cut stays visible
    attachments: Mapped[list[Any]] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(default="")  # a facilitator's, printed with the post
    state: Mapped[str] = mapped_column(String(20), default="held")
    hold_reason: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class Passage(Base):
    """A stretch of a contribution with its tag; in order they are the contribution's text."""

    __tablename__ = "passage"
    __table_args__ = (UniqueConstraint("contribution_id", "position"),)
    id: Mapped[int] = _key()
    contribution_id: Mapped[int] = mapped_column(ForeignKey("contribution.id"))
    position: Mapped[int]  # from 1
    text: Mapped[str]
    week: Mapped[int | None]
    question: Mapped[int | None]  # counts inside its week
    confidence: Mapped[float]
    evidence: Mapped[list[Any]] = mapped_column(JSON)
    set_by: Mapped[str] = mapped_column(String(20), default="machine")  # tagging.values.SetBy


class Decision(Base):
    """Who did what to a contribution, when, why and by which way (cli, mail). Rows are only ever added."""

    __tablename__ = "decision"
    __table_args__ = (Index("ix_decision_contribution", "contribution_id"),)
    id: Mapped[int] = _key()
    contribution_id: Mapped[int] = mapped_column(ForeignKey("contribution.id"))
    action: Mapped[str] = mapped_column(String(20))
    by: Mapped[str] = mapped_column(String(320))
    way: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


class Mailing(Base):
    """One occasion on which mail goes out: the questions of week 2, the digest of 12 July, a post, a notice.

    `key` names the occasion and is unique in its group; see discussion/calendar.py and publishing.
    `state`: queued, or skipped with a reason (it was too late to be useful).
    """

    __tablename__ = "mailing"
    __table_args__ = (UniqueConstraint("group_id", "key"),)
    id: Mapped[int] = _key()
    group_id: Mapped[int] = mapped_column(ForeignKey("mail_group.id"))
    discussion_id: Mapped[int | None] = mapped_column(ForeignKey("discussion.id"))
    contribution_id: Mapped[int | None] = mapped_column(ForeignKey("contribution.id"))
    key: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(30))
    week: Mapped[int | None]
    question: Mapped[int | None]
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20), default="queued")
    reason: Mapped[str] = mapped_column(default="")


class Rendering(Base):
    """A mail rendered once for all recipients of one language and edition.

    `content` is the mail's bytes (CRLF, not dot-stuffed) without the per-person parts; `slots` lists, in
    order, [offset in content, name of the part] (delivery/splice.py).
    """

    __tablename__ = "rendering"
    __table_args__ = (UniqueConstraint("mailing_id", "language", "edition"),)
    id: Mapped[int] = _key()
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailing.id"))
    language: Mapped[str] = mapped_column(String(12))
    edition: Mapped[str] = mapped_column(String(30), default="")
    subject: Mapped[str]
    envelope_sender: Mapped[str] = mapped_column(String(320))  # "" is the null sender
    content: Mapped[bytes]
    slots: Mapped[list[Any]] = mapped_column(JSON)


class Delivery(Base):
    """One mail to one recipient. `state`: pending, deferred, sending, sent, failed, cancelled.

    `message_id` is the Message-ID without brackets, stable over retries. A claim (`claimed_by`,
    `claimed_until`) is a lease: what a crashed worker held is free again when it runs out.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("mailing_id", "recipient"),
        Index("ix_delivery_state_next", "state", "next_attempt_at"),
        Index("ix_delivery_message_id", "message_id"),
        NEVER_AGAIN,
    )
    id: Mapped[int] = _key()
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailing.id"))
    rendering_id: Mapped[int] = mapped_column(ForeignKey("rendering.id"))
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id"))
    recipient: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(default="")
    message_id: Mapped[str] = mapped_column(String(400))
    state: Mapped[str] = mapped_column(String(20), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    claimed_by: Mapped[str] = mapped_column(String(100), default="")
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    last_reply: Mapped[str] = mapped_column(default="")


class Bounce(Base):
    """A failed delivery that came back by mail.

    `delivery_id` is set where it could be tied to a mail of ours. `subscriber_id` is set only where that is proven by
    the signed envelope sender: only such bounces count against a subscriber.
    """

    __tablename__ = "bounce"
    __table_args__ = (Index("ix_bounce_subscriber", "subscriber_id"),)
    id: Mapped[int] = _key()
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    group_id: Mapped[int] = mapped_column(ForeignKey("mail_group.id"))
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id"))
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("delivery.id"))
    address: Mapped[str] = mapped_column(String(320))
    status: Mapped[str] = mapped_column(String(20), default="")
    permanent: Mapped[bool]
    diagnostic: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]


class Token(Base):
    """A single-use right to act by mail, bound to a facilitator, a contribution and an action; stored hashed."""

    __tablename__ = "token"
    id: Mapped[int] = _key()
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    facilitator_address: Mapped[str] = mapped_column(String(320))
    contribution_id: Mapped[int] = mapped_column(ForeignKey("contribution.id"))
    action: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Cursor(Base):
    """How far an IMAP folder has been read."""

    __tablename__ = "cursor"
    id: Mapped[int] = _key()
    mailbox: Mapped[str] = mapped_column(String(500), unique=True)  # "user@host:port/folder"
    # Both are unsigned 32-bit numbers (RFC 9051 §9), more than PostgreSQL's INTEGER holds.
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    last_uid: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime]


class Document(Base):
    """A version of a discussion's consolidated reply. `state`: draft, released, sent."""

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("discussion_id", "version"),)
    id: Mapped[int] = _key()
    discussion_id: Mapped[int] = mapped_column(ForeignKey("discussion.id"))
    version: Mapped[int]
    model: Mapped[dict[str, Any]] = mapped_column(JSON)  # summary/model.py
    state: Mapped[str] = mapped_column(String(20), default="draft")
    created_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    released_by: Mapped[str] = mapped_column(default="")
