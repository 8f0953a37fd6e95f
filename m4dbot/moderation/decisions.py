"""What facilitators decide about contributions: approve, reject, hold, retag, edit.

Every function writes into the caller's session and commits nothing. The rows are locked and their state is looked at
again before anything changes, so two facilitators (or a command and a mail) who decide in the same second make one
decision; the other one is told who was first. Decision rows are only ever added.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from m4dbot.discussion.model import Discussion
from m4dbot.errors import AlreadyDecided, M4dbotError, NotFound
from m4dbot.store import discussions
from m4dbot.store.identity import storable
from m4dbot.store.tables import Contribution, Decision, DiscussionRow, Passage
from m4dbot.tagging.values import SetBy, Tag

if TYPE_CHECKING:
    from m4dbot.config import Config


class State(StrEnum):
    """Contribution.state."""

    HELD = "held"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"  # by its author, before it was published


class Result(StrEnum):
    DONE = "done"
    ALREADY = "already"  # it was so before; nothing changed
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one decision; `says` is a sentence for the person who decided."""

    contribution_id: int
    result: Result
    state: str  # of the contribution, now
    says: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Who:
    """Who decides, by which way ("cli", "mail"), and when (aware)."""

    by: str
    way: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage as a facilitator wants it: its words and its place."""

    text: str
    tag: Tag


@dataclass(frozen=True, slots=True)
class Edit:
    """What a facilitator changes; None leaves as it is. `contributor` has name, role, organisation and place."""

    pieces: tuple[Piece, ...] | None = None
    contributor: Mapping[str, str] | None = None
    on_behalf_of: str | None = None
    language: str | None = None
    note: str | None = None


def approve(
    session: Session, config: Config, ids: Iterable[int], *, by: str, way: str, now: datetime, reason: str = ""
) -> list[Outcome]:
    """Release contributions: each gets its discussion's next number and its post is queued. Writes."""
    from m4dbot.publishing.posts import post_approved

    who = Who(by, way, now)

    def one(row: Contribution) -> Outcome:
        if row.state == State.APPROVED:
            return _already(session, row)
        if row.state != State.HELD:
            return _refused(session, row, "put it back into the queue first: `m4dbot hold {id}`")
        if row.discussion_id is None:
            row.discussion_id = home_of(session, row)
        if row.discussion_id is None:
            return _outcome(
                row,
                Result.REFUSED,
                f"{row.id} belongs to no discussion; say which with "
                f'`m4dbot retag {row.id} "W1 Q1" --discussion SLUG`, then approve it.',
            )
        try:
            # Approval and post are one; where the post is refused, the others' approvals stand.
            with session.begin_nested():
                row.number = _next_number(session, row.discussion_id)
                details = {"number": row.number}
                _decide(session, row, who, State.APPROVED, action="approve", reason=reason, details=details)
                post_approved(session, config, row.id, now)
        except M4dbotError as exc:
            # The outbox's way out is for mailings; a contribution can be edited or rejected.
            said = str(exc).removesuffix(" Use --force if that is meant.")
            return _outcome(row, Result.REFUSED, f"{row.id} was not approved. {said}")
        return _outcome(row, Result.DONE, f"{row.id} approved: number {row.number} of its discussion.")

    return _each(session, ids, one)


def reject(
    session: Session,
    ids: Iterable[int],
    *,
    by: str,
    way: str,
    now: datetime,
    reason: str = "",
    tell: Config | None = None,
) -> list[Outcome]:
    """Refuse contributions. What has been published cannot be taken back, and is refused. Writes.

    With `tell` and a reason, a note with the reason is queued to each author, in the same transaction.
    """
    from m4dbot.publishing.notices import notify_rejected

    who = Who(by, way, now)

    def one(row: Contribution) -> Outcome:
        if row.state == State.REJECTED:
            return _already(session, row)
        if row.state != State.HELD:
            return _refused(session, row, "mail that went out cannot be taken back")
        _decide(session, row, who, State.REJECTED, action="reject", reason=reason)
        told = ""
        if tell is not None and reason and notify_rejected(session, tell, row.id, reason, now) is not None:
            told = f" {row.author_address} is told why."
        return _outcome(row, Result.DONE, f"{row.id} rejected.{told}")

    return _each(session, ids, one)


def hold(session: Session, ids: Iterable[int], *, by: str, way: str, now: datetime, reason: str = "") -> list[Outcome]:
    """Put contributions back into the queue, or note on a waiting one why it still waits. Writes."""
    who = Who(by, way, now)

    def one(row: Contribution) -> Outcome:
        if row.state == State.HELD and not reason:
            return _outcome(row, Result.ALREADY, f"{row.id} waits in the queue already.")
        if row.state not in {State.HELD, State.REJECTED}:
            return _refused(session, row, "mail that went out cannot be taken back")
        _decide(session, row, who, State.HELD, action="hold", reason=reason)
        row.hold_reason = reason or f"put back into the queue by {by}"
        row.decided_at = None
        return _outcome(row, Result.DONE, f"{row.id} waits in the queue.")

    return _each(session, ids, one)


def retag(
    session: Session,
    contribution_id: int,
    passage: int | None,
    tag: Tag,
    *,
    by: str,
    way: str,
    now: datetime,
    reason: str = "",
    discussion: str | None = None,
) -> Outcome:
    """File a passage (counted from 1; None: all of them) under `tag`. Writes.

    `discussion` (a slug) moves the contribution there. Raises M4dbotError where there is no such passage, week or
    question, or the contribution was withdrawn.
    """
    row = _locked(session, contribution_id)
    if row.state == State.WITHDRAWN:
        raise AlreadyDecided(_first(session, row, "it cannot be filed"))
    if discussion is not None:
        target, _ = discussions.get(session, discussion)
        if target.group_id != row.group_id:
            raise M4dbotError(f"Discussion {discussion} belongs to another group than contribution {row.id}.")
        if row.state == State.APPROVED and target.id != row.discussion_id:
            raise AlreadyDecided(_first(session, row, "it cannot move to another discussion"))
        moved = row.discussion_id != target.id
        row.discussion_id = target.id
    else:
        moved = False
        if row.discussion_id is None:
            row.discussion_id = home_of(session, row)
    _check_tag(session, row, tag)
    rows = passages_of(session, row.id)
    chosen = [p for p in rows if passage is None or p.position == passage]
    if not chosen:
        counts = f"passages 1 to {len(rows)}" if len(rows) > 1 else "one passage" if rows else "no passage"
        raise NotFound(f"Contribution {row.id} has {counts}; there is no {row.id}.{passage}.")
    changed = [p for p in chosen if Tag(p.week, p.question) != tag or p.set_by != SetBy.FACILITATOR]
    what = f"{row.id}.{passage}" if passage is not None else str(row.id)
    if not changed and not moved:
        return _outcome(row, Result.ALREADY, f"{what} is filed under {named(tag)} already.")
    before = [[p.position, str(Tag(p.week, p.question)), p.set_by] for p in changed]
    for p in changed:
        _file(p, tag, by)
    details: dict[str, Any] = {"to": str(tag), "passages": before}
    if moved:
        details["discussion"] = discussion
    _record(session, row, Who(by, way, now), action="retag", reason=reason, details=details)
    return _outcome(row, Result.DONE, f"{what} filed under {named(tag)}.{_too_late(row)}")


def edit(
    session: Session,
    contribution_id: int,
    change: Edit,
    *,
    by: str,
    way: str,
    now: datetime,
    reason: str = "",
    revision: int | None = None,
) -> Outcome:
    """Change what will be published; the text as it came is kept, and the decision keeps what was there before. Writes.

    Passages whose words and place stay keep their evidence. `revision` is what `revision_of` said when the facilitator
    began; raises AlreadyDecided where somebody decided something in the meantime, M4dbotError where a tag names no
    question or no words are left.
    """
    row = _locked(session, contribution_id)
    if revision is not None and revision_of(session, row.id) != revision:
        raise AlreadyDecided(_first(session, row, "your edit was not saved; look at it again and edit anew"))
    if row.state == State.WITHDRAWN:
        raise AlreadyDecided(_first(session, row, "it cannot be edited"))
    before: dict[str, Any] = {}
    if change.pieces is not None:
        _edit_pieces(session, row, change.pieces, by, before)
    for name in ("on_behalf_of", "language", "note"):
        wanted = getattr(change, name)
        if wanted is not None and wanted != getattr(row, name):
            before[name] = getattr(row, name)
            setattr(row, name, wanted)
    if change.contributor is not None:
        merged = {**row.contributor, **change.contributor}
        if merged != dict(row.contributor):
            before["contributor"] = dict(row.contributor)
            row.contributor = merged
    if not before:
        return _outcome(row, Result.ALREADY, f"{row.id} is unchanged.")
    _record(session, row, Who(by, way, now), action="edit", reason=reason, details={"before": before})
    return _outcome(row, Result.DONE, f"{row.id} edited; the original is kept.{_too_late(row)}")


def revision_of(session: Session, contribution_id: int) -> int:
    """A number that grows with every decision about a contribution; 0 before the first."""
    query = select(func.max(Decision.id)).where(Decision.contribution_id == contribution_id)
    return session.scalar(query) or 0


def passages_of(session: Session, contribution_id: int) -> list[Passage]:
    query = select(Passage).where(Passage.contribution_id == contribution_id).order_by(Passage.position)
    return list(session.scalars(query))


def home_of(session: Session, row: Contribution) -> int | None:
    """The discussion that a contribution without one belongs to: the one that was on when it came, else the only one
    of its group that is not closed; None where that is not clear."""
    open_ones = discussions.loaded(session, row.group_id, also_closed=False)
    then = [r for r, d in open_ones if d.opens <= d.day_of(row.received_at) and d.week_at(row.received_at)]
    candidates = then or [r for r, _ in open_ones]
    return candidates[0].id if len(candidates) == 1 else None


_TAG = re.compile(r"w(?:eek)?\s*(\d{1,3})(?:[\s,./-]*q(?:uestion)?\s*(\d{1,3}))?", re.IGNORECASE)


def tag_named(text: str) -> Tag:
    """The tag a facilitator writes: "W2 Q1", "w2q1", "W2", or "none". Raises M4dbotError saying what is understood."""
    bare = text.strip()
    if bare.lower() in {"none", "-", "–"}:
        return Tag()
    if (found := _TAG.fullmatch(bare)) is None:
        raise M4dbotError(f'\'{bare}\' names no week and question; write "W2 Q1", "W2", or none.')
    return Tag(int(found[1]), int(found[2]) if found[2] else None)


def named(tag: Tag) -> str:
    """The tag in a sentence, as `tag_named` understands it."""
    return "none" if tag.week is None else str(tag)


def resplit(old: Sequence[Piece], text: str) -> tuple[Piece, ...]:
    """The whole text anew as passages: unchanged paragraphs keep their places, changed ones those of what they replace.

    A new paragraph goes with the one before it. Paragraphs of one passage stay one passage.
    """
    paragraphs = _paragraphs(text)
    homes = _homes(old, paragraphs)
    pieces: list[Piece] = []
    for i, (paragraph, home) in enumerate(zip(paragraphs, homes, strict=True)):
        if i and homes[i - 1] == home:
            pieces[-1] = Piece(f"{pieces[-1].text}\n\n{paragraph}", pieces[-1].tag)
        else:
            pieces.append(Piece(paragraph, old[home].tag if old else Tag()))
    return tuple(pieces)


def _homes(old: Sequence[Piece], paragraphs: Sequence[str]) -> list[int]:
    """For each paragraph the passage it belongs to."""
    known = [(part, i) for i, piece in enumerate(old) for part in _paragraphs(piece.text)]
    texts, owners = [part for part, _ in known], [i for _, i in known]
    homes: list[int] = []
    matcher = difflib.SequenceMatcher(None, texts, list(paragraphs), autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        for n in range(c, d):
            if kind == "equal" or (kind == "replace" and b - a == d - c):
                homes.append(owners[a + n - c])
            elif paragraphs[n] in texts:  # moved
                homes.append(owners[texts.index(paragraphs[n])])
            else:
                likely = [(_likeness(texts[k], paragraphs[n]), -k) for k in range(a, b)]
                likeness, k = max(likely, default=(0.0, 0))
                homes.append(owners[-k] if likeness > 0.3 else homes[-1] if homes else 0)
    return homes


def _paragraphs(text: str) -> list[str]:
    return [p.strip("\n") for p in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")) if p.strip()]


def _likeness(one: str, other: str) -> float:
    # By words and bounded: the matcher's work grows with the square of the length.
    return difflib.SequenceMatcher(None, one.split()[:400], other.split()[:400], autojunk=False).ratio()


def _edit_pieces(session: Session, row: Contribution, wanted: Sequence[Piece], by: str, before: dict[str, Any]) -> None:
    pieces = [Piece(storable(p.text).strip("\n"), p.tag) for p in wanted if p.text.strip()]
    if not pieces:
        raise M4dbotError(f"No words are left of contribution {row.id}; to refuse it, use `m4dbot reject {row.id}`.")
    for piece in pieces:
        _check_tag(session, row, piece.tag)
    old = passages_of(session, row.id)
    if [(p.text, Tag(p.week, p.question)) for p in old] == [(p.text, p.tag) for p in pieces]:
        return
    before["passages"] = [[named(Tag(p.week, p.question)), p.text] for p in old]
    new = []
    for position, (piece, known) in enumerate(zip(pieces, _counterparts(old, pieces), strict=True), 1):
        passage = Passage(contribution_id=row.id, position=position, text=piece.text)
        if known is not None and Tag(known.week, known.question) == piece.tag:
            passage.week, passage.question = known.week, known.question
            passage.confidence, passage.evidence, passage.set_by = known.confidence, list(known.evidence), known.set_by
        else:
            passage.evidence = list(known.evidence) if known is not None else []
            _file(passage, piece.tag, by)
        new.append(passage)
    for passage in old:
        session.delete(passage)
    session.flush()  # the places in the text are unique: the old ones go first
    session.add_all(new)
    text = "\n\n".join(p.text for p in pieces)
    row.edited_text = None if _same(text, row.original_text) else text


def _counterparts(old: Sequence[Passage], pieces: Sequence[Piece]) -> list[Passage | None]:
    """For each piece the passage it was: the same words, else the same place, else similar words; each passage once."""
    found: list[Passage | None] = [None] * len(pieces)
    free = list(old)

    def pair(fits: Callable[[Passage, Piece], bool]) -> None:
        for i, piece in enumerate(pieces):
            match = next((p for p in free if fits(p, piece)), None) if found[i] is None else None
            if match is not None:
                found[i] = match
                free.remove(match)

    def same_words(p: Passage, piece: Piece) -> bool:
        return p.text.strip("\n") == piece.text

    def same_place(p: Passage, piece: Piece) -> bool:
        return Tag(p.week, p.question) == piece.tag

    pair(lambda p, piece: same_words(p, piece) and same_place(p, piece))
    pair(same_words)
    pair(same_place)
    pair(lambda p, piece: _likeness(p.text, piece.text) > 0.5)
    return found


def _same(one: str, other: str) -> bool:
    return one.split() == other.split()


def _file(passage: Passage, tag: Tag, by: str) -> None:
    passage.week, passage.question = tag.week, tag.question
    passage.confidence = 1.0
    passage.set_by = SetBy.FACILITATOR
    # What the machine had seen stays readable behind the person's word.
    machine = [e for e in passage.evidence if not str(e).startswith("facilitator:")]
    passage.evidence = [f"facilitator: filed by {by}", *machine]


def _check_tag(session: Session, row: Contribution, tag: Tag) -> None:
    if tag.week is None:
        return
    if row.discussion_id is None:
        raise M4dbotError(f"Contribution {row.id} belongs to no discussion; name one with --discussion.")
    found = session.get_one(DiscussionRow, row.discussion_id)
    discussion = discussions.value_of(found)
    week = discussion.week(tag.week)
    if week is None:
        raise NotFound(f"Discussion {discussion.slug} has weeks 1 to {len(discussion.weeks)}; there is no W{tag.week}.")
    if tag.question is not None and discussion.question(tag.week, tag.question) is None:
        raise NotFound(_no_such_question(discussion, tag, len(week.questions)))


def _no_such_question(discussion: Discussion, tag: Tag, count: int) -> str:
    there = f"questions 1 to {count}" if count > 1 else "one question"
    return f"Week {tag.week} of discussion {discussion.slug} has {there}; there is no {tag}."


def _too_late(row: Contribution) -> str:
    if row.state != State.APPROVED:
        return ""
    return " Its post has gone out; digests and the consolidated reply still to come will have the change."


def _each(session: Session, ids: Iterable[int], one: Callable[[Contribution], Outcome]) -> list[Outcome]:
    """Decide about each contribution, in the order given. Locks are taken in one order, so nobody waits in a circle."""
    wanted = list(dict.fromkeys(ids))
    rows = {i: _locked(session, i) for i in sorted(wanted)}
    outcomes = [one(rows[i]) for i in wanted]
    session.flush()
    return outcomes


def _locked(session: Session, contribution_id: int) -> Contribution:
    # On SQLite the session holds the write lock already, and FOR UPDATE is left out.
    query = select(Contribution).where(Contribution.id == contribution_id).with_for_update()
    row = session.scalar(query, execution_options={"populate_existing": True})
    if row is None:
        raise NotFound(f"There is no contribution {contribution_id}; `m4dbot queue` lists what waits.")
    return row


def _next_number(session: Session, discussion_id: int | None) -> int:
    # The discussion's row is the lock: two approvals of different contributions must not take one number.
    session.execute(select(DiscussionRow.id).where(DiscussionRow.id == discussion_id).with_for_update())
    highest = session.scalar(select(func.max(Contribution.number)).where(Contribution.discussion_id == discussion_id))
    return (highest or 0) + 1


def _decide(
    session: Session,
    row: Contribution,
    who: Who,
    state: State,
    *,
    action: str,
    reason: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    was = row.state
    row.state = state
    row.decided_at = who.now
    _record(session, row, who, action=action, reason=reason, details={"from": was, **(details or {})})


def _record(
    session: Session, row: Contribution, who: Who, *, action: str, reason: str, details: Mapping[str, Any]
) -> None:
    decision = Decision(contribution_id=row.id, action=action, by=who.by, way=who.way, at=who.now)
    decision.reason, decision.details = reason, dict(details)
    session.add(decision)
    session.flush()


def _outcome(row: Contribution, result: Result, says: str) -> Outcome:
    return Outcome(row.id, result, row.state, says, row.number)


_TOLD = {State.APPROVED: "approve", State.REJECTED: "reject", State.WITHDRAWN: "withdraw"}


def _last(session: Session, row: Contribution) -> Decision | None:
    """The decision that brought a contribution into its state."""
    query = select(Decision).where(Decision.contribution_id == row.id).order_by(Decision.id.desc())
    if (action := _TOLD.get(State(row.state))) is not None:
        query = query.where(Decision.action == action)
    return session.scalar(query.limit(1))


def _by_whom(session: Session, row: Contribution) -> str:
    last = _last(session, row)
    if last is None:
        return f"{row.id} is {row.state}"
    why = f" ({last.reason})" if last.reason else ""
    if row.state == State.HELD:
        return f"{row.id} was changed by {last.by} on {last.at:%Y-%m-%d at %H:%M} UTC ({last.action})"
    return f"{row.id} was {row.state} by {last.by} on {last.at:%Y-%m-%d at %H:%M} UTC{why}"


def _first(session: Session, row: Contribution, consequence: str) -> str:
    return f"{_by_whom(session, row)}; {consequence}."


def _already(session: Session, row: Contribution) -> Outcome:
    return _outcome(row, Result.ALREADY, f"{_by_whom(session, row)}; nothing changed.")


def _refused(session: Session, row: Contribution, way_out: str) -> Outcome:
    if row.state == State.WITHDRAWN:
        way_out = "it is not published against its author's will"
    return _outcome(row, Result.REFUSED, _first(session, row, way_out.format(id=row.id)))
