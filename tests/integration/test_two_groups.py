"""Two groups in one installation, one of them with two discussions a month apart: nothing crosses over."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy import select

from m4dbot.bot import Bot
from m4dbot.config import Config
from m4dbot.discussion.calendar import occasions
from m4dbot.intake.door import accept
from m4dbot.intake.routing import Routing
from m4dbot.intake.values import Arrival
from m4dbot.moderation import decisions
from m4dbot.store import discussions, groups
from m4dbot.store.database import Database
from m4dbot.store.tables import Contribution, DiscussionRow, Group, Passage
from m4dbot.summary import drafting, sending
from tests.samples import COMPOST, ROOFS, WELLS, load_discussion, mail, subscribe

SOIL = "soil@groups.example.org"
# words that belong to one place only
MARKS = {"water": ("wells marker", "roofs marker"), "soil": ("compost marker",)}


def test_a_mail_to_one_never_shows_in_the_other(database: Database, two_groups: Config, tmp_path: Path) -> None:
    """From the first questions to the consolidated replies: every mail of a group speaks of that group alone."""
    with database.write() as session:
        groups.follow(session, two_groups.group)
        routing = Routing.load(session, two_groups)
    start = datetime(2027, 2, 20, tzinfo=UTC)
    for source in (WELLS, ROOFS):
        load_discussion(database, source, now=start)
    load_discussion(database, COMPOST, "soil", now=start)
    for address, group in (("ada@example.net", "water"), ("ben@example.net", "water"), ("cyd@example.com", "soil")):
        subscribe(database, address, group, name=address.partition("@")[0].title())
    # One person reads both.
    subscribe(database, "ada@example.net", "soil", name="Ada")

    bot = Bot(two_groups, database)
    written = {
        datetime(2027, 3, 3, 9, tzinfo=UTC): mail("Question 1: wells marker.\n", message_id="<1@example.net>"),
        datetime(2027, 3, 4, 9, tzinfo=UTC): mail(
            "Question 1: the heap stays moist under banana leaves, compost marker.\n",
            to=SOIL,
            message_id="<2@example.net>",
        ),
        datetime(2027, 4, 6, 9, tzinfo=UTC): mail("Question 2: roofs marker.\n", message_id="<3@example.net>"),
    }
    with database.read() as session:
        due = {o.due_at for _, value in discussions.loaded(session) for o in occasions(value)}
    for now in sorted(due | set(written)):
        if now in written:
            accept(database, [Arrival(written[now], "lmtp", now)], routing)
        bot.step(now)
        with database.write() as session:
            held = session.scalars(select(Contribution.id).where(Contribution.state == "held")).all()
            decisions.approve(session, two_groups, held, by="fay@groups.example.org", way="cli", now=now)
        bot.deliver(now)
    end = max(due) + timedelta(days=3)
    with database.write() as session:
        for row, _ in discussions.loaded(session):
            slug = session.get_one(Group, row.group_id).slug
            by = {"water": "fay@groups.example.org", "soil": "sol@groups.example.org"}[slug]
            drafting.draft(session, row, end)
            drafting.release(session, row, by=by, now=end)
            sending.send(session, two_groups, row, end)
    bot.deliver(end)

    by_group: dict[str, list[EmailMessage]] = {"water": [], "soil": []}
    for path in sorted((tmp_path / "outbox" / "new").iterdir()):
        sent = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(sent, EmailMessage)
        by_group["soil" if SOIL in str(sent["From"]) else "water"].append(sent)
    readers = {"water": {"ada@", "ben@", "amina@", "fay@"}, "soil": {"ada@", "cyd@", "amina@", "sol@"}}
    for group, other in (("water", "soil"), ("soil", "water")):
        mails = by_group[group]
        words = "".join(
            str(part.get_content()) for m in mails for part in m.walk() if part.get_content_type() == "text/plain"
        )
        for mark in MARKS[group]:
            assert mark in words
        for mark in MARKS[other]:
            assert mark not in words
        assert f"{other}@groups.example.org" not in words
        for sent in mails:
            assert any(reader in str(sent["To"]) for reader in readers[group]), sent["To"]
            if sent["List-Id"]:
                assert group in str(sent["List-Id"])

    with database.read() as session:
        filed = session.execute(
            select(DiscussionRow.slug, Passage.week, Passage.question)
            .join(Contribution, Contribution.discussion_id == DiscussionRow.id)
            .join(Passage, Passage.contribution_id == Contribution.id)
            .order_by(Contribution.id)
        ).all()
    assert [tuple(row) for row in filed] == [("wells-2027", 1, 1), ("compost-2027", 1, 1), ("roofs-2027", 1, 2)]
