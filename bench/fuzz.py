"""Feeds reading and tagging with made bytes and looks for what must not happen (coverage-guided, by atheris).

    python -m bench.fuzz [SECONDS]

Seeds are the mails in tests/corpus. A finding ends the run with the bytes that made it in
the current folder. Needs atheris, which is no dependency of the project: pip install atheris.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "corpus"
SLOW_SECONDS = 1.0


def main() -> int:
    try:
        import atheris
    except ImportError:
        print("atheris is not installed; install it with: pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["m4dbot.reading", "m4dbot.tagging"]):
        from m4dbot.discussion.file import parse_discussion
        from m4dbot.reading.read import read
        from m4dbot.reading.values import Kind, Surroundings
        from m4dbot.tagging.tagger import Tagger

    around = Surroundings(
        group_address="water@lists.example.org",
        facilitators=("maria@facil.example",),
        own_list_ids=("water.lists.example.org",),
        own_domains=("lists.example.org",),
    )

    tagger = Tagger(parse_discussion((CORPUS / "discussions" / "rivers" / "discussion.toml").read_text("utf-8")))

    def one(raw: bytes) -> None:
        before = time.process_time()
        reading = read(raw, around)
        segments = tagger.tag(reading).segments
        took = time.process_time() - before
        # `read` keeps exceptions from escaping and notes them; here each of them is a finding.
        if any(note.startswith("could not be") for note in reading.notes):
            raise AssertionError(f"a rule failed: {reading.notes}")
        if reading.kind not in Kind or not reading.reason:
            raise AssertionError("no kind or no reason")
        if "\n" in reading.subject or "\r" in reading.subject or "\x00" in reading.own_text:
            raise AssertionError("controls came through")
        if "".join("".join(s.text for s in segments).split()) != "".join(reading.own_text.split()):
            raise AssertionError("segments are not the person's own words")
        if any(not 0 <= s.confidence <= 1 or (s.question is not None and not s.evidence) for s in segments):
            raise AssertionError("a tag without a reason, or surer than sure")
        if took > SLOW_SECONDS:
            raise AssertionError(f"{len(raw)} bytes took {took:.2f} s")

    mails = sorted(CORPUS.rglob("*.eml"))
    for mail in mails:
        read(mail.read_bytes(), around)  # tables and models are loaded once, which is no mail's fault
    seconds = sys.argv[1] if len(sys.argv) > 1 else "600"
    with tempfile.TemporaryDirectory() as seeds:
        for mail in mails:
            (Path(seeds) / f"{mail.parent.name}-{mail.stem}").write_bytes(mail.read_bytes())
        options = [f"-max_total_time={seconds}", "-max_len=8192", "-timeout=20", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *options, seeds], one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
