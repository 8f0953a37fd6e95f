"""Versions of the consolidated reply in the store: drafted, released. See sending.py for what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from m4dbot.errors import M4dbotError, NotFound
from m4dbot.reading.values import ContributorLine
from m4dbot.store import discussions
from m4dbot.store.secret import without_details
from m4dbot.store.tables import (
    Contribution,
    DiscussionRow,
    Document,
    Facilitator,
    Group,
    Subscriber,
)
from m4dbot.store.tables import Passage as PassageRow
from m4dbot.summary.build import Approved, build
from m4dbot.summary.model import ConsolidatedReply, Passage, from_json, to_json
from m4dbot.summary.words import document_languages, fitting, words_in

APPROVED, HELD = "approved", "held"
DRAFT, RELEASED, SENT = "draft", "released", "sent"
AT_ONCE = 500  # values in one statement; SQLite takes no more than so many


@dataclass(frozen=True, slots=True)
class Drafted:
    """A version. `is_new` is false where nothing had changed since the last one, which is then given back."""

    version: int
    state: str
    reply: ConsolidatedReply
    is_new: bool
    pending: int  # contributions of this discussion that still wait for a decision


@dataclass(frozen=True, slots=True)
class Released:
    """A released version. `already` is true where somebody had released it before."""

    version: int
    by: str
    at: datetime
    already: bool


def draft(session: Session, row: DiscussionRow, now: datetime, language: str | None = None) -> Drafted:
    """Write the document as it stands at `now` (aware) as a new version. Writes.

    Without `language`, the fixed words are in the discussion's first language there are words for. Raises
    M4dbotError where nothing is approved yet, or there are no words in `language`.
    """
    row = locked(session, row)
    discussion = discussions.value_of(row)
    if language is not None and language not in document_languages():
        words_in(language)  # says what languages there are
    contributions = approved(session, row)
    pending = waiting(session, row)
    if not contributions:
        if pending:
            raise M4dbotError(
                f"Nothing of '{row.slug}' is approved yet, so there is nothing to draft from; {pending} "
                f"{'contribution waits' if pending == 1 else 'contributions wait'}: see `m4dbot queue`."
            )
        raise M4dbotError(f"There are no contributions to '{row.slug}' yet, so there is nothing to draft from.")
    group = session.get_one(Group, row.group_id)
    people = session.execute(
        select(Facilitator.name, Facilitator.address)
        .where(Facilitator.group_id == row.group_id)
        .order_by(Facilitator.id)
    )
    reply = build(
        discussion,
        contributions,
        group_name=group.name,
        group_address=group.address,
        facilitators=[name or address for name, address in people],
        language=language or fitting(discussion.languages[0], discussion.languages),
        now=now,
    )
    last = latest(session, row)
    if last is not None and reply.same_content(from_json(last.model)):
        return Drafted(last.version, last.state, from_json(last.model), False, pending)
    version = last.version + 1 if last else 1
    reply = reply.issued(version, None)
    session.add(Document(discussion_id=row.id, version=version, model=to_json(reply), state=DRAFT, created_at=now))
    session.flush()
    return Drafted(version, DRAFT, reply, True, pending)


def release(session: Session, row: DiscussionRow, *, by: str, now: datetime, version: int | None = None) -> Released:
    """Let a version, the latest unless given, go out. Writes; releasing twice is harmless.

    `by` is a facilitator's address. Raises M4dbotError where it is not, where nothing is drafted, or where the
    version holds a contribution that is no longer approved.
    """
    row = locked(session, row)
    address = by.strip().lower()
    facilitators = session.scalars(select(Facilitator.address).where(Facilitator.group_id == row.group_id)).all()
    if address not in facilitators:
        there = ", ".join(sorted(facilitators)) or "none; the configuration names them"
        raise M4dbotError(f"{by} is no facilitator of this group; there is: {there}.")
    document = version_of(session, row, version)
    if document.state != DRAFT and document.released_at is not None:
        return Released(document.version, document.released_by, document.released_at, True)
    reply = from_json(document.model)
    refuse_unapproved(session, row, reply, document.version)
    document.state = RELEASED
    document.released_at = now
    document.released_by = address
    document.model = to_json(reply.issued(document.version, now))
    session.flush()
    return Released(document.version, address, now, False)


def read(session: Session, row: DiscussionRow, version: int | None = None) -> ConsolidatedReply:
    """A version of the document, the latest unless given."""
    return from_json(version_of(session, row, version).model)


def versions(session: Session, row: DiscussionRow) -> Sequence[Document]:
    """Every version, the first first."""
    return session.scalars(select(Document).where(Document.discussion_id == row.id).order_by(Document.version)).all()


def latest(session: Session, row: DiscussionRow, states: Sequence[str] = ()) -> Document | None:
    """The latest version, of those in one of `states` where any are given."""
    query = select(Document).where(Document.discussion_id == row.id).order_by(Document.version.desc()).limit(1)
    return session.scalar(query.where(Document.state.in_(states)) if states else query)


def version_of(session: Session, row: DiscussionRow, version: int | None = None) -> Document:
    """The row of a version, the latest unless given. Raises NotFound with the way out."""
    if version is None:
        if (found := latest(session, row)) is not None:
            return found
        raise NotFound(f"Nothing is drafted for '{row.slug}' yet; draft it with `m4dbot summary draft {row.slug}`.")
    query = select(Document).where(Document.discussion_id == row.id, Document.version == version)
    if (document := session.scalar(query)) is not None:
        return document
    there = ", ".join(str(d.version) for d in versions(session, row)) or "none"
    raise NotFound(f"There is no version {version} of the consolidated reply to '{row.slug}'; there is: {there}.")


def locked(session: Session, row: DiscussionRow) -> DiscussionRow:
    """The discussion's row, held until the end of the transaction: versions of one document are made in turn.

    On SQLite the whole store is held by a writer anyway, and FOR UPDATE is left out.
    """
    query = select(DiscussionRow).where(DiscussionRow.id == row.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def refuse_unapproved(session: Session, row: DiscussionRow, reply: ConsolidatedReply, version: int) -> None:
    """Raise where the document holds what is no longer approved: it was withdrawn, or put back into the queue."""
    state = select(Contribution.id).where(Contribution.discussion_id == row.id, Contribution.state == APPROVED)
    still = set(session.scalars(state))
    gone = [str(r.number) for r in reply.responses if r.contribution_id not in still]
    if gone:
        what = f"Response {gone[0]} is" if len(gone) == 1 else f"Responses {', '.join(gone)} are"
        raise M4dbotError(
            f"{what} in version {version} but no longer approved; draft a new version with "
            f"`m4dbot summary draft {row.slug}`."
        )


def waiting(session: Session, row: DiscussionRow) -> int:
    """How many contributions to the discussion wait for a decision."""
    query = select(func.count()).where(Contribution.discussion_id == row.id, Contribution.state == HELD)
    return session.scalar(query) or 0


def approved(session: Session, row: DiscussionRow) -> list[Approved]:
    """The discussion's approved contributions with their passages. Only reads."""
    query = (
        select(Contribution, Subscriber.organisation, Subscriber.country)
        .outerjoin(
            Subscriber,
            (Subscriber.group_id == Contribution.group_id) & (Subscriber.address == Contribution.author_address),
        )
        .where(Contribution.discussion_id == row.id, Contribution.state == APPROVED)
        .order_by(Contribution.id)
    )
    found = session.execute(query).all()
    passages: dict[int, list[Passage]] = {}
    ids = [contribution.id for contribution, _, _ in found]
    for start in range(0, len(ids), AT_ONCE):
        some = select(PassageRow).where(PassageRow.contribution_id.in_(ids[start : start + AT_ONCE]))
        for p in session.scalars(some.order_by(PassageRow.contribution_id, PassageRow.position)):
            passage = Passage(p.id, p.position, without_details(p.text), p.week, p.question)
            passages.setdefault(p.contribution_id, []).append(passage)
    return [
        Approved(
            id=c.id,
            number=c.number,
            text=without_details(c.original_text if c.edited_text is None else c.edited_text),
            received_at=c.received_at,
            passages=tuple(passages.get(c.id, ())),
            author_name=c.author_name,
            author_address=c.author_address,
            on_behalf_of=c.on_behalf_of,
            contributor=ContributorLine(*(_said(c.contributor, part) for part in _LINE)),
            organisation=organisation or "",
            country=country or "",
            language=c.language,
            subject=c.subject,
            edited=c.edited_text is not None,
            note=c.note,
            attachments=tuple(filter(None, (_said(a, "name") for a in c.attachments or ()))),
        )
        for c, organisation, country in found
    ]


_LINE = ("name", "role", "organisation", "place")


def _said(values: object, key: str) -> str:
    return str(values.get(key) or "") if isinstance(values, Mapping) else ""
