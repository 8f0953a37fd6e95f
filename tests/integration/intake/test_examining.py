"""Reading and tagging in other processes."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

from m4dbot.intake import examining
from m4dbot.intake.examining import Job, examine_all, processes
from m4dbot.reading.values import Surroundings
from tests.samples import IN_WEEK_1, ROOFS, WELLS, mail

GROUP = Surroundings(group_address="water@groups.example.org")


def jobs(count: int) -> list[Job]:
    bodies = ("Question 1: answer {}.\n", "Which spare parts can be bought nearby?\n\nRope {}.\n", "\x00 {}\n")
    raws = [mail(bodies[n % 3].format(n), message_id=f"<{n}@x>") for n in range(count)]
    return [Job(n, raw, GROUP, IN_WEEK_1, {1: WELLS, 2: ROOFS}, {}) for n, raw in enumerate(raws)]


def test_other_processes_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same order, every passage, tag and evidence."""
    monkeypatch.setattr(examining, "MANY", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with processes(30) as pool:
        assert pool is not None
        assert examine_all(jobs(30), pool) == examine_all(jobs(30), None)


def test_few_mails_stay_here() -> None:
    """Starting processes costs more than reading some mails."""
    with processes(10) as pool:
        assert pool is None


def test_a_process_that_dies_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel ends a process, its mails are read here."""

    class Broken(ProcessPoolExecutor):
        def map(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise BrokenProcessPool("a process was ended")

    with Broken(1) as pool:
        assert examine_all(jobs(3), pool) == examine_all(jobs(3), None)
