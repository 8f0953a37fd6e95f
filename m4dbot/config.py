"""`config.toml`: the operator's file, checked as a whole. See config.example.toml for every key."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from m4dbot import toml_files
from m4dbot.discussion.file import LANGUAGE, SLUG
from m4dbot.errors import InvalidFile, M4dbotError, Problem

SAMPLE = "config.example.toml, or what `m4dbot init` writes"
# RFC 5321 atoms and domains; what cannot go into a header or a command unquoted is refused.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*/=?^_`{|}~+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")

DELIVERIES = ("posts", "digest", "questions", "summary", "none")


def _address(value: str) -> str:
    if not ADDRESS.fullmatch(value):
        raise ValueError(f"'{value}' is no mail address; for example water@groups.example.org")
    return value.lower()


def _slug(value: str) -> str:
    if not SLUG.fullmatch(value):
        raise ValueError('may hold only small letters, digits and hyphens; for example slug = "water"')
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{value}' is no known time zone; for example timezone = \"Europe/Brussels\"") from None
    return value


def _language(value: str) -> str:
    if not LANGUAGE.fullmatch(value):
        raise ValueError(f'\'{value}\' is no language code; use codes such as "en", "fr", "es"')
    return value


def _one_line(value: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise ValueError("holds a control character; write it on one line")
    return value


def _person(value: object) -> object:
    return {"address": value} if isinstance(value, str) else value


Line = Annotated[str, AfterValidator(_one_line), Field(max_length=500)]
Address = Annotated[str, AfterValidator(_address)]
Slug = Annotated[str, AfterValidator(_slug)]
Language = Annotated[str, AfterValidator(_language)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WithPassword(Strict):
    """A server that wants a log-in. The password comes from a file or the environment, not from here."""

    username: Line = ""
    password_file: Line = ""
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "M4DBOT_PASSWORD"

    def password(self, base: Path) -> str:
        """The password; relative file names count from `base`. Raises M4dbotError saying where it was sought."""
        if self.password_file:
            path = base / self.password_file
            try:
                return path.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as exc:
                why = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
                raise M4dbotError(f"The password file {path} cannot be read ({why}).") from None
        found = os.environ.get(self.password_env)
        if found is None:
            raise M4dbotError(
                f"There is no password for {self.username}: set {self.password_env} in the environment, "
                "or password_file in the configuration."
            )
        return found


class Imap(WithPassword):
    """The mailbox to read. `security`: "tls" (implicit, 993), "starttls" (143), or "none" on loopback."""

    host: Line
    port: Port | None = None
    security: Literal["tls", "starttls", "none"] = "tls"
    ca_file: Line = ""  # a certificate authority of one's own
    folder: Line = "INBOX"
    # What happens to a mail that has been taken in: marked \Seen, moved to a folder, deleted, or left alone.
    after: Literal["mark", "move", "delete", "leave"] = "mark"
    move_to: Line = "Processed"
    poll_seconds: Annotated[int, Field(ge=1, le=86400, strict=True)] = 60
    idle: bool = True
    timeout_seconds: Annotated[int, Field(ge=1, le=600, strict=True)] = 30
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "M4DBOT_IMAP_PASSWORD"

    @property
    def effective_port(self) -> int:
        return self.port or (993 if self.security == "tls" else 143)

    @model_validator(mode="after")
    def _clear_text(self) -> Imap:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(
                f'security = "none" would send the password to {self.host} in the clear; use "tls" or "starttls"'
            )
        if not self.username:
            raise ValueError("username is missing; add the mailbox's log-in name")
        return self


class Listener(Strict):
    """A listener for mail from a local MTA."""

    host: Line = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, strict=True)] = 8024  # 0: any free one, shown in the log
    protocol: Literal["lmtp", "smtp"] = "lmtp"
    max_bytes: Annotated[int, Field(ge=1024, strict=True)] = 50 * 1024 * 1024

    @model_validator(mode="after")
    def _loopback(self) -> Listener:
        if not is_loopback(self.host):
            raise ValueError(
                f"would listen on {self.host} without log-in; use 127.0.0.1 and let the mail server deliver to it"
            )
        return self


class Smtp(WithPassword):
    """The relay that mail goes out through. `security` as for IMAP: "tls" (465), "starttls" (587), "none" (25)."""

    host: Line
    port: Port | None = None
    security: Literal["tls", "starttls", "none"] = "starttls"
    ca_file: Line = ""
    connections: Annotated[int, Field(ge=1, le=32, strict=True)] = 4
    timeout_seconds: Annotated[int, Field(ge=1, le=600, strict=True)] = 30
    # After 4xx the next attempt waits retry_seconds, then twice that, and so on up to six hours.
    retry_seconds: Annotated[int, Field(ge=1, le=86400, strict=True)] = 300
    give_up_hours: Annotated[int, Field(ge=1, le=720, strict=True)] = 72
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "M4DBOT_SMTP_PASSWORD"

    @property
    def effective_port(self) -> int:
        return self.port or {"tls": 465, "starttls": 587, "none": 25}[self.security]

    @model_validator(mode="after")
    def _clear_text(self) -> Smtp:
        if self.security == "none" and self.username and not is_loopback(self.host):
            raise ValueError(
                f'security = "none" would send the password to {self.host} in the clear; use "tls" or "starttls"'
            )
        return self


class Web(Strict):
    """Where people find things on the web; m4dbot serves nothing itself yet."""

    archive: Annotated[str, Field(pattern=r"^(https://[^\s<>]+)?$")] = ""  # List-Archive


class DatabaseTable(Strict):
    url: Line = ""


class Contact(Strict):
    address: Address
    name: Line = ""
    language: Language = ""


class Policies(Strict):
    """What a group does with mail."""

    acknowledge: bool = True  # tell contributors where each passage was filed
    notify_facilitators: bool = True  # tell facilitators of what waits, at most once an hour
    subscribers_only: bool = False  # hold mail of strangers with that reason (everything is held anyway)
    max_bytes: Annotated[int, Field(ge=10_000, strict=True)] = 25 * 1024 * 1024
    default_delivery: Literal["posts", "digest", "questions", "summary", "none"] = "digest"


class Group(Strict):
    slug: Slug
    address: Address
    name: Line
    languages: Annotated[list[Language], Field(min_length=1, max_length=30)] = ["en", "fr", "es"]
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    facilitators: list[Annotated[Contact, BeforeValidator(_person)]] = []
    policies: Policies = Policies()
    imap: Imap | None = None  # a mailbox of its own; else the common one

    @field_validator("address")
    @classmethod
    def _bare(cls, value: str) -> str:
        if "+" in value.partition("@")[0]:
            raise ValueError("holds a +; m4dbot adds its own plus-addresses to the bare one")
        return value

    @property
    def domain(self) -> str:
        return self.address.partition("@")[2]

    @property
    def local_part(self) -> str:
        return self.address.partition("@")[0]

    @property
    def list_id(self) -> str:
        """RFC 2919: a name under a domain of ours, without angle brackets."""
        return f"{self.local_part}.{self.domain}"

    def plus(self, detail: str) -> str:
        """The group's address with a detail: plus("w2q1") is "water+w2q1@groups.example.org"."""
        return f"{self.local_part}+{detail}@{self.domain}"


class Config(Strict):
    """The whole file. `base` is the folder relative names count from."""

    database: DatabaseTable = DatabaseTable()
    imap: Imap | None = None
    lmtp: Listener | None = None
    smtp: Smtp | None = None
    web: Web = Web()
    group: Annotated[list[Group], Field(min_length=1)]
    outbox: Line = "outbox"  # the Maildir used where there is no [smtp]
    base: Path = Field(default=Path("."), exclude=True)
    path: Path = Field(default=Path("config.toml"), exclude=True)

    @property
    def database_url(self) -> str:
        url = self.database.url
        if not url:
            return f"sqlite:///{(self.base / 'm4dbot.sqlite').resolve()}"
        if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            return f"sqlite:///{(self.base / url.removeprefix('sqlite:///')).resolve()}"
        return url

    @property
    def outbox_folder(self) -> Path:
        return (self.base / self.outbox).resolve()

    @property
    def listener(self) -> Listener | None:
        """The listener: as configured, or on loopback where there is no mailbox to read."""
        if self.lmtp is not None:
            return self.lmtp
        return None if self.mailboxes else Listener()

    @property
    def mailboxes(self) -> list[tuple[Imap, str | None]]:
        """Mailboxes to read, each with the slug of its group, or None where recipients decide."""
        own: list[tuple[Imap, str | None]] = [(g.imap, g.slug) for g in self.group if g.imap]
        return ([(self.imap, None)] if self.imap else []) + own

    def group_named(self, slug: str | None) -> Group:
        """The group with this slug; without one, the only group. Raises M4dbotError naming the groups."""
        names = ", ".join(g.slug for g in self.group)
        if slug is None:
            if len(self.group) == 1:
                return self.group[0]
            raise M4dbotError(f"There are several groups ({names}); name one with --group.")
        for group in self.group:
            if group.slug == slug:
                return group
        raise M4dbotError(f"There is no group '{slug}' in {self.path}; there is: {names}.")


def is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def parse_config(text: str, path: Path) -> Config:
    """The configuration in `text`. Raises InvalidFile with every mistake at once; no value of a secret is shown."""
    name = str(path)
    raw = toml_files.parse(text, name)
    for own in ("base", "path"):
        raw.pop(own, None)
    try:
        config = Config.model_validate({**raw, "base": path.parent, "path": path})
    except ValidationError as error:
        problems = list(toml_files.problems_of(error, name, text, Config, SAMPLE))
        raise InvalidFile(list(dict.fromkeys(problems + _twice(raw, name, text)))) from None
    if problems := _twice(raw, name, text):
        raise InvalidFile(problems)
    return config


def _twice(raw: dict[str, Any], name: str, text: str) -> list[Problem]:
    """Groups that share a slug or an address."""
    problems = []
    lines = toml_files.lines_of_keys(text)
    groups = raw.get("group")
    seen: dict[tuple[str, str], int] = {}
    for i, group in enumerate(groups if isinstance(groups, list) else []):
        for key in ("slug", "address"):
            value = group.get(key) if isinstance(group, dict) else None
            if not isinstance(value, str):
                continue
            first = seen.setdefault((key, value.lower()), i)
            if first != i:
                place = toml_files.place_of(("group", i, key), lines)
                problems.append(Problem(name, place, f"'{value}' is group {first + 1}'s {key} already", "change one"))
    return problems


def load_config(given: str | None) -> Config:
    """The configuration file named on the command line or in M4DBOT_CONFIG, else config.toml here.

    Raises InvalidFile with the way out where there is none.
    """
    path = Path(given or "config.toml")
    if not path.exists():
        raise InvalidFile(
            [
                Problem(
                    str(path), "", "there is no such file", "write one with `m4dbot init`, or name yours with --config"
                )
            ]
        )
    return parse_config(toml_files.read_text(path), path.resolve())
