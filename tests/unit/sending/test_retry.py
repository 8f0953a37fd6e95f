"""What replies mean, and when a mail is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.delivery.retry import (
    FEWEST_ATTEMPTS,
    LONGEST_PAUSE,
    Reply,
    Stage,
    Step,
    Verdict,
    connection_pause,
    judge,
    next_step,
    pause,
)

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)


def step(reply: Reply, attempts: int = 0, age: timedelta = timedelta(), delivery_id: int = 1) -> Step:
    return next_step(
        reply,
        attempts=attempts,
        queued_at=NOW - age,
        now=NOW,
        retry_seconds=300,
        give_up_hours=72,
        delivery_id=delivery_id,
    )


@pytest.mark.parametrize(
    ("code", "text", "stage", "verdict"),
    [
        (250, "2.0.0 queued", Stage.DOT, Verdict.SENT),
        (450, "4.2.0 greylisted", Stage.RCPT, Verdict.LATER),
        (451, "4.3.0 later", Stage.MAIL, Verdict.LATER),
        (452, "4.3.1 disk full", Stage.DOT, Verdict.LATER),
        (550, "5.1.1 no such user", Stage.RCPT, Verdict.FAILED),
        (554, "5.7.1 spam", Stage.DOT, Verdict.FAILED),
        (552, "5.3.4 too big", Stage.MAIL, Verdict.FAILED),
        (554, "5.3.4 too big", Stage.MAIL, Verdict.FAILED),
        (550, "5.7.1 sender refused", Stage.MAIL, Verdict.RELAY),
        (530, "5.7.0 log in first", Stage.MAIL, Verdict.RELAY),
        (530, "5.7.0 log in first", Stage.RCPT, Verdict.RELAY),
        (535, "5.7.8 wrong password", Stage.LOGIN, Verdict.RELAY),
        (554, "5.7.1 not from here", Stage.CONNECT, Verdict.RELAY),
        (421, "4.7.0 too many connections", Stage.CONNECT, Verdict.CUT),
        (421, "4.4.2 time-out", Stage.RCPT, Verdict.CUT),
        (0, "the server closed the connection", Stage.DOT, Verdict.CUT),
        (250, "what?", Stage.DATA, Verdict.LATER),
    ],
)
def test_a_reply_counts_against_the_mail_only_where_it_is_about_the_mail(
    code: int, text: str, stage: Stage, verdict: Verdict
) -> None:
    """4xx is for now and 5xx for good; what is said of us, or of nothing, is not the recipient's fault."""
    assert judge(Reply(code, text, stage)) is verdict


def test_a_soft_refusal_waits_longer_each_time() -> None:
    """Five minutes, then about twice that, up to six hours."""
    waits = [(step(Reply(451, "later", Stage.RCPT), n).next_attempt_at - NOW).total_seconds() for n in range(12)]
    assert 270 <= waits[0] <= 330
    assert all(later > earlier for earlier, later in pairwise(waits[:7]))
    assert all(abs(wait - LONGEST_PAUSE) <= LONGEST_PAUSE * 0.1 for wait in waits[8:])


def test_a_hard_refusal_is_final_at_once() -> None:
    """5xx on the first attempt: failed, one attempt."""
    assert step(Reply(550, "no", Stage.RCPT)) == Step("failed", 1, NOW)


def test_a_relay_that_refuses_us_fails_nobody() -> None:
    """The same code about our sender address only defers."""
    assert step(Reply(550, "no", Stage.MAIL)).state == "deferred"


def test_after_the_term_the_mail_is_given_up() -> None:
    """Three days old and refused once more: failed."""
    assert step(Reply(451, "later", Stage.RCPT), 10, timedelta(hours=73)).state == "failed"
    assert step(Reply(451, "later", Stage.RCPT), 10, timedelta(hours=71)).state == "deferred"


def test_an_old_mail_still_gets_its_attempts() -> None:
    """After a week of downtime one greylisting must not be the end."""
    age = timedelta(days=7)
    states = [step(Reply(451, "later", Stage.RCPT), n, age).state for n in range(FEWEST_ATTEMPTS)]
    assert states == ["deferred"] * (FEWEST_ATTEMPTS - 1) + ["failed"]


def test_after_a_cut_connection_the_mail_is_tried_soon() -> None:
    """Seconds rather than minutes, growing all the same."""
    cut = Reply(0, "the server closed the connection", Stage.DOT)
    waits = [(step(cut, n).next_attempt_at - NOW).total_seconds() for n in range(4)]
    assert waits[0] < 6
    assert waits == sorted(waits)
    assert waits[3] < 60


@given(st.integers(1, 60), st.integers(1, 86400), st.integers(1, 10**9))
def test_pauses_are_spread_but_certain(attempts: int, first: int, delivery_id: int) -> None:
    """The same delivery waits the same time; nobody waits under nine tenths or over eleven of the plain pause."""
    waited = pause(attempts, first, delivery_id)
    assert waited == pause(attempts, first, delivery_id)
    plain = min(first * 2 ** (attempts - 1), max(LONGEST_PAUSE, first))
    assert 0.9 * plain <= waited <= 1.1 * plain


@given(st.integers(0, 599), st.sampled_from(list(Stage)), st.integers(0, 100), st.integers(0, 1000))
def test_every_reply_leads_somewhere(code: int, stage: Stage, attempts: int, hours: int) -> None:
    """Sent only by a 2xx to the final dot; deferred always later than now; attempts always counted."""
    after = step(Reply(code, "text", stage), attempts, timedelta(hours=hours))
    assert after.attempts == attempts + 1
    assert (after.state == "sent") == (stage is Stage.DOT and 200 <= code < 300)
    if after.state == "deferred":
        assert after.next_attempt_at > NOW


def test_connections_are_remade_in_growing_pauses() -> None:
    """At most one a second, at least one a minute."""
    assert [connection_pause(n) for n in (1, 2, 3, 7, 500)] == [1, 2, 4, 60, 60]


def test_a_reply_is_shown_on_one_line() -> None:
    """What the server said in lines ends up in a list and a log."""
    assert str(Reply(550, "5.1.1 no\nsuch user", Stage.RCPT)) == "550 5.1.1 no such user"
