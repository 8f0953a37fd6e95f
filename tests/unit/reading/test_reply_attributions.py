"""Attribution lines and header blocks are known in any language, by their structure.

The verbs and labels here are no language's: what is recognised is the shape, with dates as Unicode's
locale data write them.
"""

from __future__ import annotations

import doctest
import textwrap
from collections.abc import Callable
from datetime import datetime

import pytest
from babel.dates import format_date, format_datetime, format_time

from m4dbot.reading import attribution
from m4dbot.reading.reply import blocks_of
from m4dbot.reading.values import Role

LOCALES = [
    "af", "am", "ar", "az", "be", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et",
    "eu", "fa", "fi", "fil", "fr", "ga", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja",
    "ka", "kk", "km", "kn", "ko", "ky", "lo", "lt", "lv", "mk", "ml", "mn", "mr", "ms", "my", "ne", "nl",
    "nb", "nn", "pa", "pl", "ps", "pt", "ro", "ru", "sd", "si", "sk", "sl", "so", "sq", "sr", "sv", "sw",
    "ta", "te", "th", "tr", "uk", "ur", "uz", "vi", "zh", "zu", "fr_CA", "zh_Hant",
]  # fmt: skip
AUTHORS = ["Rosa Quispe", "Οδυσσέας Λαμπράκης", "محمد الأحمد", "李明", "Мария Ильина", "Jean-Luc d'Avray"]
ADDRESS = "someone@mail.example.org"
WHEN = datetime(2026, 11, 3, 10, 15)  # noqa: DTZ001 - only its wall clock is shown
OWN = "Qvam the first thing we wrote.\nAnd the second, a little longer than the first."


def _date(locale: str, style: str) -> str:
    return format_date(WHEN, style, locale=locale)


def _time(locale: str) -> str:
    return format_time(WHEN, "short", locale=locale)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 76, break_long_words=False, break_on_hyphens=False))


SHAPES: dict[str, Callable[[str, str], str]] = {
    "date, author, address, verb": lambda locale, author: _wrapped(
        f"Qvon {_date(locale, 'full')} qvat {_time(locale)}, {author} <{ADDRESS}> qvot:"
    ),
    "date, author, verb": lambda locale, author: f"Qvon {_date(locale, 'short')} {_time(locale)}, {author} qvot:",
    "date, verb, author": lambda locale, author: (
        f"Qvon {_date(locale, 'medium')} {_time(locale)} qvot {author} <{ADDRESS}>:"
    ),
    "author, verb, date": lambda locale, author: _wrapped(
        f"{author} <{ADDRESS}> qvot qvon {_date(locale, 'medium')} {_time(locale)}:"
    ),
    "header block": lambda locale, author: (
        f"Qvon: {author} <{ADDRESS}>\nQvat: {format_datetime(WHEN, 'full', locale=locale)}\n"
        f"Qval: water@lists.example.org\nQvem: Re: qvuz"
    ),
    "header block under a rule": lambda locale, author: (
        f"{'_' * 32}\nQvon: {author}\nQvat: {format_datetime(WHEN, 'full', locale=locale)}\nQval: Water\nQvem: Re: qvuz"
    ),
}


@pytest.mark.parametrize("marked", [True, False], ids=["marked quotation", "no marks"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_known_in_every_locale(shape: str, marked: bool) -> None:
    """At least 97 of 100 locales' lines are told from own words, whether or not the quotation is marked."""
    quotation = "> Qvis?\n> Qvas.\n" if marked else "Qvis?\n\nQvas.\n"
    missed = []
    for number, locale in enumerate(LOCALES):
        line = SHAPES[shape](locale, AUTHORS[number % len(AUTHORS)])
        blocks = blocks_of(f"{OWN}\n\n{line}\n\n{quotation}", None)
        own = "\n".join(block.text for block in blocks if block.role is Role.OWN).strip()
        if own != OWN:
            missed.append((locale, line))
    assert len(missed) <= 0.03 * len(LOCALES), missed


@pytest.mark.parametrize(
    "sentence",
    [
        "On Tuesday 3 November 2026 at 10:15 we agreed:",
        "Le 3 novembre 2026 à 10:15, nous avons décidé ceci :",
        "El 3 de noviembre de 2026, a las 10:15, decidimos lo siguiente:",
        "The bus of 3 November 2026, 10:15, stops here:",
        "In 2019 the council wrote:",
        "As the elders say:",
        "Question 3, asked on 3 November 2026:",
        "From: Dakar",
        "Write to someone@mail.example.org before 3 November:",
        "1. The third of November 2026 at 10:15:",
        "• 3 November 2026, 10:15, Abodom:",
        "On 3 November 2026 the mayor of Abodom wrote to all ministers:",
        "On 12 July 2025 Mr Mensah wrote:",
        "The mayor wrote on 3 November 2026:",
        "Dans sa lettre du 3 novembre 2026, la mairesse a écrit :",
        "Le 12 juillet 2025, Mme Sow a écrit :",
        "En su carta del 3 de noviembre de 2026 la alcaldesa escribió:",
        "El 12 de julio de 2025, doña Rosa escribió:",
        "As I wrote on 3 November 2026 at 10:15:",
        "Decree of 3 November 2026, 10:15, National Assembly:",
        "Meeting of 12/07/2026 10:15, Rome, Ministry of Labour:",
        "Source: Ministry of Water, 3 November 2026, 10:15",
        "Please send comments before 3 November 2026, 10:15 to someone@mail.example.org:",
        "Semaine 2, question 1, le 3 novembre 2026 :",
        "On 3/11/2026 we sent forty bags to the coast, and at 10:15 we had word:",
        "Dear Rosa, you wrote:",
        "Dear Kofi, on 3 November 2026 Rosa wrote:",
        "--- Forwarded by hand to all members ---",
        "Forwarded message from the chief:",
        "*** Important ***",
        "=== Question 1 ===",
    ],
)
def test_sentences_are_own_words(sentence: str) -> None:
    """A sentence that shares traits with an attribution stays, and so does what follows it."""
    text = f"{OWN}\n\n{sentence}\n\nnothing that was agreed\nmay be changed.\n"
    blocks = blocks_of(text, None)
    assert [block.role for block in blocks] == [Role.OWN]


NOTICES = [
    "De : la mairie\nÀ : tous les villages\nObjet : réunion",
    "Date : 3 novembre 2026\nLieu : Louga\nContact : mairie@example.org",
    "Fecha: 3 de noviembre de 2026, 10:15\nLugar: La Paz\nPara: los alcaldes y alcaldesas\nContacto: red@example.org",
    "Para: que nadie quede fuera\nDe: todas y todos",
    "Title: Springs of the hills\nAuthor: Efua Owusu\nDate: 2024\nSubject: water, hills\nTo order: press@example.org",
    "When: 3 November 2026, 10:15\nWhere: Abodom\nTo register: kofi@example.org\nCost: none",
    "Subject: the price of water\nTopic: who pays\nDate: 3 November 2026",
    "From 10:15 to 11:00: opening\nTo 12:00: accounts",
    "Project: Keys for schools\nPeriod: from 3 November 2024 to 5 May 2026\nContact: kofi@example.org",
    "Tema: el precio del agua\nFecha: 3 de noviembre de 2026, 10:15\nModeradora: Rosa Quispe, rosa.quispe@example.org",
    "Objet : le prix de l'eau\nDate : le 3 novembre 2026 à 10 h 15\nAnimatrice : Aminata Sow",
    "Data: 3 de novembro de 2026, 10:15\nLocal: Beira\nAssunto: preço da água",
    "--------------------\nDate: 3 November 2026, 10:15\nPlace: Abodom\n--------------------",
    "Betreff: Wasserpreis\nDatum: 3.11.2026, 10:15",
    "To: 5 villages\nFrom: 3 wells",
]


@pytest.mark.parametrize("notice", NOTICES)
def test_notices_are_no_header_blocks(notice: str) -> None:
    """Labelled lines that name no sender, or neither an address nor a time, are their writer's own."""
    text = f"{OWN}\n\n{notice}\n\nEverybody may come.\nThere will be water.\n"
    assert [block.role for block in blocks_of(text, None)] == [Role.OWN]


@pytest.mark.parametrize(
    ("rule", "role"),
    [
        ("-----Original Message-----", Role.QUOTED),
        ("-------- Message original --------", Role.QUOTED),
        ("----- Mensaje original -----", Role.QUOTED),
        ("________ Ursprüngliche Nachricht ________", Role.QUOTED),
        ("---------- Message transféré ----------", Role.FORWARDED),
        ("---------- Mensaje reenviado ---------", Role.FORWARDED),
        ("---------- Пересылаемое сообщение ----------", Role.FORWARDED),
        ("---------- 转发的邮件 ----------", Role.FORWARDED),
        ("Begin forwarded message:", Role.FORWARDED),
    ],
)
def test_rules_above_messages(rule: str, role: Role) -> None:
    """A rule that names an original or forwarded message ends the own words; what follows is kept as such."""
    blocks = blocks_of(f"{OWN}\n\n{rule}\n\nQvis?\n", None)
    assert [block.role for block in blocks] == [Role.OWN, Role.ATTRIBUTION, role]


def test_the_example_in_the_docstring() -> None:
    """A line that holds own words, an attribution and a quotation is divided as its docstring shows."""
    result = doctest.testmod(attribution)
    assert result.failed == 0
    assert result.attempted > 0


def test_rules_with_other_words_are_own() -> None:
    """A decorated title is not an original message."""
    text = f"{OWN}\n\n------ The wells of Abodom ------\n\nThere are fourteen.\n"
    assert [block.role for block in blocks_of(text, None)] == [Role.OWN]
