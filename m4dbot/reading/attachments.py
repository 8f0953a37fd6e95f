"""Files that came with a mail: names to show, and which of them holds the contribution."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from m4dbot.reading.mime import RawAttachment
from m4dbot.reading.phrases import found_phrase, phrases, plain_words
from m4dbot.reading.values import Attachment

# (name, content type, data) -> (text or None, a note on what was odd or why there is none)
Extract = Callable[[str, str, bytes], tuple[str | None, str]]

MOST_READ = 3
MOST_OF_A_CONTRIBUTION = 40_000  # characters; longer is a report somebody encloses
FEW_WORDS = 25
MOST_WORDS_OF_A_COVER = 150

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff<>:\"|?*]+")
_EXTENSIONS = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/msword": "doc",
    "application/rtf": "rtf",
    "text/plain": "txt",
    "text/html": "html",
    "text/csv": "csv",
    "text/calendar": "ics",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "message/rfc822": "eml",
}
_DOCUMENTS = frozenset({"pdf", "docx", "odt", "txt", "doc", "rtf"})
_BETTER_FIRST = ("docx", "odt", "txt", "pdf", "doc", "rtf")


@dataclass(frozen=True, slots=True)
class Files:
    """The attachments to show, the texts that are the contribution, and what there is to say."""

    attachments: tuple[Attachment, ...]
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def safe_name(name: str, content_type: str = "", number: int = 1) -> str:
    """A name that is safe to show and to offer for saving: no folders, controls or reserved names."""
    name = re.split(r"[\\/]", name)[-1]
    name = " ".join(_UNSAFE.sub(" ", name).split()).strip(". ")
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    if not stem:
        stem = f"attachment-{number}"
        extension = extension or _EXTENSIONS.get(content_type, "")
    if re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", stem):
        stem = f"{stem}-{number}"
    return f"{stem[:120]}.{extension[:12]}" if extension else stem[:120]


def files_of(raw: Sequence[RawAttachment], own_text: str, extract: Extract | None) -> Files:
    """What came with a mail whose own words are `own_text`.

    A document is the contribution where a short mail says that it is attached, or says next to
    nothing and brings one document. `extract` reads it; None leaves all files unread.
    """
    shown = [part for part in raw if not part.inline]
    names = [safe_name(part.name, part.content_type, number) for number, part in enumerate(shown, start=1)]
    attachments = [Attachment(name, part.content_type, part.size) for name, part in zip(names, shown, strict=True)]
    if extract is None:
        return Files(tuple(attachments))
    texts: list[str] = []
    notes: list[str] = []
    for index in _meant(shown, names, own_text):
        part = shown[index]
        text, note = extract(names[index], part.content_type, part.data)
        attachments[index] = Attachment(names[index], part.content_type, part.size, text, note)
        if text is None or not text.strip():
            notes.append(f"the text of {names[index]} could not be read: {note or 'there is none in it'}")
        elif len(text) > MOST_OF_A_CONTRIBUTION:
            notes.append(f"{names[index]} is long and was not taken as the contribution")
        else:
            texts.append(text.strip("\n"))
            notes.append(f"the contribution is in {names[index]}" + (f" ({note})" if note else ""))
    return Files(tuple(attachments), tuple(texts), tuple(notes))


def _meant(parts: Sequence[RawAttachment], names: Sequence[str], own_text: str) -> list[int]:
    """The indexes of the documents that the mail means when it says that it is attached."""
    documents = [i for i, part in enumerate(parts) if _extension(part, names[i]) in _DOCUMENTS]
    if not documents:
        return []
    words = len(own_text.split())
    says_so = (
        words <= MOST_WORDS_OF_A_COVER and found_phrase(plain_words(own_text), phrases("see_attached")) is not None
    )
    if not says_so and not (words <= FEW_WORDS and len(documents) == 1):
        return []
    # One document in two formats is one document: the one that is easier to read well.
    best: dict[str, int] = {}
    for index in sorted(documents, key=lambda i: _BETTER_FIRST.index(_extension(parts[i], names[i]))):
        best.setdefault(names[index].rpartition(".")[0].lower() or names[index], index)
    return sorted(best.values())[:MOST_READ]


def _extension(part: RawAttachment, name: str) -> str:
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    return extension if extension in _DOCUMENTS else _EXTENSIONS.get(part.content_type, extension)
