"""Lists of subscribers as CSV, the way people's spreadsheets write them. Pure: bytes in, people out, and back."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from m4dbot.config import ADDRESS, DELIVERIES
from m4dbot.delivery.addresses import sendable
from m4dbot.discussion.file import LANGUAGE
from m4dbot.errors import Problem
from m4dbot.store.subscribers import Person

LONGEST = 200  # characters of a name, an organisation, a country
COLUMNS = ("name", "address", "language", "organisation", "country", "delivery")

# What columns are called, folded (see _folded).
_HEADERS = {
    "address": "address|email|e mail|mail|email address|e mail address|mail address|adresse|courriel|adresse courriel|"
    "adresse email|adresse e mail|adresse mail|adresse electronique|correo|correo electronico|direccion|"
    "direccion de correo|direccion electronica|direccion de correo electronico",
    "name": "name|full name|nom|nom complet|nom et prenom|prenom et nom|nombre|nombre completo|nombre y apellido|"
    "nombre y apellidos",
    "first": "first name|firstname|given name|prenom|prenoms",
    "last": "last name|lastname|surname|family name|nom de famille|apellido|apellidos",
    "language": "language|lang|langue|idioma|lengua",
    "organisation": "organisation|organization|org|institution|affiliation|organizacion|organismo|institucion|entidad",
    "country": "country|pays|pais",
    "delivery": "delivery|envoi|mode d envoi|reception|livraison|envio|modo de envio|entrega|recepcion",
}
_BY_HEADER = {header: column for column, headers in _HEADERS.items() for header in headers.split("|")}

_LANGUAGES = {
    "en": "english|anglais|ingles",
    "fr": "french|francais|frances",
    "es": "spanish|espagnol|espanol|castellano",
    "pt": "portuguese|portugais|portugues",
    "ar": "arabic|arabe",
    "de": "german|allemand|aleman|deutsch",
    "it": "italian|italien|italiano",
    "ru": "russian|russe|ruso",
    "zh": "chinese|chinois|chino",
}
_BY_LANGUAGE = {name: code for code, names in _LANGUAGES.items() for name in names.split("|")}

_IN_BRACKETS = re.compile(r"(.{0,200}?)<([^<>]{1,320})>")
# A cell that begins so is a formula to a spreadsheet; a quote before it makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds. `problems` name bad lines, `ignored` the columns that mean nothing here."""

    people: tuple[Person, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...] = ()


def read_csv(data: bytes, name: str) -> Table:
    """The people in a CSV file: comma, semicolon or tab; UTF-8, UTF-16 with its mark, or windows-1252.

    The first line names the columns, in English, French or Spanish. An empty cell says nothing. Every bad line is
    reported with its number in the file.
    """
    text = _decoded(data)
    lead = re.match(r"sep=.\r?\n", text)  # what some spreadsheets write for themselves
    skipped = 1 if lead else 0
    text = text[lead.end() :] if lead else text
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        return Table((), (Problem(name, "", "is empty", "the first line names the columns: name,address,language"),))
    delimiter = max(",;\t", key=lambda d: len(_columns(next(csv.reader([first], delimiter=d), []))))
    people: list[Person] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    header: list[str] | None = None
    columns: dict[str, int] = {}
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        line = rows.line_num + 1 + skipped
        try:
            row = next(rows, None)
        except csv.Error as exc:
            problems.append(Problem(name, f"line {line}", f"cannot be read ({exc})", "correct or remove it"))
            continue
        if row is None:
            break
        if not any(cell.strip() for cell in row):
            continue
        if header is None:
            header, columns = row, _columns(row)
            if "address" not in columns:
                said = ", ".join(_line(c) for c in row[:8])
                wrong = f"names no column of addresses (it says: {said[:100]})"
                instead = "the first line names the columns, for example name,address,language,country,delivery"
                return Table((), (Problem(name, f"line {line}", wrong, instead),))
            continue
        found = _person(row, columns, len(header))
        if isinstance(found, str):
            wrong, _, instead = found.partition("; ")
            problems.append(Problem(name, f"line {line}", wrong, instead))
        elif found.address in seen:
            wrong = f"{found.address} stands in line {seen[found.address]} already"
            problems.append(Problem(name, f"line {line}", wrong, "remove one"))
        else:
            seen[found.address] = line
            people.append(found)
    ignored = tuple(_line(h) for i, h in enumerate(header or ()) if i not in columns.values() and h.strip())
    return Table(tuple(people), tuple(problems), ignored)


def write_csv(people: Iterable[Mapping[str, object]]) -> str:
    """The file of these people (CRLF, RFC 4180). No cell is a formula."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for person in people:
        writer.writerow([inert(str(person.get(column) or "")) for column in COLUMNS])
    return stream.getvalue()


def inert(cell: str) -> str:
    """The cell as text for a spreadsheet, whatever it begins with."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) or cell.startswith(_FORMULA) else cell


def checked_address(text: str) -> str:
    """The address in lower case. Raises ValueError saying what is wrong."""
    address = text.strip().removeprefix("mailto:")
    if not ADDRESS.fullmatch(address) or sendable(address) is None or ".." in address:
        raise ValueError(f"'{_line(text)[:80]}' is no mail address")
    return address.lower()


def checked_language(text: str) -> str:
    """The language's code. Raises ValueError."""
    bare = text.strip()
    if (code := _BY_LANGUAGE.get(_folded(bare))) is not None:
        return code
    head, hyphen, tail = bare.replace("_", "-").partition("-")
    code = f"{head.lower()}-{tail.upper() if len(tail) == 2 else tail}" if hyphen else head.lower()
    if not LANGUAGE.fullmatch(code):
        raise ValueError(f"'{_line(text)[:40]}' is no language; write a code such as en, fr, es")
    return code


def checked_delivery(text: str) -> str:
    """The delivery. Raises ValueError naming those there are."""
    if (bare := text.strip().lower()) not in DELIVERIES:
        raise ValueError(f"'{_line(text)[:40]}' is no delivery; there is: {', '.join(DELIVERIES)}")
    return bare


def checked_words(text: str, what: str) -> str:
    """A name, an organisation, a country on one line. Raises ValueError."""
    # What an export had to quote comes back as it was.
    bare = text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
    line = _line(bare)
    if len(line) > LONGEST:
        raise ValueError(f"{what} is longer than {LONGEST} characters")
    return line


CHECKS = {"language": checked_language, "delivery": checked_delivery}


def _person(row: Sequence[str], columns: Mapping[str, int], width: int) -> Person | str:
    """The person of a row, or what is wrong with it."""
    if len(row) > width and any(cell.strip() for cell in row[width:]):
        return f"has {len(row)} cells where the first line has {width}; a cell that holds the delimiter needs quotes"
    cells = {column: row[i] for column, i in columns.items() if i < len(row)}
    address = cells.get("address", "")
    fields: dict[str, str] = {}
    try:
        if not address.strip():
            raise ValueError("has no address")
        if (found := _IN_BRACKETS.fullmatch(address.strip())) is not None:
            fields["name"], address = checked_words(found[1].strip().strip('"'), "the name"), found[2]
        address = checked_address(address)
        parts = [cells.get(c, "") for c in ("first", "name", "last")]
        if name := checked_words(" ".join(p for p in parts if p.strip()), "the name"):
            fields["name"] = name
        for column in ("organisation", "country"):
            if words := checked_words(cells.get(column, ""), f"the {column}"):
                fields[column] = words
        for column, check in CHECKS.items():
            if cells.get(column, "").strip():
                fields[column] = check(cells[column])
    except ValueError as exc:
        return str(exc)
    return Person(address, {k: v for k, v in fields.items() if v})


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Where each known column stands; of two of a kind the first."""
    found: dict[str, int] = {}
    for i, cell in enumerate(header):
        column = _BY_HEADER.get(_folded(cell))
        if column is not None:
            found.setdefault(column, i)
    return found


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("windows-1252", errors="replace")
    return text


def _folded(text: str) -> str:
    """Small letters without accents; anything else is a blank."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
