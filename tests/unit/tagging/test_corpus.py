"""The corpus of discussions, each mail held against the tags beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from m4dbot.discussion.model import Discussion, Text
from m4dbot.tagging.tagger import Tagger
from tests.unit.tagging.measure import CORPUS, discussion_of, mails, measured


@pytest.mark.parametrize("mail", mails(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_each_mail_is_filed_as_a_careful_reader_would(mail: Path) -> None:
    """Every question is found, none besides, and the words stand under them."""
    result = measured(mail)
    assert not result.missed
    assert not result.false_alarms
    assert result.right >= 0.93 * result.words


def test_there_are_enough_mails_for_the_figures_to_mean_something() -> None:
    """The corpus has discussions of several kinds and mails in each."""
    assert len({m.parent for m in mails()}) >= 5
    assert len(mails()) >= 60


def test_confidence_is_kept() -> None:
    """Of the passages at 0.9 or more, 97% are right; of those below, fewer."""
    passages = [p for mail in mails() for p in measured(mail).passages]
    sure = [right for confidence, right in passages if confidence >= 0.9]
    assert len(sure) > 0.5 * len(passages)
    assert sum(sure) >= 0.97 * len(sure)


def _in_english_only(discussion: Discussion) -> Discussion:
    return replace(
        discussion,
        weeks=tuple(
            replace(
                week,
                questions=tuple(replace(q, text=Text({"en": q.text.by_language["en"]})) for q in week.questions),
            )
            for week in discussion.weeks
        ),
    )


@pytest.mark.parametrize("name", ["rivers", "seed-banks", "soils", "town-halls"])
def test_questions_in_english_serve_mails_in_other_languages(name: str) -> None:
    """With one text a question, quotations and headings in other languages are still filed."""
    tagger = Tagger(_in_english_only(discussion_of(CORPUS / name)))
    results = [measured(mail, tagger) for mail in mails() if mail.parent.name == name]
    hits = sum(len(r.found & r.wanted) for r in results)
    wrong = sum(len(r.false_alarms) for r in results)
    missed = sum(len(r.missed) for r in results)
    assert 2 * hits / (2 * hits + wrong + missed) >= 0.9
    assert sum(r.right for r in results) >= 0.9 * sum(r.words for r in results)
