"""Loaded discussions: rows with the value that their file's text describes."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from m4dbot.discussion.file import parse_discussion
from m4dbot.discussion.model import Discussion, Week
from m4dbot.errors import NotFound
from m4dbot.store.tables import DiscussionRow, QuestionRow, WeekRow

# A row and what it stands for.
Loaded = tuple[DiscussionRow, Discussion]


@lru_cache(maxsize=128)
def _value(source: str, slug: str) -> Discussion:
    # Parsing costs milliseconds and a text never changes its meaning, so the text itself is the cache's key.
    return parse_discussion(source, f"discussion {slug}, as it was loaded")


def value_of(row: DiscussionRow) -> Discussion:
    """The discussion as a value. Raises InvalidFile where its text is no longer understood."""
    return _value(row.source, row.slug)


def loaded(session: Session, group_id: int | None = None, *, also_closed: bool = True) -> list[Loaded]:
    """Every discussion of a group (of all groups), earliest first; `row.state` is "loaded" or "closed"."""
    query = select(DiscussionRow).order_by(DiscussionRow.opens, DiscussionRow.id)
    if group_id is not None:
        query = query.where(DiscussionRow.group_id == group_id)
    if not also_closed:
        query = query.where(DiscussionRow.state != "closed")
    return [(row, value_of(row)) for row in session.scalars(query)]


def find(session: Session, slug: str) -> Loaded | None:
    """The discussion with this slug, if it is loaded."""
    row = session.scalar(select(DiscussionRow).where(DiscussionRow.slug == slug))
    return (row, value_of(row)) if row is not None else None


def get(session: Session, slug: str) -> Loaded:
    """The discussion with this slug. Raises NotFound naming those there are."""
    if (found := find(session, slug)) is not None:
        return found
    slugs = session.scalars(select(DiscussionRow.slug).order_by(DiscussionRow.opens)).all()
    there = f"there is: {', '.join(slugs)}" if slugs else "none is loaded yet"
    raise NotFound(f"There is no discussion '{slug}'; {there}. Load one with `m4dbot discussion load FILE`.")


def save(session: Session, group_id: int, source: str, discussion: Discussion, now: datetime) -> DiscussionRow:
    """Write a discussion as its file describes it now; one loaded before keeps its rows' ids. Writes.

    `source` is the file's text, from which `discussion` was parsed.
    """
    row = session.scalar(select(DiscussionRow).where(DiscussionRow.slug == discussion.slug))
    if row is None:
        row = DiscussionRow(group_id=group_id, slug=discussion.slug, state="loaded")
        session.add(row)
    row.source, row.loaded_at = source, now
    row.opens, row.closes = discussion.opens, discussion.closes
    session.flush()
    _save_weeks(session, row.id, discussion.weeks)
    return row


def _save_weeks(session: Session, discussion_id: int, weeks: tuple[Week, ...]) -> None:
    rows = {w.number: w for w in session.scalars(select(WeekRow).where(WeekRow.discussion_id == discussion_id))}
    for week in weeks:
        row = rows.pop(week.number, None)
        if row is None:
            row = WeekRow(discussion_id=discussion_id, number=week.number, opens=week.opens, closes=week.closes)
            session.add(row)
        row.opens, row.closes = week.opens, week.closes
        session.flush()
        questions = {q.number: q for q in session.scalars(select(QuestionRow).where(QuestionRow.week_id == row.id))}
        for question in week.questions:
            text = dict(question.text.by_language)
            if (known := questions.pop(question.number, None)) is None:
                session.add(QuestionRow(week_id=row.id, number=question.number, text=text))
            else:
                known.text = text
        for gone in questions.values():
            session.delete(gone)
    if rows:
        ids = [w.id for w in rows.values()]
        session.execute(delete(QuestionRow).where(QuestionRow.week_id.in_(ids)))
        session.execute(delete(WeekRow).where(WeekRow.id.in_(ids)))
    session.flush()
