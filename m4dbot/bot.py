"""The long-running process: mail comes in, is dealt with, and what is due goes out.

Every step is a method that does its work once, at a time it is given; `run` calls them from threads until it is
told to stop. The demo calls the same steps on a clock of its own.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy.orm import Session

from m4dbot.config import Config
from m4dbot.delivery.worker import Delivered, Worker
from m4dbot.errors import M4dbotError
from m4dbot.intake.processing import has_new, process_new
from m4dbot.intake.values import Processed
from m4dbot.publishing.acknowledge import acknowledge
from m4dbot.publishing.due import Sent, run_due
from m4dbot.publishing.notices import notify_facilitators
from m4dbot.reading.values import Reading
from m4dbot.store.database import Database
from m4dbot.store.locks import keeps_calendar, only_bot
from m4dbot.store.tables import Contribution

TICK_SECONDS = 5  # between looks at the calendar
LOOK_SECONDS = 2.0  # between looks for mail that another process put into the store
STOP_SECONDS = 8.0  # a stop takes at most ten; this much is left to the threads

log = structlog.get_logger("m4dbot")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """What one round did."""

    processed: Processed
    due: tuple[Sent, ...]
    delivered: Delivered


class Bot:
    """The steps of the work. Several threads may call them; each is safe at any time."""

    def __init__(self, config: Config, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self.config, self.database, self.clock = config, database, clock
        self.worker = Worker(database, config, clock)
        self.arrived = threading.Event()

    def process(self, now: datetime) -> Processed:
        """Read, tag and file what has come in; contributors are told where their words were filed."""

        def confirm(session: Session, contribution: Contribution, _reading: Reading) -> None:
            acknowledge(session, self.config, contribution.id, now)

        processed = process_new(self.database, self.config, now, on_contribution=confirm)
        if processed.outcomes:
            self.worker.wake()
        return processed

    def keep_calendar(self, now: datetime) -> tuple[Sent, ...]:
        """Queue what is due, each occasion once, and tell facilitators what waits."""
        with self.database.read() as session:
            mine = keeps_calendar(session)
            # The lock is held while this session is open: one bot of several does the work.
            sent = tuple(run_due(self.database, self.config, now)) if mine else ()
            notices = notify_facilitators(self.database, self.config, now) if mine else []
        for each in sent:
            event = "calendar.skipped" if each.skipped else "calendar.queued"
            log.info(event, key=each.key, recipients=each.recipients, reason=each.skipped or None)
        if sent or notices:
            self.worker.wake()
        return sent

    def deliver(self, now: datetime) -> Delivered:
        """Send what the outbox holds and is due."""
        return self.worker.deliver_due(now)

    def step(self, now: datetime) -> Step:
        """One round of everything but fetching."""
        return Step(self.process(now), self.keep_calendar(now), self.deliver(now))


def run(config: Config, database: Database, stop: threading.Event) -> None:
    """Do everything until `stop` is set; then end within ten seconds with every state committed.

    Raises AlreadyRunning where another bot holds this SQLite database.
    """
    bot = Bot(config, database)
    with only_bot(database), ExitStack() as running:
        threads = [
            threading.Thread(target=bot.worker.run, args=(stop,), name="delivery"),
            threading.Thread(target=_keep_processing, args=(bot, stop), name="processing"),
        ]
        running.callback(_join, threads)
        _listen(bot, running)
        threads += _mailboxes(bot, stop)
        running.callback(stop.set)
        for thread in threads:
            thread.start()
        running.enter_context(_ticking(bot))
        log.info("bot.started", groups=[g.slug for g in config.group], mailboxes=len(config.mailboxes))
        stop.wait()
        log.info("bot.stopping")
    log.info("bot.stopped")


@contextmanager
def _ticking(bot: Bot) -> Iterator[None]:
    """The calendar's clock: one job, looked at every few seconds.

    What is due is computed from the calendar and remembered in the database, so APScheduler only has to wake us; a
    tick that comes late or was missed loses nothing.
    """
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        _guarded,
        "interval",
        args=("calendar", lambda: bot.keep_calendar(bot.clock())),
        seconds=TICK_SECONDS,
        next_run_time=datetime.now(UTC),
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=True)


def _keep_processing(bot: Bot, stop: threading.Event) -> None:
    while not stop.is_set():
        bot.arrived.wait(LOOK_SECONDS)
        bot.arrived.clear()
        while not stop.is_set() and _guarded("processing", lambda: has_new(bot.database)):
            if not _guarded("processing", lambda: bot.process(bot.clock()).outcomes):
                break


def _guarded(what: str, act: Callable[[], object]) -> object:
    """Trouble is told and the bot goes on: the next look tries again."""
    try:
        return act()
    except M4dbotError as exc:
        log.error(f"{what}.failed", reason=str(exc))
    except Exception as exc:
        # A bug: where it happened goes into one line of the log, as everything else does.
        at = traceback.extract_tb(exc.__traceback__)[-1]
        log.error(f"{what}.failed", reason=f"{type(exc).__name__}: {exc}", at=f"{at.filename}:{at.lineno}")
    return None


def _listen(bot: Bot, running: ExitStack) -> None:
    if (settings := bot.config.listener) is None:
        return
    from m4dbot.intake.listener import MailListener

    running.enter_context(MailListener(bot.database, bot.config, settings, clock=bot.clock, on_mail=bot.arrived.set))


def _mailboxes(bot: Bot, stop: threading.Event) -> list[threading.Thread]:
    if not bot.config.mailboxes:
        return []
    from m4dbot.intake.imap import Mailbox

    return [
        threading.Thread(
            target=Mailbox(bot.database, bot.config, settings, clock=bot.clock, group_slug=slug).run,
            args=(stop, bot.arrived.set),
            name=f"imap-{slug or settings.username}",
        )
        for settings, slug in bot.config.mailboxes
    ]


def _join(threads: list[threading.Thread]) -> None:
    # A thread that hangs in a server's time-out does not keep the process: what it holds is committed or not begun.
    for thread in threads:
        if thread.ident is not None:
            thread.join(STOP_SECONDS)
            if thread.is_alive():
                log.warning("bot.thread_left", thread=thread.name)
