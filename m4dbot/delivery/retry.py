"""What a server's reply means for a mail, and when it is tried again. Pure: replies and times in, decisions out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LONGEST_PAUSE = 6 * 3600  # seconds
# After a cut connection the mail itself is rarely to blame, so the next attempt comes sooner.
FIRST_PAUSE_AFTER_CUT = 5  # seconds
# However old a mail is (the bot was down, or somebody asked for another try), it gets a fair number of attempts.
FEWEST_ATTEMPTS = 5


class Stage(StrEnum):
    """What was said last before the reply (RFC 5321 §3.3)."""

    CONNECT = "connect"
    LOGIN = "login"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply; `code` is 0 where there was none (connection lost, time-out) and `text` says so."""

    code: int
    text: str
    stage: Stage

    def __str__(self) -> str:
        text = " ".join(self.text.split())[:500]
        return f"{self.code} {text}" if self.code else text

    @property
    def accepted(self) -> bool:
        return self.stage is Stage.DOT and 200 <= self.code < 300


class Verdict(StrEnum):
    SENT = "sent"
    LATER = "later"  # this mail is refused for now
    FAILED = "failed"  # this mail is refused for good
    CUT = "cut"  # the connection went away
    RELAY = "relay"  # the relay takes no mail from us; not the recipient's fault


def judge(reply: Reply) -> Verdict:
    """RFC 5321 §4.2.1: 4yz is for now, 5yz for good; but only what is said of this mail counts against it."""
    if reply.accepted:
        return Verdict.SENT
    # RFC 5321 §3.8: 421 comes at any time and announces that the connection closes.
    if reply.code in {0, 421}:
        return Verdict.CUT
    for_good = 500 <= reply.code < 600
    if reply.stage in {Stage.CONNECT, Stage.LOGIN}:
        return Verdict.RELAY
    # RFC 4954 §6: log-in wanted, failed, or too weak.
    if reply.code in {530, 534, 535, 538}:
        return Verdict.RELAY
    if for_good and reply.stage is Stage.MAIL:
        # The sender's address is ours: whoever refuses it refuses every mail. Only the size is this mail's own.
        too_large = reply.code == 552 or reply.text.startswith(("5.3.4", "5.2.3"))
        return Verdict.FAILED if too_large else Verdict.RELAY
    return Verdict.FAILED if for_good else Verdict.LATER


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a delivery: `state` is sent, deferred or failed."""

    state: str
    attempts: int
    next_attempt_at: datetime


def next_step(
    reply: Reply,
    *,
    attempts: int,
    queued_at: datetime,
    now: datetime,
    retry_seconds: int,
    give_up_hours: int,
    delivery_id: int,
) -> Step:
    """The step after `reply` to the attempt that follows `attempts` earlier ones."""
    verdict = judge(reply)
    attempts += 1
    if verdict is Verdict.SENT:
        return Step("sent", attempts, now)
    if verdict is Verdict.FAILED:
        return Step("failed", attempts, now)
    if attempts >= FEWEST_ATTEMPTS and now - queued_at >= timedelta(hours=give_up_hours):
        return Step("failed", attempts, now)
    seconds = pause(attempts, retry_seconds, delivery_id)
    if verdict is Verdict.CUT:
        seconds = min(seconds, pause(attempts, FIRST_PAUSE_AFTER_CUT, delivery_id))
    return Step("deferred", attempts, now + timedelta(seconds=seconds))


def pause(attempts: int, first: int, delivery_id: int) -> float:
    """Seconds to wait after the attempt number `attempts`: `first`, doubling up to six hours, spread by up to a tenth
    either way so that what was refused together does not come back together. The same for the same delivery."""
    longest = max(LONGEST_PAUSE, first)
    plain: int = min(first * 2 ** min(attempts - 1, 40), longest)
    drawn = hashlib.blake2b(f"{delivery_id}:{attempts}".encode(), digest_size=2).digest()
    return plain * (0.9 + 0.2 * int.from_bytes(drawn, "big") / 0xFFFF)


def connection_pause(failures: int) -> float:
    """Seconds until the relay is tried again after `failures` vain connections in a row: 1, 2, 4 … 60."""
    return float(min(60, 2 ** min(failures - 1, 10)))
