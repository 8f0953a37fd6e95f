"""From stored mail to the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from m4dbot.config import Config
from m4dbot.delivery.outbox import enqueue
from m4dbot.delivery.values import Recipient, Rendered
from m4dbot.intake import processing
from m4dbot.intake.door import accept
from m4dbot.intake.processing import has_new, process_new
from m4dbot.intake.routing import Routing
from m4dbot.intake.values import Arrival, Disposition, Outcome
from m4dbot.reading.values import Reading
from m4dbot.store import groups
from m4dbot.store.database import Database
from m4dbot.store.secret import Signer
from m4dbot.store.tables import (
    Bounce,
    Contribution,
    Decision,
    Delivery,
    DiscussionRow,
    Group,
    Message,
    Passage,
    Subscriber,
)
from tests.samples import COMPOST, IN_WEEK_1, ROOFS, WELLS, load_discussion, mail, subscribe

Take = Callable[..., list[Outcome]]


@pytest.fixture
def take(database: Database, config: Config) -> Take:
    """Take in mails and process them: `take(raw, …, at=instant, to=envelope recipient, sender=envelope sender)`."""

    def take(*raws: bytes, at: datetime = IN_WEEK_1, to: str = "", sender: str | None = None) -> list[Outcome]:
        with database.read() as session:
            routing = Routing.load(session, config)
        arrivals = [Arrival(raw, "lmtp", at, envelope_recipient=to, envelope_sender=sender) for raw in raws]
        accept(database, arrivals, routing)
        return list(process_new(database, config, at).outcomes)

    return take


def passages(session: Session, contribution_id: int) -> list[tuple[int | None, int | None]]:
    rows = session.scalars(select(Passage).filter_by(contribution_id=contribution_id).order_by(Passage.position))
    return [(p.week, p.question) for p in rows]


def send(
    database: Database, discussion_id: int, key: str, people: dict[str, int], *, week: int = 1
) -> dict[str, Delivery]:
    """Put a mailing into the outbox as sent; the deliveries by address."""
    with database.write() as session:
        row = session.get_one(DiscussionRow, discussion_id)
        mailing = enqueue(
            session,
            group_id=row.group_id,
            discussion_id=discussion_id,
            key=key,
            kind="questions",
            week=week,
            now=IN_WEEK_1,
            renderings=[
                Rendered("en", "", key, "water@groups.example.org", f"Subject: {key}\r\n\r\n{key}\r\n".encode(), ())
            ],
            recipients=[Recipient(address, subscriber_id=number) for address, number in people.items()],
            domain="groups.example.org",
        )
        rows = session.scalars(select(Delivery).where(Delivery.mailing_id == mailing)).all()
        for delivery in rows:
            delivery.state = "sent"
        session.flush()
        session.expunge_all()
        return {d.recipient: d for d in rows}


def signer(database: Database) -> Signer:
    with database.read() as session:
        return Signer.load(session)


def test_a_contribution_waits_in_the_queue(database: Database, take: Take) -> None:
    """Text, author, language and every passage with its tag and evidence are stored; the reason is a sentence."""
    load_discussion(database, WELLS)
    [outcome] = take(mail())
    assert outcome.disposition is Disposition.CONTRIBUTION
    with database.read() as session:
        row = session.scalars(select(Contribution)).one()
        assert (row.state, row.author_address, row.author_name) == ("held", "amina@example.net", "Amina Diallo")
        assert row.hold_reason == "Every contribution is read by a facilitator."
        assert passages(session, row.id) == [(1, 1), (1, 2)]
        words = " ".join(p.text for p in session.scalars(select(Passage).order_by(Passage.position)))
        assert words.split() == row.original_text.split()
        message = session.get_one(Message, outcome.message_id)
        assert (message.disposition, message.sender, message.subject) == (
            "contribution",
            row.author_address,
            "Our wells",
        )
        assert message.processed_at == IN_WEEK_1
    assert not has_new(database)


def test_what_is_dealt_with_is_not_dealt_with_again(database: Database, config: Config, take: Take) -> None:
    """Running again changes nothing; the same mail again is not new."""
    load_discussion(database, WELLS)
    take(mail())
    assert take(mail()) == []
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Contribution)) == 1


def test_other_content_under_one_message_id_says_so(database: Database, take: Take) -> None:
    """A variant is held beside the first, naming it, also when both came in one batch."""
    load_discussion(database, WELLS)
    first, second = take(mail("Question 1: one.\n"), mail("Question 1: two.\n"))
    [third] = take(mail("Question 1: three.\n"))
    assert "#" not in first.reason
    assert [o.reason for o in (second, third)] == [
        f"It has the same Message-ID as mail #{first.message_id}, but other content."
    ] * 2


def test_the_same_words_sent_again_say_so(database: Database, take: Take) -> None:
    """A mail sent a second time under a new Message-ID is held, naming the first."""
    load_discussion(database, WELLS)
    [first] = take(mail())
    [again] = take(mail(message_id="<amina-2@example.net>"))
    assert f"#{first.message_id}" in again.reason


@pytest.mark.parametrize(
    ("raw", "at", "said"),
    [
        (mail(), datetime(2027, 2, 20, tzinfo=UTC), "before the discussion opens on 1 March 2027"),
        (mail(), datetime(2027, 3, 16, tzinfo=UTC), "2 days after the discussion's last day"),
        (mail(), datetime(2027, 4, 20, tzinfo=UTC), "37 days after the discussion closed"),
        (mail("Hello all, nice weather here.\n"), IN_WEEK_1, "which question"),
        (mail("Question 1: " + "water flows " * 3000), IN_WEEK_1, "very long: 6,"),
        (mail("> Who pays?\n> Nobody.\n"), IN_WEEK_1, "look at what was cut"),
    ],
    ids=["early", "late", "very late", "no question", "long", "only quoted"],
)
def test_the_reason_says_what_to_look_at(database: Database, take: Take, raw: bytes, at: datetime, said: str) -> None:
    """Everything is held; the reason is the one that matters."""
    load_discussion(database, WELLS)
    [outcome] = take(raw, at=at)
    assert said in outcome.reason
    assert outcome.contribution_id is not None


def test_without_a_discussion_mail_is_held(database: Database, take: Take) -> None:
    """A mail before any discussion is loaded waits with all its words."""
    [outcome] = take(mail())
    assert "No discussion" in outcome.reason
    with database.read() as session:
        assert passages(session, outcome.contribution_id or 0) == [(None, None)]


@pytest.mark.parametrize(
    ("headers", "subject", "disposition"),
    [
        ("Auto-Submitted: auto-replied\n", "Out of office", Disposition.AUTO_REPLY),
        ("List-Id: <others.example.com>\nPrecedence: list\n", "[others] news", Disposition.LIST),
        ("X-Spam-Flag: YES\n", "Cheap loans", Disposition.SPAM),
    ],
)
def test_robots_stay_out_of_the_queue(
    database: Database, take: Take, headers: str, subject: str, disposition: Disposition
) -> None:
    """Their mail is kept with a reason, and nothing else happens."""
    load_discussion(database, WELLS)
    to = "stranger@example.com" if disposition is Disposition.LIST else "water@groups.example.org"
    [outcome] = take(mail("I am away until Monday.\n", subject=subject, headers=headers, to=to))
    assert outcome.disposition is disposition
    assert outcome.contribution_id is None
    assert outcome.reason


def test_a_members_spam_is_held(database: Database, take: Take) -> None:
    """A filter's word against somebody known does not make a mail vanish."""
    load_discussion(database, WELLS)
    subscribe(database, "amina@example.net")
    [outcome] = take(mail(headers="X-Spam-Flag: YES\n"))
    assert outcome.disposition is Disposition.CONTRIBUTION
    assert "spam" in outcome.reason


# Which discussion


def test_two_discussions_a_month_apart(database: Database, take: Take) -> None:
    """By day; by the mailing replied to; by the question quoted; by the title in the subject."""
    wells, roofs = load_discussion(database, WELLS), load_discussion(database, ROOFS)
    on_roofs = datetime(2027, 4, 7, 12, tzinfo=UTC)
    sent = send(
        database,
        wells,
        "wells-2027/week-2/questions",
        {"amina@example.net": subscribe(database, "amina@example.net")},
        week=2,
    )
    answered = sent["amina@example.net"].message_id
    quoted = "> Which spare parts can be bought nearby?\n\nRope, and sometimes a valve.\n"
    raws = [
        mail(message_id="<1@x>"),
        mail("The deputy takes over.\n", message_id="<2@x>", headers=f"In-Reply-To: <{answered}>\n"),
        mail(quoted, message_id="<3@x>"),
        mail("Here is more.\n", subject="Re: Garder les puits en vie", message_id="<4@x>"),
        mail("For a family of six 2,000 litres.\n", message_id="<5@x>"),
        mail(
            "Late words.\n",
            message_id="<6@x>",
            headers="References: <wells-2027.week-1.questions.abc@groups.example.org>\n",
        ),
    ]
    outcomes = take(*raws[:1]) + take(*raws[1:], at=on_roofs)
    with database.read() as session:
        homes = [session.get_one(Contribution, o.contribution_id).discussion_id for o in outcomes]
        assert homes == [wells, wells, wells, wells, roofs, wells]
        assert passages(session, outcomes[1].contribution_id or 0)[0][0] == 2
        assert passages(session, outcomes[2].contribution_id or 0) == [(1, 2)]


def test_two_groups_never_mix(database: Database, two_groups: Config) -> None:
    """Each group's mail goes to its own discussion; a reply to the other group's mail names no place here."""
    with database.write() as session:
        groups.follow(session, two_groups.group)
        routing = Routing.load(session, two_groups)
    wells = load_discussion(database, WELLS)
    compost = load_discussion(database, COMPOST, "soil")
    sent = send(
        database,
        wells,
        "wells-2027/week-2/questions",
        {"amina@example.net": subscribe(database, "amina@example.net")},
        week=2,
    )
    reply = f"In-Reply-To: <{sent['amina@example.net'].message_id}>\n"
    raws = [
        mail(message_id="<1@x>"),
        mail("We cover it.\n", to="soil@groups.example.org", message_id="<2@x>", headers=reply),
        mail("Both.\n", to="soil@groups.example.org, water@groups.example.org", message_id="<3@x>"),
        mail("Neither.\n", to="other@groups.example.org", message_id="<4@x>"),
    ]
    accept(database, [Arrival(raw, "imap", IN_WEEK_1) for raw in raws], routing)
    outcomes = process_new(database, two_groups, IN_WEEK_1).outcomes
    with database.read() as session:
        slug = {g.id: g.slug for g in session.scalars(select(Group))}
        found = [
            (slug.get(o.group_id), o.contribution_id and session.get_one(Contribution, o.contribution_id).discussion_id)
            for o in outcomes
        ]
    assert found == [("water", wells), ("soil", compost), ("soil", compost), ("water", wells), (None, None)]
    assert outcomes[-1].disposition is Disposition.HELD
    assert "names none of the groups" in outcomes[-1].reason


# Guarded


def test_one_bad_mail_stops_nothing(database: Database, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail that breaks tagging or reading is held with the reason and its text; the others are filed."""
    import m4dbot.reading.read
    from m4dbot.tagging.tagger import Tagger

    load_discussion(database, WELLS)
    real_tag, real_read = Tagger.tag, m4dbot.reading.read.read

    def tag(self: Tagger, reading: Reading, *args: object) -> object:
        if "tangle" in reading.own_text:
            raise RecursionError("too deep")
        return real_tag(self, reading, *args)  # type: ignore[arg-type]

    def read(raw: bytes, *args: object, **more: object) -> Reading:
        if b"thorn" in raw:
            raise ValueError("no such luck\nreally")
        return real_read(raw, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Tagger, "tag", tag)
    monkeypatch.setattr(m4dbot.reading.read, "read", read)
    bodies = ["Question 1: one.\n", "Question 1: tangle.\n", "Question 1: thorn.\n", "Question 2: four.\n"]
    outcomes = take(*(mail(b, message_id=f"<{n}@x>") for n, b in enumerate(bodies)))
    assert ["RecursionError" in o.reason for o in outcomes] == [False, True, False, False]
    assert outcomes[2].disposition is Disposition.HELD
    assert "no such luck really" in outcomes[2].reason
    with database.read() as session:
        texts = [session.get_one(Contribution, o.contribution_id).original_text for o in outcomes]
    assert "tangle" in texts[1]
    assert "thorn" in texts[2]
    assert not has_new(database)


def test_a_failing_hook_loses_nothing(database: Database, config: Config, take: Take) -> None:
    """Where an acknowledgement cannot be written, the contribution is stored without, and the others with theirs."""
    load_discussion(database, WELLS)
    with database.read() as session:
        routing = Routing.load(session, config)
    told: list[str] = []

    def hook(session: Session, contribution: Contribution, reading: Reading) -> None:
        if "second" in reading.own_text:
            raise RuntimeError("no template")
        told.append(contribution.original_text)

    raws = [mail(f"Question 1: {w} answer.\n", message_id=f"<{w}@x>") for w in ("first", "second", "third")]
    accept(database, [Arrival(raw, "imap", IN_WEEK_1) for raw in raws], routing)
    outcomes = process_new(database, config, IN_WEEK_1, on_contribution=hook).outcomes
    assert [o.disposition for o in outcomes] == [Disposition.CONTRIBUTION] * 3
    assert set(told) == {"Question 1: first answer.", "Question 1: third answer."}


def test_what_the_store_refuses_is_held(database: Database, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail whose row cannot be written as it is read is held as it came, and its batch goes on."""
    load_discussion(database, WELLS)
    real = processing._contribution

    def contribution(mail: processing._Mail, reason: str) -> dict[str, object]:
        row = real(mail, reason)
        return {**row, "original_text": None} if "third" in row["original_text"] and mail.reading else row

    monkeypatch.setattr(processing, "_contribution", contribution)
    outcomes = take(*(mail(f"Question 1: {w} one.\n", message_id=f"<{w}@x>") for w in ("first", "third", "fifth")))
    assert [o.disposition for o in outcomes] == [Disposition.CONTRIBUTION, Disposition.HELD, Disposition.CONTRIBUTION]
    assert "could not be filed" in outcomes[1].reason
    assert not has_new(database)


# Leaving


def test_the_unsubscribe_address_takes_exactly_that_person_off(database: Database, take: Take) -> None:
    """At once, without a log-in, whoever sends it, with an empty mail; twice is harmless; nobody else is touched."""
    load_discussion(database, WELLS)
    amina, bo = subscribe(database, "amina@example.net"), subscribe(database, "bo@example.net")
    to = f"water+{signer(database).leave(amina)}@groups.example.org"
    [outcome] = take(mail("", sender="someone@else.example", to=to, subject="unsubscribe", message_id="<u@x>"))
    assert outcome.disposition is Disposition.LEFT
    with database.read() as session:
        assert (session.get_one(Subscriber, amina).state, session.get_one(Subscriber, amina).left_at) == (
            "left",
            IN_WEEK_1,
        )
        assert session.get_one(Subscriber, bo).state == "active"
    [again] = take(mail("", to="undisclosed:;", subject="x", message_id="<u2@x>"), to=to.upper())
    assert again.disposition is Disposition.LEFT


@pytest.mark.parametrize("to", ["water@groups.example.org", "water+w1q2@groups.example.org"])
def test_words_for_the_group_stay_though_the_mail_takes_somebody_off(database: Database, take: Take, to: str) -> None:
    """A contribution that names an unsubscribe address beside the group's does both: nothing said is lost."""
    load_discussion(database, WELLS)
    amina = subscribe(database, "amina@example.net")
    both = f"{to}, water+{signer(database).leave(amina)}@groups.example.org"
    [outcome] = take(mail("Question 2: we pay after the harvest, then I am off.\n", to=both))
    assert outcome.disposition is Disposition.LEFT
    with database.read() as session:
        assert session.get_one(Subscriber, amina).state == "left"
        row = session.get_one(Contribution, outcome.contribution_id)
        assert row.state == "held"
        assert "after the harvest" in row.original_text
        assert row.hold_reason.startswith("amina@example.net left")


@pytest.mark.parametrize("detail", ["leave-{id}-aaaaaaaaaaaaaaaaaaaaaaaaaa", "leave-{id}-{other}", "leave-999-{mac}"])
def test_a_made_up_unsubscribe_address_does_nothing(database: Database, take: Take, detail: str) -> None:
    """It is recorded and ignored."""
    amina, bo = subscribe(database, "amina@example.net"), subscribe(database, "bo@example.net")
    sign = signer(database)
    mac, other = (sign.leave(n).rpartition("-")[2] for n in (amina, bo))
    to = f"water+{detail.format(id=amina, mac=mac, other=other)}@groups.example.org"
    [outcome] = take(mail("unsubscribe\n", to=to, subject="unsubscribe"))
    assert outcome.disposition is Disposition.IGNORED
    with database.read() as session:
        assert {s.state for s in session.scalars(select(Subscriber))} == {"active"}


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("unsubscribe", "m4dbot subscribers remove amina@example.net"),
        ("join", "m4dbot subscribers add amina@example.net"),
    ],
)
def test_asking_by_name_is_for_a_person(
    database: Database, config: Config, take: Take, subject: str, said: str
) -> None:
    """From alone decides nothing: the facilitator finds it in the queue with what to do; nobody is thanked for it."""
    load_discussion(database, WELLS)
    subscribe(database, "amina@example.net")
    with database.read() as session:
        routing = Routing.load(session, config)
    raw = mail(f"{subject}\n", subject=subject)
    accept(database, [Arrival(raw, "imap", IN_WEEK_1)], routing)
    thanked: list[int] = []
    [outcome] = process_new(
        database, config, IN_WEEK_1, on_contribution=lambda _session, row, _reading: thanked.append(row.id)
    ).outcomes
    assert outcome.disposition is Disposition.HELD
    assert said in outcome.reason
    assert thanked == []
    with database.read() as session:
        assert session.scalars(select(Subscriber)).one().state == "active"
        assert session.get_one(Contribution, outcome.contribution_id).hold_reason == outcome.reason
        assert passages(session, outcome.contribution_id or 0) == [(None, None)]


# Bounces

REPORT = """Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

The mail could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {address}
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550 {status} no such user

--b
Content-Type: text/rfc822-headers

Message-ID: <{original}>
From: water@groups.example.org

--b--
"""


def bounce(to: str, address: str, *, number: int, status: str = "5.1.1", original: str = "x@y") -> bytes:
    head = f"From: MAILER-DAEMON@mx.example.net\nTo: {to}\nSubject: Undelivered mail\nMessage-ID: <b{number}@mx>\n"
    head += "Date: Wed, 03 Mar 2027 10:00:00 +0000\nMIME-Version: 1.0\nAuto-Submitted: auto-replied\n"
    return (head + REPORT.format(address=address, status=status, original=original)).replace("\n", "\r\n").encode()


def test_two_proven_bounces_suspend(database: Database, take: Take) -> None:
    """Mails of two mailings that come back for good on different days suspend the subscriber; one does not."""
    wells = load_discussion(database, WELLS)
    people = {
        "amina@example.net": subscribe(database, "amina@example.net"),
        "bo@example.net": subscribe(database, "bo@example.net"),
    }
    sign = signer(database)
    states = []
    for number, key in enumerate(["w/1", "w/2"]):
        delivery = send(database, wells, key, people)["amina@example.net"]
        to = f"water+{sign.bounce(delivery.id)}@groups.example.org"
        [outcome] = take(
            bounce(to, "amina@example.net", number=number), sender="", at=IN_WEEK_1 + timedelta(days=number)
        )
        assert outcome.disposition is Disposition.BOUNCE
        with database.read() as session:
            states.append(session.get_one(Subscriber, people["amina@example.net"]).state)
            assert session.get_one(Delivery, delivery.id).state == "failed"
    assert states == ["active", "suspended"]
    with database.read() as session:
        assert session.get_one(Subscriber, people["bo@example.net"]).state == "active"
        assert {b.subscriber_id for b in session.scalars(select(Bounce))} == {people["amina@example.net"]}


@pytest.mark.parametrize("forged", ["plain", "mac", "message-id", "temporary", "same day", "same mailing"])
def test_other_bounces_change_nothing(database: Database, take: Take, forged: str) -> None:
    """Without proof, temporary, of one day or of one mailing: recorded, and the subscriber stays."""
    wells = load_discussion(database, WELLS)
    person = subscribe(database, "amina@example.net")
    sign = signer(database)
    deliveries: dict[str, Delivery] = {}
    for number in range(3):
        if number == 0 or forged != "same mailing":
            deliveries = send(database, wells, f"w/{number}", {"amina@example.net": person})
        delivery = deliveries["amina@example.net"]
        detail = {"plain": "", "mac": f"+b-{delivery.id}-{'a' * 26}", "message-id": ""}.get(
            forged, f"+{sign.bounce(delivery.id)}"
        )
        original = delivery.message_id if forged == "message-id" else "x@y"
        status = "4.2.2" if forged == "temporary" else "5.1.1"
        at = IN_WEEK_1 + timedelta(days=0 if forged == "same day" else number)
        raw = bounce(
            f"water{detail}@groups.example.org", "amina@example.net", number=number, status=status, original=original
        )
        [outcome] = take(raw, sender="", at=at)
        assert outcome.disposition is Disposition.BOUNCE
    with database.read() as session:
        assert session.get_one(Subscriber, person).state == "active"
        assert session.scalar(select(func.count()).select_from(Bounce)) == 3


# Corrections


@pytest.fixture
def waiting(database: Database, take: Take) -> Outcome:
    load_discussion(database, WELLS)
    [outcome] = take(mail())
    return outcome


def answer(database: Database, outcome: Outcome, text: str, **more: str) -> bytes:
    to = f"water+{signer(database).ack(outcome.message_id)}@groups.example.org"
    return mail(text, to=to, subject="Re: Our wells", message_id=f"<{hash(text)}@x>", **more)


def test_an_author_corrects_the_tags(database: Database, take: Take, waiting: Outcome) -> None:
    """ "W2 Q1" files all passages there; two tags go to two passages; a decision records it."""
    [one] = take(answer(database, waiting, "W2 Q1\n"))
    with database.read() as session:
        assert passages(session, waiting.contribution_id or 0) == [(2, 1), (2, 1)]
        assert {p.set_by for p in session.scalars(select(Passage))} == {"contributor"}
    [two] = take(answer(database, waiting, "semaine 1, question 2\nsemaine 2, question 1\n"))
    assert [o.disposition for o in (one, two)] == [Disposition.CORRECTED] * 2
    with database.read() as session:
        assert passages(session, waiting.contribution_id or 0) == [(1, 2), (2, 1)]
        decisions = session.scalars(select(Decision)).all()
        assert [(d.action, d.by, d.way) for d in decisions] == [("retag", "amina@example.net", "mail")] * 2


def test_an_author_withdraws(database: Database, take: Take, waiting: Outcome) -> None:
    """What waits is taken back; asking again changes nothing."""
    [outcome] = take(answer(database, waiting, "withdraw\n"))
    take(answer(database, waiting, "Withdraw\n"))
    assert outcome.disposition is Disposition.CORRECTED
    with database.read() as session:
        assert session.get_one(Contribution, waiting.contribution_id).state == "withdrawn"
        assert [d.action for d in session.scalars(select(Decision))] == ["withdraw"]


@pytest.mark.parametrize("why", ["stranger", "mac", "no such question", "approved", "facilitator"])
def test_corrections_that_do_not_apply(database: Database, take: Take, waiting: Outcome, why: str) -> None:
    """Another sender, a made-up address, a question there is not, a contribution decided: nothing changes."""
    with database.write() as session:
        row = session.get_one(Contribution, waiting.contribution_id)
        if why == "approved":
            row.state = "approved"
        if why == "facilitator":
            for passage in session.scalars(select(Passage)):
                passage.set_by = "facilitator"
    raw = answer(database, waiting, "W9 Q9\n" if why == "no such question" else "W2 Q1\n")
    if why == "stranger":
        raw = answer(database, waiting, "W2 Q1\n", sender="mallory@example.net")
    if why == "mac":
        mac = signer(database).ack(waiting.message_id)
        raw = raw.replace(mac.encode(), mac[:-3].encode() + b"aaa")
    [outcome] = take(raw)
    assert outcome.disposition in {Disposition.HELD, Disposition.IGNORED}
    with database.read() as session:
        assert passages(session, waiting.contribution_id or 0) == [(1, 1), (1, 2)]
        assert session.scalars(select(Decision)).all() == []


# Hostile

HOSTILE = [
    b"",
    b"\x00\xff" * 500,
    mail("A\x00B\n", sender="\x00 <a@b>"),
    b"Subject: =?utf-8?B?7aCA?=\r\nFrom: =?utf-8?B?7aCA?= <a@b>\r\n\r\n\xed\xa0\x80",
    mail("x " * 200_000),
    mail("<" * 50_000),
    mail(subject="../../etc/passwd {{ 7*7 }} %s %(x)s"),
    mail(sender="A" * 5000 + " <" + "b" * 3000 + "@example.net>"),
    mail(headers="".join(f"X-{n}: y\n" for n in range(5000))),
    mail(headers="Content-Type: multipart/mixed; boundary=b\n", body="--b\n" * 5000),
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_mail_is_dealt_with(database: Database, take: Take, raw: bytes) -> None:
    """Each is held or filed, and the plain one behind it is too."""
    load_discussion(database, WELLS)
    outcomes = take(raw, mail("Question 1: plain.\n", message_id="<plain@x>"))
    assert len(outcomes) == 2
    assert outcomes[1].contribution_id is not None
    assert not has_new(database)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Message).where(Message.disposition == "new")) == 0
