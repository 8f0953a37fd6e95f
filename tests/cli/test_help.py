"""Every command says what it is for."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from m4dbot.cli import COMMANDS, cli
from tests.cli.running import Runner


def commands() -> Iterator[tuple[str, ...]]:
    """The names of every command there is, subcommands too."""
    for name, (where, _) in COMMANDS.items():
        if importlib.util.find_spec(where.partition(":")[0]) is None:
            continue
        yield (name,)
        found = cli.get_command(click.Context(cli), name)
        if isinstance(found, click.Group):
            for sub in found.list_commands(click.Context(found)):
                yield (name, sub)


@pytest.mark.parametrize("names", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example(bare: Runner, names: tuple[str, ...]) -> None:
    """`--help` says what a command does and shows how it is called, within 100 columns."""
    said = bare(*names, "--help").out
    example = said.partition("Example: ")[2]
    assert " ".join(example.split()).startswith(f"m4dbot {' '.join(names)}") or "--config" in example
    assert all(len(line) <= 100 for line in said.splitlines())


def test_every_command_is_listed(bare: Runner) -> None:
    """`m4dbot --help` names every command with a line about it."""
    said = bare("--help").out
    assert all(f"  {name} " in said for name in COMMANDS)


def test_a_slip_gets_a_suggestion(bare: Runner) -> None:
    """A command that does not exist is wrong use, and the nearest one is named."""
    assert "`approve`" in bare("aprove", "12", code=2).err


def modules_after(folder: Path, *args: str) -> set[str]:
    """What a process of its own has imported when it has run a command."""
    script = f"import sys; from m4dbot.cli import invoke; assert invoke({list(args)}) == 0; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=folder)
    return {name.partition(".")[0] for name in ran.stdout.splitlines()[-1].split()}


def test_asking_for_help_waits_for_nothing(tmp_path: Path) -> None:
    """`m4dbot --help` imports none of the heavy modules."""
    heavy = {"sqlalchemy", "pydantic", "rich", "jinja2", "alembic"}
    assert not heavy & modules_after(tmp_path, "--help")


def test_the_queue_waits_for_little(m4dbot: Runner) -> None:
    """The queue, which is asked for all day, needs neither SQLAlchemy nor rich."""
    m4dbot("discussion", "list")  # makes the database
    assert not {"sqlalchemy", "rich", "alembic", "jinja2"} & modules_after(m4dbot.folder, "queue")
