"""`m4dbot summary`, from draft to outbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from m4dbot.cli import invoke
from m4dbot.config import Config
from m4dbot.store.database import Database
from m4dbot.store.tables import Delivery
from tests.integration.summary.making import SLUG, contribution, load, subscriber

FAY = "fay@groups.example.org"


class Shell:
    """The command line on a configuration of its own."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config, self.capsys = config, capsys

    def __call__(self, *args: str, status: int = 0) -> str:
        """What a command prints, errors included."""
        self.capsys.readouterr()
        assert invoke(["--config", str(self.config), "summary", *args]) == status
        printed = self.capsys.readouterr()
        return printed.out + printed.err


@pytest.fixture
def database_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """What the commands do with a store is the same on both kinds; one is enough here."""
    (tmp_path / "m4dbot.sqlite").write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{tmp_path / 'm4dbot.sqlite'}"


@pytest.fixture
def m4dbot(database: Database, config: Config, capsys: pytest.CaptureFixture[str]) -> Shell:
    with database.write() as session:
        row = load(session)
        contribution(session, row, "Women dig by hand.")
        contribution(session, row, "Unseen.", state="held")
        subscriber(session, row, "en@example.org")
        subscriber(session, row, "fr@example.org", language="fr", delivery="summary")
    config.path.write_text(
        '[[group]]\nslug = "water"\naddress = "water@groups.example.org"\nname = "Water network"\n'
        f'timezone = "Europe/Brussels"\nfacilitators = [{{ address = "{FAY}", name = "Fay Facilitator" }}]\n'
    )
    return Shell(config.path, capsys)


def test_from_draft_to_outbox(m4dbot: Shell, database: Database) -> None:
    """Each step says what comes next; each step twice is harmless."""
    said = m4dbot("draft", SLUG)
    assert "Version 1 is drafted: 1 response, 1 contributor, 1 language." in said
    assert "1 contribution still waits" in said
    assert "Nothing has changed since version 1 (draft)" in m4dbot("draft", SLUG)
    assert "is a draft" in m4dbot("send", SLUG, status=1)
    assert f"Version 1 is released by {FAY}." in m4dbot("release", SLUG, "--as", FAY)
    assert "was released before" in m4dbot("release", SLUG, "--as", FAY)
    assert "would be sent to 2 people (1 in en, 1 in fr)" in m4dbot("send", SLUG, "--dry-run")
    assert "in the outbox for 2 people" in m4dbot("send", SLUG)
    assert "was sent before, to 2 people" in m4dbot("send", SLUG)
    assert "released by" in m4dbot("list", SLUG)
    with database.read() as session:
        assert session.scalar(select(func.count(Delivery.id))) == 2


def test_only_a_facilitator_releases(m4dbot: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """By --as or M4DBOT_FACILITATOR; an account's name is not enough."""
    m4dbot("draft", SLUG)
    assert "add --as ADDRESS" in m4dbot("release", SLUG, status=1)
    assert "no facilitator of this group" in m4dbot("release", SLUG, "--as", "en@example.org", status=1)
    monkeypatch.setenv("M4DBOT_FACILITATOR", FAY)
    assert "is released" in m4dbot("release", SLUG)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("water.html", "<!DOCTYPE html>"),
        ("water.txt", "Wells that last\n==="),
        ("water.md", "# Wells that last\n"),
    ],
)
def test_the_output_names_the_format(m4dbot: Shell, tmp_path: Path, name: str, first: str) -> None:
    """A web page, plain text or Markdown by the file's ending."""
    m4dbot("draft", SLUG)
    assert f"Version 1 is in {tmp_path / name}" in m4dbot("build", SLUG, "--output", str(tmp_path / name))
    written = (tmp_path / name).read_text(encoding="utf-8")
    assert written.startswith(first)
    assert "Women dig by hand." in written
    assert "Unseen" not in written


def test_a_folder_gets_every_format(m4dbot: Shell, tmp_path: Path) -> None:
    """Named after discussion and version; a draft says so in its name."""
    m4dbot("draft", SLUG)
    folder = tmp_path / "out"
    folder.mkdir()
    m4dbot("build", SLUG, "--output", str(folder))
    assert sorted(p.name for p in folder.iterdir()) == [
        f"wells-2027-consolidated-reply-v1-draft.{kind}" for kind in ("html", "md", "txt")
    ]


def test_without_an_output_it_is_printed(m4dbot: Shell) -> None:
    """As text, in the language asked for."""
    m4dbot("draft", SLUG)
    assert "Des puits qui durent\n====" in m4dbot("build", SLUG, "--language", "fr")
    assert "# Pozos que duran" in m4dbot("build", SLUG, "--language", "es", "--format", "markdown")


def test_what_cannot_be_done_is_said(m4dbot: Shell, tmp_path: Path) -> None:
    """In one sentence, with the way out."""
    assert "Nothing is drafted for 'wells-2027' yet" in m4dbot("build", SLUG, status=1)
    assert "Nothing is drafted yet: m4dbot summary draft" in m4dbot("list", SLUG)
    assert "There is no discussion 'sand'; there is: wells-2027" in m4dbot("draft", "sand", status=1)
    assert "'tlh'; there are: en, es, fr" in m4dbot("draft", SLUG, "--language", "tlh", status=1)
    m4dbot("draft", SLUG)
    assert "add --format" in m4dbot("build", SLUG, "--output", str(tmp_path / "water.doc"), status=2)
    nowhere = tmp_path / "nowhere" / "water.html"
    assert "cannot be written" in m4dbot("build", SLUG, "--output", str(nowhere), status=1)


def test_json_for_scripts(m4dbot: Shell, database: Database) -> None:
    """What a script needs of each step."""
    assert json.loads(m4dbot("draft", SLUG, "--json")) == {
        "version": 1,
        "state": "draft",
        "new": True,
        "responses": 1,
        "people": 1,
        "pending": 1,
    }
    m4dbot("release", SLUG, "--as", FAY)
    sent = json.loads(m4dbot("send", SLUG, "--json"))
    assert (sent["recipients"], sent["by_language"], sent["already_at"]) == (2, {"en": 1, "fr": 1}, None)
    (version,) = json.loads(m4dbot("list", SLUG, "--json"))
    assert (version["state"], version["released_by"], version["responses"]) == ("sent", FAY, 1)


def test_every_command_has_an_example(m4dbot: Shell) -> None:
    """Under --help."""
    for command in ([], ["draft"], ["build"], ["release"], ["send"], ["list"]):
        assert "Example: m4dbot summary" in m4dbot(*command, "--help")
