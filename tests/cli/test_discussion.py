"""`m4dbot discussion`."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from pathlib import Path

import pytest

from m4dbot.cli import text
from m4dbot.cli.discussion_text import Draft, written
from m4dbot.discussion.file import parse_discussion
from tests.cli.running import Runner
from tests.integration.moderation.make import WATER

DURING = datetime(2027, 3, 3, 12, tzinfo=UTC)  # a Wednesday in week 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The commands' clock; assign clock[0] to set it."""
    times = [datetime(2027, 2, 1, 12, tzinfo=UTC)]
    monkeypatch.setattr("m4dbot.cli.common.now", lambda: times[0])
    return times


def put(folder: Path, content: str = WATER, name: str = "water.toml") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_new_writes_what_check_and_load_accept(m4dbot: Runner) -> None:
    """The example is commented, has no mistakes, and is never written over another file."""
    m4dbot("discussion", "new", "mine.toml")
    source = (m4dbot.folder / "mine.toml").read_text(encoding="utf-8")
    assert sum(line.startswith("#") for line in source.splitlines()) > 20
    assert "good" in m4dbot("discussion", "check", "mine.toml").out
    m4dbot("discussion", "load", "mine.toml")
    assert "left as it is" in m4dbot("discussion", "new", "mine.toml", code=1).err
    assert (m4dbot.folder / "mine.toml").read_text(encoding="utf-8") == source


def test_the_comments_of_a_new_discussion_are_true() -> None:
    """Every commented-out line, taken in, is valid and a default of what it shows."""
    draft = Draft(
        "d-1", {"en": 'A "title" \\ é'}, "UTC", ["en"], datetime(2027, 3, 1, tzinfo=UTC).date(), [[{"en": "?"}]]
    )
    source = written(draft)
    value = parse_discussion(source)
    assert value.title("en") == 'A "title" \\ é'
    head, welcome, rest = source.partition("# [welcome]")
    open_mails = "\n".join(
        line.removeprefix("# ")
        if line.startswith(
            ("# [mails]", "# announcement", "# questions_at", "# reminder", "# digest", "# last_call", "# thanks")
        )
        else line
        for line in rest.splitlines()
    )
    assert parse_discussion(head + welcome + open_mails).hours == value.hours


def test_new_asks_on_a_terminal(m4dbot: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers become the file; an empty one to a translation leaves it out."""
    monkeypatch.setattr("m4dbot.cli.common.on_terminal", lambda: True)
    answers = ["", "en fr", "Wells", "Puits", "Mars/Crater", "Africa/Nairobi", "2027-03-01", "1", "1", "Who digs?", ""]
    m4dbot("discussion", "new", "wells.toml", stdin="\n".join([*answers, ""]).encode())
    value = parse_discussion((m4dbot.folder / "wells.toml").read_text(encoding="utf-8"))
    assert (value.slug, value.timezone, value.languages) == ("wells", "Africa/Nairobi", ("en", "fr"))
    assert value.weeks[0].questions[0].text.by_language == {"en": "Who digs?"}


def test_check_finds_every_mistake_of_every_file(bare: Runner) -> None:
    """All mistakes with file and line; a file without any is good; the status is 1. No configuration is needed."""
    put(bare.folder)
    put(bare.folder, WATER.replace("Europe/Brussels", "Mars/Crater").replace("2027-03-14", "2027-03-07"), "bad.toml")
    ran = bare("discussion", "check", "water.toml", "bad.toml", "none.toml", code=1)
    assert "good   water.toml: water-2027, 2 weeks, 3 questions, en, fr" in ran.out
    assert "Mars/Crater" in ran.out
    assert "is before opens" in ran.out
    assert "none.toml: there is no such file" in ran.out
    found = bare("discussion", "check", "bad.toml", "--json", code=1).json
    assert len(found[0]["problems"]) >= 2
    assert (
        "no text in fr" in bare("discussion", "check", put(bare.folder, WATER.replace(', fr = "Qui paie ?"', ""))).out
    )


def test_load_and_load_again(m4dbot: Runner, clock: list[datetime]) -> None:
    """Loaded again, a file shows what changes; without a change nothing happens; --dry-run keeps the old one."""
    file = put(m4dbot.folder)
    m4dbot("discussion", "load", file)
    assert "nothing changes" in m4dbot("discussion", "load", file).out
    put(m4dbot.folder, WATER.replace("What does a repair cost?", "What does one repair cost?"))
    said = m4dbot("discussion", "load", file, "--dry-run").out
    assert "week 1, question 2 (en)" in said
    assert "  - What does a repair cost?" in said
    assert "  + What does one repair cost?" in said
    assert m4dbot("discussion", "show", "water-2027", "--json").json["questions"][1]["text"]["en"] == (
        "What does a repair cost?"
    )
    m4dbot("discussion", "load", file)
    assert "one repair" in m4dbot("discussion", "show", "water-2027", "--json").json["questions"][1]["text"]["en"]
    assert len(m4dbot("discussion", "list", "--json").json) == 1


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("Who repairs the pump when it breaks?", "Who mends it?", "week 1, question 1 (en)"),
        ("opens = 2027-03-01", "opens = 2027-03-02", "week 1: opens"),
        ("Europe/Brussels", "Africa/Nairobi", "timezone"),
    ],
)
def test_what_people_were_told_is_not_changed_by_the_way(
    m4dbot: Runner, clock: list[datetime], old: str, new: str, place: str
) -> None:
    """After week 1's questions went out, its texts and days are changed only with --force-sent."""
    from m4dbot.config import load_config
    from m4dbot.publishing.due import run_due
    from m4dbot.store.prepare import prepared

    file = put(m4dbot.folder)
    m4dbot("subscribers", "add", "rita@example.org")
    m4dbot("discussion", "load", file)
    clock[0] = DURING
    config = load_config(None)
    database = prepared(config)
    run_due(database, config, DURING)
    database.close()
    put(m4dbot.folder, WATER.replace(old, new))
    ran = m4dbot("discussion", "load", file, code=1)
    assert place in ran.out
    assert "--force-sent" in ran.err
    assert "nothing changes" in m4dbot("discussion", "load", put(m4dbot.folder)).out
    put(m4dbot.folder, WATER.replace(old, new))
    m4dbot("discussion", "load", file, "--force-sent")


def test_what_is_still_to_come_can_be_changed(m4dbot: Runner, clock: list[datetime]) -> None:
    """Week 2 is nobody's yet while week 1 is on."""
    file = put(m4dbot.folder)
    m4dbot("discussion", "load", file)
    clock[0] = DURING
    put(m4dbot.folder, WATER.replace("Who pays for it?", "Who pays?").replace("2027-03-14", "2027-03-16"))
    said = m4dbot("discussion", "load", file).out
    assert "week 2: closes" in said
    assert "Loaded" in said


def test_a_question_with_answers_is_not_dropped(m4dbot: Runner, clock: list[datetime]) -> None:
    """A question that contributions are filed under stays, unless that is meant."""
    from m4dbot.config import load_config
    from m4dbot.store.prepare import prepared
    from tests.integration.moderation.make import contribution

    file = put(m4dbot.folder)
    m4dbot("discussion", "load", file)
    database = prepared(load_config(None))
    with database.write() as session:
        contribution(session, ("Fifty.", 1, 2), discussion_id=1)
    database.close()
    second = '[[week.question]]\ntext = { en = "What does a repair cost?", fr = "Combien coûte une réparation ?" }\n'
    put(m4dbot.folder, WATER.replace(second, ""))
    assert "1 contribution is filed there" in m4dbot("discussion", "load", file, code=1).out


def test_show_has_calendar_and_answers(m4dbot: Runner, clock: list[datetime]) -> None:
    """What has gone out, what comes next, and how many answered what, within 80 columns."""
    m4dbot("discussion", "load", put(m4dbot.folder))
    said = m4dbot("discussion", "show", "water-2027").out
    assert "→ Fri 26 Feb 09:00  announcement" in said
    assert "W2 Q1" in said
    assert all(text.columns(line) <= 80 for line in said.splitlines())
    assert "there is: water-2027" in m4dbot("discussion", "show", "soil", code=1).err


def test_rehearse_shows_every_mail(m4dbot: Runner, clock: list[datetime]) -> None:
    """Each mail with its hour in the discussion's zone, to how many, in which languages; a folder gets the mails."""
    m4dbot("subscribers", "add", "rita@example.org", "--language", "fr")
    m4dbot("subscribers", "add", "tom@example.org", "--language", "en", "--delivery", "summary")
    file = put(m4dbot.folder)
    said = m4dbot("discussion", "rehearse", file, "--write", "out").out
    assert "Mon 1 Mar 08:00   questions 1         1  1 fr" in said
    mails = sorted((m4dbot.folder / "out").glob("*.eml"))
    assert len(mails) == len(m4dbot("discussion", "rehearse", file, "--json").json)
    for path in mails:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert message["To"].addresses[0].addr_spec == "reader@example.org"
        assert path.with_suffix(".html").exists()
    assert "not an empty folder" in m4dbot("discussion", "rehearse", file, "--write", "out", code=1).err
    assert m4dbot("outbox", "list").out.startswith("Nothing has been queued")


def test_rehearse_without_a_configuration(bare: Runner) -> None:
    """A file can be rehearsed anywhere."""
    assert "no configuration here" in bare("discussion", "rehearse", put(bare.folder)).out
    assert bare("discussion", "rehearse", "water-2027", code=1).err


def test_close_is_asked_for_while_mails_are_left(m4dbot: Runner, clock: list[datetime]) -> None:
    """A running discussion is closed with --yes only; afterwards nothing is due and closing again is harmless."""
    m4dbot("discussion", "load", put(m4dbot.folder))
    assert "--yes" in m4dbot("discussion", "close", "water-2027", code=1).err
    m4dbot("discussion", "close", "water-2027", "--yes")
    assert "nothing changed" in m4dbot("discussion", "close", "water-2027").out
    assert {o["state"] for o in m4dbot("discussion", "show", "water-2027", "--json").json["calendar"]} == {"dropped"}
    changed = put(m4dbot.folder, WATER.replace("Who pays for it?", "Who pays?"))
    assert "is closed" in m4dbot("discussion", "load", changed, code=1).err


def test_a_discussion_stays_in_its_group(m4dbot: Runner) -> None:
    """Of several groups one has to be named, and a loaded discussion does not move to another."""
    more = '\n[[group]]\nslug = "soil"\naddress = "soil@groups.example.org"\nname = "Soil"\n'
    with (m4dbot.folder / "config.toml").open("a", encoding="utf-8") as stream:
        stream.write(more)
    file = put(m4dbot.folder)
    assert "several groups" in m4dbot("discussion", "load", file, code=1).err
    m4dbot("discussion", "load", file, "--group", "soil")
    assert "another group" in m4dbot("discussion", "load", file, "--group", "water", code=1).err
