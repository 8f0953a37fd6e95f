"""The documents say what is true."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from m4dbot.cli import cli
from m4dbot.config import parse_config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        inner = group.get_command(context, name)
        assert inner is not None
        yield (*path, name)
        if isinstance(inner, click.Group):
            yield from commands(inner, (*path, name))


def test_the_command_reference_is_up_to_date() -> None:
    """`scripts/commands` writes docs/commands.md; whoever changes a command runs it."""
    run = subprocess.run([sys.executable, str(ROOT / "scripts" / "commands"), "--check"], check=False)
    assert run.returncode == 0, "run scripts/commands"


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_every_command_is_documented(path: tuple[str, ...]) -> None:
    """In the reference; and its top command in a guide, where a person would look."""
    reference = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert f"m4dbot {' '.join(path)}\n" in reference
    guides = "\n".join(p.read_text(encoding="utf-8") for p in PAGES if p.name != "commands.md")
    assert re.search(rf"\b{path[0]}\b", guides)


def test_commands_in_the_guides_exist() -> None:
    """What a guide tells people to type is there to be typed, options included."""
    known = {" ".join(path) for path in commands(cli)}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                typed = re.match(r"\s*(?:\S*/)?m4dbot\s+(?:--config \S+ )?([a-z][\w-]*)(?:\s+([a-z]+))?", line)
                if typed is None:
                    continue
                one, two = typed[1], f"{typed[1]} {typed[2]}"
                assert one in known, (page.name, line)
                command = cli.get_command(click.Context(cli), one)
                if isinstance(command, click.Group):
                    assert two in known, (page.name, line)
                    command = command.get_command(click.Context(command), str(typed[2]))
                assert command is not None
                options = {o for p in command.params for o in p.opts}
                for option in re.findall(r"(?<=\s)--[a-z-]+", line.partition("m4dbot")[2].partition("#")[0]):
                    assert option in options | {"--config"}, (page.name, line, option)


def test_links_between_the_pages_lead_somewhere() -> None:
    """Files and pictures."""
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), (page.name, link)


def test_the_example_configuration_loads() -> None:
    """As it is, and with every line that is commented out taken in."""
    path = ROOT / "config.example.toml"
    text = path.read_text(encoding="utf-8")
    assert parse_config(text, path).group
    whole = re.sub(r"(?m)^# (?=\[[a-z.]+\]$|[a-z_]+ = )", "", text)
    config = parse_config(whole, path)
    assert config.imap is not None
    assert config.smtp is not None
    assert config.lmtp is not None


def test_examples_of_discussions_in_the_guides_are_right() -> None:
    """The file shown to facilitators is one that passes the check."""
    from m4dbot.discussion.file import parse_discussion

    text = (ROOT / "docs" / "facilitator.md").read_text(encoding="utf-8")
    found = re.findall(r"```toml\n(slug.*?)```", text, re.DOTALL)
    assert found
    for each in found:
        assert parse_discussion(each).weeks
