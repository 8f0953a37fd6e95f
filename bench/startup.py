"""How long commands take to start: `python bench/startup.py [RUNS]`.

Prints the median, best and worst wall-clock time and the median of CPU time of a whole process, on a queue of 100
contributions. Targets: `m4dbot --help` under 0.25 s, `m4dbot queue` under 0.6 s.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGETS = {"--help": 0.25, "queue": 0.6}  # seconds
COMMANDS = (
    ("--help",),
    ("queue",),
    ("queue", "--json"),
    ("show", "1"),
    ("approve", "1", "--dry-run"),
    ("outbox", "list"),
)

CONFIG = '[[group]]\nslug = "water"\naddress = "water@groups.example.org"\nname = "Water network"\n'
DISCUSSION = """slug = "water-2027"
title = { en = "Water" }
timezone = "UTC"
languages = ["en"]
[[week]]
opens = 2027-03-01
closes = 2027-03-07
[[week.question]]
text = { en = "Who repairs the pump when it breaks?" }
"""
MAIL = """From: Member {n} <member{n}@example.org>
To: water@groups.example.org
Subject: Re: week 1
Message-ID: <{n}@example.org>

Question 1: in village {n} the committee repairs the pump, and a repair costs {n} shillings.
"""


def run(folder: Path, *args: str) -> tuple[float, float]:
    """Wall-clock and CPU seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "m4dbot", *args], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(runs: int) -> int:
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
        (folder / "water.toml").write_text(DISCUSSION, encoding="utf-8")
        (folder / "mail").mkdir()
        for n in range(100):
            (folder / "mail" / f"{n:03}.eml").write_text(MAIL.format(n=n), encoding="utf-8")
        run(folder, "discussion", "load", "water.toml")
        run(folder, "import", "mail")
        print(f"{'command':<22} {'median':>8} {'best':>8} {'worst':>8} {'CPU':>8}   load {os.getloadavg()[0]:.1f}")
        for command in COMMANDS:
            measured = [run(folder, *command) for _ in range(runs)]
            wall = [m[0] for m in measured]
            cpu = statistics.median(m[1] for m in measured)
            target = TARGETS.get(" ".join(command))
            late = target is not None and statistics.median(wall) > target
            missed += late
            told = f"   target {target} s{', missed' if late else ''}" if target else ""
            shown = f"{statistics.median(wall):>7.3f}s {min(wall):>7.3f}s {max(wall):>7.3f}s {cpu:>7.3f}s"
            print(f"{'m4dbot ' + ' '.join(command):<22} {shown}{told}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
