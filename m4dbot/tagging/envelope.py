"""What a mail tells before its text is read: recipients, what it replies to, subject, date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from m4dbot.discussion.model import Discussion
from m4dbot.reading.values import Reading
from m4dbot.tagging.counting import Counting
from m4dbot.tagging.labels import labels_in
from m4dbot.tagging.lines import words_of
from m4dbot.tagging.values import Context, Tag
from m4dbot.tagging.vocabulary import WORD, Sense, vocabulary

# How much each kind of evidence weighs for a week; about a natural logarithm of odds.
ADDRESS = 8.0
SUBJECT_FRESH = 5.0  # a subject the person wrote
REPLY = 5.0
SUBJECT_REPLY = 4.0  # a subject the mail program copied
QUOTED = 4.0
SEVERAL = 3.0  # for the first of several questions a subject names
ONE_QUOTED = 2.0  # for the one question of the mail quoted
MESSAGE_ID = 4.5
OPEN_WEEK = 2.0
WEEK_BEFORE = 0.8

_REPLY_PREFIX = re.compile(r"\s*(?:re|aw|sv|rv|r|antw|ref|res|resp|رد)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE)
_LIST_PREFIX = re.compile(r"\[[^\]]{1,40}\]")


@dataclass(slots=True)
class Place:
    """Where a mail seems to belong. `weeks` holds a weight for each week; `question` is a question the
    whole mail is for, with how it was known and how much that weighs."""

    weeks: dict[int, float]
    evidence: dict[int, list[str]] = field(default_factory=dict)
    question: Tag | None = None
    question_evidence: str = ""
    question_weight: float = 0.0
    now: int = 0  # the week open when the mail was written; 0 if unknown

    def add(self, week: int, weight: float, evidence: str) -> None:
        if week in self.weeks:
            self.weeks[week] += weight
            said = self.evidence.setdefault(week, [])
            if evidence not in said:
                said.append(evidence)

    def add_question(self, tag: Tag, weight: float, evidence: str) -> None:
        if weight > self.question_weight:
            self.question, self.question_weight, self.question_evidence = tag, weight, evidence

    @property
    def week(self) -> int | None:
        """The likeliest week, or None where nothing was known."""
        if not self.weeks:
            return None
        best = max(self.weeks, key=lambda w: (self.weeks[w], -w))
        if len(self.weeks) == 1 or self.evidence.get(best):
            return best
        return None


def place_of(
    reading: Reading,
    discussion: Discussion,
    counting: Counting,
    context: Context,
    received_at: datetime | None,
) -> Place:
    """What recipients, references, subject and date say. `received_at` stands in for a missing date."""
    place = Place({week.number: 0.0 for week in discussion.weeks})
    _recipients(place, reading, discussion, context)
    _replied_to(place, reading, discussion, context)
    date = reading.date or received_at
    _date(place, discussion, date)
    if date is not None and (week := discussion.week_at(date)) is not None:
        place.now = week.number
    _subject(place, reading, counting)
    return place


def _exists(discussion: Discussion, tag: Tag) -> bool:
    if tag.week is None:
        return False
    if tag.question is None:
        return discussion.week(tag.week) is not None
    return discussion.question(tag.week, tag.question) is not None


def _glued(text: str) -> Tag | None:
    """The tag in "w2q1", "week-2", "w2.q1" or "q1" of an address or a Message-ID."""
    week = question = None
    words = [vocabulary().word(m.group()) for m in WORD.finditer(text[:200])]
    for i, word in enumerate(words):
        numbers = dict(word.glued)
        if not numbers and i + 1 < len(words) and words[i + 1].folded.isdigit():
            number = words[i + 1].cardinal
            if word.sense & Sense.WEEK:
                numbers = {"w": number}
            elif word.sense & Sense.QUESTION:
                numbers = {"q": number}
        week = week or numbers.get("w")
        question = question or numbers.get("q")
    return Tag(week, question) if week or question else None


def _recipients(place: Place, reading: Reading, discussion: Discussion, context: Context) -> None:
    name, _, domain = context.group_address.casefold().partition("@")
    for address in reading.recipients:
        local, _, at = address.partition("@")
        base, delimiter, detail = local.partition(context.recipient_delimiter)
        if not delimiter or (name and (base != name or at != domain)):
            continue
        tag = _glued(detail)
        if tag is None:
            continue
        if tag.week is None and len(discussion.weeks) == 1:
            tag = Tag(discussion.weeks[0].number, tag.question)
        if _exists(discussion, tag) and tag.week is not None:
            place.add(tag.week, ADDRESS, f"plus-address: {address}")
            if tag.question is not None:
                place.add_question(tag, ADDRESS, f"plus-address: {address}")


def _replied_to(place: Place, reading: Reading, discussion: Discussion, context: Context) -> None:
    parents = [reading.in_reply_to] if reading.in_reply_to else []
    # RFC 5322 §3.6.4: the parent's Message-ID comes last in References.
    parents += list(reversed(reading.references[-10:]))
    for parent in parents:
        bare = parent.strip().strip("<>")
        tag = context.mailings.get(bare)
        weight = REPLY
        if tag is None:
            tag, weight = _glued(bare.partition("@")[0]), MESSAGE_ID
        if tag is not None and _exists(discussion, tag) and tag.week is not None:
            place.add(tag.week, weight, f"in-reply-to: {bare}")
            if tag.question is not None:
                place.add_question(tag, weight, f"in-reply-to: {bare}")
            return


def _subject(place: Place, reading: Reading, counting: Counting) -> None:
    subject = reading.subject[:300]
    copied = _REPLY_PREFIX.match(subject) is not None
    bare = _LIST_PREFIX.sub(" ", subject)
    tokens = words_of(bare, vocabulary())
    weight = SUBJECT_REPLY if copied else SUBJECT_FRESH
    for label in labels_in(bare, tokens, now=place.now):
        said = bare[tokens[label.first].start : tokens[label.last - 1].end]
        if not label.sure and not (label.weeks and label.questions):
            continue
        for week in label.weeks:
            place.add(week, weight / len(label.weeks), f"subject: '{said}'")
        if not label.questions:
            continue
        named = [w for w in label.weeks if w in counting.counts]
        tags = counting.tags(label.questions[0], named or ([place.week] if place.week is not None else []))
        tags = tags or counting.tags(label.questions[0])
        if tags:
            best = max(tags, key=lambda t: (tags[t] + place.weeks.get(t.week or 0, 0.0), -(t.week or 0)))
            place.add_question(best, weight if len(label.questions) == 1 else SEVERAL, f"subject: '{said}'")


def _date(place: Place, discussion: Discussion, date: datetime | None) -> None:
    if date is None:
        return
    day = discussion.day_of(date)
    week = discussion.week_at(date)
    if week is None:
        return
    place.add(week.number, OPEN_WEEK, f"date: {day.isoformat()}, week {week.number} open")
    numbers = [w.number for w in discussion.weeks]
    at = numbers.index(week.number)
    if at > 0:
        # People answer late far more often than early; a day after the change most are late.
        late = (day - week.opens).days
        place.weeks[numbers[at - 1]] += WEEK_BEFORE + (0.6 if late <= 1 else 0.0)
    for later in numbers[at + 1 :]:
        place.weeks[later] -= 2.0


def weigh_quoted(place: Place, tags: Sequence[Tag], stretches: int) -> None:
    """What the questions quoted around the own words say, in how many stretches they are quoted."""
    weeks = {tag.week for tag in tags if tag.week is not None}
    if len(weeks) == 1:
        week = weeks.pop()
        place.add(week, QUOTED, f"quoted: the questions of week {week}")
    if len(set(tags)) == 1 and stretches == 1:
        place.add_question(tags[0], ONE_QUOTED, "quoted: one question of the mail replied to")
