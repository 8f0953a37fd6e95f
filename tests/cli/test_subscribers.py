"""`m4dbot subscribers`."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.cli.subscribers_csv import inert, read_csv, write_csv
from tests.cli.running import Runner

MEMBERS = """name,address,language,organisation,country,delivery
Grace Wanjiru,Grace@County.example.org,en,County Office,Kenya,posts
Lucía Herrera,lucia@cocinas.example.org,es,Red de Cocinas,Colombia,
"""


def test_import_adds_changes_and_leaves_alone(m4dbot: Runner) -> None:
    """New people are added with the group's defaults, known ones brought up to date, nobody is removed."""
    (m4dbot.folder / "members.csv").write_text(MEMBERS, encoding="utf-8")
    assert m4dbot("subscribers", "import", "members.csv").out.startswith("2 added, 0 changed, 0 unchanged")
    changed = MEMBERS.replace("Kenya", "Uganda").replace("Lucía Herrera,lucia@", "Tom,tom@")
    (m4dbot.folder / "members.csv").write_text(changed, encoding="utf-8")
    found = m4dbot("subscribers", "import", "members.csv", "--json").json
    assert (found["added"], found["changed"]) == (["tom@cocinas.example.org"], ["grace@county.example.org"])
    people = {p["address"]: p for p in m4dbot("subscribers", "list", "--json").json}
    assert people["grace@county.example.org"]["country"] == "Uganda"
    assert people["lucia@cocinas.example.org"]["delivery"] == "digest"


def test_nothing_half_imported(m4dbot: Runner) -> None:
    """With a bad line nothing is imported and every bad line is told by its number; --skip-bad imports the rest."""
    bad = MEMBERS + "\n,nobody,en,,,\nA,a@b.org,klingon!,,,\nB,b@b.org,en,,,hourly\nC,grace@county.example.org,,,,\n"
    ran = m4dbot("subscribers", "import", "-", stdin=bad.encode(), code=1)
    for number, words in (
        ("5", "no mail address"),
        ("6", "no language"),
        ("7", "no delivery"),
        ("8", "line 2 already"),
    ):
        assert any(f"line {number}:" in line and words in line for line in ran.err.splitlines())
    assert m4dbot("subscribers", "list", "--json").json == []
    assert "2 added" in m4dbot("subscribers", "import", "-", "--skip-bad", stdin=bad.encode()).out


def test_who_left_stays_away(m4dbot: Runner) -> None:
    """An import does not bring back those who left, unless it is meant; neither does add."""
    m4dbot("subscribers", "import", "-", stdin=MEMBERS.encode())
    m4dbot("subscribers", "remove", "grace@county.example.org", "--reason", "asked on the phone")
    assert "1 left before" in m4dbot("subscribers", "import", "-", stdin=MEMBERS.encode()).out
    assert len(m4dbot("subscribers", "list", "--json").json) == 1
    assert "asked on the phone" in m4dbot("subscribers", "add", "grace@county.example.org", code=1).err
    assert "had left already" in m4dbot("subscribers", "remove", "grace@county.example.org").out
    assert "1 back again" in m4dbot("subscribers", "import", "-", "--rejoin", stdin=MEMBERS.encode()).out


def test_a_dry_run_imports_nobody(m4dbot: Runner) -> None:
    """--dry-run tells what would be."""
    assert "2 added" in m4dbot("subscribers", "import", "-", "--dry-run", stdin=MEMBERS.encode()).out
    assert m4dbot("subscribers", "list", "--json").json == []


def test_set_and_add(m4dbot: Runner) -> None:
    """One person at a time."""
    m4dbot("subscribers", "add", "grace@example.org", "--name", "Grace", "--language", "French")
    m4dbot("subscribers", "set", "grace@example.org", "--delivery", "posts", "--name", "")
    assert "was so already" in m4dbot("subscribers", "set", "grace@example.org", "--delivery", "posts").out
    (person,) = m4dbot("subscribers", "list", "--json").json
    assert (person["language"], person["delivery"], person["name"]) == ("fr", "posts", "")
    assert "not a subscriber" in m4dbot("subscribers", "set", "tom@example.org", "--name", "T", code=1).err


def test_what_is_exported_can_be_imported(m4dbot: Runner) -> None:
    """An export to a private file, read by another group, gives the same people; formulas are text in between."""
    m4dbot("subscribers", "import", "-", stdin=MEMBERS.encode())
    m4dbot("subscribers", "add", "eve@example.org", "--name", '=HYPERLINK("http://x")', "--country", "-1")
    m4dbot("subscribers", "export", "--output", "out.csv")
    path = m4dbot.folder / "out.csv"
    assert path.stat().st_mode & 0o077 == 0
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert {r["name"][:2] for r in rows} == {"'=", "Gr", "Lu"}
    assert "left as it is" in m4dbot("subscribers", "export", "--output", "out.csv", code=1).err
    assert "0 added, 0 changed, 3 unchanged" in m4dbot("subscribers", "import", "out.csv").out


@pytest.mark.parametrize(
    ("encoded", "names"),
    [
        ("Nom;Courriel;Langue;Pays\nZoé;zoe@example.org;français;Bénin\n".encode("windows-1252"), ["Zoé"]),
        ("sep=;\r\nNombre;Correo electrónico;País\r\nLucía;zoe@example.org;Perú\r\n".encode("utf-8-sig"), ["Lucía"]),
        ("E-Mail Address\tFirst name\tLast name\nzoe@example.org\tZoé\tDo\n".encode("utf-16"), ["Zoé Do"]),
        ('Adresse électronique,Prénom,Nom\n"Z <zoe@example.org>",Zoé,Do\n'.encode(), ["Zoé Do"]),
        ('name,address\n"Do, Zoé",zoe@example.org\n'.encode(), ["Do, Zoé"]),
    ],
)
def test_files_as_spreadsheets_write_them(encoded: bytes, names: list[str]) -> None:
    """Comma, semicolon or tab; UTF-8, UTF-16 or windows-1252; columns in English, French or Spanish."""
    table = read_csv(encoded, "members.csv")
    assert not table.problems
    assert [p.fields["name"] for p in table.people] == names
    assert table.people[0].address == "zoe@example.org"


@pytest.mark.parametrize("data", [b"", b"\n\n", b"a,b\n1,2\n", b"grace@example.org\n", b"name\nx\n"])
def test_a_file_without_addresses(data: bytes) -> None:
    """What names no column of addresses is one mistake that says what the first line should be."""
    (problem,) = read_csv(data, "members.csv").problems
    assert "first line names the columns" in problem.instead


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    """Whatever a file holds, reading it ends with people or problems."""
    for head in (b"", b"address,name\n", b"address;country\n"):
        table = read_csv(head + data, "members.csv")
        assert all("@" in p.address and p.address.isascii() for p in table.people)


CELL = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), max_size=30)


@given(name=CELL, country=CELL)
def test_no_cell_is_a_formula(name: str, country: str) -> None:
    """What an export writes begins with nothing a spreadsheet computes, and comes back as it was."""
    exported = write_csv([{"address": "a@example.org", "name": name, "country": country}])
    for row in csv.reader(io.StringIO(exported)):
        assert not any(cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
    assert inert(inert(name)) == inert(name)
