"""Confirmations: once, never to robots, and nothing echoed to strangers."""

from __future__ import annotations

import email
import email.policy

import pytest
from sqlalchemy import select

from m4dbot.config import Config
from m4dbot.publishing.acknowledge import acknowledge
from m4dbot.reading.plus import PlusKind, parse_plus
from m4dbot.store.database import Database
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Contribution, Delivery, Mailing, Rendering
from tests.integration.publishing.making import HOUR, at, contribution, load, subscribe


def test_it_says_where_each_passage_was_filed(database: Database, config: Config) -> None:
    """In the language of the mail, with a signed Reply-To, threaded under it, from the null sender."""
    with database.write() as session:
        discussion_id = load(session)
        subscribe(session, "Awa", language="en")
        number = contribution(
            session,
            ("Bonjour,", 1, None),
            ("À la main.", 1, 1),
            ("Rien ne casse.", 1, 2),
            discussion_id=discussion_id,
            state="held",
            language="fr",
            headers="References: <a@x.example> <b@x.example>\r\n",
        )
        assert acknowledge(session, config, number, at(3)) is not None
        assert acknowledge(session, config, number, at(3)) is None
        message_row = session.get_one(Contribution, number).message_id
        signer = Signer.load(session)
    with database.read() as session:
        rendering = session.scalars(select(Rendering)).one()
        assert (rendering.language, rendering.envelope_sender) == ("fr", "")
        assert session.scalars(select(Delivery.recipient)).all() == ["awa@example.org"]
        message = email.message_from_bytes(rendering.content, policy=email.policy.default)
    text = message.get_body(("plain",)).get_content()
    assert "Semaine 1, question 1" in text
    assert "À la main." in text
    assert "dimanche 7 mars" in text
    assert "Bonjour" not in text
    assert message["References"].split() == ["<a@x.example>", "<b@x.example>", "<mail-0@example.org>"]
    plus = parse_plus(str(message["Reply-To"]), "water@groups.example.org")
    assert plus is not None
    assert plus.kind is PlusKind.CORRECT
    assert signer.check(f"ack-{plus.value}") == ("ack", message_row)


@pytest.mark.parametrize(
    "arrival",
    [
        {"headers": "Auto-Submitted: auto-replied\r\n"},
        {"headers": "Precedence: bulk\r\n"},
        {"headers": "List-Id: <other.example.org>\r\n"},
        {"envelope_sender": ""},
        {"source": "import"},
        {"address": "MAILER-DAEMON@example.org"},
        {"address": "no-reply@example.org"},
        {"address": "noreply+x@example.org"},
        {"address": "water@groups.example.org"},
        {"address": "water+w1@groups.example.org"},
        {"address": ""},
        {"address": "not an address"},
    ],
    ids=str,
)
def test_robots_get_none(database: Database, config: Config, arrival: dict[str, str]) -> None:
    """RFC 3834 §2: nothing to automatic mail, the null sender, lists, robots, ourselves, or importers."""
    with database.write() as session:
        discussion_id = load(session)
        number = contribution(session, ("x", 1, 1), discussion_id=discussion_id, state="held", **arrival)
        assert acknowledge(session, config, number, at(3)) is None
        assert session.scalars(select(Mailing)).all() == []


def test_people_get_one_a_day(database: Database, config: Config) -> None:
    """A responder that answers every mail is stopped after one; the next day there may be another."""
    with database.write() as session:
        discussion_id = load(session)
        ids = [
            contribution(session, (f"Number {i}.", 1, 1), discussion_id=discussion_id, state="held") for i in range(4)
        ]
        sent = [
            acknowledge(session, config, number, at(3) + hours * HOUR)
            for number, hours in zip(ids, (0, 1, 23, 25), strict=True)
        ]
        assert [s is not None for s in sent] == [True, False, False, True]


def test_strangers_get_no_words_back(database: Database, config: Config) -> None:
    """From may be forged: who does not subscribe is told the places, not what was written."""
    with database.write() as session:
        discussion_id = load(session)
        number = contribution(session, ("Buy my tractor.", 1, 1), discussion_id=discussion_id, state="held")
        assert acknowledge(session, config, number, at(3)) is not None
        content = session.scalars(select(Rendering.content)).one()
    assert b"Week 1, question 1" in content
    assert b"tractor" not in content


def test_a_group_may_do_without(database: Database, config: Config) -> None:
    """`acknowledge = false` sends none."""
    group = config.group[0].model_copy(
        update={"policies": config.group[0].policies.model_copy(update={"acknowledge": False})}
    )
    quiet = config.model_copy(update={"group": [group]})
    with database.write() as session:
        discussion_id = load(session)
        number = contribution(session, ("x", 1, 1), discussion_id=discussion_id, state="held")
        assert acknowledge(session, quiet, number, at(3)) is None
