"""Labels in words and figures, in all shipped languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.tagging.labels import parse_tag, parse_tags
from m4dbot.tagging.values import Tag


@pytest.mark.parametrize(
    ("text", "week", "question"),
    [
        ("W2 Q1", 2, 1),
        ("w2q1", 2, 1),
        ("W2/Q1", 2, 1),
        ("week 2, question 1", 2, 1),
        ("question 1 of week 2", 2, 1),
        ("Week1", 1, None),
        ("third week", 3, None),
        ("Question Three", None, 3),
        ("Q.2", None, 2),
        ("question no. 4", None, 4),
        ("Question II", None, 2),
        ("the 2nd question", None, 2),
        ("semaine 2, question 1", 2, 1),
        ("question n° 2", None, 2),
        ("la deuxième interrogation de la semaine 2", 2, 2),
        ("1ère question", None, 1),
        ("Semana 2 pregunta 1", 2, 1),
        ("Tercera Semana", 3, None),
        ("2ª pregunta", None, 2),
        ("S2 P3", 2, 3),
        ("Semana 3, pergunta 2", 3, 2),
        ("segunda pergunta", None, 2),
        ("Settimana 1, domanda 4", 1, 4),
        ("terza domanda", None, 3),
        ("Woche 2, Frage 3", 2, 3),
        ("zur zweiten Frage", None, 2),
        ("الأسبوع الثاني، السؤال ٣", 2, 3),
        ("السؤال الأول", None, 1),
        ("Guiding question 2:", None, 2),
        ("Pregunta orientadora 2:", None, 2),
        ("Question directrice 1 :", None, 1),
        ("Leitfrage 3", None, 3),
        ("Qs 4", None, 4),
    ],
)
def test_a_label_names_a_place(text: str, week: int | None, question: int | None) -> None:
    """A person may name week and question as their language does."""
    assert parse_tag(text) == Tag(week, question)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3 weeks ago",
        "last week",
        "2 weeks later",
        "in 2015",
        "the question I would ask",
        "page 3",
        "questions about 3 farmers",
        "Questions: 1. What",
        "hace dos semanas",
        "zwei Wochen",
    ],
)
def test_what_only_looks_like_a_label_names_nothing(text: str) -> None:
    """Counted weeks, years and lists are no labels."""
    assert parse_tag(text) is None


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("Q1 and Q2", [1, 2]),
        ("Questions 1, 2 and 4", [1, 2, 4]),
        ("Q1-3", [1, 2, 3]),
        ("preguntas 2 y 3", [2, 3]),
        ("the first two questions", [1, 2]),
        ("the first and second questions", [1, 2]),
    ],
)
def test_several_places_are_named_in_order(text: str, questions: list[int]) -> None:
    """One label may name several questions."""
    assert parse_tags(text) == tuple(Tag(None, q) for q in questions)


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    """Nothing a person writes raises, and no number is out of bounds."""
    for tag in parse_tags(text):
        assert tag.week is not None or tag.question is not None
        assert 0 < (tag.question or 1) <= 200
