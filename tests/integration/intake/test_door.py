"""The one door: stored once, for the right groups, together with the cursor."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from m4dbot.config import Config
from m4dbot.intake.door import accept
from m4dbot.intake.routing import NO_GROUP, Routing
from m4dbot.intake.values import Arrival, CursorMove
from m4dbot.store import groups
from m4dbot.store.database import Database
from m4dbot.store.tables import Cursor, Group, Message
from tests.samples import IN_WEEK_1, mail


@pytest.fixture
def routing(database: Database, config: Config) -> Routing:
    with database.read() as session:
        return Routing.load(session, config)


@pytest.fixture
def two(database: Database, two_groups: Config) -> Routing:
    with database.write() as session:
        groups.follow(session, two_groups.group)
        return Routing.load(session, two_groups)


def arrival(raw: bytes, **details: object) -> Arrival:
    return replace(Arrival(raw, "imap", IN_WEEK_1), **details)


def stored(database: Database) -> list[Message]:
    with database.read() as session:
        rows = list(session.scalars(select(Message).order_by(Message.id)))
        for row in rows:
            _ = row.raw
        session.expunge_all()
        return rows


def slugs_of(database: Database) -> list[str | None]:
    with database.read() as session:
        names = {g.id: g.slug for g in session.scalars(select(Group))}
    return [names.get(row.group_id) for row in stored(database)]


def test_bytes_are_stored_as_they_came(database: Database, routing: Routing) -> None:
    """The raw bytes, where from, and the envelope are kept; nothing is decided yet."""
    raw = mail()
    way = {
        "source": "lmtp",
        "envelope_sender": "amina@example.net",
        "envelope_recipient": "water+w1@groups.example.org",
    }
    [taken] = accept(database, [arrival(raw, **way)], routing)
    [row] = stored(database)
    assert (taken.message_id, taken.new, taken.arrival) == (row.id, True, 0)
    assert (row.raw, row.size, row.disposition, row.message_id) == (raw, len(raw), "new", "amina-1@example.net")
    assert (row.source, row.envelope_sender, row.received_at) == ("lmtp", "amina@example.net", IN_WEEK_1)


def test_the_same_mail_is_one_whatever_way_it_came(database: Database, routing: Routing) -> None:
    """Trace headers, line ends, a missing last line end and mbox quoting make no other mail of it."""
    raw = mail("From here we walk.\nFrom there too.\n")
    by_lmtp = b"Return-Path: <amina@example.net>\r\nReceived: from a by b; Wed, 3 Mar 2027\r\nX-Spam: no\r\n" + raw
    by_mbox = raw.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ").rstrip(b"\n")
    taken = accept(database, [arrival(raw), arrival(by_lmtp), arrival(by_mbox)], routing)
    taken += accept(database, [arrival(by_lmtp, source="lmtp")], routing)
    assert [t.new for t in taken] == [True, False, False, False]
    assert {t.message_id for t in taken} == {row.id for row in stored(database)}


def test_other_content_under_one_message_id_is_kept(database: Database, routing: Routing) -> None:
    """Nobody's words are lost because a program numbers badly."""
    taken = accept(database, [arrival(mail("One.\n")), arrival(mail("Two.\n"))], routing)
    assert [t.new for t in taken] == [True, True]


def test_a_mail_without_message_id_is_known_by_its_content(database: Database, routing: Routing) -> None:
    """Twice the same is one; other words are another."""
    raws = [mail("One.\n", message_id=""), mail("One.\n", message_id=""), mail("Two.\n", message_id="")]
    assert [t.new for t in accept(database, [arrival(r) for r in raws], routing)] == [True, False, True]


@pytest.mark.parametrize(
    ("to", "headers", "expected"),
    [
        ("water@groups.example.org", "", ["water"]),
        ("Soil <SOIL+w1q1@Groups.Example.org>", "", ["soil"]),
        ("soil@groups.example.org, water@groups.example.org", "", ["soil", "water"]),
        ("friends:;", "Delivered-To: soil@groups.example.org\n", ["soil"]),
        ("somebody@example.com", "X-Original-To: water+leave-1-x@groups.example.org\n", ["water"]),
        ("somebody@example.com", "Received: from x by y for <soil@groups.example.org>; now\n", ["soil"]),
        ("somebody@example.com", "", [None]),
        ("water@groups.example.com", "", [None]),
    ],
)
def test_a_mail_goes_to_the_groups_it_names(
    database: Database, two: Routing, to: str, headers: str, expected: list[str | None]
) -> None:
    """By To, Cc and what delivery adds; one row for each group; to nobody's where it names none of several."""
    accept(database, [arrival(mail(to=to, headers=headers))], two)
    assert slugs_of(database) == expected


def test_the_envelope_and_a_mailbox_of_ones_own_come_first(database: Database, two: Routing) -> None:
    """The other group's name in To does not bring a mail there."""
    raw = mail(to="water@groups.example.org")
    accept(database, [arrival(raw, envelope_recipient="soil@groups.example.org")], two)
    accept(database, [arrival(mail(message_id="<2@x>"), group_slug="soil")], two)
    assert slugs_of(database) == ["soil", "soil"]


def test_the_only_group_gets_what_names_nobody(database: Database, routing: Routing) -> None:
    """A blind copy to the only group there is arrives."""
    accept(database, [arrival(mail(to="undisclosed-recipients:;"))], routing)
    assert slugs_of(database) == ["water"]


def test_an_unknown_group_is_nobodys(database: Database, two: Routing) -> None:
    """A mailbox whose group is not there keeps its mail all the same."""
    [taken] = accept(database, [arrival(mail(), group_slug="gone")], two)
    assert taken.group_id == NO_GROUP


def test_cursor_and_mails_move_together(database: Database, routing: Routing) -> None:
    """The cursor is written in the transaction that stores the mails, and moves on the next time."""
    for uid in (7, 4_294_967_295):
        move = CursorMove("user@host:993/INBOX", 4_294_967_290, uid, IN_WEEK_1)
        accept(database, [arrival(mail(message_id=f"<{uid}@x>"))], routing, move)
        with database.read() as session:
            cursor = session.scalars(select(Cursor)).one()
            assert (cursor.uidvalidity, cursor.last_uid) == (4_294_967_290, uid)


def test_a_batch_keeps_its_order(database: Database, routing: Routing) -> None:
    """Several hundred mails at once are stored in the order they came, each answered for."""
    raws = [mail(f"Mail {n}.\n", message_id=f"<{n}@x>") for n in range(700)]
    taken = accept(database, [arrival(r) for r in raws], routing)
    assert [t.arrival for t in taken] == list(range(700))
    rows = {row.id: row.raw for row in stored(database)}
    assert [rows[t.message_id] for t in taken] == raws
    assert [t.message_id for t in taken] == sorted(rows)


def test_two_pollers_at_once_store_once(database: Database, routing: Routing) -> None:
    """Threads that take in the same mails at the same moment make one row each, and all know its number."""
    arrivals = [arrival(mail(f"Mail {n}.\n", message_id=f"<{n}@x>")) for n in range(60)]
    results: list[list[int]] = []

    def poll(order: int) -> None:
        for _ in range(3):
            batch = arrivals if order else list(reversed(arrivals))
            results.append(sorted(t.message_id for t in accept(database, batch, routing)))

    # In one order only: two transactions that insert in opposite orders are a deadlock PostgreSQL has to end.
    threads = [threading.Thread(target=poll, args=(1,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 12
    assert all(r == results[0] for r in results)
    assert len(stored(database)) == 60


HOSTILE = [
    b"",
    b"\x00",
    b"\r\n\r\n\r\n",
    b"no header at all",
    b"Message-ID: <" + b"a" * 5000 + b"@x>\r\n\r\nlong",
    b"Message-ID: <nul\x00inside@x>\r\nFrom: \x00\xff\xfe <a\x00@b>\r\n\r\n\x00",
    "Message-ID: <ü\U0001f4a7@x>\r\n\r\nunicode".encode(),
    b"Subject: =?utf-8?B?7aCA?=\r\nMessage-ID: =?utf-8?B?7aCA?=\r\n\r\nsurrogate",
    b"To: " + b"water@groups.example.org, " * 2000 + b"\r\n\r\nmany",
    b"X: y\r\n" * 10_000 + b"\r\nmany headers",
    b"From here\r\nFrom: a@b\r\n\r\nmbox line",
    b"\xef\xbb\xbfFrom: a@b\r\rbare",
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_the_bytes_are_they_are_stored(database: Database, routing: Routing, raw: bytes) -> None:
    """A mail that is no mail is kept as it came, once, and a plain one behind it too."""
    odd = arrival(raw, envelope_sender="\x00\udcff", source_detail="\x00")
    for _ in range(2):
        accept(database, [odd, arrival(mail())], routing)
    assert sorted(row.raw for row in stored(database)) == sorted([raw, mail()])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_any_bytes(database: Database, routing: Routing, raws: list[bytes]) -> None:
    """Nothing that comes raises, and what comes again is known."""
    heads = [b"Message-ID: " + r[:80] + b"\r\nFrom: " + r[80:] + b"\r\n\r\n" + r for r in raws]
    accept(database, [arrival(r) for r in (*raws, *heads)], routing)
    assert not any(t.new for t in accept(database, [arrival(r) for r in (*heads, *raws)], routing))
