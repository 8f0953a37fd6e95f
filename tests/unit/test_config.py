"""config.toml: read as a whole, every mistake at once, no secret repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from m4dbot.config import Config, load_config, parse_config
from m4dbot.errors import InvalidFile, M4dbotError

MINIMAL = """
[[group]]
slug = "water"
address = "Water@Groups.example.org"
name = "Water Network"
"""


def config(text: str = MINIMAL, path: str = "/etc/m4dbot/config.toml") -> Config:
    return parse_config(text, Path(path))


def mistakes(text: str) -> str:
    with pytest.raises(InvalidFile) as caught:
        config(text)
    return str(caught.value)


def test_one_group_is_enough() -> None:
    """Left-out servers have an embedded default."""
    found = config()
    assert found.database_url == "sqlite:////etc/m4dbot/m4dbot.sqlite"
    assert found.outbox_folder == Path("/etc/m4dbot/outbox")
    assert found.listener is not None
    assert (found.listener.host, found.listener.port, found.listener.protocol) == ("127.0.0.1", 8024, "lmtp")
    assert found.group[0].address == "water@groups.example.org"
    assert found.group[0].plus("w2q1") == "water+w2q1@groups.example.org"


def test_with_a_mailbox_there_is_no_listener_unless_asked_for() -> None:
    """Mail comes in one way by default."""
    imap = '[imap]\nhost = "imap.example.org"\nusername = "water"\n'
    assert config(imap + MINIMAL).listener is None
    assert config("[lmtp]\nport = 24024\n" + imap + MINIMAL).listener is not None


def test_relative_names_count_from_the_configurations_folder() -> None:
    """Wherever the command is run."""
    assert config('[database]\nurl = "sqlite:///data/x.sqlite"\n' + MINIMAL).database_url == (
        "sqlite:////etc/m4dbot/data/x.sqlite"
    )


def test_every_mistake_is_found_at_once_and_no_secret_is_repeated() -> None:
    """Eight mistakes, eight lines, each with its place; values of unknown keys stay unprinted."""
    text = """
[database]
ulr = "sqlite:///x"
[imap]
host = "imap.example.org"
username = "water"
password = "hunter2-very-secret"
port = "993"
security = "none"
[smtp]
host = "smtp.example.org"
security = "ssl"
[[group]]
slug = "Water"
address = "water+x@groups.example.org"
name = "Water"
timezone = "Europe/Paris2"
[[group]]
slug = "b"
address = "no address"
name = "B\\nBcc: x"
"""
    said = mistakes(text)
    assert "hunter2" not in said
    for piece in (
        "line 3, database.ulr: is not known here; did you mean url?",
        "line 7, imap.password: is not known here",
        "line 8, imap.port",
        "line 12, smtp.security",
        "line 14, group 1, slug",
        "line 15, group 1, address: holds a +",
        "'Europe/Paris2' is no known time zone",
        "group 2, address: 'no address' is no mail address",
        "group 2, name: holds a control character",
    ):
        assert piece in said, (piece, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "group: is missing"),
        ('[lmtp]\nhost = "0.0.0.0"\n' + MINIMAL, "would listen on 0.0.0.0 without log-in"),
        ('[imap]\nhost = "mail.example.org"\nusername = "x"\nsecurity = "none"\n' + MINIMAL, "in the clear"),
        (MINIMAL + MINIMAL, "is group 1's slug already"),
        ("[[group]\n", "is not valid TOML"),
    ],
)
def test_a_mistake_is_named(text: str, said: str) -> None:
    """Each with the way out."""
    assert said in mistakes(text)


def test_passwords_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing one is named with both ways to give it."""
    text = '[smtp]\nhost = "smtp.example.org"\nusername = "water"\n'
    smtp = config(text + MINIMAL).smtp
    assert smtp is not None
    monkeypatch.delenv("M4DBOT_SMTP_PASSWORD", raising=False)
    with pytest.raises(M4dbotError, match="set M4DBOT_SMTP_PASSWORD in the environment, or password_file"):
        smtp.password(tmp_path)
    monkeypatch.setenv("M4DBOT_SMTP_PASSWORD", "from the environment")
    assert smtp.password(tmp_path) == "from the environment"
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    smtp = config(text + 'password_file = "secret"\n' + MINIMAL).smtp
    assert smtp is not None
    assert smtp.password(tmp_path) == "from a file"


def test_a_missing_file_names_the_way_out(tmp_path: Path) -> None:
    """A newcomer is told about init."""
    with pytest.raises(InvalidFile, match="write one with `m4dbot init`"):
        load_config(str(tmp_path / "config.toml"))


def test_groups_are_found_by_slug() -> None:
    """One group needs no name; of several one has to be named."""
    two = config(MINIMAL + MINIMAL.replace("water", "fish").replace("Water@", "fish@"))
    assert config().group_named(None).slug == "water"
    assert two.group_named("fish").slug == "fish"
    with pytest.raises(M4dbotError, match=r"several groups \(water, fish\)"):
        two.group_named(None)
    with pytest.raises(M4dbotError, match="no group 'bread'"):
        two.group_named("bread")
