"""Odd and ordinary mail, each with what a careful reader makes of it.

A case is two files in tests/corpus/mails: NAME.eml, and NAME.expected.json with any of the keys
that `_CHECKS` knows. `surroundings` in it changes single values of the installation's below.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from m4dbot.intake.attachment_text import extract_text
from m4dbot.reading.commands import parse_command
from m4dbot.reading.plus import PlusKind, plus_of
from m4dbot.reading.read import read
from m4dbot.reading.values import Reading, Surroundings

MAILS = Path(__file__).resolve().parents[2] / "corpus" / "mails"
CASES = sorted(path.stem for path in MAILS.glob("*.eml"))

AROUND = Surroundings(
    group_address="water@lists.example.org",
    facilitators=("maria@facil.example",),
    own_list_ids=("water.lists.example.org",),
    own_domains=("lists.example.org",),
    languages=("en", "fr", "es"),
)


def _command(reading: Reading) -> Any:
    plus = next(
        (
            found
            for kind in (PlusKind.LEAVE, PlusKind.CORRECT, PlusKind.COMMAND)
            if (found := plus_of(reading.recipients, AROUND.group_address, "+", kind))
        ),
        None,
    )
    return parse_command(reading.subject, reading.own_text, plus)


_CHECKS: dict[str, Callable[[Reading], Any]] = {
    "kind": lambda r: r.kind.value,
    "language": lambda r: r.language,
    "author": lambda r: {"name": r.author.name, "address": r.author.address},
    "on_behalf_of": lambda r: r.on_behalf_of.name if r.on_behalf_of else None,
    "on_behalf_of_address": lambda r: r.on_behalf_of.address if r.on_behalf_of else None,
    "contributor": lambda r: str(r.contributor),
    "subject": lambda r: r.subject,
    "message_id": lambda r: r.message_id,
    "in_reply_to": lambda r: r.in_reply_to,
    "reply_to": lambda r: r.reply_to,
    "references_count": lambda r: len(r.references),
    "recipients": lambda r: list(r.recipients),
    "date": lambda r: r.date.isoformat() if r.date else None,
    "attachments": lambda r: [a.name for a in r.attachments],
    "bounces": lambda r: [[b.address, b.status, b.permanent] for b in r.bounces],
    "original_message_id": lambda r: r.original_message_id,
    "own": lambda r: r.own_text,
    "command": lambda r: _command(r).name.value,
    "correction": lambda r: [[t.week, t.question] for t in _command(r).tags],
}


@pytest.mark.parametrize("name", CASES)
def test_a_mail_of_the_corpus_is_read_as_expected(name: str) -> None:
    """What NAME.expected.json says of NAME.eml is what reading makes of it."""
    expected: dict[str, Any] = json.loads((MAILS / f"{name}.expected.json").read_text(encoding="utf-8"))
    around = replace(AROUND, **expected.pop("surroundings", {}))
    extract = extract_text if expected.pop("extract", False) else None

    reading = read((MAILS / f"{name}.eml").read_bytes(), around, extract)

    everything = "\n".join(block.text for block in reading.blocks)
    for words in expected.pop("own_contains", []):
        assert words in reading.own_text
    for words in expected.pop("own_excludes", []):
        assert words not in reading.own_text
    for words in expected.pop("text_contains", []):
        assert words in everything
    for words in expected.pop("notes_contain", []):
        assert words in "\n".join(reading.notes)
    assert {key: _CHECKS[key](reading) for key in expected} == expected, reading.reason
    assert reading.reason.endswith(".")


def test_every_expectation_has_its_mail() -> None:
    """No file of expectations is left without the mail it speaks of."""
    expectations = {path.name.removesuffix(".expected.json") for path in MAILS.glob("*.expected.json")}
    assert expectations == set(CASES)
    assert len(CASES) >= 80
