"""The commented discussion.toml that `m4dbot discussion new` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new discussion begins with. `questions` has, for each week, texts by language."""

    slug: str
    title: Mapping[str, str]
    timezone: str
    languages: Sequence[str]
    first_day: date
    questions: Sequence[Sequence[Mapping[str, str]]] = field(default_factory=list)


def example(first_day: date) -> Draft:
    """The draft for somebody who would rather edit than answer questions; it loads as it is."""
    return Draft(
        slug=f"example-{first_day.year}",
        title={"en": "A title of a few words", "fr": "Un titre de quelques mots", "es": "Un título de pocas palabras"},
        timezone="Europe/Brussels",
        languages=("en", "fr", "es"),
        first_day=first_day,
        questions=[
            [
                {
                    "en": "What has worked where you are?",
                    "fr": "Qu’est-ce qui a fonctionné chez vous ?",
                    "es": "¿Qué ha funcionado donde usted vive?",
                },
                {
                    "en": "Who took the first step?",
                    "fr": "Qui a fait le premier pas ?",
                    "es": "¿Quién dio el primer paso?",
                },
            ],
            [
                {
                    "en": "What would you do differently?",
                    "fr": "Que feriez-vous autrement ?",
                    "es": "¿Qué haría usted de otra manera?",
                }
            ],
        ],
    )


def written(draft: Draft) -> str:
    """The file's text, with a comment wherever a person may wonder."""
    first = draft.languages[0]
    parts = [
        f"""\
# A discussion for m4dbot. Check it as often as you like: m4dbot discussion check FILE
# See every mail before it goes out:                     m4dbot discussion rehearse FILE

# The name in addresses and commands: small letters, digits, hyphens. Never used twice.
slug = {_string(draft.slug)}

# Each text stands once for each language. A missing translation is shown in the first language.
title = {_texts(draft.title)}

# Days and hours are those of this time zone.
timezone = {_string(draft.timezone)}

# The first one is used where a reader's language is missing.
languages = [{", ".join(map(_string, draft.languages))}]

# The group it is held in; needed only where the configuration has several.
# group = "water"

# A background paper, and who answers questions about the discussion.
# background = "https://example.org/background.pdf"
# contact = "Amina Diallo, amina@example.org"

# How many days after the last one late answers are still expected.
# grace_days = 14

# Shown in the announcement.
# [welcome]
# {first} = "Answer by replying to any of our mails, in the language you like."

# When mails go out. These are the defaults; false leaves a mail out.
# [mails]
# announcement_at = "09:00"
# announcement_days_before = 3    # before the first day
# questions_at = "08:00"          # on each week's first day
# reminder_at = "09:00"
# reminder_day = 4                # the week's fourth day
# digest_at = "18:00"             # on each week's last day
# last_call_at = "09:00"
# last_call_days_before = 1       # before the last day
# thanks_at = "10:00"
# thanks_days_after = 1           # after the last day

# Weeks and questions are numbered in the order in which they stand.
"""
    ]
    for i, questions in enumerate(draft.questions):
        opens = draft.first_day + timedelta(days=7 * i)
        lines = ["[[week]]", f"opens = {opens}", f"closes = {opens + timedelta(days=6)}  # the last day, included"]
        if i == 0:
            lines.append(f'# title = {{ {first} = "…" }}  and  introduction = {{ {first} = "…" }}  may stand here')
        for question in questions:
            lines += ["", "[[week.question]]", f"text = {_texts(question)}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _texts(texts: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{code} = {_string(text)}" for code, text in texts.items()) + " }"


def _string(text: str) -> str:
    # TOML's basic strings are JSON's, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
