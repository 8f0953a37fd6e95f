"""What happens to a mail: an ordered tuple of small rules, each with a reason a facilitator can read.

Nothing is published without a facilitator, so a rule does not decide whether a contribution waits but says what to
look at first; the last one says what is always so. Robots' mail is kept in the store and out of the queue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from m4dbot.discussion.model import Discussion
from m4dbot.reading.values import Kind, Reading, Role

VERY_LONG = 5_000  # words
SURE = 0.5  # below this confidence a tag is a guess
# Programs and what carries them; opened by a click on the usual desktops. From the lists mail providers block.
_PROGRAMS = """
    ade adp apk appx bat cab chm cmd com cpl dll dmg docm dotm exe hta img ins iso isp jar js jse lib lnk mde msc msi
    msix mst nsh pif ppam pptm ps1 reg scr sct shb sys url vb vbe vbs vhd vxd wsc wsf wsh xlam xll xlsm xltm
"""
DANGEROUS = frozenset(_PROGRAMS.split())
ROBOTS = frozenset(
    {Kind.AUTO_REPLY, Kind.BOUNCE, Kind.CHALLENGE, Kind.CALENDAR, Kind.RECEIPT, Kind.OWN, Kind.LIST, Kind.SPAM}
)


class Action(StrEnum):
    HOLD = "hold"  # into the queue
    DISCARD = "discard"  # no contribution and no reply; the mail stays in the store


@dataclass(frozen=True, slots=True)
class Verdict:
    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the rules look at beside the mail itself.

    `day` is the day of receipt in the discussion's zone. `variant_of` and `repeats` are numbers of earlier mails: one
    with the same Message-ID and other content, one by the same author with the same words. `confidence` is that of
    the surest passage with a question, None where none has one.
    """

    discussion: Discussion | None
    day: date
    subscribed: bool
    facilitator: bool
    subscribers_only: bool
    size: int  # bytes
    largest: int  # bytes
    variant_of: int | None = None
    repeats: int | None = None
    confidence: float | None = None


def judge(reading: Reading, around: Circumstances) -> Verdict:
    """The first rule's verdict that has one. Pure."""
    for rule in RULES:
        verdict = rule(reading, around)
        if verdict is not None:
            return verdict
    return Verdict(Action.HOLD, "Every contribution is read by a facilitator.")


def _hold(reason: str) -> Verdict:
    return Verdict(Action.HOLD, reason)


def _spam_of_a_member(reading: Reading, around: Circumstances) -> Verdict | None:
    # A filter's word against somebody we know: a person's mail must not vanish on it.
    if reading.kind is Kind.SPAM and (around.subscribed or around.facilitator):
        return _hold(f"It may be spam ({_inner(reading.reason)}), but its sender is a member of the group.")
    return None


def _robot(reading: Reading, _around: Circumstances) -> Verdict | None:
    return Verdict(Action.DISCARD, reading.reason) if reading.kind in ROBOTS else None


def _variant(_reading: Reading, around: Circumstances) -> Verdict | None:
    if around.variant_of is not None:
        return _hold(f"It has the same Message-ID as mail #{around.variant_of}, but other content.")
    return None


def _repeats(_reading: Reading, around: Circumstances) -> Verdict | None:
    if around.repeats is not None:
        return _hold(f"The same author has sent the same words before, in mail #{around.repeats}.")
    return None


def _too_large(_reading: Reading, around: Circumstances) -> Verdict | None:
    if around.size > around.largest:
        size, largest = around.size / 2**20, around.largest / 2**20
        return _hold(f"It is {size:.1f} MiB large; the group takes mails of up to {largest:.3g} MiB.")
    return None


def _dangerous(reading: Reading, _around: Circumstances) -> Verdict | None:
    for attachment in reading.attachments:
        name = " ".join(attachment.name.split())
        if "." in name and name.rpartition(".")[2].strip(" .").lower() in DANGEROUS:
            return _hold(f"The attachment “{name[:80]}” is a program or may carry one; do not open it.")
    return None


def _empty(reading: Reading, _around: Circumstances) -> Verdict | None:
    if reading.own_text.strip() and reading.kind is not Kind.EMPTY:
        return None
    if reading.attachments:
        return _hold("It has no text of its own; look at its attachments.")
    if any(b.role in (Role.QUOTED, Role.FORWARDED) and b.text.strip() for b in reading.blocks):
        return _hold("Nothing newly written was found in it; look at what was cut.")
    return _hold("It has no text.")


def _no_discussion(_reading: Reading, around: Circumstances) -> Verdict | None:
    return _hold("No discussion is loaded in this group.") if around.discussion is None else None


def _before_opening(_reading: Reading, around: Circumstances) -> Verdict | None:
    if around.discussion is not None and around.day < around.discussion.opens:
        return _hold(f"It came before the discussion opens on {around.discussion.opens:%-d %B %Y}.")
    return None


def _late(_reading: Reading, around: Circumstances) -> Verdict | None:
    if around.discussion is None or around.day <= around.discussion.closes:
        return None
    days = (around.day - around.discussion.closes).days
    grace_ends = around.discussion.closes + timedelta(days=around.discussion.grace_days)
    if around.day > grace_ends:
        return _hold(f"It came {days} days after the discussion closed; its grace ended on {grace_ends:%-d %B %Y}.")
    return _hold(f"It came {days} day{'s' if days > 1 else ''} after the discussion's last day, within its grace.")


def _stranger(_reading: Reading, around: Circumstances) -> Verdict | None:
    if around.subscribers_only and not around.subscribed and not around.facilitator:
        return _hold("Its sender is not subscribed to the group.")
    return None


def _very_long(reading: Reading, _around: Circumstances) -> Verdict | None:
    words = len(reading.own_text.split())
    return _hold(f"It is very long: {words:,} words.") if words > VERY_LONG else None


def _unsure(_reading: Reading, around: Circumstances) -> Verdict | None:
    if around.confidence is None:
        return _hold("It could not be told which question it answers.")
    if around.confidence < SURE:
        return _hold("It is not certain which question it answers.")
    return None


Rule = Callable[[Reading, Circumstances], Verdict | None]

# In this order: what may harm, what may be a mistake, what is out of time, what needs work.
RULES: tuple[Rule, ...] = (
    _spam_of_a_member,
    _robot,
    _dangerous,
    _variant,
    _repeats,
    _too_large,
    _empty,
    _no_discussion,
    _before_opening,
    _late,
    _stranger,
    _very_long,
    _unsure,
)


def _inner(sentence: str) -> str:
    return sentence.strip().rstrip(".")
