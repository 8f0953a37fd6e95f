"""The queue, read over a plain connection."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from m4dbot.config import Config
from m4dbot.errors import M4dbotError, NotFound
from m4dbot.moderation import decisions
from m4dbot.store.database import Database
from m4dbot.store.waiting import Filed, waiting
from m4dbot.tagging.values import Tag
from tests.integration.moderation.make import NOW, contribution, load


def test_the_queue_is_what_is_held(database: Database, config: Config) -> None:
    """Oldest first, each with its group, discussion, tags and edited text; what was decided is not in it."""
    with database.write() as session:
        discussion = load(session)
        late = contribution(session, ("Late.", 2, None), discussion_id=discussion)
        early = contribution(
            session,
            ("One.", 1, 1),
            ("Two é.", None, None),
            discussion_id=discussion,
            received_at=NOW - timedelta(days=1),
        )
        gone = contribution(session, ("Gone.", 1, 1), discussion_id=discussion)
        lost = contribution(session, received_at=NOW + timedelta(days=1))
        decisions.reject(session, [gone], by="f", way="cli", now=NOW)
        decisions.retag(session, early, 1, Tag(1, 2), by="f", way="cli", now=NOW)
        pieces = (decisions.Piece("Latest.", Tag(2)),)
        decisions.edit(session, late, decisions.Edit(pieces=pieces), by="f", way="cli", now=NOW)
    first, second, third = waiting(config)
    assert [w.id for w in (first, second, third)] == [early, late, lost]
    assert first.passages == (Filed(1, 2, 1.0, "facilitator"), Filed(None, None, 0.8, "machine"))
    assert first.text == "One.\n\nTwo é."
    assert (first.group, first.discussion, third.discussion) == ("water", "water-2027", "")
    assert (first.received_at, first.contributor) == (NOW - timedelta(days=1), {"name": "Grace Wanjiru"})
    assert second.text == "Latest."
    assert [w.id for w in waiting(config, discussion="water-2027")] == [early, late]
    assert len(waiting(config, group="water")) == 3


def test_what_is_asked_for_has_to_exist(database: Database, config: Config) -> None:
    """A group or discussion that is not there is named, and never taken for SQL."""
    with pytest.raises(NotFound):
        waiting(config, discussion="x' OR '1'='1")
    with pytest.raises(M4dbotError, match="no group"):
        waiting(config, group="soil")


def test_a_damaged_database_is_told(config: Config, database: Database, tmp_path: Path) -> None:
    """What is no database is said to be damaged, in a sentence."""
    if not database.is_sqlite:
        pytest.skip("a file")
    database.close()
    assert database.path is not None
    for left in ("-wal", "-shm"):
        database.path.with_name(database.path.name + left).unlink(missing_ok=True)
    database.path.write_bytes(b"this is no database at all" * 200)
    with pytest.raises(M4dbotError, match="damaged"):
        waiting(config)
