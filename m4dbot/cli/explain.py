"""`m4dbot explain`: how mails are read and tagged, and why, without a database."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from m4dbot.reading.values import Reading
    from m4dbot.tagging.values import Tagging

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")
_NARROWEST, _WIDEST = 40, 110  # columns
_MARGIN = 9  # columns: " W12 Q10 "


@click.command()
@click.option(
    "--discussion",
    "discussion_file",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The discussion the mails belong to.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a mail, in input order.")
@click.option("--group", metavar="ADDRESS", default="", help="The group address, for plus-addresses and commands.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
def explain(discussion_file: Path, as_json: bool, group: str, paths: tuple[Path, ...]) -> None:
    """Show how mails are read and tagged, and why.

    PATH is an .eml file, an mbox, a Maildir or a folder of .eml files. Nothing is stored or sent.

    Example: m4dbot explain --discussion discussion.toml mail/
    """
    from m4dbot.discussion.file import parse_discussion
    from m4dbot.intake.attachment_text import extract_text
    from m4dbot.reading.read import read
    from m4dbot.reading.values import Surroundings
    from m4dbot.tagging.tagger import Tagger
    from m4dbot.tagging.values import Context
    from m4dbot.toml_files import read_text

    discussion = parse_discussion(read_text(discussion_file), str(discussion_file))
    tagger = Tagger(discussion)
    surroundings = Surroundings(group_address=group.casefold(), languages=discussion.languages)
    context = Context(group_address=group.casefold())
    width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((80, 24)).columns))
    first = True
    for name, raw in _with_progress(paths):
        reading = read(raw, surroundings, extract_text)
        tagging = tagger.tag(reading, context)
        if as_json:
            click.echo(json.dumps(as_object(name, reading, tagging), ensure_ascii=False))
        else:
            if not first:
                click.echo()
            click.echo("\n".join(_shown(name, reading, tagging, width)))
        first = False


def as_object(name: str, reading: Reading, tagging: Tagging) -> dict[str, Any]:
    """What `--json` prints of one mail. `question` counts inside its week; null where none is meant."""
    behalf = reading.on_behalf_of
    return {
        "file": name,
        "message_id": reading.message_id,
        "kind": reading.kind.value,
        "language": reading.language,
        "author": {"name": reading.author.name, "address": reading.author.address},
        "on_behalf_of": {"name": behalf.name, "address": behalf.address} if behalf else None,
        "segments": [
            {
                "text": s.text,
                "week": s.week,
                "question": s.question,
                "confidence": s.confidence,
                "evidence": list(s.evidence),
            }
            for s in tagging.segments
        ],
        "signature": reading.signature_text or None,
        "quoted": reading.quoted_text or None,
        "attachments": [
            {"name": a.name, "content_type": a.content_type, "size": a.size, "note": a.note}
            for a in reading.attachments
        ],
        "subject": reading.subject,
        "date": reading.date.isoformat() if reading.date else None,
        "reason": reading.reason,
        "notes": list(reading.notes),
    }


def _with_progress(paths: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
    """The mails; on a terminal that does not show them itself, with a count on standard error."""
    from m4dbot.intake.files import count_mails, mails_in

    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    counts = [count_mails(path) for path in paths] if shown else []
    total = sum(c for c in counts if c is not None) if counts and None not in counts else 0
    done = 0
    for path in paths:
        for item in mails_in(path):
            yield item
            done += 1
            if shown and done % 20 == 0:
                of = f" of {total}" if total else ""
                click.echo(f"\r{done}{of} mails", nl=False, err=True)
    if shown and done >= 20:
        click.echo("\r" + " " * 30 + "\r", nl=False, err=True)


def _shown(name: str, reading: Reading, tagging: Tagging, width: int) -> Iterator[str]:
    """One mail for reading: its head, its words in order with tags in the margin, what was cut dimmed."""
    yield click.style(_plain(name), bold=True)
    who = reading.author.name or reading.author.address or "unknown"
    if reading.on_behalf_of:
        who += f", on behalf of {reading.on_behalf_of.name or reading.on_behalf_of.address}"
    facts = [who, reading.language or "", f"{reading.date:%Y-%m-%d %H:%M} UTC" if reading.date else "no date"]
    yield " " * _MARGIN + _plain(reading.subject or "(no subject)")
    yield " " * _MARGIN + click.style(_plain(" · ".join(f for f in facts if f)), dim=True)
    if reading.kind.value != "contribution":
        yield " " * _MARGIN + click.style(_plain(f"{reading.kind.value}: {reading.reason}"), fg="red")
    colours: dict[str, str] = {}
    for segment in tagging.segments:
        tag = str(segment.tag)
        unsure = segment.confidence < 0.9
        colour = colours.setdefault(tag, _COLOURS[len(colours) % len(_COLOURS)])
        yield ""
        lines = list(_wrapped(segment.text, width - _MARGIN))
        for i, line in enumerate(lines):
            margin = f"{tag:>{_MARGIN - 1}} " if i == 0 else " " * _MARGIN
            yield click.style(margin, fg=colour, bold=True) + click.style(line, fg=colour)
        why = "; ".join(segment.evidence) or "nothing says"
        sure = f"{segment.confidence:.0%}" + (", unsure" if unsure else "")
        for i, line in enumerate(_wrapped(f"{sure}: {why}", width - _MARGIN - 2)):
            yield " " * _MARGIN + click.style(("└ " if i == 0 else "  ") + line, dim=not unsure, italic=True)
    for title, text in (
        ("signature", reading.signature_text),
        ("cut", reading.quoted_text),
    ):
        if text:
            yield ""
            for i, line in enumerate(_wrapped(text, width - _MARGIN)):
                margin = f"{title:>{_MARGIN - 1}} " if i == 0 else " " * _MARGIN
                yield click.style(margin + line, dim=True)
    for attachment in reading.attachments:
        note = f": {attachment.note}" if attachment.note else ""
        yield " " * _MARGIN + click.style(
            _plain(f"attached: {attachment.name} ({attachment.content_type}, {attachment.size} bytes){note}"), dim=True
        )
    for note in reading.notes:
        yield " " * _MARGIN + click.style(_plain(f"note: {note}"), dim=True)


def _plain(text: str) -> str:
    """One line without control characters: what a mail says must not steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def _wrapped(text: str, width: int) -> Iterator[str]:
    for line in text.split("\n"):
        clean = _plain(line.expandtabs(4)).rstrip()
        if not clean:
            yield ""
        elif _columns(clean) == len(clean):
            yield from textwrap.wrap(clean, width) or [""]
        else:
            yield from _wrapped_wide(clean, width)


def _columns(text: str) -> int:
    """Columns on a terminal: Chinese and Japanese letters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _wrapped_wide(text: str, width: int) -> Iterator[str]:
    line, used = "", 0
    for word in text.split(" "):
        rest, needed = word, _columns(word)
        if line and used + 1 + needed > width:
            yield line
            line, used = "", 0
        while needed > width:
            cut = max(1, width // 2)
            yield rest[:cut]
            rest = rest[cut:]
            needed = _columns(rest)
        line, used = (f"{line} {rest}", used + 1 + needed) if line else (rest, needed)
    if line:
        yield line
