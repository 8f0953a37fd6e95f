"""Notices to facilitators and to authors."""

from __future__ import annotations

import threading

from sqlalchemy import select

from m4dbot.config import Config
from m4dbot.publishing.notices import notify_facilitators, notify_rejected
from m4dbot.store.database import Database
from m4dbot.store.tables import Delivery, Mailing, Rendering
from tests.integration.publishing.making import HOUR, at, contribution, load


def test_facilitators_hear_once_of_what_waits(database: Database, config: Config) -> None:
    """At once for the first, at most hourly after, and never twice about the same."""
    with database.write() as session:
        discussion_id = load(session)
    assert notify_facilitators(database, config, at(3)) == []
    with database.write() as session:
        contribution(session, ("First.", 1, 1), discussion_id=discussion_id, state="held", hold_reason="read first")
    assert len(notify_facilitators(database, config, at(3))) == 1
    assert notify_facilitators(database, config, at(3) + 2 * HOUR) == []
    with database.write() as session:
        contribution(session, ("Second.", 1, 2), discussion_id=discussion_id, state="held")
    assert len(notify_facilitators(database, config, at(3) + 3 * HOUR)) == 1
    with database.write() as session:
        contribution(session, ("Third.", 2, 1), discussion_id=discussion_id, state="held")
    assert notify_facilitators(database, config, at(3) + 3.5 * HOUR) == []
    assert len(notify_facilitators(database, config, at(3) + 4.1 * HOUR)) == 1
    with database.read() as session:
        assert set(session.scalars(select(Delivery.recipient))) == {"fay@groups.example.org"}
        contents = session.scalars(select(Rendering.content).order_by(Rendering.id)).all()
        assert set(session.scalars(select(Rendering.envelope_sender))) == {""}
    assert b"read first" in contents[0]
    assert b"W1 Q1" in contents[0]
    assert b"m4dbot approve 3 2 1" in contents[2]


def test_several_bots_send_one_notice(database: Database, config: Config) -> None:
    """The notice is claimed like every other occasion."""
    with database.write() as session:
        discussion_id = load(session)
        contribution(session, ("First.", 1, 1), discussion_id=discussion_id, state="held")
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.extend(notify_facilitators(database, config, at(3)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 1
    with database.read() as session:
        assert len(session.scalars(select(Mailing)).all()) == 1


def test_notices_can_be_switched_off(database: Database, config: Config) -> None:
    """`notify_facilitators = false` sends none."""
    policies = config.group[0].policies.model_copy(update={"notify_facilitators": False})
    quiet = config.model_copy(update={"group": [config.group[0].model_copy(update={"policies": policies})]})
    with database.write() as session:
        discussion_id = load(session)
        contribution(session, ("First.", 1, 1), discussion_id=discussion_id, state="held")
    assert notify_facilitators(database, quiet, at(3)) == []


def test_an_author_hears_the_reason_once(database: Database, config: Config) -> None:
    """In the language of the mail, with the reason, without their words; twice is once."""
    with database.write() as session:
        discussion_id = load(session)
        number = contribution(
            session, ("Buy my tractor.", 1, 1), discussion_id=discussion_id, state="rejected", language="fr"
        )
        assert notify_rejected(session, config, number, "It advertises a product.", at(3)) is not None
        assert notify_rejected(session, config, number, "It advertises a product.", at(3)) is None
        nobody = contribution(session, ("x", 1, 1), discussion_id=discussion_id, state="rejected", address="")
        assert notify_rejected(session, config, nobody, "x", at(3)) is None
        rendering = session.scalars(select(Rendering)).one()
        assert rendering.language == "fr"
        assert b"It advertises a product." in rendering.content
        assert b"tractor" not in rendering.content
        assert b"In-Reply-To: <mail-0@example.org>" in rendering.content
