"""Mail goes out once to everybody it can reach, whatever the relay does meanwhile."""

from __future__ import annotations

import email
import email.policy
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from m4dbot.delivery.values import Recipient
from m4dbot.delivery.worker import Delivered, Worker
from m4dbot.store.database import Database
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Delivery, Rendering, Subscriber
from tests.integration.sending.making import NOW, people, queue, rendered, states
from tests.servers.smtp_sink import CUT, Mail, SmtpSink

Settle = Callable[[Worker], list[tuple[datetime, Delivered]]]


def queued(database: Database, count: int = 40, key: str = "water-2027/week-1/questions") -> set[tuple[str, str]]:
    """What is to arrive: (recipient, Message-ID)."""
    with database.write() as session:
        queue(session, key, people(count))
        rows = session.execute(select(Delivery.recipient, Delivery.message_id))
        return {(r.recipient, r.message_id) for r in rows}


def final(database: Database) -> Counter[str]:
    with database.read() as session:
        return Counter(states(session).values())


@pytest.mark.parametrize("pipelining", [True, False])
def test_each_recipient_gets_the_own_mail_once(
    database: Database, sink: SmtpSink, worker: Worker, pipelining: bool
) -> None:
    """All parts are filled in, all dots arrive, with and without PIPELINING."""
    sink.pipelining = pipelining
    with database.write() as session:
        group_id = 1
        member = Subscriber(
            group_id=group_id, address="zoe@x.org", name="Zoë", language="en", delivery="posts", joined_at=NOW
        )
        session.add(member)
        session.flush()
        queue(session, recipients=[Recipient("zoe@x.org", "Zoë Ö.", subscriber_id=member.id), *people(30)])
        signer, member_id = Signer.load(session), member.id
        delivery_id = session.scalars(select(Delivery.id).where(Delivery.recipient == "zoe@x.org")).one()
    done = worker.deliver_due(NOW)
    assert done == Delivered(sent=31)
    assert len(sink.mails) == 31
    assert set(sink.copies().values()) == {1}
    (mail,) = (m for m in sink.mails if m.recipient == "zoe@x.org")
    read = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert read["To"].addresses[0].display_name == "Zoë Ö."
    assert read["List-Unsubscribe"] == f"<mailto:water+{signer.leave(member_id)}@groups.example.org>"
    assert mail.sender == f"water+{signer.bounce(delivery_id)}@groups.example.org"
    assert mail.content.endswith(b"\r\n.one dot\r\n..\r\nSent to zoe@x.org\r\n")
    with database.read() as session:
        row = session.get_one(Delivery, delivery_id)
        assert (row.state, row.attempts, row.sent_at, row.claimed_by) == ("sent", 1, NOW, "")
        assert row.last_reply == "250 2.0.0 taken"
        assert mail.message_id == row.message_id
    assert worker.deliver_due(NOW + timedelta(days=1)) == Delivered()


def test_automatic_mail_has_the_null_sender(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """RFC 3834 §3.3: nobody answers an answer."""
    with database.write() as session:
        queue(session, recipients=people(1), renderings=[rendered(envelope_sender="")])
    worker.deliver_due(NOW)
    assert [m.sender for m in sink.mails] == [""]
    assert b"<mailto:water+leave@groups.example.org>" in sink.mails[0].content


def test_what_is_not_due_waits(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """A deferred mail is not touched before its time."""
    queued(database, 2)
    assert worker.deliver_due(NOW - timedelta(seconds=1)) == Delivered()
    assert worker.deliver_due(NOW).sent == 2


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_soft_refusals_are_tried_again(
    database: Database, sink: SmtpSink, worker: Worker, settle: Settle, stage: str
) -> None:
    """Three in ten refused for now at any stage: everybody gets the mail once, nobody else's mail is disturbed."""
    drawn = random.Random(7)
    sink.rule = lambda at, mail: "451 4.3.0 later" if at == stage and drawn.random() < 0.3 else None
    expected = queued(database)
    settle(worker)
    assert sink.copies() == dict.fromkeys(expected, 1)
    assert final(database) == {"sent": 40}
    assert sink.refused


def test_greylisting_is_sat_out(database: Database, sink: SmtpSink, worker: Worker, settle: Settle) -> None:
    """Two refusals for everybody: three rounds, in growing intervals."""
    sink.rule = lambda at, mail: "451 4.7.1 greylisted" if at == "rcpt" and mail.try_number <= 2 else None
    expected = queued(database, 20)
    told = settle(worker)
    assert sink.copies() == dict.fromkeys(expected, 1)
    assert told[0][1] == Delivered(deferred=20)
    with database.read() as session:
        assert set(session.scalars(select(Delivery.attempts))) == {3}


def test_hard_refusals_are_final_and_hold_up_nobody(
    database: Database, sink: SmtpSink, worker: Worker, settle: Settle
) -> None:
    """Every other recipient is unknown: tried once, shown with the server's words; the others are served."""
    bad = {r.address for r in people(40)[::2]}
    sink.rule = lambda at, mail: "550 5.1.1 no such user" if at == "rcpt" and mail.recipient in bad else None
    queued(database)
    assert [d for _, d in settle(worker)] == [Delivered(sent=20, failed=20)]
    assert Counter(recipient for recipient, _, _ in sink.refused) == dict.fromkeys(bad, 1)
    with database.read() as session:
        failed = session.execute(select(Delivery.last_reply, Delivery.attempts).where(Delivery.state == "failed"))
        assert {tuple(row) for row in failed} == {("550 5.1.1 no such user", 1)}


def test_a_server_that_goes_ahead_without_recipients(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """RFC 2920 §3.1: refused at RCPT while DATA is on its way; the content is never sent to nobody."""
    bad = {r.address for r in people(20)[::3]}
    sink.rule = lambda at, mail: "550 5.1.1 no" if at == "rcpt" and mail.recipient in bad else None
    sink.generous = True
    queued(database, 20)
    assert worker.deliver_due(NOW) == Delivered(sent=13, failed=7)
    assert not {m.recipient for m in sink.mails} & bad


def test_a_server_that_goes_ahead_after_refusing_the_sender(
    database: Database, sink: SmtpSink, worker: Worker, settle: Settle
) -> None:
    """It would take the final dot for an empty mail: nobody gets one, and everybody gets the own mail once."""
    drawn = random.Random(2)
    sink.careless = True
    sink.rule = lambda at, mail: "451 4.3.0 later" if at == "mail" and drawn.random() < 0.3 else None
    expected = queued(database)
    settle(worker)
    assert sink.copies() == dict.fromkeys(expected, 1)
    assert sink.refused


@pytest.mark.parametrize("moment", ["mid", "before", "after"])
def test_cut_connections(database: Database, sink: SmtpSink, worker: Worker, settle: Settle, moment: str) -> None:
    """One connection in ten is cut in the content, before the mail is taken, or after: nothing is lost, and only
    what was taken without a word arrives twice."""
    drawn = random.Random(5)
    stage = {"mid": "content", "before": "before", "after": "dot"}[moment]
    sink.rule = lambda at, mail: CUT if at == stage and drawn.random() < 0.1 else None
    expected = queued(database, 100)
    settle(worker)
    excused = Counter((m.recipient, m.message_id) for m in sink.mails if not m.told)
    assert set(sink.copies()) == expected
    assert all(copies <= 1 + excused[who] for who, copies in sink.copies().items())
    assert bool(excused) == (moment == "after")
    assert len(sink.connected) > 4
    assert final(database) == {"sent": 100}


def test_a_full_server_says_so_while_mail_is_under_way(
    database: Database, sink: SmtpSink, worker: Worker, settle: Settle
) -> None:
    """421 in the middle of everything (RFC 5321 §3.8): the mail is tried again soon on another connection."""
    drawn = random.Random(3)
    sink.rule = lambda at, mail: "421 4.3.2 going down" if at != "connect" and drawn.random() < 0.03 else None
    expected = queued(database, 60)
    told = settle(worker)
    assert sink.copies() == dict.fromkeys(expected, 1)
    assert told[-1][0] - NOW < timedelta(minutes=5)


def test_one_connection_is_enough_where_there_are_no_more(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """A server that takes a single connection gets everything through it, and is not asked over and over."""
    sink.most_connections = 1
    expected = queued(database, 200)
    assert worker.deliver_due(NOW) == Delivered(sent=200)
    assert sink.copies() == dict.fromkeys(expected, 1)
    assert len(sink.connected) <= 3


def test_connections_are_kept_and_bounded(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """Five hundred mails over the configured three connections, no more."""
    queued(database, 500)
    assert make_worker(connections=3).deliver_due(NOW).sent == 500
    assert len(sink.connected) == sink.most_open == 3


def test_an_outage_leaves_everything_queued(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """Nobody answers: nothing is counted against any mail, and one attempt to connect is made."""
    expected = queued(database, 10)
    sink.pause()
    done = worker.deliver_due(NOW)
    assert done.trouble
    assert (done.sent, done.deferred, done.failed) == (0, 0, 0)
    with database.read() as session:
        rows = session.execute(select(Delivery.state, Delivery.attempts, Delivery.claimed_by)).all()
    assert {tuple(row) for row in rows} == {("pending", 0, "")}
    sink.resume()
    assert worker.deliver_due(NOW) == Delivered(sent=10)
    assert sink.copies() == dict.fromkeys(expected, 1)


@pytest.mark.parametrize(
    ("stage", "answer"),
    [("connect", "554 5.7.1 not from here"), ("connect", "421 4.7.0 busy"), ("mail", "550 5.7.1 sender refused")],
)
def test_a_relay_that_refuses_us_costs_no_recipient_the_mail(
    database: Database, sink: SmtpSink, worker: Worker, settle: Settle, stage: str, answer: str
) -> None:
    """Trouble with the relay is told, not held against the recipients; when it is over, all get their mail."""
    sink.rule = lambda at, mail: answer if at == stage else None
    expected = queued(database, 30)
    done = worker.deliver_due(NOW)
    assert answer in done.trouble
    assert done.sent == done.failed == 0
    assert done.deferred <= 5
    sink.rule = lambda at, mail: None
    settle(worker)
    assert sink.copies() == dict.fromkeys(expected, 1)


def test_a_slow_domain_holds_up_only_itself(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """One domain takes 1.2 seconds a mail; the others' mails do not queue behind it."""
    sink.rule = lambda at, mail: 1.2 if at == "rcpt" and mail.recipient.endswith("@slow.example") else None
    arrived: dict[str, float] = {}
    with database.write() as session:
        queue(session, recipients=[*people(6, "slow.example"), *people(200, "quick.example")])
    started = time.monotonic()
    thread = threading.Thread(target=make_worker(connections=3).deliver_due, args=(NOW,))
    thread.start()
    sink.wait_for(lambda: sum(m.recipient.endswith("@quick.example") for m in sink.mails) == 200)
    arrived["quick"] = time.monotonic() - started
    slow_meanwhile = sum(m.recipient.endswith("@slow.example") for m in sink.mails)
    thread.join()
    assert slow_meanwhile < 6
    assert len(sink.mails) == 206


def test_a_server_that_falls_silent_is_left(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker], settle: Settle
) -> None:
    """No answer to RCPT within the time-out: another connection, another attempt, nothing twice."""
    silent = iter([True])
    sink.rule = lambda at, mail: 60.0 if at == "rcpt" and next(silent, False) else None
    expected = queued(database, 5)
    started = time.monotonic()
    settle(make_worker(timeout_seconds=1))
    assert time.monotonic() - started < 20
    assert sink.copies() == dict.fromkeys(expected, 1)


def test_a_server_may_think_about_a_mail_longer_than_the_time_out(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """RFC 5321 §4.5.3.2.6: after the final dot patience is what prevents duplicates."""
    slow = iter([True])
    sink.rule = lambda at, mail: 2.5 if at == "dot" and next(slow, False) else None
    expected = queued(database, 5)
    assert make_worker(timeout_seconds=1).deliver_due(NOW) == Delivered(sent=5)
    assert sink.copies() == dict.fromkeys(expected, 1)


def test_eight_bit_mail_goes_only_where_it_is_taken(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """RFC 6152: announced with BODY=8BITMIME; a relay that does not offer it is not given any."""
    with database.write() as session:
        queue(session, "one", people(1), renderings=[rendered(body="déjà vu")])
    assert worker.deliver_due(NOW).sent == 1
    sink.eight_bit = False
    with database.write() as session:
        queue(session, "two", people(1), renderings=[rendered(body="déjà lu")])
    assert worker.deliver_due(NOW) == Delivered(failed=1)


def test_large_mail_goes_through(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """Three megabytes to five people, whole."""
    body = "\r\n".join(f".line {i} " + "x" * 60 for i in range(40_000))
    with database.write() as session:
        queue(session, recipients=people(5), renderings=[rendered(body=body)])
    assert worker.deliver_due(NOW).sent == 5
    assert all(body.encode() in mail.content for mail in sink.mails)


def test_a_mail_that_cannot_be_made_stops_nobody(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """A damaged address in the database fails alone, with the reason."""
    with database.write() as session:
        queue(session, recipients=people(10))
        damaged = update(Delivery).where(Delivery.recipient == "member3@members.example.com")
        session.execute(damaged.values(recipient="x\r\nRCPT TO:<y@z.org>"))
    assert worker.deliver_due(NOW) == Delivered(sent=9, failed=1)
    with database.read() as session:
        reply = session.scalars(select(Delivery.last_reply).where(Delivery.state == "failed")).one()
    assert reply.startswith("not tried: ")
    assert not any(mail.recipient.startswith("y") for mail in sink.mails)


def test_a_damaged_rendering_stops_nobody(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """A fault in making one mailing fails its mails; the next mailing goes out."""
    with database.write() as session:
        queue(session, "one", people(2))
        queue(session, "two", people(2))
        session.execute(update(Rendering).where(Rendering.subject == "one").values(slots=[[5, "no such slot"]]))
    assert worker.deliver_due(NOW) == Delivered(sent=2, failed=2)


def test_workers_beside_each_other_send_nothing_twice(
    database: Database, sink: SmtpSink, make_worker: Callable[..., Worker]
) -> None:
    """Four at once on one outbox."""
    expected = queued(database, 1200)
    workers = [make_worker(connections=2) for _ in range(4)]
    threads = [threading.Thread(target=w.deliver_due, args=(NOW,)) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sink.copies() == dict.fromkeys(expected, 1)


def test_the_given_mail_is_the_mail(database: Database, sink: SmtpSink, worker: Worker) -> None:
    """The sink sees one transaction a mail, never two recipients in one."""
    seen: list[Mail] = []

    def rule(at: str, mail: Mail) -> None:
        if at == "dot":
            seen.append(mail)

    sink.rule = rule
    queued(database, 50)
    worker.deliver_due(NOW)
    assert all(f"Sent to {m.recipient}\r\n".encode() in m.content for m in seen)
    assert len({m.sender for m in seen}) == 50
