"""What mails are made of, out of the store: the sender, published contributions, figures. Only reads."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.discussion.model import Discussion, Week
from m4dbot.publishing.values import Digest, Entry, Figures, Place, Post, Section, Sender, Words
from m4dbot.store.secret import without_details
from m4dbot.store.tables import Contribution, Group, Passage, Subscriber
from m4dbot.summary.countries import country_code, country_in, folded

if TYPE_CHECKING:
    from m4dbot.config import Config
    from m4dbot.config import Group as ConfiguredGroup

PUBLISHED = "approved"


def sender_of(config: Config, group: ConfiguredGroup) -> Sender:
    """The group as a sender of mail."""
    owner = group.facilitators[0].address if group.facilitators else ""
    # A header carries ASCII only (RFC 3986 §2.1 says how the rest is written).
    archive = quote(config.web.archive, safe="%:/?#[]@!$&'()*+,;=~")
    return Sender(group.slug, group.name, group.address, group.list_id, owner, archive)


def configured_group(session: Session, config: Config, group_id: int) -> ConfiguredGroup | None:
    """The configuration of a stored group; None where it left the configuration (then nothing is sent for it)."""
    slug = session.scalar(select(Group.slug).where(Group.id == group_id))
    return next((g for g in config.group if g.slug == slug), None)


@dataclass(frozen=True, slots=True)
class Published:
    """An approved contribution: who, and the stretches of it with their places, in order."""

    entry: Entry  # with the whole text
    words: tuple[Words, ...]
    author: str  # an address, or the name of whom it was sent for: one person's contributions have it in common
    country: str
    received_at: datetime


def published(session: Session, discussion_id: int, received_since: datetime | None = None) -> list[Published]:
    """The approved contributions of a discussion, in the order they were received."""
    query = (
        select(Contribution, Subscriber.organisation, Subscriber.country)
        .outerjoin(
            Subscriber,
            (Subscriber.group_id == Contribution.group_id) & (Subscriber.address == Contribution.author_address),
        )
        .where(Contribution.discussion_id == discussion_id, Contribution.state == PUBLISHED)
        .order_by(Contribution.received_at, Contribution.id)
    )
    if received_since is not None:
        query = query.where(Contribution.received_at >= received_since)
    rows = session.execute(query).all()
    passages = _passages(session, [row[0].id for row in rows])
    return [_published(row[0], row[1] or "", row[2] or "", passages.get(row[0].id, [])) for row in rows]


def published_one(session: Session, contribution_id: int) -> Published | None:
    """One approved contribution, or None where it is not (any more) approved."""
    row = session.get(Contribution, contribution_id)
    if row is None or row.state != PUBLISHED:
        return None
    subscriber = session.execute(
        select(Subscriber.organisation, Subscriber.country).where(
            Subscriber.group_id == row.group_id, Subscriber.address == row.author_address
        )
    ).one_or_none()
    organisation, country = subscriber if subscriber is not None else ("", "")
    return _published(row, organisation, country, _passages(session, [row.id]).get(row.id, []))


def post_of(contribution: Published) -> Post:
    return Post(contribution.entry, contribution.words)


def _passages(session: Session, ids: Sequence[int]) -> dict[int, list[Passage]]:
    found: dict[int, list[Passage]] = {}
    # In portions: SQLite takes no more than so many values in one statement.
    for start in range(0, len(ids), 500):
        query = select(Passage).where(Passage.contribution_id.in_(ids[start : start + 500]))
        for passage in session.scalars(query.order_by(Passage.contribution_id, Passage.position)):
            found.setdefault(passage.contribution_id, []).append(passage)
    return found


def _published(row: Contribution, organisation: str, country: str, passages: Sequence[Passage]) -> Published:
    text = without_details(row.edited_text if row.edited_text is not None else row.original_text)
    words = tuple(
        Words(Place(*place), without_details("\n\n".join(p.text.strip("\n") for p in run)))
        for place, run in groupby(passages, key=lambda p: (p.week, p.question if p.week is not None else None))
    )
    line = row.contributor or {}
    behalf = row.on_behalf_of.strip()
    name = behalf or str(line.get("name") or "").strip() or row.author_name
    # What the list of subscribers knows is about the one who sent it.
    of_sender = [organisation, country] if not behalf else []
    said = [str(line.get(part) or "").strip() for part in ("role", "organisation", "place")]
    parts = said if any(said) else of_sender
    entry = Entry(
        contribution_id=row.id,
        name=name,
        text=text,
        line=", ".join(p for p in parts if p),
        sent_by=row.author_name if behalf and folded(behalf) != folded(row.author_name) else "",
        language=row.language,
        number=row.number,
        note=row.note,
        attachments=tuple(_names(row.attachments)),
    )
    author = folded(behalf) if behalf else row.author_address or folded(name)
    signed = country_in(str(line.get("place") or ""))
    country = signed if behalf else country or signed
    return Published(entry, words or (Words(Place(), text),), author, country, row.received_at)


def _names(attachments: Iterable[object]) -> Iterable[str]:
    for attachment in attachments or ():
        name = attachment.get("name") if isinstance(attachment, Mapping) else attachment
        if isinstance(name, str) and name:
            yield name


def digest_of(
    discussion: Discussion, week: Week, contributions: Iterable[Published], printed: Container[int]
) -> Digest:
    """What the digest of `week` prints: everything approved that no digest has printed yet, by question.

    What was said on no question in particular stands under the week, but a greeting or a closing line stays with the
    answer it introduces or ends.
    """
    fresh = [c for c in contributions if c.entry.contribution_id not in printed]
    by_place: dict[Place, list[Entry]] = {Place(week.number, q.number): [] for q in week.questions}
    for contribution in fresh:
        entry = contribution.entry
        for place, text in by_question(contribution.words):
            by_place.setdefault(_known(place, discussion, week), []).append(replace(entry, text=text))
            # The facilitators' note and the names of files stand with the first part only.
            entry = replace(entry, note="", attachments=())
    places = sorted(by_place, key=_in_order)
    sections = [Section(place, tuple(by_place[place])) for place in places]
    number = week.number
    return Digest(
        week=tuple(s for s in sections if s.place.week == number),
        earlier=tuple(s for s in sections if (s.place.week or 0) < number),
        later=tuple(s for s in sections if (s.place.week or 0) > number),
        figures=figures_of(fresh),
    )


# Large mail services cut a mail off after 102 kB of HTML, and with it the address to unsubscribe with.
LARGEST_DIGEST = 85_000  # bytes
_FRAME, _SECTION, _ENTRY, _LINE = 9_000, 900, 600, 60  # about what the layout adds to the words


def parts_of(digest: Digest, most: int = LARGEST_DIGEST) -> tuple[Digest, ...]:
    """The digest in as many parts as it takes to stay below `most` bytes each; mostly one.

    Order and every entry are kept whole, so a single very long contribution makes a part that is larger. The figures
    stand in the first part.
    """
    parts: list[dict[str, list[Section]]] = [{}]
    size = _FRAME
    for name in ("week", "earlier", "later"):
        for section in getattr(digest, name):
            rest, begun = section.entries, False
            while rest or not begun:
                taken, weight = 0, _SECTION
                while taken < len(rest) and (size + weight + _weight(rest[taken]) <= most or size + taken == _FRAME):
                    weight += _weight(rest[taken])
                    taken += 1
                if rest and not taken:
                    parts.append({})
                    size = _FRAME
                    continue
                parts[-1].setdefault(name, []).append(Section(section.place, rest[:taken]))
                size += weight
                rest, begun = rest[taken:], True
    found = [Digest(tuple(p.get("week", ())), tuple(p.get("earlier", ())), tuple(p.get("later", ()))) for p in parts]
    return (replace(found[0], figures=digest.figures), *found[1:])


def _weight(entry: Entry) -> int:
    return len(entry.text.encode("utf-8", "replace")) + _LINE * (entry.text.count("\n") + 1) + _ENTRY


def _known(place: Place, discussion: Discussion, week: Week) -> Place:
    """What names no week, or one the discussion does not have, is read under `week`, in whose digest it is."""
    if place.week is None or discussion.week(place.week) is None:
        return Place(week.number)
    if place.question is not None and discussion.question(place.week, place.question) is None:
        return Place(place.week)
    return place


def _in_order(place: Place) -> tuple[int, float]:
    """By week and question; what is on the week as a whole comes after its questions."""
    return place.week or 0, place.question if place.question is not None else float("inf")


def by_question(words: Sequence[Words]) -> list[tuple[Place, str]]:
    """A contribution's words by place, each place once, every word once.

    Stretches without a question go with the answer after them, those at the end with the answer before, as long as
    they name no other week.
    """
    asked = [i for i, w in enumerate(words) if w.place.question is not None]
    by_place: dict[Place, list[str]] = {}
    for i, stretch in enumerate(words):
        place = stretch.place
        if place.question is None:
            near = next((j for j in asked if j > i), asked[-1] if asked else None)
            if near is not None and place.week in (None, words[near].place.week):
                place = words[near].place
        by_place.setdefault(place, []).append(stretch.text)
    return [(place, "\n\n".join(texts)) for place, texts in by_place.items()]


def figures_of(contributions: Iterable[Published]) -> Figures:
    """Who took part in these contributions. Each counts once under every question it speaks about."""
    contributions = list(contributions)
    by_question: dict[tuple[int, int], int] = {}
    by_language: dict[str, int] = {}
    for contribution in contributions:
        for place in {w.place for w in contribution.words}:
            if place.week is not None and place.question is not None:
                key = (place.week, place.question)
                by_question[key] = by_question.get(key, 0) + 1
        code = contribution.entry.language
        by_language[code] = by_language.get(code, 0) + 1
    countries = {country_code(c.country) or folded(c.country) for c in contributions if c.country}
    return Figures(
        contributions=len(contributions),
        contributors=len({c.author for c in contributions}),
        countries=len(countries),
        by_question=by_question,
        by_language=dict(sorted(by_language.items(), key=lambda pair: (-pair[1], pair[0]))),
    )
