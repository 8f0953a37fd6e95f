"""Discussions and mails to test with."""

from __future__ import annotations

from datetime import UTC, datetime

from m4dbot.discussion.file import parse_discussion
from m4dbot.store import discussions
from m4dbot.store.database import Database
from m4dbot.store.tables import Group, Subscriber

WELLS = """
slug = "wells-2027"
title = { en = "Keeping wells alive", fr = "Garder les puits en vie", es = "Mantener vivos los pozos" }
timezone = "Europe/Brussels"
languages = ["en", "fr", "es"]
grace_days = 14

[[week]]
opens = 2027-03-01
closes = 2027-03-07
[[week.question]]
[week.question.text]
en = "Who pays for repairs of a village well, and how is the money kept?"
fr = "Qui paie les réparations d'un puits de village, et comment l'argent est-il gardé ?"
es = "¿Quién paga las reparaciones de un pozo comunal y cómo se guarda el dinero?"
[[week.question]]
[week.question.text]
en = "Which spare parts can be bought nearby?"
fr = "Quelles pièces de rechange peut-on acheter à proximité ?"
es = "¿Qué repuestos se pueden comprar cerca?"

[[week]]
opens = 2027-03-08
closes = 2027-03-14
[[week.question]]
[week.question.text]
en = "What do you do when the caretaker leaves?"
fr = "Que faites-vous quand le gardien s'en va ?"
es = "¿Qué hacen cuando se va el encargado?"
"""

ROOFS = """
slug = "roofs-2027"
title = { en = "Rain from roofs", fr = "La pluie des toits", es = "La lluvia de los techos" }
timezone = "Europe/Brussels"
languages = ["en", "fr", "es"]

[[week]]
opens = 2027-04-05
closes = 2027-04-11
[[week.question]]
[week.question.text]
en = "How large a tank does one family need in the dry season?"
fr = "Quelle taille de réservoir faut-il à une famille en saison sèche ?"
es = "¿Qué tamaño de tanque necesita una familia en la estación seca?"
[[week.question]]
[week.question.text]
en = "Which roofs spoil the water, and what helps against it?"
fr = "Quels toits gâtent l'eau, et qu'est-ce qui aide ?"
es = "¿Qué techos estropean el agua y qué ayuda contra eso?"
"""

COMPOST = """
slug = "compost-2027"
title = { en = "Compost that works" }
timezone = "America/Lima"
languages = ["en"]

[[week]]
opens = 2027-03-01
closes = 2027-03-14
[[week.question]]
[week.question.text]
en = "How do you keep a heap moist where water is scarce?"
"""

IN_WEEK_1 = datetime(2027, 3, 3, 10, 0, tzinfo=UTC)


def mail(
    body: str = "Question 1: each household pays after the harvest.\n\nQuestion 2: only rope and buckets.\n",
    *,
    sender: str = "Amina Diallo <amina@example.net>",
    to: str = "water@groups.example.org",
    subject: str = "Our wells",
    message_id: str = "<amina-1@example.net>",
    date: str = "Wed, 03 Mar 2027 09:30:00 +0000",
    headers: str = "",
) -> bytes:
    """A mail as its sender wrote it, UTF-8, CRLF line ends; `headers` are further lines, each ended."""
    head = f"From: {sender}\nTo: {to}\nSubject: {subject}\nDate: {date}\n"
    if message_id:
        head += f"Message-ID: {message_id}\n"
    head += headers + "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    return f"{head}\n{body}".replace("\r\n", "\n").replace("\n", "\r\n").encode()


def load_discussion(database: Database, source: str, group: str = "water", now: datetime = IN_WEEK_1) -> int:
    """Load a discussion; its number."""
    with database.write() as session:
        group_id = session.query(Group.id).filter_by(slug=group).scalar()
        return discussions.save(session, group_id, source, parse_discussion(source), now).id


def subscribe(database: Database, address: str, group: str = "water", *, language: str = "en", name: str = "") -> int:
    """Add a subscriber; the number."""
    with database.write() as session:
        group_id = session.query(Group.id).filter_by(slug=group).scalar()
        row = Subscriber(group_id=group_id, address=address, name=name, language=language, delivery="digest")
        row.joined_at = datetime(2027, 2, 1, tzinfo=UTC)
        session.add(row)
        session.flush()
        return row.id
