"""Reading and tagging one mail with what the store knows about it, guarded; many mails in several processes.

Nothing here touches the store: a job holds all that is needed, so that other processes can do it.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog

from m4dbot.discussion.file import parse_discussion
from m4dbot.discussion.model import Discussion
from m4dbot.intake.choosing import choose
from m4dbot.reading.values import Kind, Reading, Surroundings
from m4dbot.tagging.values import Context, Segment, Tag, Tagging

if TYPE_CHECKING:
    from m4dbot.tagging.tagger import Tagger

MANY = 2000  # mails from which it pays to start other processes: each takes a second or two to begin
MOST_PROCESSES = 4

log = structlog.get_logger("m4dbot.intake")


@dataclass(frozen=True, slots=True)
class Job:
    """A mail with its circumstances.

    `discussions` are the texts of the group's discussions by their numbers, empty where the mail is nobody's.
    `parents` are mailings of ours that the mail may reply to, by Message-ID: the discussion's number and the place.
    """

    number: int  # of the stored mail
    raw: bytes = field(repr=False)
    surroundings: Surroundings
    received_at: datetime
    discussions: Mapping[int, str] = field(repr=False)
    parents: Mapping[str, tuple[int | None, Tag]]


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in a mail. `reading` is None where reading failed; `failure` tells what did, in a sentence."""

    reading: Reading | None
    failure: str = ""
    discussion_id: int | None = None
    segments: tuple[Segment, ...] = ()


def examine(job: Job) -> Examined:
    """Read and tag one mail. Never raises."""
    from m4dbot.intake.attachment_text import extract_text
    from m4dbot.reading.read import read

    try:
        reading = read(job.raw, job.surroundings, extract=extract_text)
    except Exception as exc:
        log.error("intake.not_read", message=job.number, error=shown(exc))
        return Examined(None, f"It could not be read ({shown(exc)}).")
    if not job.surroundings.group_address or reading.kind not in {Kind.CONTRIBUTION, Kind.EMPTY, Kind.SPAM}:
        return Examined(reading)
    try:
        return _tagged(job, reading)
    except Exception as exc:
        log.error("intake.not_tagged", message=job.number, error=shown(exc))
        return Examined(reading, f"It could not be tagged ({shown(exc)}).", segments=_untagged(reading))


def examine_all(jobs: Sequence[Job], pool: Executor | None) -> list[Examined]:
    """Examine mails, in several processes where there are any; in the order given."""
    if pool is not None:
        try:
            return list(pool.map(examine, jobs, chunksize=max(1, len(jobs) // 16)))
        except BrokenProcessPool as exc:
            # A process was ended, by the kernel for want of memory for example; here each mail is guarded.
            log.error("intake.process_ended", mails=len(jobs), error=shown(exc))
    return [examine(job) for job in jobs]


@contextmanager
def processes(mails: int) -> Iterator[Executor | None]:
    """Other processes to examine so many mails with; None where it does not pay."""
    count = min(os.cpu_count() or 1, MOST_PROCESSES)
    if mails < MANY or count < 2:
        yield None
        return
    # Not forked: this process has threads and open databases.
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def shown(exc: BaseException) -> str:
    """An exception on one line."""
    return f"{type(exc).__name__}: {' '.join(str(exc).split())[:200]}"


def _tagged(job: Job, reading: Reading) -> Examined:
    there = {number: _parsed(source) for number, source in job.discussions.items()}
    replied_to = next((home for home, _ in job.parents.values() if home is not None), None)
    tagged: dict[int, Tagging] = {}

    def tag(number: int) -> Tagging:
        if number not in tagged:
            # A place counts within its own discussion only.
            mailings = {p: t for p, (home, t) in job.parents.items() if home == number and t.week is not None}
            tagger = _tagger(job.discussions[number])
            context = Context(mailings, job.surroundings.group_address)
            tagged[number] = tagger.tag(reading, context, job.received_at)
        return tagged[number]

    chosen = choose(there, reading, job.received_at, replied_to, tag)
    if chosen is None:
        return Examined(reading, segments=_untagged(reading))
    return Examined(reading, discussion_id=chosen, segments=tag(chosen).segments or _untagged(reading))


def _untagged(reading: Reading) -> tuple[Segment, ...]:
    return (Segment(reading.own_text, None, None, 0.0),) if reading.own_text.strip() else ()


@lru_cache(maxsize=32)
def _parsed(source: str) -> Discussion:
    return parse_discussion(source)


# Taggers by the text of their discussion: they take milliseconds to make and some megabytes to keep.
_TAGGERS: OrderedDict[str, Tagger] = OrderedDict()
_MOST_TAGGERS = 16


def _tagger(source: str) -> Tagger:
    from m4dbot.tagging.tagger import Tagger

    found = _TAGGERS.pop(source, None) or Tagger(_parsed(source))
    _TAGGERS[source] = found
    while len(_TAGGERS) > _MOST_TAGGERS:
        _TAGGERS.popitem(last=False)
    return found
