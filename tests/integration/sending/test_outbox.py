"""The outbox holds each occasion once, with one delivery for each recipient."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from m4dbot.delivery import outbox
from m4dbot.delivery.splice import Unfit
from m4dbot.delivery.values import Recipient
from m4dbot.errors import M4dbotError, NotFound
from m4dbot.store.database import Database
from m4dbot.store.tables import Delivery, Group, Mailing, Rendering
from tests.integration.sending.making import NOW, people, queue, rendered, states


def test_each_recipient_gets_a_delivery_with_a_message_id_that_says_the_place(database: Database) -> None:
    """Every recipient has one pending delivery whose Message-ID names the occasion and ends in the group's domain."""
    with database.write() as session:
        mailing_id = queue(session, "water-2027/week-2/questions", people(3))
    with database.read() as session:
        found = session.execute(
            select(Delivery.recipient, Delivery.state, Delivery.message_id, Delivery.next_attempt_at).where(
                Delivery.mailing_id == mailing_id
            )
        ).all()
    assert [row.recipient for row in found] == [r.address for r in people(3)]
    assert {(row.state, row.next_attempt_at) for row in found} == {("pending", NOW)}
    assert all(r.message_id.startswith("water-2027.week-2.questions.") for r in found)
    assert all(r.message_id.endswith("@groups.example.org") for r in found)
    assert len({r.message_id for r in found}) == 3


def test_an_occasion_is_queued_once(database: Database) -> None:
    """The second call returns None and writes nothing, whatever it would have sent."""
    with database.write() as session:
        assert queue(session, recipients=people(2)) is not None
    with database.write() as session:
        assert queue(session, recipients=people(5), renderings=[rendered(subject="Other")]) is None
    with database.read() as session:
        assert session.scalar(select(func.count(Delivery.id))) == 2
        assert session.scalar(select(func.count(Rendering.id))) == 1


def test_of_many_who_claim_an_occasion_at_once_one_gets_it(database: Database) -> None:
    """Eight threads at once: one mailing, one set of deliveries."""
    start = threading.Barrier(8)
    claimed: list[int | None] = []

    def claim() -> None:
        start.wait()
        with database.write() as session:
            claimed.append(queue(session, recipients=people(4)))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 8
    assert sum(c is not None for c in claimed) == 1
    with database.read() as session:
        assert session.scalar(select(func.count(Delivery.id))) == 4


def test_the_same_key_in_another_group_is_another_occasion(database: Database) -> None:
    """Keys are unique in their group only."""
    with database.write() as session:
        other = Group(slug="soil", address="soil@groups.example.org", name="Soil")
        session.add(other)
        session.flush()
        assert queue(session) is not None
        assert queue(session, group_id=other.id) is not None


def test_what_the_transaction_takes_back_was_never_claimed(database: Database) -> None:
    """A rolled back enqueue leaves the occasion free."""
    with database.write() as session:
        queue(session)
        session.rollback()
    with database.write() as session:
        assert queue(session) is not None


def test_skipped_is_claimed(database: Database) -> None:
    """A skipped occasion is listed with its reason and is never queued later."""
    with database.write() as session:
        group_id = _group(session)
        assert outbox.skip(session, group_id=group_id, key="k", kind="reminder", now=NOW, reason="it was too late")
        assert not outbox.skip(session, group_id=group_id, key="k", kind="reminder", now=NOW, reason="again")
        assert queue(session, "k") is None
        (listed,) = outbox.list_mailings(session)
    assert (listed.state, listed.reason, listed.counts) == ("skipped", "it was too late", {})


def test_the_rendering_fits_the_reader(database: Database) -> None:
    """Own language and edition first, then the language without its region, then the edition's first."""
    renderings = [rendered(language=code, edition=edition) for code in ("en", "fr") for edition in ("", "digest")]
    asked = {"a": ("fr", "digest"), "b": ("fr-CA", ""), "c": ("pt", "digest"), "d": ("en", "")}
    recipients = [Recipient(f"{n}@x.org", language=code, edition=e) for n, (code, e) in asked.items()]
    with database.write() as session:
        queue(session, recipients=recipients, renderings=renderings)
        served = session.execute(
            select(Delivery.recipient, Rendering.language, Rendering.edition).join(
                Rendering, Rendering.id == Delivery.rendering_id
            )
        )
        got = {address[0]: (language, edition) for address, language, edition in served}
    assert got == {"a": ("fr", "digest"), "b": ("fr", ""), "c": ("en", "digest"), "d": ("en", "")}


def test_an_edition_that_was_not_rendered_is_a_mistake(database: Database) -> None:
    """Sending somebody another edition in silence would be worse than stopping."""
    with pytest.raises(ValueError, match="digest"), database.write() as session:
        queue(session, recipients=[Recipient("a@x.org", edition="digest")])


def test_an_address_given_twice_gets_one_mail(database: Database) -> None:
    """Case and spaces around do not make another person."""
    with database.write() as session:
        queue(session, recipients=[Recipient("Ann@x.org"), Recipient(" ann@X.org "), Recipient("bob@x.org")])
        assert sorted(states(session)) == ["Ann@x.org", "bob@x.org"]


@pytest.mark.parametrize("address", ["no address", "a@b c", "a\r\nRCPT TO:<x@y.z>@b.org", "ünal@x.org", "a@", "@b", ""])
def test_an_address_no_mail_can_go_to_fails_at_once(database: Database, address: str) -> None:
    """It is recorded as failed, and the others are served."""
    with database.write() as session:
        queue(session, recipients=[Recipient(address), Recipient("bob@x.org")])
        assert states(session) == {address.strip(): "failed", "bob@x.org": "pending"}
        assert outbox.list_troubles(session)[0].last_reply == outbox.UNSENDABLE


def test_a_domain_in_letters_of_its_own_is_sent_to_in_ascii(database: Database) -> None:
    """RFC 5890: the A-label goes over the wire."""
    with database.write() as session:
        queue(session, recipients=[Recipient("ann@bücher.example")])
        assert list(states(session)) == ["ann@xn--bcher-kva.example"]


def test_the_same_people_are_not_sent_the_same_thing_again(database: Database) -> None:
    """Another key with the same mail stops and names the option; with it, it goes; other mail and people go."""
    with database.write() as session:
        queue(session, "first", people(3), renderings=[rendered()])
    again = replace(rendered(), content=rendered().content.replace(b"01 Mar", b"2 Mar"))
    shifted = replace(again, slots=tuple((o - 1 if o > 100 else o, n) for o, n in again.slots))
    with pytest.raises(M4dbotError, match=r"3 of 4 people .* first .*--force"), database.write() as session:
        queue(session, "second", people(4), renderings=[shifted])
    with database.write() as session:
        assert queue(session, "second", people(4), renderings=[shifted], force=True) is not None
        assert queue(session, "third", people(2, "new.example"), renderings=[rendered()]) is not None
        assert queue(session, "fourth", people(3), renderings=[rendered(body="What else do you read?")]) is not None
        assert queue(session, "first", people(3), renderings=[rendered()]) is None


def test_an_automatic_answer_may_say_the_same_twice(database: Database) -> None:
    """With the null envelope sender there is no list to protect."""
    answer = rendered(envelope_sender="")
    with database.write() as session:
        assert queue(session, "first", people(1), renderings=[answer]) is not None
        assert queue(session, "second", people(1), renderings=[answer]) is not None


def test_what_failed_or_was_taken_back_is_no_repetition(database: Database) -> None:
    """Only people who have the mail, or will, count."""
    with database.write() as session:
        mailing_id = queue(session, "first", people(3), renderings=[rendered()])
        outbox.cancel(session, mailing_id=mailing_id)
        assert queue(session, "second", people(3), renderings=[rendered()]) is not None


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: a\n\nx\r\n",
        b"Subject: a\r\n\r\nx\ry\r\n",
        b"Subject: a\r\n\r\n\x00\r\n",
        b"Subject: a\r\n\r\nx",
        b"x\r\n",
    ],
)
def test_a_mail_no_server_would_take_is_not_queued(database: Database, content: bytes) -> None:
    """Bare line breaks, NUL, no header or no end are refused before anything is written."""
    with pytest.raises(Unfit), database.write() as session:
        queue(session, renderings=[replace(rendered(), content=content, slots=())])
    with database.read() as session:
        assert session.scalar(select(func.count(Mailing.id))) == 0


def test_listing_counts_states_and_shows_the_last_reply(database: Database) -> None:
    """Newest first; troubles come with the server's words."""
    with database.write() as session:
        queue(session, "one", people(3))
        queue(session, "two", people(2))
        refused = update(Delivery).where(Delivery.recipient == "member2@members.example.com")
        session.execute(refused.values(state="failed", attempts=1, last_reply="550 5.1.1 no such user"))
    with database.read() as session:
        listed = outbox.list_mailings(session)
        troubles = outbox.list_troubles(session)
    assert [(m.key, m.counts) for m in listed] == [("two", {"pending": 2}), ("one", {"pending": 2, "failed": 1})]
    assert [(t.key, t.state, t.last_reply) for t in troubles] == [("one", "failed", "550 5.1.1 no such user")]


def test_retry_and_cancel(database: Database) -> None:
    """Retry makes failed and waiting deliveries due now; cancel takes back what has not gone out; sent mail stays."""
    later = NOW + timedelta(hours=2)
    with database.write() as session:
        mailing_id = queue(session, "one", people(4))
        ids = list(session.scalars(select(Delivery.id).order_by(Delivery.id)))
        for delivery_id, state in zip(ids, ("failed", "deferred", "sent", "pending"), strict=True):
            changed = update(Delivery).where(Delivery.id == delivery_id)
            session.execute(changed.values(state=state, attempts=3, next_attempt_at=NOW + timedelta(days=1)))
        assert outbox.retry(session, later, mailing_id=mailing_id) == 2
        found = session.execute(select(Delivery.state, Delivery.attempts).order_by(Delivery.id)).all()
        assert [tuple(row) for row in found] == [("pending", 0), ("pending", 0), ("sent", 3), ("pending", 3)]
        assert outbox.cancel(session, delivery_ids=ids[:1]) == 1
        assert outbox.cancel(session, mailing_id=mailing_id) == 2
        assert sorted(states(session).values()) == ["cancelled", "cancelled", "cancelled", "sent"]
        assert outbox.retry(session, later, mailing_id=mailing_id) == 0
        assert outbox.retry(session, later, delivery_ids=ids[:1]) == 1
        with pytest.raises(NotFound, match="999"):
            outbox.retry(session, later, delivery_ids=[999])
        with pytest.raises(NotFound, match="mailing 999"):
            outbox.cancel(session, mailing_id=999)


def test_ten_thousand_recipients_are_quick(database: Database) -> None:
    """About a second is the aim; the bound is generous, as machines are shared."""
    with database.write() as session:
        started = time.perf_counter()
        queue(session, recipients=people(10_000))
        took = time.perf_counter() - started
        assert session.scalar(select(func.count(Delivery.id))) == 10_000
    print(f"10,000 deliveries written in {took:.2f} s")
    assert took < 10


def _group(session: Session) -> int:
    return session.scalars(select(Group.id)).one()
