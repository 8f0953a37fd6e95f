"""Posts on approval."""

from __future__ import annotations

from sqlalchemy import select

from m4dbot.config import Config
from m4dbot.publishing.posts import post_approved
from m4dbot.store.database import Database
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Delivery, Mailing, Rendering
from tests.integration.publishing.making import at, contribution, load, subscribe


def test_a_post_goes_once_to_those_who_read_posts(database: Database, config: Config) -> None:
    """Approving twice posts once; digest readers wait for the digest; the row says where it belongs."""
    with database.write() as session:
        discussion_id = load(session)
        subscribe(session, "Ann", delivery="posts")
        subscribe(session, "Bob", "fr", delivery="posts")
        subscribe(session, "Cid", delivery="digest")
        number = contribution(session, ("Hello,", 1, None), ("By hand.", 1, 2), discussion_id=discussion_id, name="Awa")
        mailing_id = post_approved(session, config, number, at(3))
        assert mailing_id is not None
        assert post_approved(session, config, number, at(3, 13)) is None
    with database.read() as session:
        mailing = session.scalars(select(Mailing)).one()
        assert (mailing.key, mailing.kind, mailing.week, mailing.question) == ("wells-2027/post/1", "post", 1, 2)
        assert mailing.contribution_id == number
        assert set(session.scalars(select(Delivery.recipient))) == {"ann@example.org", "bob@example.org"}
        assert set(session.scalars(select(Rendering.language))) == {"en", "fr"}
        content = session.scalars(select(Rendering.content).where(Rendering.language == "en")).one()
        assert b"From: Awa via Water network <water@groups.example.org>" in content
        assert b"awa@example.org" not in content


def test_what_is_not_approved_is_not_posted(database: Database, config: Config) -> None:
    """Held, rejected and withdrawn contributions stay where they are; without readers there is no mailing."""
    with database.write() as session:
        discussion_id = load(session)
        approved = contribution(session, ("x", 1, 1), discussion_id=discussion_id)
        assert post_approved(session, config, approved, at(3)) is None
        subscribe(session, "Ann", delivery="posts")
        for state in ("held", "rejected", "withdrawn"):
            number = contribution(session, ("x", 1, 1), discussion_id=discussion_id, state=state)
            assert post_approved(session, config, number, at(3)) is None
        assert session.scalars(select(Mailing)).all() == []


def test_the_contributor_line(database: Database, config: Config) -> None:
    """Whose words they are comes first; what the subscriber list knows fills in; a sender for somebody is named."""
    with database.write() as session:
        discussion_id = load(session)
        subscribe(session, "Ann", delivery="posts", country="Ghana")
        own = contribution(session, ("One.", 1, 1), discussion_id=discussion_id, name="Ann")
        signed = contribution(session, ("Two.", 1, 1), discussion_id=discussion_id, name="Ann")
        for_other = contribution(
            session, ("Three.", 1, 1), discussion_id=discussion_id, name="Ann", on_behalf_of="Dr. Kofi Mensah"
        )
        from m4dbot.store.tables import Contribution

        session.get_one(Contribution, signed).contributor = {"name": "Ann Osei", "role": "Engineer", "place": "Tamale"}
        for number in (own, signed, for_other):
            post_approved(session, config, number, at(3))
    with database.read() as session:
        contents = [bytes(c) for c in session.scalars(select(Rendering.content).order_by(Rendering.id))]
    assert b"* Ann, Ghana" in contents[0]
    assert b"* Ann Osei, Engineer, Tamale" in contents[1]
    assert b"* Dr. Kofi Mensah" in contents[2]
    assert b"sent by Ann" in contents[2]


def test_an_archive_with_letters_beyond_ascii(database: Database, config: Config) -> None:
    """Its address is written so that a header can carry it."""
    web = config.web.model_copy(update={"archive": "https://archive.example.org/eau/été"})
    with database.write() as session:
        discussion_id = load(session)
        subscribe(session, "Ann", delivery="posts")
        number = contribution(session, ("x", 1, 1), discussion_id=discussion_id)
        post_approved(session, config.model_copy(update={"web": web}), number, at(3))
        content = session.scalars(select(Rendering.content)).one()
    assert b"List-Archive: <https://archive.example.org/eau/%C3%A9t%C3%A9>" in content


def test_a_quoted_foot_takes_nobody_off(database: Database, config: Config) -> None:
    """The unsubscribe address in somebody's words does not reach other readers."""
    with database.write() as session:
        discussion_id = load(session)
        detail = Signer.load(session).leave(subscribe(session, "Ann", delivery="posts"))
        words = f"By hand. To leave, write to water+{detail}@groups.example.org."
        number = contribution(session, (words, 1, 1), discussion_id=discussion_id)
        post_approved(session, config, number, at(3))
        content = session.scalars(select(Rendering.content)).one()
    assert b"To leave, write to water@groups.example.org." in content
    assert detail.encode() not in content
