"""How long one mail takes, from its bytes to its tagged passages.

`python -m bench.reading` times every mail of tests/corpus, and mails made to hurt, each five times in turn with the
standard library's parser taking the same bytes to text: what any program pays. Compare the ratio, not the figures,
between machines. What is loaded once (tables) is loaded before.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from m4dbot.discussion.file import parse_discussion
from m4dbot.reading.read import read
from m4dbot.tagging.tagger import Tagger

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "corpus"
DISCUSSION = CORPUS / "discussions" / "rivers" / "discussion.toml"
ROUNDS = 5

PLAIN = b"From: a@example.org\nSubject: x\nMessage-ID: <1@example.org>\nContent-Type: text/plain; charset=utf-8\n\n"
HTML = PLAIN.replace(b"plain", b"html")


def hostile() -> dict[str, bytes]:
    """Mails that make careless programs slow."""
    part = (
        b"--x\nContent-Type: application/pdf;\n" + b";\n".join(b" name*%d*=%%41b" % i for i in range(200)) + b"\n\nx\n"
    )
    question = b"How can schools teach children about the river without frightening them? "
    return {
        "a line of a million letters": PLAIN + b"a" * 1_000_000,
        "ten thousand numbered lines": PLAIN + b"1. x\n" * 10_000,
        "ten thousand labels": PLAIN + b"".join(b"Question %d: words\n" % (i % 9 + 1) for i in range(10_000)),
        "a question two thousand times": PLAIN + question * 2_000,
        "a hundred thousand quoted lines": PLAIN + b"> q\n" * 100_000,
        "lines that end in bare CR": PLAIN + b"a\r" * 300_000,
        "a blank run in From": b"From: a" + b" " * 31_000 + b"b\n" + PLAIN,
        "a thousand parts, long parameters": PLAIN.replace(b"text/plain; charset=utf-8", b"multipart/mixed; boundary=x")
        + part * 1_000,
        "preformatted HTML of many lines": HTML + b"<pre>" + b"> q\n" * 50_000,
        "twenty thousand nested tags": HTML + b"<div>" * 20_000,
        "twenty thousand tables": HTML + b"<table><tr><td>x</td></tr></table>" * 20_000,
        "thirty megabytes of base64": PLAIN.replace(b"\n\n", b"\nContent-Transfer-Encoding: base64\n\n")
        + b"aGVsbG8gd29ybGQg" * 1_900_000,
    }


def by_library(raw: bytes) -> None:
    """The same bytes to text by the standard library."""
    with contextlib.suppress(LookupError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        body = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain", "html"))
        if body is not None:
            body.get_content()


def milliseconds(work: Callable[[bytes], object], raw: bytes) -> float:
    before = time.perf_counter()
    work(raw)
    return 1_000 * (time.perf_counter() - before)


def timed(
    mails: Mapping[str, bytes], work: Callable[[bytes], object], base: Callable[[bytes], object] | None
) -> tuple[dict[str, float], list[float]]:
    """For each mail its median; the medians of the baseline."""
    ours: dict[str, list[float]] = {name: [] for name in mails}
    theirs: dict[str, list[float]] = {name: [] for name in mails}
    for turn in range(ROUNDS):
        for name, raw in mails.items():
            ours[name].append(milliseconds(work, raw))
            if base is not None:
                theirs[name].append(milliseconds(base, raw))
        if sys.stderr.isatty():
            print(f"\rround {turn + 1} of {ROUNDS} ", end="", file=sys.stderr, flush=True)
    return {name: statistics.median(times) for name, times in ours.items()}, [
        statistics.median(times) for times in theirs.values() if times
    ]


def main() -> int:
    tagger = Tagger(parse_discussion(DISCUSSION.read_text("utf-8")))

    def work(raw: bytes) -> None:
        tagger.tag(read(raw))

    for kind in ("mails", "replies", "discussions"):
        mails = {p.name: p.read_bytes() for p in sorted((CORPUS / kind).rglob("*.eml"))}
        for raw in mails.values():
            work(raw)
        ours, theirs = timed(mails, work, by_library)
        median, base = statistics.median(ours.values()), statistics.median(theirs)
        slowest = max(ours, key=lambda name: ours[name])
        print(
            f"{kind:12} {len(mails):4} mails  median {median:.2f} ms ({median / base:.1f} × the library's {base:.2f})"
            f"  worst {ours[slowest]:.1f} ms ({slowest})"
        )
    for name, took in sorted(timed(hostile(), work, None)[0].items(), key=lambda pair: -pair[1]):
        print(f"{took:8.1f} ms  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
