"""The queue and what is decided from it, as a facilitator types it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from m4dbot.cli import text
from m4dbot.config import load_config
from m4dbot.store.prepare import prepared
from tests.cli.running import Runner
from tests.integration.moderation.make import WATER, contribution, load

STEERING = "\x1b[31m\x07\x9b2J\u202eevil"


@pytest.fixture
def waiting(m4dbot: Runner) -> Runner:
    """A runner with three contributions in the queue: 1 and 2 of water-2027, 3 of no discussion and hostile."""
    database = prepared(load_config(None))
    with database.write() as session:
        discussion = load(session, WATER)
        contribution(session, ("The committee repairs it.", 1, 1), ("It costs fifty.", 1, 2), discussion_id=discussion)
        contribution(session, ("We pay by the bucket.", 2, 1), discussion_id=discussion)
        contribution(
            session,
            (STEERING, None, None),
            author=(STEERING, "mallory@example.org"),
            subject=STEERING,
            hold_reason=STEERING,
        )
    database.close()
    return m4dbot


def test_the_queue_shows_what_waits(waiting: Runner) -> None:
    """Who, in which language, when (on the group's clock), filed where and how sure, the first words, the reason."""
    said = waiting("queue").out
    assert "3 contributions wait in water" in said
    assert "Grace Wanjiru" in said
    assert "en · Wed 10 Mar 13:00 · W1 Q1 ? · W1 Q2 ?" in said
    assert "“The committee repairs it. It costs fifty.”" in said
    assert "every contribution is read" in said
    assert all(text.columns(line) <= 80 for line in said.splitlines())


def test_nothing_in_a_mail_steers_the_terminal(waiting: Runner) -> None:
    """Control characters and direction marks of a mail reach neither queue, show nor JSON as they are."""
    for args in (("queue",), ("show", "3"), ("mail", "list"), ("queue", "--json"), ("show", "3", "--json")):
        said = waiting(*args).out
        assert not set(said) & set("\x1b\x07\x9b\u202e"), args
    assert waiting("queue", "--json").json[2]["author"]["name"] == STEERING


def test_the_queue_is_filtered(waiting: Runner) -> None:
    """By group and by discussion; what does not exist is named."""
    assert len(waiting("queue", "--json", "--discussion", "water-2027").json) == 2
    assert len(waiting("queue", "--json", "--group", "water").json) == 3
    assert "no group 'soil'" in waiting("queue", "--group", "soil", code=1).err
    assert "no discussion 'soil-2027'" in waiting("queue", "--discussion", "soil-2027", code=1).err


def test_an_empty_queue_of_a_new_installation(m4dbot: Runner) -> None:
    """Before anything was ever run the queue is simply empty."""
    assert "Nothing waits" in m4dbot("queue").out
    assert m4dbot("queue", "--json").json == []


def test_show_has_everything(waiting: Runner) -> None:
    """Passages with tags, confidence and evidence, what was cut, and the decisions."""
    waiting("hold", 1, "--reason", "asked the author", "--as", "Fay@groups.example.org")
    said = waiting("show", 1).out
    for part in (
        "1.1  W1 Q1  80%, look at it",
        "ordinal: 'Question 1'",
        "> What does a repair cost?",
        "asked the author",
    ):
        assert part in said
    assert "hold by fay@groups.example.org, cli" in said
    assert all(text.columns(line) <= 80 for line in said.splitlines())
    found = waiting("show", 1, "--json").json[0]
    assert [p["question"] for p in found["passages"]] == [1, 2]
    assert found["decisions"][0]["reason"] == "asked the author"


def test_several_at_once_and_twice(waiting: Runner) -> None:
    """Numbers and ranges; what was decided before is told and is no error."""
    said = waiting("approve", "1-2", "--as", "fay@groups.example.org").out
    assert "1 approved: number 1" in said
    assert "2 approved: number 2" in said
    again = waiting("approve", "2", "1").out
    assert "2 was approved by fay@groups.example.org" in again
    assert waiting("queue", "--json").json[0]["id"] == 3


def test_refusals_are_told_and_give_status_1(waiting: Runner) -> None:
    """What cannot be done is said in a sentence; the rest is done."""
    ran = waiting("approve", "1", "3", code=None)
    assert (ran.code, "1 approved" in ran.out) == (0, True), "the only discussion takes what belongs to none"
    ran = waiting("reject", "1", "2", "--reason", "for the organisers", code=1)
    assert "cannot be taken back" in ran.err
    assert "2 rejected." in ran.out
    assert "no contribution 77" in waiting("approve", "77", code=1).err
    assert "from 70 to 79" in waiting("approve", "70-79", code=1).err


def test_a_dry_run_changes_nothing(waiting: Runner) -> None:
    """--dry-run says what would be and leaves the queue as it is."""
    said = waiting("approve", "1", "--dry-run").out
    assert "Nothing was changed" in said
    assert "1 approved" in said
    assert len(waiting("queue", "--json").json) == 3


@pytest.mark.parametrize(
    "args",
    [
        ("approve",),
        ("approve", "x"),
        ("approve", "5-1"),
        ("approve", "1-99999999"),
        ("approve", "1", "--as", "no address"),
        ("retag", "1", "Q1"),
        ("retag", "1.x", "W1"),
        ("retag", "W1"),
        ("edit", "1"),
        ("edit", "x"),
        ("show",),
        ("queue", "--no-such"),
        ("mail", "list", "--what", "nonsense"),
        ("outbox", "cancel"),
        ("subscribers", "set", "a@b.org"),
        ("subscribers", "add", "no address"),
    ],
)
def test_wrong_use_is_status_2(waiting: Runner, args: tuple[str, ...]) -> None:
    """Wrong use is said in a sentence, and nothing is done."""
    assert waiting(*args, code=2).err


def test_retag_one_passage_or_all(waiting: Runner) -> None:
    """The facilitator's tag is marked as sure in the queue; a question that does not exist is refused."""
    waiting("retag", "1.2", "W2 Q1")
    assert "W1 Q1 ? · W2 Q1 ✓" in waiting("queue").out
    waiting("retag", "1", "2", "none")
    assert [p["week"] for p in waiting("show", 1, "--json").json[0]["passages"]] == [None, None]
    assert "there is no W1 Q9" in waiting("retag", "1", "W1 Q9", code=1).err
    assert "weeks 1 to 2" in waiting("retag", "1", "W9", code=1).err


def test_edit_from_a_file(waiting: Runner) -> None:
    """The whole text anew keeps the tags; the original is kept; an empty file changes nothing."""
    corrected = b"The committee repairs it.\n\nIt costs sixty, and that is too much."
    waiting("edit", 1, "--file", "-", stdin=corrected)
    found = waiting("show", 1, "--json").json[0]
    assert found["original_text"] == "The committee repairs it.\n\nIt costs fifty."
    assert found["edited_text"] == corrected.decode()
    assert [(p["question"], p["set_by"]) for p in found["passages"]] == [(1, "machine"), (2, "machine")]
    assert "unchanged" in waiting("edit", 1, "--file", "-", stdin=b"\n").out
    assert "not UTF-8" in waiting("edit", 1, "--file", "-", stdin=b"\xff\xfe\xff", code=1).err


def test_edit_fields_on_the_command_line(waiting: Runner) -> None:
    """The contributor line, the note and the language can be set without an editor."""
    waiting("edit", 2, "--place", "Nyeri", "--note", "See also number 1.", "--language", "sw")
    found = waiting("show", 2, "--json").json[0]
    assert (found["contributor"]["place"], found["note"], found["language"]) == ("Nyeri", "See also number 1.", "sw")
    assert "no language code" in waiting("edit", 2, "--language", "Swahili!", code=1).err


def editor(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that runs a line of shell on its file."""
    path = folder / "editor"
    path.write_text(f'#!/bin/sh\nf="$1"\n{script}\n', encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", str(path))
    monkeypatch.setenv("EDITOR", str(path))
    monkeypatch.setattr("m4dbot.cli.common.on_terminal", lambda: True)


def test_edit_in_an_editor(waiting: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields and passages come back changed; a changed tag line files a passage elsewhere."""
    editor(
        waiting.folder,
        """sed -i 's/fifty/sixty/; s/^=== W1 Q2/=== W2 Q1/; s/^Place:/Place: Nyeri/' "$f" """,
        monkeypatch,
    )
    waiting("edit", 1)
    found = waiting("show", 1, "--json").json[0]
    assert found["contributor"]["place"] == "Nyeri"
    assert [(p["text"], p["week"], p["set_by"]) for p in found["passages"]] == [
        ("The committee repairs it.", 1, "machine"),
        ("It costs sixty.", 2, "facilitator"),
    ]


def test_an_editor_left_without_a_change(waiting: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes, and no decision is written."""
    editor(waiting.folder, ":", monkeypatch)
    assert "unchanged" in waiting("edit", 1).out
    assert waiting("show", 1, "--json").json[0]["decisions"] == []


def test_a_mistake_in_the_editor_loses_no_work(waiting: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag line that names no question is refused with its line, and the text is kept."""
    monkeypatch.setenv("TMPDIR", str(waiting.folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    editor(waiting.folder, """sed -i 's/fifty/sixty/; s/^=== W1 Q2/=== W7 Q1/' "$f" """, monkeypatch)
    said = waiting("edit", 1, code=1).err
    kept = next(waiting.folder.glob("m4dbot-1-*.txt"))
    assert "weeks 1 to 2" in said
    assert str(kept) in said
    assert "sixty" in kept.read_text(encoding="utf-8")


def test_who_decides_without_saying(waiting: Runner) -> None:
    """Without --as and M4DBOT_FACILITATOR the account is recorded, so marked that nobody takes it for an address."""
    waiting("hold", 1, "--reason", "?")
    by = waiting("show", 1, "--json").json[0]["decisions"][0]["by"]
    assert by.endswith(" (cli)")
    os.environ["M4DBOT_FACILITATOR"] = "fay@groups.example.org"
    try:
        waiting("hold", 2, "--reason", "?")
    finally:
        del os.environ["M4DBOT_FACILITATOR"]
    assert waiting("show", 2, "--json").json[0]["decisions"][0]["by"] == "fay@groups.example.org"


def test_a_name_that_is_no_facilitators_is_noticed(waiting: Runner) -> None:
    """It is recorded as given, with a note: a slip should not become the record unseen."""
    assert "not among the facilitators" in waiting("hold", 1, "--reason", "?", "--as", "fya@groups.example.org").err
    assert "Note" not in waiting("hold", 2, "--reason", "?", "--as", "fay@groups.example.org").err
