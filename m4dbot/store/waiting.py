"""What waits for a decision, read over a plain connection.

Facilitators ask for the queue many times a day, and importing SQLAlchemy takes longer than all the rest of it. Here is
the one query that is worth writing out for both databases.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4dbot.errors import M4dbotError, NotFound, Unreachable

if TYPE_CHECKING:
    from m4dbot.config import Config

WAIT = 10.0  # seconds for a database that does not answer


@dataclass(frozen=True, slots=True)
class Filed:
    """A passage's place; `confidence` is the machine's, 1 where a person (`set_by`) said it."""

    week: int | None
    question: int | None
    confidence: float
    set_by: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A contribution in the queue. `contributor` has name, role, organisation and place, where they are known."""

    id: int
    group: str
    discussion: str  # its slug, or ""
    author_name: str
    author_address: str
    on_behalf_of: str
    contributor: dict[str, str]
    language: str
    subject: str
    text: str
    hold_reason: str
    received_at: datetime
    passages: tuple[Filed, ...]


_COLUMNS = (
    "c.id, g.slug, d.slug, c.author_name, c.author_address, c.on_behalf_of, c.contributor, c.language, c.subject,"
    " COALESCE(c.edited_text, c.original_text), c.hold_reason, c.received_at"
)
_FROM = " FROM contribution c JOIN mail_group g ON g.id = c.group_id LEFT JOIN discussion d ON d.id = c.discussion_id"


def waiting(config: Config, group: str | None = None, discussion: str | None = None) -> list[Waiting]:
    """The queue, oldest first; of one group or one discussion where these slugs are given.

    Raises NotFound where there is no such group or discussion.
    """
    if group is not None:
        group = config.group_named(group).slug
    try:
        return _waiting(config, group, discussion)
    except _NotPrepared:
        # A new installation, or tables of another version: the long way makes them, or says what to do.
        from m4dbot.store.prepare import prepared

        prepared(config).close()
        return _waiting(config, group, discussion)


class _NotPrepared(Exception):
    pass


def _waiting(config: Config, group: str | None, discussion: str | None) -> list[Waiting]:
    wanted, values = ["c.state = 'held'"], []
    for column, value in (("g.slug", group), ("d.slug", discussion)):
        if value is not None:
            wanted.append(f"{column} = ?")
            values.append(value)
    where = " WHERE " + " AND ".join(wanted)
    with _connection(config.database_url) as run:
        if discussion is not None and not run("SELECT 1 FROM discussion WHERE slug = ?", [discussion]):
            raise NotFound(f"There is no discussion '{discussion}'; `m4dbot discussion list` shows them.")
        rows = run(f"SELECT {_COLUMNS}{_FROM}{where} ORDER BY c.received_at, c.id", values)
        tags: dict[int, list[Filed]] = {}
        passages = "SELECT p.contribution_id, p.week, p.question, p.confidence, p.set_by"
        joined = " JOIN passage p ON p.contribution_id = c.id"
        for number, *rest in run(f"{passages}{_FROM}{joined}{where} ORDER BY c.id, p.position", values):
            tags.setdefault(number, []).append(Filed(*rest))
    return [_built(row, tuple(tags.get(row[0], ()))) for row in rows]


def _built(row: tuple[Any, ...], passages: tuple[Filed, ...]) -> Waiting:
    number, group, slug, name, address, behalf, contributor, language, subject, text, reason, received = row
    return Waiting(
        id=number,
        group=group,
        discussion=slug or "",
        author_name=name,
        author_address=address,
        on_behalf_of=behalf,
        contributor=_object(contributor),
        language=language,
        subject=subject,
        text=text,
        hold_reason=reason,
        received_at=_instant(received),
        passages=passages,
    )


@contextmanager
def _connection(url: str) -> Iterator[Any]:
    """A function that runs a query ("?" for values) in one consistent view."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        if not path.exists():
            raise _NotPrepared
        try:
            with closing(sqlite3.connect(path, timeout=WAIT, isolation_level=None)) as lite:
                lite.execute("PRAGMA query_only=ON")
                lite.execute("BEGIN")
                yield lambda query, values: lite.execute(query, values).fetchall()
        except sqlite3.DatabaseError as exc:
            if "no such" in str(exc):
                raise _NotPrepared from exc
            if "malformed" in str(exc) or "not a database" in str(exc):
                raise M4dbotError(f"The database {path} is damaged ({exc}); restore it from a backup.") from exc
            raise Unreachable(f"The database {path} cannot be used: {exc}.") from exc
        return
    if not url.startswith("postgresql"):
        raise _NotPrepared  # preparing it says what is wrong with the address
    try:
        import psycopg
    except ModuleNotFoundError:
        raise _NotPrepared from None
    address = "postgresql://" + url.partition("://")[2]
    try:
        with psycopg.connect(address, connect_timeout=int(WAIT)) as connection:
            connection.read_only = True
            yield lambda query, values: connection.execute(query.replace("?", "%s"), values).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as exc:
        raise _NotPrepared from exc
    except psycopg.Error as exc:
        # The driver's words name host and user, never the password.
        raise Unreachable(f"The database cannot be used: {' '.join(str(exc).split())}.") from exc


def _object(value: Any) -> dict[str, str]:
    found = json.loads(value) if isinstance(value, str) else value
    return {str(k): str(v) for k, v in found.items() if v} if isinstance(found, dict) else {}


def _instant(value: Any) -> datetime:
    # SQLite has no instants: tables.Instant stores UTC without a zone.
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    aware: datetime = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return aware
