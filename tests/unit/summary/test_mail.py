"""What the mail with the consolidated reply says and brings."""

from __future__ import annotations

import pytest

from m4dbot.publishing.values import File
from m4dbot.summary import sending
from tests.unit.summary.making import Page, approved, document

REPLY = document(approved(1, ("We dig.", 1, 1)), approved(2, ("Nous réparons.", 2, 1), language="fr"))


def files_of(language: str) -> tuple[File, ...]:
    files: tuple[File, ...] = sending.mail_of(REPLY, language)["attachments"]
    return files


def test_it_tells_what_is_inside_in_the_readers_language() -> None:
    """Figures, and each question with its responses."""
    mail = sending.mail_of(REPLY, "es")
    assert mail["title"] == "Pozos que duran"
    for body in (Page(mail["html_body"]).text, mail["text_body"]):
        assert "2 respuestas · 2 participantes · 2 idiomas" in body
        assert "¿Quién cava? – 1 respuesta" in " ".join(body.split())
        assert "How deep? – 0 respuestas" in " ".join(body.split())


def test_a_later_issue_says_so() -> None:
    """In the title and in words."""
    mail = sending.mail_of(REPLY.issued(3, REPLY.drafted_at), "fr", again=True)
    assert mail["title"] == "Des puits qui durent (version 3)"
    assert "(version 3)" in mail["intro"]


def test_a_reader_of_another_language_gets_the_next_best() -> None:
    """The discussion's first, where there are no words in theirs."""
    assert sending.mail_of(REPLY, "pt-BR")["title"] == "Wells that last"


def test_the_document_is_attached_as_page_and_text() -> None:
    """Under names that say what they are, in letters every program can write."""
    page, plain = files_of("fr")
    assert (page.name, page.content_type) == ("wells-2027-reponse-consolidee.html", "text/html")
    assert (plain.name, plain.content_type) == ("wells-2027-reponse-consolidee.txt", "text/plain")
    assert b'<html lang="fr">' in page.content
    assert plain.content.decode("utf-8-sig").startswith("Des puits qui durent\n")


def test_a_very_long_document_comes_as_page_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail that many mailboxes would refuse reaches fewer people than one with one file."""
    monkeypatch.setattr(sending, "MOST_ATTACHED", sum(len(f.content) for f in files_of("en")) - 1)
    assert [f.content_type for f in files_of("en")] == ["text/html"]
