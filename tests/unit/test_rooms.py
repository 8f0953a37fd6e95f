"""The house: which room may know which."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "m4dbot"
PURE = ("discussion", "reading", "tagging")
VALUES = {"m4dbot.discussion.model", "m4dbot.reading.values", "m4dbot.tagging.values", "m4dbot.errors"}
# Of the rooms that decide, only the parser of the facilitator's file may use the file reader's vocabulary.
ALLOWED = {"m4dbot/discussion/file.py": {"m4dbot.toml_files"}}
IO = {
    "socket",
    "ssl",
    "sqlalchemy",
    "imapclient",
    "imaplib",
    "smtplib",
    "aiosmtpd",
    "asyncio",
    "subprocess",
    "requests",
}
CLOCKS = {"now", "today", "utcnow"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            if node.module == "m4dbot":
                found |= {f"m4dbot.{alias.name}" for alias in node.names}
    return found - {"m4dbot"}


@pytest.mark.parametrize("room", PURE)
def test_rooms_that_decide_touch_nothing(room: str) -> None:
    """discussion/, reading/ and tagging/ import each other's values, no other room and no I/O library."""
    for path in (PACKAGE / room).rglob("*.py"):
        name = str(path.relative_to(PACKAGE.parent))
        for module in imports(path):
            if module.split(".")[0] == "m4dbot":
                own = module.startswith(f"m4dbot.{room}")
                assert own or module in VALUES | ALLOWED.get(name, set()), f"{name} imports {module}"
            assert module.split(".")[0] not in IO, f"{name} imports {module}"


def test_only_the_bot_and_the_command_line_read_a_clock() -> None:
    """Everything below receives `now`."""
    for path in PACKAGE.rglob("*.py"):
        relative = path.relative_to(PACKAGE)
        if relative.parts[0] in {"cli", "demo"} or relative.name == "bot.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
                owner = ast.unparse(node.func.value)
                assert owner not in {"datetime", "date", "datetime.datetime", "datetime.date"}, f"{relative}: {owner}"
