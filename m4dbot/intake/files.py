"""Mail from files: `.eml`, mbox, Maildir, or a folder of `.eml`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from m4dbot.errors import NotFound

LARGEST_MAIL = 100 * 1024 * 1024  # bytes of one mail; what is beyond is left out

# "From sender Mon Jul  8 08:00:00 2013": the line that begins a mail of an mbox. Weekday, day and
# time are what every writer of mbox files agrees on, and what no sentence has in this order.
_FROM_LINE = re.compile(
    rb"From [^\r\n]{0,300}?\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +"
    rb"(?:[A-Z][a-z]{2} +\d{1,2}|\d{1,2} +[A-Z][a-z]{2})\b[^\r\n]{0,12}\b\d{1,2}:\d\d\b"
)
_LONGEST_FROM_LINE = 500
_QUOTED_FROM = re.compile(rb"^>+From ")


def mails_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every mail below `path` with a name for it, in a stable order; one mail in memory at a time.

    A file is one mail or an mbox, by its first line. A Maildir gives `cur` and `new` in the order of
    the files' names, a folder its `.eml` files by name. The mails of an mbox are named "FILE#1" and
    so on. Raises NotFound where there is no such path, or no mail in a folder.
    """
    try:
        if path.is_dir():
            yield from _folder(path)
        elif path.is_file():
            yield from _file(path, str(path))
        else:
            raise NotFound(f"{path}: there is no such file or folder.")
    except OSError as error:
        place = error.filename or path
        raise NotFound(f"{place} cannot be read ({error.strerror}).") from None


def count_mails(path: Path) -> int | None:
    """How many mails there are, where that is known without reading them; else None."""
    try:
        if path.is_dir():
            return len(_files_of(path))
        if path.is_file() and not _is_mbox(path):
            return 1
    except OSError:
        pass
    return None


def _is_maildir(path: Path) -> bool:
    return (path / "cur").is_dir() and (path / "new").is_dir()


def _files_of(path: Path) -> list[Path]:
    if _is_maildir(path):
        # The part after ":" are flags, which change; the unique name before it begins with the time.
        found = [f for part in ("cur", "new") for f in (path / part).iterdir() if f.is_file()]
        return sorted((f for f in found if not f.name.startswith(".")), key=lambda f: f.name.partition(":")[0])
    return sorted((f for f in path.iterdir() if f.suffix.lower() == ".eml" and f.is_file()), key=lambda f: f.name)


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    files = _files_of(path)
    if not files and not _is_maildir(path):
        raise NotFound(f"{path}: there is no .eml file in this folder, and it is no Maildir.")
    for file in files:
        yield str(file), _bounded(file)


def _bounded(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(LARGEST_MAIL)


def _is_mbox(path: Path) -> bool:
    with path.open("rb") as stream:
        return _is_from_line(stream.readline(_LONGEST_FROM_LINE))


def _file(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    if not _is_mbox(path):
        yield name, _bounded(path)
        return
    with path.open("rb") as stream:
        for number, raw in enumerate(_split(stream), 1):
            yield f"{name}#{number}", raw


def _is_from_line(line: bytes) -> bool:
    return line.startswith(b"From ") and _FROM_LINE.match(line) is not None


def _split(stream: BinaryIO) -> Iterator[bytes]:
    """The mails of an mbox. A "From " line counts at the top and after an empty line only; ">From "
    in the text is taken back one level, which mends mboxrd and mboxo alike (RFC 4155, appendix A)."""
    parts: list[bytes] = []
    size = 0
    begun = False
    empty_before = True
    while line := stream.readline(1 << 20):
        if empty_before and _is_from_line(line[:_LONGEST_FROM_LINE]):
            if begun:
                yield _mail(parts)
            parts, size, begun = [], 0, True
            empty_before = False
            continue
        empty_before = line in (b"\n", b"\r\n")
        if _QUOTED_FROM.match(line):
            line = line[1:]
        size += len(line)
        if size <= LARGEST_MAIL:
            parts.append(line)
    if begun:
        yield _mail(parts)


def _mail(parts: list[bytes]) -> bytes:
    # The empty line before the next "From " line belongs to the mbox, not to the mail.
    if parts and parts[-1] in (b"\n", b"\r\n"):
        parts = parts[:-1]
    return b"".join(parts)
