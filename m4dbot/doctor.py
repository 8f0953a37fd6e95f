"""What is in order and what is not: each check is a function that returns findings, each finding with what to do.

No check raises for what it looks at; what it cannot find out is a finding too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from m4dbot.errors import M4dbotError

if TYPE_CHECKING:
    from m4dbot.config import Config, Imap, Smtp
    from m4dbot.store.database import Database

ROOM_NEEDED = 100 * 2**20  # bytes free on the database's disk, below which is warned
ROOM_LEAST = 10 * 2**20  # below which mail may not be stored
BUILT = datetime(2026, 11, 1, tzinfo=UTC)  # a clock before this is wrong
DNS_TIMEOUT = 4.0  # seconds for one question


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`says` is a sentence on what was found, `do` what to do about it ("" where nothing)."""

    level: Level
    what: str
    says: str
    do: str = ""


Check = Callable[[], Iterator[Finding]]


def examine(config: Config, now: datetime, *, migrate: bool = False, selector: str = "") -> Iterator[Finding]:
    """Every check, in the order in which things have to work. `migrate` brings old tables up to date first.

    `selector` is the name of a DKIM key to look for in the DNS.
    """
    checks: list[tuple[str, Check]] = [
        ("groups", lambda: check_groups(config)),
        ("clock", lambda: check_clock(config, now)),
        ("disk", lambda: check_disk(config)),
        ("database", lambda: check_database(config, now, migrate=migrate)),
        ("mail in", lambda: check_mail_in(config)),
        ("mail out", lambda: check_mail_out(config)),
        ("DNS", lambda: check_dns(config, selector)),
    ]
    for what, check in checks:
        try:
            yield from check()
        except M4dbotError as exc:
            yield Finding(Level.FAIL, what, str(exc))
        except Exception as exc:  # one check that fails must not hide the others
            said = f"{type(exc).__name__}: {exc}"
            yield Finding(Level.FAIL, what, f"The check itself failed ({said}).", "Report this to m4dbot's makers.")


def check_groups(config: Config) -> Iterator[Finding]:
    for group in config.group:
        if group.facilitators:
            people = ", ".join(f.address for f in group.facilitators)
            yield Finding(Level.OK, "group", f"{group.slug} is {group.address}, facilitated by {people}.")
        else:
            yield Finding(
                Level.WARN,
                "group",
                f"{group.slug} has no facilitators: nobody is told what waits.",
                f'Add facilitators = ["…@…"] under the [[group]] {group.slug}.',
            )


def check_clock(config: Config, now: datetime) -> Iterator[Finding]:
    if now < BUILT:
        yield Finding(
            Level.FAIL,
            "clock",
            f"The clock says {now:%Y-%m-%d %H:%M} UTC, which is past.",
            "Set the clock (timedatectl set-ntp true): every mail goes out by it.",
        )
    else:
        yield Finding(Level.OK, "clock", f"It is {now:%Y-%m-%d %H:%M} UTC.")
    for zone in sorted({g.timezone for g in config.group}):
        try:
            here = now.astimezone(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, OSError, ValueError):
            yield Finding(Level.FAIL, "zone", f"The time zone {zone} is not known here.", "Install tzdata.")
            continue
        yield Finding(Level.OK, "zone", f"In {zone} it is {here:%Y-%m-%d %H:%M}.")


def check_disk(config: Config) -> Iterator[Finding]:
    from sqlalchemy import make_url

    folder = config.base
    url = config.database_url
    if url.startswith("sqlite") and (name := make_url(url).database):
        folder = Path(name).parent
    if not folder.is_dir():
        yield Finding(Level.FAIL, "disk", f"The folder {folder} does not exist.", "Create it.")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(
            Level.FAIL, "disk", f"The folder {folder} cannot be written.", "Run m4dbot as the folder's owner."
        )
        return
    free = shutil.disk_usage(folder).free
    level = Level.OK if free >= ROOM_NEEDED else Level.WARN if free >= ROOM_LEAST else Level.FAIL
    yield Finding(
        level,
        "disk",
        f"{free / 2**20:,.0f} MB are free in {folder}.",
        "" if level is Level.OK else "Make room: mail that cannot be stored stays with the mail server.",
    )


def check_database(config: Config, now: datetime, *, migrate: bool) -> Iterator[Finding]:
    from m4dbot.store import migrate as migrations
    from m4dbot.store.database import open_database
    from m4dbot.store.prepare import prepared

    database = open_database(config.database_url)
    shown = database.engine.url.render_as_string(hide_password=True)
    try:
        if database.path is not None and not database.path.exists():
            prepared(config).close()
            yield Finding(Level.OK, "database", f"{shown} was made.")
        # First of all: tables of a damaged file are not to be touched.
        damage = list(_damage(database))
        yield from damage
        if any(f.level is Level.FAIL for f in damage):
            return
        found, needed = migrations.status(database)
        if found is not None and found < needed and migrate:
            migrations.upgrade(database)
            yield Finding(Level.OK, "tables", f"The tables were brought from version {found} to {needed}.")
    finally:
        database.close()
    ready = prepared(config)
    try:
        with ready.write():
            pass
        yield Finding(Level.OK, "tables", f"{shown} has tables of version {needed}, and can be written.")
        yield from _contents(ready, now)
    finally:
        ready.close()


def _damage(database: Database) -> Iterator[Finding]:
    if not database.is_sqlite:
        return
    from sqlalchemy import text

    with database.read() as session:
        said = [str(row[0]) for row in session.execute(text("PRAGMA integrity_check(3)"))]
        orphans = session.execute(text("PRAGMA foreign_key_check")).first()
    if said != ["ok"]:
        yield Finding(
            Level.FAIL, "database", f"The file is damaged: {'; '.join(said)}.", "Stop the bot and restore a backup."
        )
    elif orphans is not None:
        yield Finding(
            Level.FAIL, "database", f"A row of {orphans[0]} refers to nothing.", "Stop the bot and restore a backup."
        )
    else:
        yield Finding(Level.OK, "database", f"{database.path} is sound.")
    path = database.path
    if path is not None and path.exists() and path.stat().st_mode & 0o007:
        yield Finding(
            Level.WARN,
            "database",
            f"Everybody on this machine can read {path}: it holds people's mail.",
            f"chmod o-rwx {path}",
        )


def _contents(database: Database, now: datetime) -> Iterator[Finding]:
    """What the store says about the bot's work: mail nobody read, deliveries that fail, a clock that ran back."""
    from sqlalchemy import func, select

    from m4dbot.store.tables import Delivery, Message

    with database.read() as session:
        latest = session.scalar(select(func.max(Message.processed_at)))
        unread = session.scalar(select(func.count()).where(Message.disposition == "new")) or 0
        failed = session.scalar(select(func.count()).where(Delivery.state == "failed")) or 0
        overdue = select(func.count()).where(
            Delivery.state.in_(("pending", "deferred")), Delivery.next_attempt_at < now - timedelta(minutes=10)
        )
        waiting = session.scalar(overdue) or 0
    if latest is not None and latest > now + timedelta(minutes=10):
        yield Finding(
            Level.FAIL,
            "clock",
            f"The clock ran back: a mail was handled at {latest:%Y-%m-%d %H:%M} UTC.",
            "Set the clock.",
        )
    if unread:
        yield Finding(Level.WARN, "mail", f"{unread} mails have not been read yet.", "Start the bot: m4dbot run")
    if waiting:
        yield Finding(Level.WARN, "outbox", f"{waiting} deliveries wait to be sent.", "Start the bot: m4dbot run")
    if failed:
        yield Finding(Level.WARN, "outbox", f"{failed} deliveries failed.", "m4dbot outbox list")


def check_mail_in(config: Config) -> Iterator[Finding]:
    for imap, slug in config.mailboxes:
        yield _imap(imap, slug, config.base)
    listener = config.listener
    if listener is not None:
        yield Finding(
            Level.OK,
            "listener",
            f"`m4dbot run` takes mail on {listener.host}:{listener.port} ({listener.protocol.upper()}).",
        )


def _imap(imap: Imap, slug: str | None, base: Path) -> Finding:
    from m4dbot.intake.imap import probe

    what = f"IMAP {slug}" if slug else "IMAP"
    try:
        return Finding(Level.OK, what, probe(imap, base))
    except M4dbotError as exc:
        section = "[group.imap]" if slug else "[imap]"
        return Finding(Level.FAIL, what, str(exc), f"Look at {section} in the configuration.")


def check_mail_out(config: Config) -> Iterator[Finding]:
    if config.smtp is None:
        yield Finding(
            Level.WARN,
            "SMTP",
            f"There is no [smtp]: mails are put into the folder {config.outbox_folder} and not sent.",
            "Add [smtp] when the rehearsal is over.",
        )
        return
    yield _smtp(config.smtp, config.base, config.group[0].domain)


def _smtp(smtp: Smtp, base: Path, helo: str) -> Finding:
    import asyncio

    from m4dbot.delivery.smtp import Lost, connect, tls_context

    where = f"{smtp.host}:{smtp.effective_port}"

    async def log_in() -> None:
        connection = await connect(smtp, base, helo, tls_context(smtp, base))
        await connection.quit()

    try:
        asyncio.run(log_in())
    except Lost as exc:
        return Finding(Level.FAIL, "SMTP", f"The mail server {where} cannot be used ({exc.reply}).", "Look at [smtp].")
    who = f" as {smtp.username}" if smtp.username else " without a log-in"
    return Finding(Level.OK, "SMTP", f"{where} takes mail{who} ({smtp.security}).")


def check_dns(config: Config, selector: str = "") -> Iterator[Finding]:
    """What the DNS says about each group's domain, where it can be asked."""
    for domain in sorted({g.domain for g in config.group}):
        yield from check_domain(domain, ask_dns, selector)


# From a name and a record type: the records' texts, [] where there is none, None where nobody answers.
Ask = Callable[[str, str], "Sequence[str] | None"]


def ask_dns(name: str, kind: str) -> Sequence[str] | None:
    import dns.exception
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver()
        resolver.timeout = resolver.lifetime = DNS_TIMEOUT
        answer: Any = resolver.resolve(name, kind)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError):
        return None
    if kind == "TXT":
        # RFC 7208 §3.3: the strings of one record are joined without blanks.
        return [b"".join(r.strings).decode("utf-8", "replace") for r in answer]
    return [r.to_text() for r in answer]


def check_domain(domain: str, ask: Ask, selector: str = "") -> Iterator[Finding]:
    """MX, SPF (RFC 7208), DMARC (RFC 7489) and, with a selector, DKIM (RFC 6376) of a domain."""
    mx = ask(domain, "MX")
    if mx is None:
        yield Finding(
            Level.WARN, "DNS", f"{domain} could not be looked up.", "Run `m4dbot doctor` where the DNS can be asked."
        )
        return
    if any(r.split()[-1] == "." for r in mx):
        yield Finding(Level.FAIL, "MX", f"{domain} says it takes no mail at all (RFC 7505).", "Set its MX record.")
    elif mx:
        yield Finding(Level.OK, "MX", f"Mail for {domain} goes to {', '.join(r.split()[-1].rstrip('.') for r in mx)}.")
    else:
        yield Finding(
            Level.WARN, "MX", f"{domain} has no MX record.", "Set one, or see that answers reach its own address."
        )
    yield _spf(domain, ask(domain, "TXT"))
    yield _dmarc(domain, ask)
    if not selector:
        yield Finding(Level.OK, "DKIM", "The relay signs; with --selector NAME its key is looked for in the DNS.")
        return
    name = f"{selector}._domainkey.{domain}"
    keys = ask(name, "TXT")
    if keys is None:
        yield Finding(Level.WARN, "DKIM", f"{name} could not be looked up.", "Try again.")
    elif any("p=" in k and not k.replace(" ", "").rstrip(";").endswith("p=") for k in keys):
        yield Finding(Level.OK, "DKIM", f"{name} has a key.")
    else:
        yield Finding(
            Level.FAIL, "DKIM", f"{name} has no key.", "Publish the key of the server that signs, or name its selector."
        )


def _spf(domain: str, texts: Sequence[str] | None) -> Finding:
    if texts is None:
        return Finding(Level.WARN, "SPF", f"The SPF record of {domain} could not be looked up.", "Try again.")
    records = [t for t in texts if t.lower() == "v=spf1" or t.lower().startswith("v=spf1 ")]
    if not records:
        return Finding(
            Level.WARN,
            "SPF",
            f"{domain} has no SPF record.",
            'Add a TXT record that names your relay, for example "v=spf1 include:relay.example.org -all".',
        )
    if len(records) > 1:
        return Finding(Level.FAIL, "SPF", f"{domain} has {len(records)} SPF records; none counts.", "Leave one.")
    if "+all" in records[0].lower().split():
        return Finding(Level.WARN, "SPF", f"{domain} lets everybody send ({records[0]}).", 'End it with "-all".')
    return Finding(Level.OK, "SPF", f"{domain}: {records[0]}")


def _dmarc(domain: str, ask: Ask) -> Finding:
    # RFC 7489 §6.6.3: the domain's own record, else one further up (the organisation's).
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = ".".join(labels[start:])
        texts = ask(f"_dmarc.{name}", "TXT")
        if texts is None:
            return Finding(Level.WARN, "DMARC", f"_dmarc.{name} could not be looked up.", "Try again.")
        records = [t for t in texts if t.lower().replace(" ", "").startswith("v=dmarc1")]
        if len(records) > 1:
            return Finding(Level.FAIL, "DMARC", f"_dmarc.{name} has {len(records)} records; none counts.", "Leave one.")
        if records:
            return Finding(Level.OK, "DMARC", f"{name}: {records[0]}")
    return Finding(
        Level.WARN,
        "DMARC",
        f"{domain} has no DMARC record; large providers want one.",
        f'Add a TXT record _dmarc.{domain}: "v=DMARC1; p=none".',
    )
