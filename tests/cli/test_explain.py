"""`m4dbot explain`: reading and tagging shown, without a database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from m4dbot.cli.explain import explain
from m4dbot.errors import InvalidFile, NotFound

DISCUSSION = """
slug = "bees"
title = { en = "Bees in town" }
timezone = "Europe/Vienna"
languages = ["en"]

[[week]]
opens = 2030-04-01
closes = 2030-04-07

[[week.question]]
text = { en = "How do you find a roof whose owner agrees to hives?" }

[[week.question]]
text = { en = "What do neighbours fear, and how is it answered?" }
"""

MAIL = """From: Ana Lima <ana@example.org>
To: bees@example.org
Subject: two answers
Date: Wed, 03 Apr 2030 10:00:00 +0000
Message-ID: <one@example.org>
Content-Type: text/plain; charset=utf-8

Question 1: we asked the baker, and then his sister, who owns the roof.

Question 2: stings, mostly. We bring the veil and let them look inside.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A discussion file and a folder of three mails."""
    (tmp_path / "discussion.toml").write_text(DISCUSSION, "utf-8")
    mails = tmp_path / "mail"
    mails.mkdir()
    for name in ("c", "a", "b"):
        (mails / f"{name}.eml").write_text(MAIL.replace("<one@", f"<{name}@"), "utf-8")
    return tmp_path


def _run(*args: object) -> Result:
    return CliRunner().invoke(explain, [str(a) for a in args])


def test_json_is_one_object_a_mail_in_the_order_of_names(folder: Path) -> None:
    """A folder's mails come by name; each object has the documented keys."""
    result = _run("--discussion", folder / "discussion.toml", "--json", folder / "mail")
    assert result.exit_code == 0
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [a["message_id"] for a in answers] == ["a@example.org", "b@example.org", "c@example.org"]
    first = answers[0]
    assert Path(first["file"]).name == "a.eml"
    assert first["kind"] == "contribution"
    assert first["author"] == {"name": "Ana Lima", "address": "ana@example.org"}
    assert first["on_behalf_of"] is None
    assert first["attachments"] == []
    assert {"language", "signature", "quoted"} <= first.keys()
    assert [(s["week"], s["question"]) for s in first["segments"]] == [(1, 1), (1, 2)]
    assert first["segments"][0]["evidence"] == ["ordinal: 'Question 1'"]
    assert 0.9 <= first["segments"][0]["confidence"] <= 1


def test_paths_come_in_the_order_given(folder: Path) -> None:
    """Files are explained in the order of the command line."""
    mails = folder / "mail"
    result = _run("--discussion", folder / "discussion.toml", "--json", mails / "c.eml", mails / "a.eml")
    assert [json.loads(line)["message_id"] for line in result.stdout.splitlines()] == [
        "c@example.org",
        "a@example.org",
    ]


def test_the_text_form_shows_tags_words_and_evidence(folder: Path) -> None:
    """Without --json a person reads the mail, the tags in the margin, and why."""
    result = _run("--discussion", folder / "discussion.toml", folder / "mail" / "a.eml")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert any(line.strip().startswith("W1 Q1 Question 1: we asked") for line in lines)
    assert any("└" in line and "ordinal: 'Question 2'" in line for line in lines)
    assert "\x1b[" not in result.stdout
    assert max(map(len, lines[1:])) <= 80  # the first is the path as it was given


def test_a_mail_cannot_steer_the_terminal(folder: Path) -> None:
    """Escape sequences in a mail are not passed on."""
    mail = folder / "mail" / "a.eml"
    mail.write_text(mail.read_text("utf-8").replace("we asked", "we \x1b[2Jasked"), "utf-8")
    result = _run("--discussion", folder / "discussion.toml", mail)
    assert "\x1b" not in result.stdout


def test_the_mails_of_an_mbox_have_names_of_their_own(folder: Path) -> None:
    """An mbox gives FILE#1, FILE#2 and so on."""
    box = folder / "box"
    box.write_text("".join(f"From ana@example.org Wed Apr  3 10:00:00 2030\n{MAIL}\n" for _ in range(2)), "utf-8")
    result = _run("--discussion", folder / "discussion.toml", "--json", box)
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == [f"{box}#1", f"{box}#2"]


def test_a_plus_address_counts_for_the_named_group(folder: Path) -> None:
    """--group tells which addresses are the group's."""
    mail = folder / "mail" / "a.eml"
    text = mail.read_text("utf-8").replace("To: bees@", "To: bees+w1q2@")
    mail.write_text(text.partition("Question 1")[0] + "The roof is warm, the neighbours are not.\n", "utf-8")
    result = _run("--discussion", folder / "discussion.toml", "--json", "--group", "bees@example.org", mail)
    (segment,) = json.loads(result.stdout)["segments"]
    assert (segment["week"], segment["question"]) == (1, 2)


def test_a_missing_path_is_said_in_one_sentence(folder: Path) -> None:
    """The error names the path."""
    result = _run("--discussion", folder / "discussion.toml", folder / "nothing.eml")
    assert isinstance(result.exception, NotFound)
    assert "nothing.eml" in str(result.exception)
    assert "\n" not in str(result.exception)


def test_a_missing_discussion_is_said_in_one_sentence(folder: Path) -> None:
    """The error names the file."""
    result = _run("--discussion", folder / "none.toml", folder / "mail")
    assert isinstance(result.exception, InvalidFile)
    assert "none.toml" in str(result.exception)


def test_a_path_is_needed(folder: Path) -> None:
    """Without a path the use is wrong: exit status 2."""
    assert _run("--discussion", folder / "discussion.toml").exit_code == 2


def test_it_starts_without_the_heavy_modules(folder: Path) -> None:
    """No database, no templates: explain is to be quick."""
    code = (
        "import sys; from click.testing import CliRunner; from m4dbot.cli.explain import explain; "
        f"r = CliRunner().invoke(explain, ['--discussion', {str(folder / 'discussion.toml')!r}, '--json', "
        f"{str(folder / 'mail')!r}]); assert r.exit_code == 0, r.output; "
        "print([m for m in ('sqlalchemy', 'jinja2', 'docx', 'pypdfium2', 'bleach') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]"
