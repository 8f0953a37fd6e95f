"""Documents are read in a process of their own, and what hurts there hurts nobody else."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable

import pytest

from m4dbot.intake import attachment_text
from m4dbot.intake.attachment_text import extract_text
from m4dbot.reading.read import read

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"


def _docx() -> bytes:
    from docx import Document

    document = Document()
    document.add_heading("Réponse à la question 2", 1)
    document.add_paragraph("Le comité publie le tarif.")
    document.add_paragraph("les femmes du marché", style="List Bullet")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text = "Puits"
    table.rows[0].cells[1].text = "12"
    document.add_paragraph("Fin.")
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _zip(entries: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


_ODF = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:text>%s'
    "</office:text></office:body></office:document-content>"
)


def _odt() -> bytes:
    body = (
        "<text:h>Pregunta 2</text:h>"
        "<text:p>La junta<text:s/>publica <text:span>la tarifa</text:span> cada mes.</text:p>"
        "<text:list><text:list-item><text:p>las mujeres</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>Pozos</text:p></table:table-cell>"
        "<table:table-cell><text:p>12</text:p></table:table-cell></table:table-row></table:table>"
        "<text:tracked-changes><text:p>borrado</text:p></text:tracked-changes>"
    )
    return _zip({"mimetype": ODT.encode(), "content.xml": (_ODF % body).encode()})


def _pdf(text: str = "The committee publishes the tariff.") -> bytes:
    shown = " 0 -14 Td ".join(f"({line}) Tj" for line in text.split("\n"))
    stream = f"BT /F1 12 Tf 72 720 Td {shown} ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, table, len(objects) + 1, start)
    )


@pytest.mark.parametrize(
    ("name", "content_type", "make", "text"),
    [
        (
            "r.docx",
            DOCX,
            _docx,
            "Réponse à la question 2\n\nLe comité publie le tarif.\n\n- les femmes du marché\n\nPuits | 12\n\nFin.",
        ),
        ("r.odt", ODT, _odt, "Pregunta 2\n\nLa junta publica la tarifa cada mes.\n\n- las mujeres\n\nPozos | 12"),
        ("r.pdf", "application/pdf", _pdf, "The committee publishes the tariff."),
        ("r.txt", "text/plain", lambda: "Le café".encode("latin-1"), "Le café"),
    ],
)
def test_text_is_read_out_of_documents(
    name: str, content_type: str, make: Callable[[], bytes], text: str | None
) -> None:
    """DOCX, ODT, PDF and plain text, whatever they are called."""
    found, note = extract_text(name, content_type, make())
    assert found is not None
    assert note == ""
    if text is not None:
        assert found == text


def test_the_lines_of_a_page_become_paragraphs() -> None:
    """A full line goes on in the next; a short one ends a paragraph; a bullet begins one."""
    page = (
        "Question 2\nThe committee of the upper valley publishes the tariff each\n"
        "month on the wall of the school, so that all of the users\ncan read it.\n"
        "The keeper of the canal is chosen by lot, and he may not be a\n- relative of the judge"
    )
    assert extract_text("r.pdf", "application/pdf", _pdf(page))[0] == (
        "Question 2\n\nThe committee of the upper valley publishes the tariff each month on the wall of the school,"
        " so that all of the users can read it.\n\nThe keeper of the canal is chosen by lot, and he may not be a\n\n"
        "- relative of the judge"
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n", "kind"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 100, "old format"),
        (b"{\\rtf1 hello}", "RTF"),
        (b"%PDF-1.7\nbroken", "damaged"),
        (b"PK\x03\x04broken", "damaged"),
        (_zip({"a.txt": b"x"}), "kind"),
        (_zip({"word/document.xml": b"<broken"}), "damaged"),
        (_pdf(""), "no text"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, why: str) -> None:
    """No exception, and a reason a facilitator can pass on."""
    text, note = extract_text("file", "application/octet-stream", data)
    assert text is None
    assert why in note


def test_an_archive_that_unpacks_without_end_is_not_unpacked() -> None:
    """A small file that says it holds gigabytes."""
    bomb = _zip({"word/document.xml": b"<a/>", "word/media/x": b"\0" * (attachment_text.MOST_UNPACKED + 1)})
    assert len(bomb) < 1_000_000
    text, note = extract_text("bomb.docx", DOCX, bomb)
    assert text is None
    assert "unpack" in note


def test_entities_that_multiply_are_refused() -> None:
    """A few lines of XML that would become gigabytes of text."""
    entities = '<!DOCTYPE a [<!ENTITY e0 "wells">' + "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)
    )
    xml = entities + "]>" + (_ODF % "<text:p>&e11;</text:p>")
    text, note = extract_text("laughs.odt", ODT, _zip({"mimetype": ODT.encode(), "content.xml": xml.encode()}))
    assert text is None
    assert note


def test_reading_ends_when_its_time_is_up() -> None:
    """The process is ended; the mail goes on without the file's text."""
    before = time.monotonic()
    text, note = extract_text("r.docx", DOCX, _docx(), wall_seconds=0.001)
    assert text is None
    assert "too long" in note
    assert time.monotonic() - before < 10


def test_memory_is_limited() -> None:
    """A document that needs more than the process is given is left unread; given enough, it is read."""
    pytest.importorskip("resource")
    paragraph = "<text:p>" + "water " * 50 + "</text:p>"
    large = _zip({"mimetype": ODT.encode(), "content.xml": (_ODF % (paragraph * 50_000)).encode()})
    text, note = extract_text("large.odt", ODT, large, memory_bytes=60_000_000)
    assert text is None
    assert "memory" in note
    text, note = extract_text("large.odt", ODT, large)
    assert text is not None
    assert "very long" in note


def test_a_long_text_of_rare_letters_comes_through() -> None:
    """Letters beyond the first plane take most room on the way; the text is cut, not lost."""
    letters = "\U00010348" * (attachment_text.MOST_CHARACTERS + 10)
    body = (_ODF % f"<text:p>{letters}</text:p>").encode()
    text, note = extract_text("rare.odt", ODT, _zip({"mimetype": ODT.encode(), "content.xml": body}))
    assert text == letters[: attachment_text.MOST_CHARACTERS]
    assert "very long" in note


def test_an_attached_document_becomes_the_contribution() -> None:
    """The mail says "ci-joint", and the document's words are the person's own."""
    import base64

    raw = (
        (
            b"From: Awa <awa@x.example>\nSubject: contribution\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
            b"Content-Type: text/plain; charset=utf-8\n\nBonjour, veuillez trouver ci-joint ma contribution.\n--x\n"
            b"Content-Type: " + DOCX.encode() + b"; name=r.docx\nContent-Transfer-Encoding: base64\n\n"
        )
        + base64.encodebytes(_docx())
        + b"--x--\n"
    )
    reading = read(raw, extract=extract_text)
    assert "Le comité publie le tarif." in reading.own_text
    assert "ci-joint" in reading.own_text
    assert reading.attachments[0].text is not None
    assert reading.language == "fr"
    assert any("r.docx" in note for note in reading.notes)
