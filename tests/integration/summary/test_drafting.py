"""The consolidated reply in the store: drafted, released, sent once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import pytest
from sqlalchemy import func, select

from m4dbot.config import Config
from m4dbot.errors import M4dbotError, NotFound
from m4dbot.store.database import Database
from m4dbot.store.discussions import get
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Contribution, Delivery, Document, Mailing, Rendering
from m4dbot.summary import drafting
from m4dbot.summary.html import to_html
from m4dbot.summary.markdown import to_markdown
from m4dbot.summary.sending import Sent, send
from m4dbot.summary.text import to_text
from tests.integration.summary.making import NOW, SLUG, contribution, load, subscriber

FAY = "fay@groups.example.org"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def wells(database: Database) -> Database:
    """A discussion with two approved contributions and three readers."""
    with database.write() as session:
        row = load(session)
        contribution(session, row, "Women dig by hand.", attachments=[{"name": "plan.docx", "size": 5}])
        contribution(session, row, "Nous creusons à trois.", language="fr")
        subscriber(session, row, "en@example.org")
        subscriber(session, row, "fr@example.org", language="fr", delivery="summary")
        subscriber(session, row, "pt@example.org", language="pt", delivery="posts")
        subscriber(session, row, "none@example.org", delivery="none")
        subscriber(session, row, "left@example.org", state="left")
    return database


def drafted(database: Database) -> drafting.Drafted:
    with database.write() as session:
        return drafting.draft(session, get(session, SLUG)[0], NOW)


def released(database: Database, version: int | None = None) -> drafting.Released:
    with database.write() as session:
        return drafting.release(session, get(session, SLUG)[0], by=FAY, now=LATER, version=version)


def sent(database: Database, config: Config, **how: bool) -> Sent:
    with database.write() as session:
        return send(session, config, get(session, SLUG)[0], now=LATER, **how)


class TestDraft:
    def test_a_draft_holds_what_is_approved_and_nothing_else(self, wells: Database) -> None:
        """Held, rejected and withdrawn words are in no format; how many wait is said."""
        with wells.write() as session:
            row = get(session, SLUG)[0]
            for state in ("held", "rejected", "withdrawn"):
                contribution(session, row, f"Unseen words, {state}.", state=state, author_name=f"Unseen {state}")
        made = drafted(wells)
        assert (made.version, made.state, made.is_new, made.pending) == (1, "draft", True, 1)
        for text in (to_html(made.reply), to_text(made.reply), to_markdown(made.reply)):
            assert "Women dig by hand." in text
            assert "Nous creusons à trois." in text
            assert "plan.docx" in text
            assert "Unseen" not in text

    def test_signed_addresses_stay_out(self, wells: Database) -> None:
        """Whoever quotes the foot of a mail does not publish the address that takes them off."""
        with wells.write() as session:
            detail = Signer.load(session).leave(1)
            contribution(session, get(session, SLUG)[0], f"To leave: water+{detail}@groups.example.org")
        for text in (to_html(drafted(wells).reply), to_text(drafted(wells).reply)):
            assert "To leave: " in text
            assert detail not in text

    def test_drafting_again_without_a_change_makes_no_version(self, wells: Database) -> None:
        """With one, the next version."""
        drafted(wells)
        again = drafted(wells)
        assert (again.version, again.is_new) == (1, False)
        with wells.write() as session:
            contribution(session, get(session, SLUG)[0], "Masons line it.")
        assert [drafted(wells).version, drafted(wells).version] == [2, 2]

    def test_edited_words_take_the_place_of_the_original(self, wells: Database) -> None:
        """Though the passages in the store should still hold them."""
        with wells.write() as session:
            contribution(session, get(session, SLUG)[0], "Call 555 0199.", edited_text="Call me.")
        reply = drafted(wells).reply
        assert [p.text for _, p in reply.at(1, 1)][-1] == "Call me."
        assert "555" not in to_html(reply)

    def test_there_is_nothing_to_draft_from(self, database: Database) -> None:
        """The refusal says whether something waits."""
        with database.write() as session:
            load(session)
        with pytest.raises(M4dbotError, match="no contributions to 'wells-2027' yet"):
            drafted(database)
        with database.write() as session:
            contribution(session, get(session, SLUG)[0], "Waiting.", state="held")
        with pytest.raises(M4dbotError, match=r"Nothing of 'wells-2027' is approved yet.*1 contribution waits"):
            drafted(database)

    def test_a_language_without_words_is_refused(self, wells: Database) -> None:
        """Before anything is written."""
        with wells.write() as session, pytest.raises(M4dbotError, match="'tlh'"):
            drafting.draft(session, get(session, SLUG)[0], NOW, "tlh")
        with wells.read() as session:
            assert session.scalar(select(func.count(Document.id))) == 0


class TestRelease:
    def test_a_facilitator_releases(self, wells: Database) -> None:
        """The document then says when it was issued; releasing twice says who was first."""
        drafted(wells)
        first = released(wells)
        assert (first.version, first.by, first.already) == (1, FAY, False)
        assert released(wells).already
        with wells.read() as session:
            reply = drafting.read(session, get(session, SLUG)[0])
        assert reply.released_at == LATER
        assert "This is a draft" not in to_html(reply)

    def test_nobody_else_does(self, wells: Database) -> None:
        """The refusal names the facilitators."""
        drafted(wells)
        with wells.write() as session, pytest.raises(M4dbotError, match=f"no facilitator.*{FAY}"):
            drafting.release(session, get(session, SLUG)[0], by="en@example.org", now=NOW)

    def test_what_was_withdrawn_since_does_not_go_out(self, wells: Database, config: Config) -> None:
        """Neither at release nor when the released version is sent."""
        drafted(wells)
        with wells.write() as session:
            session.get_one(Contribution, 2).state = "withdrawn"
        with pytest.raises(M4dbotError, match="Response 2 is in version 1 but no longer approved"):
            released(wells)
        drafted(wells)
        released(wells)
        with wells.write() as session:
            session.get_one(Contribution, 1).state = "held"
        with pytest.raises(M4dbotError, match="Response 1 is in version 2 but no longer approved"):
            sent(wells, config)

    def test_a_version_that_is_not_there(self, wells: Database) -> None:
        """The refusal says what there is, or how to begin."""
        with pytest.raises(NotFound, match="m4dbot summary draft wells-2027"):
            released(wells)
        drafted(wells)
        with pytest.raises(NotFound, match=r"no version 7.*there is: 1"):
            released(wells, 7)


class TestSend:
    def test_a_draft_is_not_sent(self, wells: Database, config: Config) -> None:
        """Only after release."""
        drafted(wells)
        with pytest.raises(M4dbotError, match="is a draft; a facilitator releases it"):
            sent(wells, config)

    def test_everybody_who_reads_along_gets_it_in_their_language(self, wells: Database, config: Config) -> None:
        """Summary-only readers too; who left or reads elsewhere does not. The document comes as two files."""
        drafted(wells)
        released(wells)
        done = sent(wells, config)
        assert (done.version, done.recipients, done.already_at) == (1, 3, None)
        with wells.read() as session:
            found = session.execute(
                select(Delivery.recipient, Rendering.content).join(Rendering, Rendering.id == Delivery.rendering_id)
            ).all()
        mails = {to: cast(EmailMessage, message_from_bytes(content, policy=policy.default)) for to, content in found}
        assert mails.keys() == {"en@example.org", "fr@example.org", "pt@example.org"}
        french = mails["fr@example.org"]
        assert " ".join(french["Subject"].split()) == "Réponse consolidée : Des puits qui durent"
        text = cast(EmailMessage, french.get_body(("plain",))).get_content()
        assert "Qui creuse" in text
        assert "2 réponses" in text
        files = {part.get_filename(): part.get_content() for part in french.iter_attachments()}
        page, plain = (cast(str, files[f"wells-2027-reponse-consolidee.{kind}"]) for kind in ("html", "txt"))
        assert '<html lang="fr">' in page
        assert "Women dig by hand." in page
        assert "Women dig by hand." in plain

    def test_twice_is_harmless(self, wells: Database, config: Config) -> None:
        """The second time says when it was sent and does nothing."""
        drafted(wells)
        released(wells)
        sent(wells, config)
        again = sent(wells, config)
        assert (again.already_at, again.recipients) == (LATER, 3)
        with wells.read() as session:
            assert session.scalar(select(func.count(Mailing.id))) == 1
            assert session.scalar(select(func.count(Delivery.id))) == 3

    def test_two_at_once_send_once(self, wells: Database, config: Config) -> None:
        """Of several processes one sends; the others find it done."""
        drafted(wells)
        released(wells)
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: sent(wells, config), range(4)))
        assert sorted(d.already_at is None for d in done) == [False, False, False, True]
        with wells.read() as session:
            assert session.scalar(select(func.count(Delivery.id))) == 3

    def test_a_later_version_goes_out_only_when_asked_for(self, wells: Database, config: Config) -> None:
        """And its mail says that it takes the place of the one before."""
        drafted(wells)
        released(wells)
        sent(wells, config)
        with wells.write() as session:
            contribution(session, get(session, SLUG)[0], "Masons line it.")
        drafted(wells)
        assert sent(wells, config).already_at == LATER  # a draft changes nothing for readers
        released(wells)
        with pytest.raises(M4dbotError, match=r"Version 1 was sent on 2027-04-20; .* --reissue"):
            sent(wells, config)
        done = sent(wells, config, reissue=True)
        assert (done.version, done.recipients) == (2, 3)
        with wells.read() as session:
            subjects = session.scalars(select(Rendering.subject).where(Rendering.language == "en")).all()
        assert subjects == ["Consolidated reply: Wells that last", "Consolidated reply: Wells that last (version 2)"]

    def test_a_dry_run_does_nothing(self, wells: Database, config: Config) -> None:
        """It says to how many, in which languages."""
        drafted(wells)
        released(wells)
        done = sent(wells, config, dry_run=True)
        assert done.recipients == 3
        assert sum(n for _, n in done.by_language) == 3
        with wells.read() as session:
            assert session.scalar(select(func.count(Mailing.id))) == 0

    def test_nobody_reads_along(self, database: Database, config: Config) -> None:
        """Nothing is marked as sent to nobody."""
        with database.write() as session:
            contribution(session, load(session), "Women dig by hand.")
        drafted(database)
        released(database)
        with pytest.raises(M4dbotError, match="Nobody reads along"):
            sent(database, config)
