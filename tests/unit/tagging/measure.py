"""How well tagging does on the corpus: words filed right, questions found, confidence kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from m4dbot.discussion.file import parse_discussion
from m4dbot.discussion.model import Discussion
from m4dbot.reading.read import read
from m4dbot.reading.values import Surroundings
from m4dbot.tagging.tagger import Tagger
from m4dbot.tagging.values import Segment

CORPUS = Path(__file__).parents[2] / "corpus" / "discussions"
WORD = re.compile(r"\w+")


@cache
def discussion_of(folder: Path) -> Discussion:
    return parse_discussion((folder / "discussion.toml").read_text("utf-8"))


@cache
def tagger_of(folder: Path) -> Tagger:
    return Tagger(discussion_of(folder))


def mails() -> list[Path]:
    return sorted(CORPUS.glob("*/*.eml"))


def label(segment: Segment) -> str:
    if segment.week is None:
        return "none"
    return f"w{segment.week}" if segment.question is None else f"w{segment.week}q{segment.question}"


@dataclass
class Result:
    """What became of one mail. `passages` holds confidence and whether most of its words are filed right."""

    right: int = 0
    words: int = 0
    found: set[str] = field(default_factory=set)
    wanted: set[str] = field(default_factory=set)
    allowed: set[str] = field(default_factory=set)
    passages: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def false_alarms(self) -> set[str]:
        return self.found - self.allowed

    @property
    def missed(self) -> set[str]:
        return self.wanted - self.found


def measured(mail: Path, tagger: Tagger | None = None) -> Result:
    expected = json.loads(mail.with_suffix(".json").read_text("utf-8"))["segments"]
    reading = read(mail.read_bytes(), Surroundings())
    segments = (tagger or tagger_of(mail.parent)).tag(reading).segments
    result = Result()
    result.wanted = {s["tags"][0] for s in expected if "q" in s["tags"][0]}
    result.allowed = {tag for s in expected for tag in s["tags"]}
    result.found = {label(s) for s in segments if s.question is not None}
    words = [(w, label(s), i) for i, s in enumerate(segments) for w in WORD.findall(s.text)]
    owners = _owners([w for w, _, _ in words], expected)
    good: dict[int, list[bool]] = {}
    for (_, given, i), owner in zip(words, owners, strict=True):
        good.setdefault(i, []).append(given in expected[owner]["tags"])
    result.words = len(words)
    result.right = sum(sum(marks) for marks in good.values())
    result.passages = [(segments[i].confidence, sum(m) * 2 > len(m)) for i, m in good.items()]
    return result


def _owners(words: list[str], expected: list[dict[str, object]]) -> Iterator[int]:
    """For each word, the index of the expected passage it stands in."""
    starts = [WORD.findall(str(s["start"]))[:6] for s in expected]
    owner = 0
    for i in range(len(words)):
        following = starts[owner + 1] if owner + 1 < len(starts) else None
        if following and words[i : i + len(following)] == following:
            owner += 1
        yield owner
