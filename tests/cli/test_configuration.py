"""`m4dbot init`, the example, and configurations that are damaged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from m4dbot.cli.init import written
from m4dbot.config import Config, Group, Imap, Listener, Policies, Smtp, parse_config
from m4dbot.resources import resource
from tests.cli.conftest import CONFIG
from tests.cli.running import Runner

EXAMPLE = resource("config.example.toml").read_text(encoding="utf-8")
SECRET = "correct-horse-battery-staple"


def opened(example: str) -> str:
    """The example with every commented-out section and key taken in."""
    return re.sub(r"^# (?=\[{1,2}[a-z.]+\]|[a-z_]+ = )", "", example, flags=re.MULTILINE)


def test_the_example_loads_as_it_is() -> None:
    """The example is a configuration; with every comment taken in it still is one."""
    assert parse_config(EXAMPLE, Path("config.example.toml")).group[0].slug == "water"
    text = opened(EXAMPLE).replace('security = "starttls"', 'security = "tls"')
    config = parse_config(text, Path("config.example.toml"))
    assert config.imap is not None
    assert config.smtp is not None


def test_the_example_names_every_key() -> None:
    """What the configuration knows stands in the example, with its section."""
    sections: dict[str, set[str]] = {}
    here = ""
    for line in opened(EXAMPLE).splitlines():
        if found := re.match(r"\[{1,2}([a-z.]+)\]", line):
            here = found[1]
        elif found := re.match(r"([a-z_]+) = ", line):
            sections.setdefault(here, set()).add(found[1])
    models = {"imap": Imap, "smtp": Smtp, "lmtp": Listener, "group": Group, "group.policies": Policies, "": Config}
    tables = {"database", "imap", "lmtp", "smtp", "web", "group", "policies", "base", "path"}
    for section, model in models.items():
        assert set(model.model_fields) - tables <= sections[section], section


def test_the_defaults_in_the_comments_are_the_defaults() -> None:
    """Who takes a comment in changes nothing, but for hosts, log-ins and examples."""
    config = parse_config(opened(EXAMPLE), Path("config.example.toml"))
    plain = parse_config(
        '[[group]]\nslug="a"\naddress="a@b.org"\nname="A"\n'
        '[imap]\nhost="i.org"\nusername="u"\n[smtp]\nhost="s.org"\n[lmtp]\n',
        Path("c.toml"),
    )
    assert config.imap is not None
    assert plain.imap is not None
    assert config.smtp is not None
    assert plain.smtp is not None
    given = {"host", "username", "password_file", "port"}
    assert config.imap.model_dump(exclude=given) == plain.imap.model_dump(exclude=given)
    assert config.smtp.model_dump(exclude=given) == plain.smtp.model_dump(exclude=given)
    assert (config.imap.effective_port, config.smtp.effective_port) == (993, 587)
    assert config.lmtp == plain.lmtp
    assert config.group[0].policies == plain.group[0].policies


def test_init_writes_a_configuration_once(bare: Runner) -> None:
    """Into a new folder, by the options; a file that is there is never written over."""
    bare(
        "init", "etc", "--address", "forests@groups.example.org", "--language", "fr", "--imap-host", "imap.example.org"
    )
    path = bare.folder / "etc" / "config.toml"
    config = parse_config(path.read_text(encoding="utf-8"), path)
    assert (config.group[0].slug, config.group[0].languages) == ("forests", ["fr"])
    assert config.imap is not None
    assert config.imap.username == "forests@groups.example.org"
    before = path.read_bytes()
    assert "left as it is" in bare("init", "etc", code=1).err
    assert path.read_bytes() == before
    assert "no known time zone" in bare("init", "other", "--timezone", "Mars/Crater", code=2).err
    assert not (bare.folder / "other").exists()
    bare("--config", "mine.toml", "init")
    assert (bare.folder / "mine.toml").read_text(encoding="utf-8") == EXAMPLE


def test_init_asks_on_a_terminal(bare: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the options do not say is asked for; a wrong answer is asked for again."""
    monkeypatch.setattr("m4dbot.cli.common.on_terminal", lambda: True)
    answers = [
        "no address",
        "wells@groups.example.org",
        "Wells",
        "en",
        "Africa/Nairobi",
        "fay@example.org",
        "",
        "smtp.example.org",
        "",
    ]
    bare("init", stdin="\n".join([*answers, ""]).encode())
    config = parse_config((bare.folder / "config.toml").read_text(encoding="utf-8"), Path("config.toml"))
    assert (config.group[0].name, config.group[0].facilitators[0].address) == ("Wells", "fay@example.org")
    assert config.imap is None
    assert config.smtp is not None


def test_values_put_in_cannot_break_out() -> None:
    """A name with quotes and line breaks stays a name, or is refused; it never becomes another key."""
    text = written(EXAMPLE, {"address": "a@b.org", "name": 'A "name" # \\ é'})
    assert parse_config(text, Path("c.toml")).group[0].name == 'A "name" # \\ é'


FULL = (
    CONFIG
    + f"""
[imap]
host = "127.0.0.1"
security = "none"
username = "water"
password_env = "WATER_PASSWORD"
[smtp]
host = "127.0.0.1"
security = "none"
[web]
archive = "https://{SECRET}.example.org/"
"""
)


def damaged() -> list[tuple[str, bytes]]:
    """Forty-odd ways in which a file comes to harm."""
    raw = FULL.encode()
    cut = [(f"cut at {n}0%", raw[: len(raw) * n // 10]) for n in range(1, 10)]
    flips = [
        (f"byte {at} flipped", raw[:at] + bytes([raw[at] ^ 0x80]) + raw[at + 1 :]) for at in range(5, len(raw), 60)
    ]
    replaced = [
        (f"{old} → {new}", FULL.replace(old, new).encode())
        for old, new in (
            ('slug = "water"', "slug = 7"),
            ('slug = "water"', 'slug = "Water!"'),
            ('slug = "water"\n', ""),
            ('address = "water@groups.example.org"', 'address = "water"'),
            ('address = "water@groups.example.org"', 'address = ["a", "b"]'),
            ('address = "water@groups.example.org"\n', ""),
            ('name = "Water network"', "name = true"),
            ('name = "Water network"', 'name = "a\\nb"'),
            ('languages = ["en", "fr", "es"]', "languages = []"),
            ('languages = ["en", "fr", "es"]', 'languages = "en"'),
            ('timezone = "Europe/Brussels"', 'timezone = "Europe"'),
            ("facilitators =", "faciliators ="),
            ('"fay@groups.example.org"', '"fay"'),
            ("[imap]", "[imap"),
            ("[imap]", "[[imap]]"),
            ("[imap]", "[imapp]"),
            ("[smtp]", "[imap]"),
            ('username = "water"\n', ""),
            ('security = "none"', 'security = "nonne"'),
            ('host = "127.0.0.1"', 'host = "mail.example.org"'),
            ('host = "127.0.0.1"', "host = 127.0.0.1"),
            ('password_env = "WATER_PASSWORD"', f'password = "{SECRET}"'),
            ('password_env = "WATER_PASSWORD"', f'password_env = "{SECRET}"'),
            ("[[group]]", "[group]"),
            ("[web]", "[database]\nurl = 5\n[web]"),
        )
    ]
    twice = ("a group twice", (FULL + CONFIG).encode())
    return [*cut, *flips, *replaced, twice, ("empty", b""), ("blank", b"\n\n"), ("utf-16", FULL.encode("utf-16"))]


@pytest.mark.parametrize("content", [pytest.param(c, id=i) for i, c in damaged()])
def test_a_damaged_configuration_is_refused(bare: Runner, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 1 and lines that name the file; no traceback, no secret, no database."""
    monkeypatch.setenv("WATER_PASSWORD", SECRET)
    path = bare.folder / "config.toml"
    path.write_bytes(content)
    try:
        whole = parse_config(content.decode(), path)
    except Exception:
        whole = None
    if whole is not None:
        pytest.skip("this cut or flip left a configuration that is whole")
    for args in (("queue",), ("doctor",), ("approve", "1")):
        ran = bare(*args, code=1)
        said = " ".join((ran.out + ran.err).split())
        assert "config.toml" in said
        assert SECRET not in said
    assert [p.name for p in bare.folder.iterdir()] == ["config.toml"]


def test_a_configuration_that_is_not_there(bare: Runner) -> None:
    """What is missing is named, with the way to make it."""
    assert "m4dbot init" in bare("queue", code=1).err
    assert "there.toml" in bare("--config", "there.toml", "queue", code=1).err
    assert bare("--config", bare.folder, "queue", code=1).err


def test_a_wrong_database_address_shows_no_password(bare: Runner) -> None:
    """A database that cannot be reached is named without its password."""
    path = bare.folder / "config.toml"
    for url in (
        f"postgresql://m4dbot:{SECRET}@127.0.0.1:1/m4dbot",
        f"mysql://m4dbot:{SECRET}@127.0.0.1/m4dbot",
        f"postgresql//:{SECRET}@",
    ):
        path.write_text(f'[database]\nurl = "{url}"\n{CONFIG}', encoding="utf-8")
        for args in (("queue",), ("approve", "1"), ("doctor",), ("backup", "b")):
            ran = bare(*args, code=1)
            assert SECRET not in ran.out + ran.err
