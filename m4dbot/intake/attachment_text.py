"""The text of documents, read in a process of their own: what hurts there hurts nobody else.

The process has little memory, little time, no environment, and writes nowhere but to its output.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

MOST_BYTES = 25_000_000  # of a document
MOST_UNPACKED = 150_000_000  # of all that a DOCX or ODT says it holds
MOST_CHARACTERS = 400_000
MOST_PAGES = 300
CPU_SECONDS = 10
WALL_SECONDS = 20.0
MEMORY_BYTES = 1_000_000_000  # address space; pdfium alone maps some hundred megabytes

# Isolated mode knows no working folder and no PYTHONPATH, so the package says where it lies.
_CHILD = (
    "import sys; sys.path.insert(0, sys.argv[1]); from m4dbot.intake.attachment_text import read_from_stdin;"
    " sys.exit(read_from_stdin(sys.argv[2], int(sys.argv[3])))"
)
_BULLETS = ("•", "◦", "▪", "–", "—", "- ", "* ", "\uf0b7")
_ODF_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_ODF_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"


def extract_text(
    name: str,
    content_type: str,
    data: bytes,
    *,
    wall_seconds: float = WALL_SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> tuple[str | None, str]:
    """The text of a DOCX, ODT, PDF or plain-text file, and a note; (None, why) where there is none.

    What a file is, its bytes say; `name` and `content_type` only tell plain text from the unknown.
    Takes at most `wall_seconds` (seconds) and never raises for what is in the file.
    """
    if len(data) > MOST_BYTES:
        return None, f"the file is larger than {MOST_BYTES // 1_000_000} MB"
    if not data.strip():
        return None, "the file is empty"
    kind = _kind(name, content_type, data)
    if kind == "text":
        return _plain(data)
    if not kind.startswith("read "):
        return None, kind
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter runs our own module)
            [
                sys.executable,
                "-I",
                "-c",
                _CHILD,
                str(Path(__file__).resolve().parents[2]),
                kind.removeprefix("read "),
                str(memory_bytes),
            ],
            input=data,
            capture_output=True,
            timeout=wall_seconds,
            env={name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, "reading it took too long"
    except OSError as problem:
        return None, f"no process could be started to read it ({problem.strerror})"
    if done.returncode != 0:
        return None, "it is damaged, or needs more time or memory than it is given"
    try:
        # A character takes up to twelve bytes of JSON.
        answer: dict[str, Any] = json.loads(done.stdout[: 13 * MOST_CHARACTERS])
    except ValueError:
        return None, "it is damaged"
    text = answer.get("text")
    return (str(text) if text is not None else None), str(answer.get("note", ""))


def _kind(name: str, content_type: str, data: bytes) -> str:
    """How a file is to be read ("read docx", "text"), or why it cannot be."""
    if data[:4] == b"PK\x03\x04":
        return "read zip"
    if b"%PDF-" in data[:1024]:
        return "read pdf"
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "it is in Word's old format; ask for DOCX, ODT or PDF"
    if data[:5] == b"{\\rtf":
        return "RTF is not read; ask for DOCX, ODT or PDF"
    if content_type.startswith("text/plain") or name.lower().endswith((".txt", ".text", ".md")):
        return "text"
    return "files of this kind are not read"


def _plain(data: bytes) -> tuple[str | None, str]:
    from m4dbot.reading.charset import cleaned, decode, repaired

    text, note = decode(data[: 4 * MOST_CHARACTERS])
    text = cleaned(repaired(text))
    return _within_bounds(text, note)


def _within_bounds(text: str, note: str = "") -> tuple[str | None, str]:
    if not text.strip():
        return None, note or "there is no text in it; it may hold pictures of pages"
    if len(text) > MOST_CHARACTERS:
        return text[:MOST_CHARACTERS], "it is very long; only its beginning was read"
    return text, note


def _limit_resources(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # not on this system: the wall clock alone limits
        return
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most, most) if hard == resource.RLIM_INFINITY else (min(most, hard), hard))


def _from_zip(data: bytes) -> tuple[str | None, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        if sum(info.file_size for info in entries.values()) > MOST_UNPACKED:
            return None, "it would unpack to more than is reasonable"
        if "word/document.xml" in entries:
            return _within_bounds("\n\n".join(_docx_parts(data)))
        if "content.xml" in entries:
            with archive.open("content.xml") as content:
                # expat refuses amplification by entities, and the limits hold for what it lets pass.
                tree = ElementTree.parse(content)  # noqa: S314
            return _within_bounds("\n\n".join(_odt_parts(tree.getroot())))
    return None, "files of this kind are not read"


def _docx_parts(data: bytes) -> Iterator[str]:
    from docx import Document
    from docx.table import Table

    for block in Document(io.BytesIO(data)).iter_inner_content():
        if isinstance(block, Table):
            rows = (_row(cell.text for cell in row.cells) for row in block.rows)
            yield "\n".join(row for row in rows if row)
        elif block.text.strip():
            style = (block.style.name or "") if block.style is not None else ""
            yield f"- {block.text.strip()}" if style.startswith("List Bullet") else block.text.strip()


def _row(cells: Iterator[str]) -> str:
    return " | ".join(dict.fromkeys(" ".join(cell.split()) for cell in cells if cell.strip()))


def _odt_parts(root: ElementTree.Element) -> Iterator[str]:
    """Headings, paragraphs, list items and table rows in order, without what was deleted with changes tracked."""
    waiting: list[tuple[ElementTree.Element, bool]] = [(root, False)]
    while waiting:
        element, in_list = waiting.pop()
        if element.tag in (f"{_ODF_TEXT}tracked-changes", f"{_ODF_TEXT}sequence-decls"):
            continue
        if element.tag == f"{_ODF_TABLE}table-row":
            row = _row(_odt_text(cell) for cell in element)
            if row:
                yield row
        elif element.tag in (f"{_ODF_TEXT}p", f"{_ODF_TEXT}h"):
            text = _odt_text(element).strip()
            if text:
                yield f"- {text}" if in_list else text
        else:
            inside = in_list or element.tag == f"{_ODF_TEXT}list-item"
            waiting += [(child, inside) for child in reversed(element)]


def _odt_text(element: ElementTree.Element) -> str:
    pieces: list[str] = []
    waiting: list[ElementTree.Element | str] = [element]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        if item.tag == f"{_ODF_TEXT}s":
            pieces.append(" ")
        elif item.tag == f"{_ODF_TEXT}tab":
            pieces.append("\t")
        elif item.tag == f"{_ODF_TEXT}line-break":
            pieces.append("\n")
        for child in reversed(item):
            if child.tail:
                waiting.append(child.tail)
            if child.tag != f"{_ODF_TEXT}note":
                waiting.append(child)
        if item.text:
            waiting.append(item.text)
    return "".join(pieces)


def _from_pdf(data: bytes) -> tuple[str | None, str]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as problem:
        locked = "password" in str(problem).lower()
        return None, "it is locked with a password" if locked else "it is damaged"
    pages: list[str] = []
    for number in range(min(len(document), MOST_PAGES)):
        pages.append(document[number].get_textpage().get_text_bounded())
        if sum(map(len, pages)) > MOST_CHARACTERS:
            break
    text = "\n".join(page.replace("\r\n", "\n").replace("\r", "\n").strip() for page in pages)
    # pdfium marks a hyphen at a line's end so.
    return _within_bounds(_paragraphs(text.replace("\ufffe\n", "").replace("\ufffe", "")))


def _paragraphs(text: str) -> str:
    """Lines as they stand on a page put together: a full line goes on in the next, a short one ends."""
    lines = [line.strip() for line in text.split("\n")]
    lengths = sorted(len(line) for line in lines if line)
    full = 0.8 * lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0.0
    paragraphs: list[str] = []
    going_on = False
    for line in lines:
        if going_on and line and not line.startswith(_BULLETS):
            paragraphs[-1] += f" {line}"
        elif line:
            paragraphs.append(line)
        going_on = bool(line) and len(line) >= max(full, 40)
    return "\n\n".join(paragraphs)


def read_from_stdin(kind: str, memory_bytes: int) -> int:
    """What the process of its own does: a document from standard input, one JSON object to standard output."""
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    _limit_resources(memory_bytes)
    try:
        text, note = _from_pdf(data) if kind == "pdf" else _from_zip(data)
    except MemoryError:
        text, note = None, "reading it needs too much memory"
    except Exception as problem:
        # Whatever a library makes of a broken file is the file's fault, and one note is enough.
        text, note = None, f"it is damaged ({type(problem).__name__})"
    from m4dbot.reading.charset import cleaned

    sys.stdout.write(json.dumps({"text": cleaned(text) if text is not None else None, "note": note}))
    return 0
