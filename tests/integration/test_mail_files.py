"""Mail from files: one mail, mbox, Maildir, folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from m4dbot.errors import NotFound
from m4dbot.intake.files import count_mails, mails_in

MAIL = b"From: a@example.org\nSubject: x\n\nhello\n"


def test_a_file_is_one_mail(tmp_path: Path) -> None:
    """An .eml file comes as it is, byte for byte."""
    file = tmp_path / "a.eml"
    file.write_bytes(MAIL)
    assert list(mails_in(file)) == [(str(file), MAIL)]
    assert count_mails(file) == 1


def test_a_folder_gives_its_eml_files_by_name(tmp_path: Path) -> None:
    """Other files are left alone."""
    for name in ("b.eml", "a.EML", "c.txt"):
        (tmp_path / name).write_bytes(MAIL)
    assert [Path(name).name for name, _ in mails_in(tmp_path)] == ["a.EML", "b.eml"]
    assert count_mails(tmp_path) == 2


def test_a_maildir_gives_cur_and_new_in_order_of_arrival(tmp_path: Path) -> None:
    """Flags after the colon do not disturb the order; tmp/ is not read."""
    for part in ("cur", "new", "tmp"):
        (tmp_path / part).mkdir()
    (tmp_path / "cur" / "200.x:2,S").write_bytes(MAIL)
    (tmp_path / "new" / "100.x").write_bytes(MAIL)
    (tmp_path / "tmp" / "050.x").write_bytes(MAIL)
    assert [Path(name).name for name, _ in mails_in(tmp_path)] == ["100.x", "200.x:2,S"]


def test_an_mbox_is_split_and_unescaped(tmp_path: Path) -> None:
    """ "From " counts after an empty line only, ">From " loses one ">" (RFC 4155)."""
    box = tmp_path / "box"
    box.write_bytes(
        b"From a@example.org Mon Jul  8 08:00:00 2013\nSubject: 1\n\n"
        b">From here on\n>>From there\nFrom the start of this line on, nothing\n\n"
        b"From b@example.org Tue Jul  9 08:00:00 2013\nSubject: 2\n\nsecond\n\n"
        b"From my side 12:30 on 4 May 2013 was agreed\n"
    )
    mails = list(mails_in(box))
    assert [name for name, _ in mails] == [f"{box}#1", f"{box}#2"]
    assert mails[0][1] == (b"Subject: 1\n\nFrom here on\n>From there\nFrom the start of this line on, nothing\n")
    assert mails[1][1].startswith(b"Subject: 2\n\nsecond\n\nFrom my side")
    assert count_mails(box) is None


def test_an_mbox_with_windows_line_ends_is_split(tmp_path: Path) -> None:
    """CRLF files from other systems are read too."""
    box = tmp_path / "box"
    box.write_bytes(
        b"From - Mon Jul 08 08:00:00 2013\r\nSubject: 1\r\n\r\none\r\n\r\n"
        b"From - Mon Jul 08 09:00:00 2013\r\nSubject: 2\r\n\r\ntwo\r\n"
    )
    assert [raw for _, raw in mails_in(box)] == [
        b"Subject: 1\r\n\r\none\r\n",
        b"Subject: 2\r\n\r\ntwo\r\n",
    ]


def test_an_empty_file_is_a_mail_without_anything(tmp_path: Path) -> None:
    """What to make of no bytes is for reading to say."""
    file = tmp_path / "a.eml"
    file.write_bytes(b"")
    assert list(mails_in(file)) == [(str(file), b"")]


@pytest.mark.parametrize("make", [False, True])
def test_nothing_there_is_said(tmp_path: Path, make: bool) -> None:
    """A missing path and a folder without mail are refused by name."""
    place = tmp_path / "place"
    if make:
        place.mkdir()
    with pytest.raises(NotFound, match="place"):
        list(mails_in(place))
