"""Mail from files, taken in as if it had arrived: `m4dbot import`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from m4dbot.intake.door import accept
from m4dbot.intake.examining import processes
from m4dbot.intake.files import count_mails, mails_in
from m4dbot.intake.processing import process_new
from m4dbot.intake.routing import Routing
from m4dbot.intake.values import Arrival, Outcome
from m4dbot.reading.dates import instant_of
from m4dbot.store.database import Database
from m4dbot.store.identity import headers_of

if TYPE_CHECKING:
    from m4dbot.config import Config

BATCH = 100  # mails a transaction
BATCH_BYTES = 16 * 1024 * 1024
MEAN_BYTES = 20_000  # of a mail


@dataclass(slots=True)
class Imported:
    """What an import did so far: mails read, those that were new to the store, and what became of them."""

    mails: int = 0
    new: int = 0
    outcomes: list[Outcome] = field(default_factory=list)


def import_mail(
    database: Database,
    config: Config,
    paths: Sequence[Path],
    now: datetime,
    *,
    group_slug: str | None = None,
    on_progress: Callable[[Imported], None] | None = None,
) -> Imported:
    """Take in every mail below `paths` and file it, without acknowledging anything. Writes.

    A mail came when its Date says, or at `now` (aware) where that is missing or in the future. Interrupted and
    started again it goes on where it was: a mail that is there already is not taken in twice. `group_slug` says whose
    the mails are; else their addressees do. `on_progress` is called after each batch. Raises NotFound for a path that
    is not there.
    """
    with database.read() as session:
        routing = Routing.load(session, config)
    done = Imported()
    with processes(sum(map(_about, paths))) as pool:
        for batch in _batches(mail for path in paths for mail in mails_in(path)):
            arrivals = [_arrival(name, raw, now, group_slug) for name, raw in batch]
            accepted = accept(database, arrivals, routing)
            done.mails += len(batch)
            done.new += sum(a.new for a in accepted)
            done.outcomes += process_new(database, config, now, limit=len(accepted), pool=pool).outcomes
            if on_progress is not None:
                on_progress(done)
    return done


def _about(path: Path) -> int:
    """How many mails there are below a path, roughly for an mbox."""
    known = count_mails(path)
    if known is not None:
        return known
    return path.stat().st_size // MEAN_BYTES if path.is_file() else 0


def _arrival(name: str, raw: bytes, now: datetime, group_slug: str | None) -> Arrival:
    headers, _ = headers_of(raw)
    written = instant_of(headers.get("date"))
    received = written if written is not None and written <= now else now
    return Arrival(raw, "import", received.astimezone(UTC), source_detail=name, group_slug=group_slug)


def _batches(mails: Iterable[tuple[str, bytes]]) -> Iterable[list[tuple[str, bytes]]]:
    batch: list[tuple[str, bytes]] = []
    total = 0
    for name, raw in mails:
        batch.append((name, raw))
        total += len(raw)
        if len(batch) >= BATCH or total >= BATCH_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
