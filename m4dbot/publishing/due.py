"""The calendar's mails: what is due is claimed, composed and handed to the outbox, each occasion once.

The decision is discussion.calendar's; this edge looks up what was done, and acts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.delivery.outbox import enqueue, skip
from m4dbot.delivery.values import Recipient, Rendered
from m4dbot.discussion import calendar
from m4dbot.discussion.calendar import Due, Occasion, OccasionKind
from m4dbot.discussion.model import Discussion, Week
from m4dbot.errors import M4dbotError, NotFound
from m4dbot.publishing import compose
from m4dbot.publishing.audience import languages_of, reading_language, recipients
from m4dbot.publishing.material import configured_group, digest_of, figures_of, parts_of, published, sender_of
from m4dbot.publishing.values import Digest, Figures, MailKind, Place, Section, Sender
from m4dbot.store import discussions
from m4dbot.store.tables import Contribution, DiscussionRow, Mailing, Setting

if TYPE_CHECKING:
    from m4dbot.config import Config
    from m4dbot.store.database import Database

NOBODY = "nobody subscribes to this mail"
ALL_HAVE_ANSWERED = "everybody who gets it has contributed this week"
NOTHING_TO_SAY = "nothing was approved that had not been in a digest yet"


@dataclass(frozen=True, slots=True)
class Sent:
    """An occasion that was handed to the outbox, or recorded as `skipped` with the reason."""

    group: str
    discussion: str
    key: str
    kind: MailKind
    week: int | None
    due_at: datetime
    mailing_id: int | None = None
    recipients: int = 0
    by_language: tuple[tuple[str, int], ...] = ()
    skipped: str = ""


def run_due(database: Database, config: Config, now: datetime) -> list[Sent]:
    """Queue every mail whose time has come at `now` (aware), and record those that come too late to be useful.

    Safe to call as often as one likes and from several processes: an occasion's key is unique, and whoever writes
    its row first queues it. Each occasion has a transaction of its own: one that fails, or a discussion whose text is
    no longer understood, holds up no other. The first error is raised at the end; the next call tries again.
    """
    done: list[Sent] = []
    failed: Exception | None = None
    waiting: list[tuple[int, Due]] = []
    with database.read() as session:
        for row in session.scalars(select(DiscussionRow).where(DiscussionRow.state != "closed")):
            if configured_group(session, config, row.group_id) is None:
                continue
            try:
                discussion = discussions.value_of(row)
            except M4dbotError as error:
                failed = failed or error
                continue
            waiting += [(row.id, due) for due in calendar.due(discussion, _done(session, row), now)]
    waiting.sort(key=lambda pair: (pair[1].occasion.due_at, pair[1].occasion.key))
    for discussion_id, due in waiting:
        try:
            with database.write() as session:
                sent = _act(session, config, discussion_id, due, now)
        except Exception as error:
            failed = failed or error
            continue
        if sent is not None:
            done.append(sent)
    if failed is not None:
        raise failed
    return done


def _done(session: Session, row: DiscussionRow) -> set[str]:
    # Posts and confirmations are many and no occasions of the calendar.
    query = select(Mailing.key).where(
        Mailing.group_id == row.group_id, Mailing.kind.in_([k.value for k in OccasionKind])
    )
    return set(session.scalars(query))


def _act(session: Session, config: Config, discussion_id: int, due: Due, now: datetime) -> Sent | None:
    """Queue or skip one occasion; None where somebody else has just done so."""
    row = session.get(DiscussionRow, discussion_id)
    if row is None or row.state == "closed":
        return None
    group = configured_group(session, config, row.group_id)
    occasion = due.occasion
    if group is None or session.scalar(
        select(Mailing.id).where(Mailing.group_id == row.group_id, Mailing.key == occasion.key)
    ):
        return None
    discussion = discussions.value_of(row)
    kind = MailKind(occasion.kind.value)
    sent = Sent(group.slug, discussion.slug, occasion.key, kind, occasion.week, occasion.due_at)
    people: list[Recipient] = []
    content: Digest | None = None
    reason = due.skip or ""
    if not reason:
        people = recipients(session, row.group_id, kind, discussion)
        reason = "" if people else NOBODY
    if not reason and occasion.kind is OccasionKind.REMINDER:
        answered = _answered(session, row.id, discussion, occasion)
        people = [p for p in people if p.address not in answered]
        reason = "" if people else ALL_HAVE_ANSWERED
    if occasion.kind is OccasionKind.DIGEST and not due.skip:
        content = _digest(session, row, discussion, _week(discussion, occasion), _until(discussion, occasion, now))
        reason = reason if content.contribution_ids else NOTHING_TO_SAY
    if reason:
        claimed = skip(
            session,
            group_id=row.group_id,
            key=occasion.key,
            kind=kind,
            now=now,
            reason=reason,
            due_at=occasion.due_at,
            discussion_id=row.id,
            week=occasion.week,
        )
        return replace(sent, skipped=reason) if claimed else None
    languages = languages_of(people)
    figures = _figures(session, row.id, discussion, occasion)
    sender = sender_of(config, group)
    in_parts = zip(
        *(
            rendered(sender, discussion, occasion, language=language, now=now, figures=figures, content=content)
            for language in languages
        ),
        strict=True,
    )
    mailing_id: int | None = None
    for part, renderings in enumerate(in_parts, 1):
        queued = enqueue(
            session,
            group_id=row.group_id,
            # The occasion's own key is the first part's: who has claimed it sends all of them.
            key=occasion.key if part == 1 else f"{occasion.key}/part-{part}",
            kind=kind,
            now=now,
            due_at=occasion.due_at,
            discussion_id=row.id,
            week=occasion.week,
            renderings=renderings,
            recipients=people,
            domain=group.domain,
        )
        if queued is None:
            return None
        mailing_id = mailing_id or queued
    if content is not None:
        _remember_printed(session, occasion.key, content)
    counts = tuple((code, sum(p.language == code for p in people)) for code in languages)
    return replace(sent, mailing_id=mailing_id, recipients=len(people), by_language=counts)


def rendered(
    sender: Sender,
    discussion: Discussion,
    occasion: Occasion,
    *,
    language: str,
    now: datetime,
    figures: Figures,
    content: Digest | None = None,
) -> tuple[Rendered, ...]:
    """The mail of an occasion in one language, a long digest in parts. Pure. `figures` are those the mail shows."""
    match occasion.kind:
        case OccasionKind.ANNOUNCEMENT:
            return (compose.announcement(sender, discussion, language=language, now=now),)
        case OccasionKind.QUESTIONS:
            week = _week(discussion, occasion)
            return (compose.questions(sender, discussion, week, language=language, now=now),)
        case OccasionKind.REMINDER:
            week = _week(discussion, occasion)
            return (compose.reminder(sender, discussion, week, figures, language=language, now=now),)
        case OccasionKind.DIGEST:
            week = _week(discussion, occasion)
            parts = parts_of(content or _empty_digest(week))
            return tuple(
                compose.digest(
                    sender, discussion, week, each, language=language, now=now, part=number, parts=len(parts)
                )
                for number, each in enumerate(parts, 1)
            )
        case OccasionKind.LAST_CALL:
            every = [Place(week.number, question.number) for week, question in discussion.questions()]
            silent = [p for p in every if not figures.by_question.get((p.week or 0, p.question or 0))]
            # Where nothing has come in yet, a list of every question would say nothing.
            named = silent if figures.contributions else []
            return (compose.last_call(sender, discussion, named, language=language, now=now),)
        case OccasionKind.THANKS:
            return (compose.thanks(sender, discussion, figures, language=language, now=now),)


def _week(discussion: Discussion, occasion: Occasion) -> Week:
    week = discussion.week(occasion.week or 0)
    if week is None:
        raise ValueError(f"the occasion {occasion.key} is of no week of its discussion")
    return week


def _empty_digest(week: Week) -> Digest:
    return Digest(tuple(Section(Place(week.number, q.number), ()) for q in week.questions))


def _answered(session: Session, discussion_id: int, discussion: Discussion, occasion: Occasion) -> set[str]:
    """The addresses that have written since the week opened, whatever became of it: they need no reminder."""
    opened = calendar.instant(_week(discussion, occasion).opens, time(0), discussion.zone)
    query = select(Contribution.author_address).where(
        Contribution.discussion_id == discussion_id, Contribution.received_at >= opened
    )
    return set(session.scalars(query))


def _figures(session: Session, discussion_id: int, discussion: Discussion, occasion: Occasion) -> Figures:
    """Participation as the occasion's mail shows it: this week's for a reminder, everything for the end."""
    if occasion.kind in (OccasionKind.LAST_CALL, OccasionKind.THANKS):
        return figures_of(published(session, discussion_id))
    if occasion.kind is OccasionKind.REMINDER:
        return figures_of(
            c for c in published(session, discussion_id) if any(w.place.week == occasion.week for w in c.words)
        )
    return Figures()


def _until(discussion: Discussion, occasion: Occasion, now: datetime) -> datetime | None:
    """Where several digests are due at once (the bot was down), each takes what came until its own hour."""
    later = (o for o in calendar.occasions(discussion) if o.kind is OccasionKind.DIGEST and o.due_at > occasion.due_at)
    return occasion.due_at if any(o.due_at <= now for o in later) else None


def _digest(
    session: Session, row: DiscussionRow, discussion: Discussion, week: Week, until: datetime | None = None
) -> Digest:
    contributions = [c for c in published(session, row.id) if until is None or c.received_at <= until]
    return digest_of(discussion, week, contributions, _printed(session, discussion.slug))


# Which contributions a digest printed is written down with it, in the same transaction: instants would leave gaps,
# because an approval may be decided before a digest is composed and committed after.
_PRINTED = "printed:"


def _remember_printed(session: Session, key: str, content: Digest) -> None:
    session.add(Setting(key=f"{_PRINTED}{key}", value=json.dumps(content.contribution_ids)))


def _printed(session: Session, slug: str) -> set[int]:
    values = session.scalars(select(Setting.value).where(Setting.key.startswith(f"{_PRINTED}{slug}/", autoescape=True)))
    return {int(i) for value in values for i in json.loads(value)}


def digest_preview(
    session: Session, config: Config, discussion: str, *, week: int | None, now: datetime, language: str = ""
) -> Rendered:
    """The digest as it would go out at `now`, in one piece; nothing is written.

    `discussion` is a slug; `week` None means the week of `now` (else the last). Raises NotFound where there is no
    such discussion or week.
    """
    row, value = discussions.get(session, discussion)
    group = configured_group(session, config, row.group_id)
    if group is None:
        raise NotFound(f"The group of the discussion '{discussion}' is not in the configuration any more.")
    chosen = value.week(week) if week is not None else value.week_at(now) or value.weeks[-1]
    if chosen is None:
        raise NotFound(f"The discussion '{discussion}' has weeks 1 to {len(value.weeks)}; there is no week {week}.")
    content = _digest(session, row, value, chosen)
    code = reading_language(language or value.languages[0], value.languages)
    return compose.digest(sender_of(config, group), value, chosen, content, language=code, now=now)
