"""The form in which a contribution is edited: fields, then each passage under its tag."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from m4dbot.errors import M4dbotError, NotFound
from m4dbot.moderation.decisions import Edit, Piece, named, passages_of, resplit, tag_named
from m4dbot.store.tables import Contribution
from m4dbot.tagging.values import Tag

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# What the form calls a field, and what it is called here; the first four are the contributor line.
FIELDS = {
    "Name": "name",
    "Role": "role",
    "Organisation": "organisation",
    "Place": "place",
    "On behalf of": "on_behalf_of",
    "Language": "language",
    "Note": "note",
}
CONTRIBUTOR = ("name", "role", "organisation", "place")
HELP = """\
# Lines that begin with # above the first passage are left out.
# Each passage stands under a line with its tag: === W2 Q1, === W2, or === none.
# A new such line splits a passage, removing one joins it with the passage before.
# An empty file changes nothing.
"""
_SEPARATOR = re.compile(r"^===[ \t]*(\S.{0,60}?)[ \t]*(?:===)?[ \t]*$")
_LOOKS_LIKE_ONE = re.compile(r"^(\\*)===", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Form:
    """A contribution as it is published now."""

    pieces: tuple[Piece, ...]
    fields: dict[str, str] = field(default_factory=dict)

    def written(self) -> str:
        """The form as text for an editor."""
        lines = [HELP.rstrip("\n")]
        lines += [f"{label}: {' '.join(self.fields.get(name, '').split())}".rstrip() for label, name in FIELDS.items()]
        for piece in self.pieces:
            # Words that look like a tag line get a backslash, which is taken off again.
            words = _LOOKS_LIKE_ONE.sub(r"\1\\===", piece.text)
            lines += ["", f"=== {named(piece.tag)}", words]
        return "\n".join(lines) + "\n"


def form_of(session: Session, contribution_id: int) -> Form:
    """The form of a contribution. Raises NotFound."""
    row = session.get(Contribution, contribution_id)
    if row is None:
        raise NotFound(f"There is no contribution {contribution_id}; `m4dbot queue` lists what waits.")
    values = {name: str(row.contributor.get(name, "")) for name in CONTRIBUTOR}
    values |= {"on_behalf_of": row.on_behalf_of, "language": row.language, "note": row.note}
    pieces = tuple(Piece(p.text, Tag(p.week, p.question)) for p in passages_of(session, contribution_id))
    return Form(pieces or (Piece(row.original_text, Tag()),), values)


def change_of(form: Form, content: str | None, given: Mapping[str, str]) -> Edit:
    """What the edited text and the fields given on the command line change. Raises M4dbotError with the line."""
    values = dict(given)
    pieces = None
    if content is not None and content.strip():
        if any(_SEPARATOR.match(line) for line in content.splitlines()):
            edited = parse(content)
            pieces = edited.pieces
            values = {**edited.fields, **values}
        else:
            pieces = resplit(form.pieces, _without_help(content))
    if pieces is not None and _same(pieces, form.pieces):
        pieces = None
    # A field holds one line, so one whose blanks alone differ was not touched.
    changed = {k: v for k, v in values.items() if " ".join(v.split()) != " ".join(form.fields.get(k, "").split())}
    if code := changed.get("language"):
        from m4dbot.discussion.file import LANGUAGE

        if not LANGUAGE.fullmatch(code):
            raise M4dbotError(f"'{code}' is no language code; use codes such as en, fr, es.")
    line = {k: v for k, v in changed.items() if k in CONTRIBUTOR}
    return Edit(
        pieces=pieces,
        contributor=line or None,
        on_behalf_of=changed.get("on_behalf_of"),
        language=changed.get("language"),
        note=changed.get("note"),
    )


def parse(content: str) -> Form:
    """The form read back. Raises M4dbotError naming the line of a mistake."""
    values: dict[str, str] = {}
    pieces: list[tuple[Tag, list[str]]] = []
    for number, line in enumerate(content.replace("\r\n", "\n").split("\n"), 1):
        if (found := _SEPARATOR.match(line)) is not None:
            try:
                pieces.append((tag_named(found[1]), []))
            except M4dbotError as exc:
                raise M4dbotError(f"line {number}: {exc}") from None
        elif pieces:
            pieces[-1][1].append(re.sub(r"^\\(\\*===)", r"\1", line))
        elif line.strip() and not line.startswith("#"):
            label, colon, value = line.partition(":")
            if not colon or label.strip() not in FIELDS:
                known = ", ".join(FIELDS)
                raise M4dbotError(f"line {number}: '{line.strip()[:40]}' is no field; there is: {known}.")
            values[FIELDS[label.strip()]] = value.strip()
    return Form(tuple(Piece("\n".join(lines).strip("\n"), tag) for tag, lines in pieces), values)


def in_editor(content: str, contribution_id: int) -> tuple[str | None, Path]:
    """What the person saved, and the file it is kept in until the change is stored; None where nothing was saved."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix=f"m4dbot-{contribution_id}-", suffix=".txt", delete=False
    ) as stream:
        stream.write(content)
        path = Path(stream.name)
    try:
        click.edit(filename=str(path))
    except click.ClickException as exc:
        raise M4dbotError(
            f"The editor could not be used ({exc.format_message()}); set EDITOR, or use --file."
        ) from None
    try:
        saved = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise M4dbotError(f"The edited text in {path} is not UTF-8; save it as UTF-8 and use --file.") from None
    return (None if saved == content else saved), path


def _without_help(content: str) -> str:
    lines = content.replace("\r\n", "\n").split("\n")
    known = set(HELP.splitlines())
    return "\n".join(line for line in lines if line not in known)


def _same(one: tuple[Piece, ...], other: tuple[Piece, ...]) -> bool:
    return [(p.text.strip("\n"), p.tag) for p in one] == [(p.text.strip("\n"), p.tag) for p in other]
