"""Plays the demo: the bot's own steps, on embedded servers and a simulated clock."""

from __future__ import annotations

import email
import email.policy
import smtplib
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from m4dbot.bot import Bot
from m4dbot.cli.subscribers_csv import read_csv
from m4dbot.config import Config, parse_config
from m4dbot.demo import players
from m4dbot.demo.page import Event, write_page
from m4dbot.demo.players import Line, Reader
from m4dbot.demo.servers import PASSWORD, USER, PostOffice, mail_world
from m4dbot.discussion.calendar import instant, occasions
from m4dbot.discussion.file import parse_discussion
from m4dbot.discussion.model import Discussion
from m4dbot.errors import M4dbotError
from m4dbot.intake.imap import Mailbox
from m4dbot.intake.values import Disposition, Outcome
from m4dbot.moderation import decisions
from m4dbot.publishing.due import Sent
from m4dbot.store import discussions, subscribers
from m4dbot.store.database import Database
from m4dbot.store.prepare import prepared
from m4dbot.store.tables import Contribution, Delivery, Group, Message, Passage, Subscriber
from m4dbot.summary import drafting, sending
from m4dbot.summary.html import to_html
from m4dbot.summary.markdown import to_markdown
from m4dbot.summary.text import to_text
from m4dbot.tagging.values import Tag

GROUP = "meals@groups.example.org"
FACILITATOR = "amina.diallo@network.example.org"
CONFIG = f"""# The demo's configuration. Without [imap] and [smtp], `m4dbot run` listens for LMTP on 127.0.0.1:8024
# and puts what it would send into the Maildir outbox/.
[[group]]
slug = "meals"
address = "{GROUP}"
name = "Meals Network"
languages = ["en", "fr", "es"]
timezone = "Europe/Rome"
facilitators = [{{ address = "{FACILITATOR}", name = "Amina Diallo", language = "fr" }}]
"""
MARKER = ".m4dbot-demo"
ROUND = time(19, 30)  # when the scripted facilitator sits down each evening
AFTER = 4  # days after the last one on which the facilitator still looks
WHAT = {
    "announcement": "Announcement",
    "questions": "Questions of week {week}",
    "reminder": "Reminder of week {week}",
    "digest": "Digest of week {week}",
    "last-call": "Last call",
    "thanks": "Thanks",
}


@dataclass(slots=True)
class Post:
    """What arrived at people's mailboxes: kept as files, and the latest of each kind to be answered."""

    folder: Path
    by_reader: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def deliver(self, sender: str, recipient: str, raw: bytes) -> None:
        with self.lock:
            self.count += 1
            path = self.folder / f"{self.count:04}-{recipient.partition('@')[0]}.eml"
            path.write_bytes(raw)
            self.by_reader.setdefault(recipient, []).append((sender, raw))

    def latest(self, recipient: str, part: str) -> EmailMessage | None:
        """The newest mail this reader has whose Message-ID or kind names `part`, for example "week-2.questions"."""
        with self.lock:
            mails = list(self.by_reader.get(recipient, ()))
        for _, raw in reversed(mails):
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            if part in str(mail["Message-ID"]):
                return mail
        return None


def play(folder: Path, tell: Callable[[Event], None], program: str = "m4dbot") -> list[tuple[str, str]]:
    """Play the whole discussion into `folder`; `tell` hears of each thing as it happens.

    Returns commands to try, each with what it does; `program` is how m4dbot is called here. Raises M4dbotError
    where the folder holds something else.
    """
    _make_room(folder)
    (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "mails").mkdir()
    source = (players.HERE / "discussion.toml").read_text(encoding="utf-8")
    (folder / "discussion.toml").write_text(source, encoding="utf-8")
    discussion = parse_discussion(source)
    post = Post(folder / "mails")
    with mail_world(GROUP, post.deliver) as (imap, office):
        servers = (
            f'[imap]\nhost = "127.0.0.1"\nport = {imap.port}\nsecurity = "none"\nusername = "{USER}"\n'
            f'password_env = "M4DBOT_DEMO_PASSWORD"\nidle = false\n'
            f'[smtp]\nhost = "127.0.0.1"\nport = {office.port}\nsecurity = "none"\n'
        )
        config = parse_config(servers + CONFIG, (folder / "config.toml").resolve())
        database = prepared(config)
        try:
            with _password_in_environment(), closing(_Game(config, database, discussion, post, office, tell)) as game:
                game.set_up(source)
                game.play()
                game.conclude(folder)
                with database.read() as session:
                    row, _ = discussions.get(session, discussion.slug)
                    commands = _commands(session, f"{program} --config {folder / 'config.toml'}", discussion)
                    write_page(session, row, discussion, folder, game.events, commands)
        finally:
            database.close()
    return commands


class _Game:
    def __init__(
        self,
        config: Config,
        database: Database,
        discussion: Discussion,
        post: Post,
        office: PostOffice,
        tell: Callable[[Event], None],
    ) -> None:
        self.config, self.database, self.discussion, self.post, self.office = config, database, discussion, post, office
        self.now = occasions(discussion)[0].due_at - timedelta(days=1)
        self.bot = Bot(config, database, clock=lambda: self.now)
        settings, slug = config.mailboxes[0]
        self.mailbox = Mailbox(database, config, settings, clock=lambda: self.now, group_slug=slug)
        self.events: list[Event] = []
        self._tell = tell
        self.lines = players.script(discussion.zone)
        self.readers: dict[str, Reader] = {}
        self.sent: dict[str, bytes] = {}  # raw mails by the script's name
        self.line_of: dict[str, Line] = {}  # by Message-ID

    def tell(self, mark: str, what: str, why: str = "", *, outgoing: bool = False) -> None:
        event = Event(self.now.astimezone(self.discussion.zone), mark, what, why, outgoing)
        self.events.append(event)
        self._tell(event)

    def close(self) -> None:
        self.mailbox.close()

    def set_up(self, source: str) -> None:
        """What an operator and a facilitator do before: load the discussion, import the readers."""
        with self.database.write() as session:
            group_id = session.scalars(select(Group.id)).one()
            discussions.save(session, group_id, source, self.discussion, self.now)
            table = read_csv((players.HERE / "subscribers.csv").read_bytes(), "subscribers.csv")
            subscribers.import_people(session, group_id, table.people, self.now, defaults={"language": "en"})
            for row in session.scalars(select(Subscriber)):
                self.readers[row.address] = Reader(row.name, row.address, row.language)
        weeks = len(self.discussion.weeks)
        self.tell("·", f"Discussion loaded: {weeks} weeks, {len(self.readers)} readers in 3 languages")

    def play(self) -> None:
        """Every instant at which something happens, in order: occasions, people's mails, the facilitator's evenings."""
        zone, first, last = self.discussion.zone, self.discussion.opens, self.discussion.closes + timedelta(days=AFTER)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        rounds = {instant(day, ROUND, zone) for day in days}
        written: dict[datetime, list[Line]] = {}
        for line in self.lines:
            written.setdefault(line.at.astimezone(UTC), []).append(line)
        due = {o.due_at for o in occasions(self.discussion)}
        for self.now in sorted(due | rounds | set(written)):
            for line in written.get(self.now, ()):
                self.write(line)
            self.turn()
            if self.now in rounds:
                self.facilitate()

    def turn(self) -> None:
        """One round of the bot, with its mailbox."""
        self.mailbox.collect()
        step = self.bot.step(self.now)
        for outcome in step.processed.outcomes:
            self.tell(*self._came_in(outcome))
        for sent in step.due:
            self.tell(*self._went_out(sent), outgoing=True)
        self._bounce_once()

    def write(self, line: Line) -> None:
        """Somebody writes: by SMTP, as everybody does."""
        recipient = GROUP
        sender = line.sender
        if line.again is not None:
            raw = self.sent[line.again]
            sender = next(e.sender for e in self.lines if e.name == line.again)
        else:
            reader = self.readers.get(sender) or Reader(sender.partition("@")[0].title(), sender, "en")
            wanted = f"week-{line.answers}.questions" if line.answers else None
            if line.style == "correct":
                wanted = "<ack."
            elif line.style == "leave":
                wanted = "questions"
            received = self.post.latest(sender, wanted) if wanted else None
            recipient, raw = players.write(line, reader, received, self.config.group[0].address, self.discussion)
            self.sent[line.name] = raw
            self.line_of[_message_id(raw)] = line
        with smtplib.SMTP("127.0.0.1", self.office.port, timeout=20) as smtp:
            smtp.sendmail(sender, [recipient], raw)

    def facilitate(self) -> None:
        """The scripted facilitator: approves and rejects as the script says, and leaves the rest."""
        approved, rejected = [], []
        with self.database.write() as session:
            held = session.execute(
                select(Contribution.id, Message.message_id)
                .join(Message, Message.id == Contribution.message_id)
                .where(Contribution.state == "held")
                .order_by(Contribution.id)
            ).all()
            for contribution_id, message_id in held:
                line = self.line_of.get(message_id)
                if line is None or line.decide == "leave":
                    continue
                if line.decide == "reject":
                    decisions.reject(
                        session,
                        [contribution_id],
                        by=FACILITATOR,
                        way="cli",
                        now=self.now,
                        reason=line.reason,
                        tell=self.config,
                    )
                    rejected.append(contribution_id)
                else:
                    self._refile(session, contribution_id, line)
                    approved.append(contribution_id)
            decisions.approve(session, self.config, approved, by=FACILITATOR, way="cli", now=self.now)
        if approved:
            posts = self._posts(approved)
            self.tell("✔", f"Amina approved {_numbered(approved)}", f"posted to {posts} readers who get every post")
        if rejected:
            self.tell("✘", f"Amina rejected {_numbered(rejected)}", "the author was told why")
        if approved or rejected:
            self.bot.deliver(self.now)

    def _refile(self, session: Session, contribution_id: int, line: Line) -> None:
        """Where the whole mail is about one question and was filed elsewhere, the facilitator says so."""
        passages = decisions.passages_of(session, contribution_id)
        if len(line.expect) != 1 or "q" not in line.expect[0]:
            return
        week, question = (int(n) for n in line.expect[0][1:].split("q"))
        if any((p.week, p.question) != (week, question) for p in passages):
            tag = Tag(week, question)
            decisions.retag(session, contribution_id, None, tag, by=FACILITATOR, way="cli", now=self.now)
            self.tell("✎", f"Amina filed #{contribution_id} under {tag}")

    def conclude(self, folder: Path) -> None:
        """The consolidated reply: drafted, released by the facilitator, sent; written in three formats."""
        self.now += timedelta(hours=14)
        with self.database.write() as session:
            row, _ = discussions.get(session, self.discussion.slug)
            drafting.draft(session, row, self.now)
            drafting.release(session, row, by=FACILITATOR, now=self.now)
            sending.send(session, self.config, row, self.now)
            reply = drafting.read(session, row)
        self.tell("✔", "Amina released the consolidated reply")
        delivered = self.bot.deliver(self.now)
        self.tell("▶", f"Consolidated reply → {delivered.sent} readers", outgoing=True)
        for suffix, text in ((".html", to_html(reply)), (".txt", to_text(reply)), (".md", to_markdown(reply))):
            (folder / f"consolidated-reply{suffix}").write_text(text, encoding="utf-8")

    def _came_in(self, outcome: Outcome) -> tuple[str, str, str]:
        who = self.readers[outcome.sender].name if outcome.sender in self.readers else outcome.sender
        if outcome.contribution_id is None:
            mark = {Disposition.LEFT: "←", Disposition.CORRECTED: "✎"}.get(outcome.disposition, "·")
            return mark, f"{who}: {outcome.disposition.value}", outcome.reason
        with self.database.read() as session:
            row = session.get_one(Contribution, outcome.contribution_id)
            passages = session.scalars(
                select(Passage).where(Passage.contribution_id == row.id).order_by(Passage.position)
            ).all()
            filed = ", ".join(f"{Tag(p.week, p.question)} {p.confidence:.0%}" for p in passages)
            why = "; ".join(dict.fromkeys(e for p in passages for e in p.evidence[:1]))
            behalf = f" for {row.on_behalf_of}" if row.on_behalf_of else ""
            return "✉", f"#{row.id} {who}{behalf} ({row.language or '?'}): {filed}", why

    def _went_out(self, sent: Sent) -> tuple[str, str, str]:
        what = WHAT[sent.kind.value].format(week=sent.week)
        if sent.skipped:
            return "–", f"{what}: not sent", sent.skipped
        languages = ", ".join(f"{count} {language}" for language, count in sent.by_language)
        return "▶", f"{what} → {sent.recipients} readers", languages

    def _posts(self, approved: list[int]) -> int:
        from m4dbot.store.tables import Mailing

        with self.database.read() as session:
            query = select(Delivery.recipient).join(Mailing).where(Mailing.contribution_id.in_(approved)).distinct()
            return len(session.scalars(query).all())

    def _bounce_once(self) -> None:
        """The first mail to a closed mailbox comes back, to the address it was sent from."""
        mails = self.post.by_reader.get("former.colleague@closed.example.org", [])
        if len(mails) == 1 and "bounce" not in self.sent:
            sender, raw = mails[0]
            report = players.bounce(sender, "former.colleague@closed.example.org", raw, self.now)
            self.sent["bounce"] = report
            with smtplib.SMTP("127.0.0.1", self.office.port, timeout=20) as smtp:
                smtp.sendmail("", [sender], report)


def _message_id(raw: bytes) -> str:
    return str(email.message_from_bytes(raw)["Message-ID"]).strip("<> ")


def _numbered(ids: list[int]) -> str:
    return ", ".join(f"#{n}" for n in ids)


def _make_room(folder: Path) -> None:
    """An empty folder to play in; one that an earlier demo left is cleared, anything else is left alone."""
    import shutil

    if folder.exists():
        if not folder.is_dir():
            raise M4dbotError(f"{folder} is a file; name a folder for the demo.")
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            raise M4dbotError(f"{folder} holds other things; name a new folder for the demo.")
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True)
    except OSError as exc:
        raise M4dbotError(f"{folder} cannot be made ({exc.strerror}).") from None
    (folder / MARKER).write_text("Made by `m4dbot demo`; it may clear this folder.\n", encoding="utf-8")


@contextmanager
def _password_in_environment() -> Iterator[None]:
    import os

    os.environ["M4DBOT_DEMO_PASSWORD"] = PASSWORD
    try:
        yield
    finally:
        os.environ.pop("M4DBOT_DEMO_PASSWORD", None)


def _commands(session: Session, call: str, discussion: Discussion) -> list[tuple[str, str]]:
    first = session.scalar(select(func.min(Contribution.id)).where(Contribution.state == "held"))
    return [
        (f"{call} queue", "what waits for a decision"),
        (f"{call} show {first}", "one contribution, with the reasons for its tags"),
        (f"{call} approve {first}", "release it"),
        (f"{call} outbox list", "everything that was sent"),
        (f"{call} discussion show {discussion.slug}", "the discussion at a glance"),
    ]
