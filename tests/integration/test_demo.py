"""The demo: a whole e-discussion through real servers, and what it leaves behind."""

from __future__ import annotations

import email
import email.policy
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from m4dbot.cli import cli
from m4dbot.demo.page import Event
from m4dbot.demo.play import play
from m4dbot.demo.players import script
from m4dbot.discussion.file import parse_discussion
from m4dbot.errors import M4dbotError


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    folder = tmp_path_factory.mktemp("demo") / "played"
    events: list[Event] = []
    play(folder, events.append)
    return folder, events


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "m4dbot.sqlite") as connection:
        return connection.execute(query).fetchall()


def test_every_mail_of_the_script_becomes_what_it_is(played: tuple[Path, list[Event]]) -> None:
    """Contributions, an auto-reply, a bounce, spam, somebody leaving, a correction; the repeated mail only once."""
    folder, _ = played
    found = dict(rows(folder, "SELECT disposition, count(*) FROM message GROUP BY 1"))
    discussion = parse_discussion((folder / "discussion.toml").read_text(encoding="utf-8"))
    lines = script(discussion.zone)
    people = [e for e in lines if e.again is None and e.style not in {"vacation", "spam", "leave", "correct"}]
    assert found == {
        "contribution": len(people),
        "auto-reply": 1,
        "bounce": 1,
        "spam": 1,
        "left": 1,
        "corrected": 1,
    }


def test_passages_stand_where_a_careful_reader_would_file_them(played: tuple[Path, list[Event]]) -> None:
    """No passage stands under a wrong question; nearly all questions that were answered are found."""
    folder, _ = played
    discussion = parse_discussion((folder / "discussion.toml").read_text(encoding="utf-8"))
    by_subject = {(e.sender, e.at.astimezone().isoformat()): e for e in script(discussion.zone)}
    expected = {e.name: set(e.expect) for e in by_subject.values() if e.expect}
    found: dict[str, set[str]] = {}
    query = (
        "SELECT m.message_id, p.week, p.question FROM passage p JOIN contribution c ON c.id = p.contribution_id "
        "JOIN message m ON m.id = c.message_id WHERE p.question IS NOT NULL AND p.set_by = 'machine'"
    )
    for message_id, week, question in rows(folder, query):
        found.setdefault(str(message_id).partition(".")[0], set()).add(f"w{week}q{question}")
    wrong = {name: tags - expected[name] for name, tags in found.items() if tags - expected[name]}
    assert not wrong
    # What the facilitator had to file by hand is not the machine's merit.
    asked = sum(len({t for t in tags if "q" in t}) for tags in expected.values())
    assert sum(map(len, found.values())) >= 0.8 * asked


def test_the_page_shows_everything_and_every_link_leads_somewhere(played: tuple[Path, list[Event]]) -> None:
    """index.html names each contribution and its files exist."""
    import re

    folder, _ = played
    page = (folder / "index.html").read_text(encoding="utf-8")
    for link in re.findall(r'(?:href|src)="([^"#]+)"', page):
        assert (folder / link).exists(), link
    for name in ("Grace Wanjiru", "Mme Ndeye Faye", "Waiting for you", "Aïcha Benali"):
        assert name in page


def test_all_mail_went_out_as_mail_should(played: tuple[Path, list[Event]]) -> None:
    """Every delivery was sent, once, and each file parses without a defect; the one that bounced is known to."""
    folder, _ = played
    states = dict(rows(folder, "SELECT state, count(*) FROM delivery GROUP BY 1"))
    assert states.pop("failed") == 1
    assert set(states) == {"sent"}
    files = sorted((folder / "mails").glob("*.eml"))
    assert rows(folder, "SELECT count(*) FROM delivery") == [(len(files),)]
    ids = set()
    for path in files:
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert not mail.defects
        assert mail["From"]
        assert "meals@groups.example.org" in str(mail["From"])
        ids.add(str(mail["Message-ID"]))
    assert len(ids) == len(files)


def test_who_left_gets_nothing_more(played: tuple[Path, list[Event]]) -> None:
    """Nimal left in week 4 by the address in List-Unsubscribe."""
    folder, _ = played
    assert rows(folder, "SELECT state FROM subscriber WHERE address LIKE 'nimal%'") == [("left",)]
    left_at = rows(folder, "SELECT left_at FROM subscriber WHERE address LIKE 'nimal%'")[0][0]
    query = (
        "SELECT count(*) FROM delivery d JOIN mailing m ON m.id = d.mailing_id "
        f"WHERE d.recipient LIKE 'nimal%' AND m.created_at > '{left_at}'"
    )
    assert rows(folder, query) == [(0,)]


def test_the_commands_it_names_work(played: tuple[Path, list[Event]]) -> None:
    """A newcomer can type them one after the other."""
    folder, _ = played
    runner = CliRunner()
    held = rows(folder, "SELECT min(id) FROM contribution WHERE state = 'held'")[0][0]
    config = str(folder / "config.toml")
    for words in (["queue"], ["show", str(held)], ["approve", str(held)], ["outbox", "list"]):
        result = runner.invoke(cli, ["--config", config, *words])
        assert result.exit_code == 0, (words, result.output)
        assert result.output.strip()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    """The demo clears only what an earlier demo made."""
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(M4dbotError, match="holds other things"):
        play(tmp_path, lambda _event: None)
    assert (tmp_path / "precious.txt").read_text(encoding="utf-8") == "mine"


def test_the_command_shows_a_timeline_and_what_to_try(tmp_path: Path) -> None:
    """As typed in a terminal: days, events, and the commands at the end."""
    run = subprocess.run(
        [sys.executable, "-m", "m4dbot", "demo", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert run.returncode == 0, run.stderr
    assert "Questions of week 1 → 21 readers" in run.stdout
    assert "ordinal: 'Pregunta 3'" in run.stdout
    assert run.stdout.rstrip().endswith("the discussion at a glance")
    assert run.stderr == ""
