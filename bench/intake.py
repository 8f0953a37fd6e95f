"""How fast mail comes in, from bytes to stored, tagged and committed.

`python -m bench.intake files` takes in a folder of mails as `m4dbot import` does, `python -m bench.intake dovecot` a
mailbox of a private Dovecot. The mails are made here, always the same for the same seed. In turn with each run the
same bytes go into a bare SQLite table, committed alike: what the machine allows at this moment. Compare the ratio, not
the figures, between machines.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import structlog

from m4dbot.config import Config, Imap
from m4dbot.discussion.file import parse_discussion
from m4dbot.intake import imap as imap_module
from m4dbot.intake import importing, processing
from m4dbot.intake.examining import Job, examine_all
from m4dbot.intake.imap import Mailbox
from m4dbot.intake.importing import import_mail
from m4dbot.reading import read as reading
from m4dbot.reading.values import Surroundings
from m4dbot.store import discussions
from m4dbot.store.database import Database
from m4dbot.store.prepare import prepared
from m4dbot.store.tables import Group
from m4dbot.tagging.tagger import Tagger

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
GROUP = "water@groups.example.org"

DISCUSSION = """
slug = "wells-2027"
title = { en = "Keeping wells alive", fr = "Garder les puits en vie", es = "Mantener vivos los pozos" }
timezone = "Europe/Brussels"
languages = ["en", "fr", "es"]
"""

QUESTIONS = (
    (
        "Who pays for repairs of a village well, and how is the money kept?",
        "Qui paie les réparations d'un puits de village, et comment l'argent est-il gardé ?",
        "¿Quién paga las reparaciones de un pozo comunal y cómo se guarda el dinero?",
    ),
    (
        "Which spare parts can be bought nearby, and which have to be ordered?",
        "Quelles pièces de rechange s'achètent à proximité, et lesquelles faut-il commander ?",
        "¿Qué repuestos se compran cerca y cuáles hay que pedir?",
    ),
    (
        "What happens when the caretaker leaves or falls ill?",
        "Que se passe-t-il quand le gardien part ou tombe malade ?",
        "¿Qué pasa cuando el encargado se va o se enferma?",
    ),
    (
        "Which records of a well are kept, and who reads them?",
        "Quels relevés d'un puits sont tenus, et qui les lit ?",
        "¿Qué registros de un pozo se llevan y quién los lee?",
    ),
)
SENTENCES = (
    (
        "The committee collects a small sum from each household after the harvest.",
        "We bought the last pump rod in the district town, two days away by bus.",
        "When the mechanic moved away, his sister took over with the same tools.",
        "A notebook hangs at the pump, and the teacher copies it every month.",
        "In the dry season the queue begins before sunrise and nobody complains.",
        "Without a receipt people stop paying; with one they even pay in advance.",
    ),
    (
        "Le comité demande une petite somme à chaque ménage après la récolte.",
        "Nous avons acheté la dernière tige de pompe au chef-lieu, à deux jours de bus.",
        "Quand le mécanicien est parti, sa sœur a repris le travail avec les mêmes outils.",
        "Un cahier est suspendu à la pompe, et l'instituteur le recopie chaque mois.",
        "En saison sèche la file commence avant l'aube et personne ne se plaint.",
        "Sans reçu les gens cessent de payer ; avec un reçu ils paient même d'avance.",
    ),
    (
        "El comité pide una pequeña suma a cada hogar después de la cosecha.",
        "Compramos la última varilla de la bomba en la ciudad, a dos días en autobús.",
        "Cuando se fue el mecánico, su hermana siguió con las mismas herramientas.",
        "Un cuaderno cuelga de la bomba y la maestra lo copia cada mes.",
        "En la estación seca la fila empieza antes del amanecer y nadie se queja.",
        "Sin recibo la gente deja de pagar; con recibo paga incluso por adelantado.",
    ),
)
LABELS = (
    ("Question {q}:", "Q{q}.", "Week {w}, question {q}"),
    ("Question {q} :", "Q{q}.", "Semaine {w}, question {q}"),
)
LABELS += (("Pregunta {q}:", "P{q}.", "Semana {w}, pregunta {q}"),)
ATTRIBUTIONS = (
    "On Mon, 1 Mar 2027 at 08:00, Water network <water@groups.example.org> wrote:",
    "Le lun. 1 mars 2027 à 08:00, Water network <water@groups.example.org> a écrit :",
    "El lun, 1 mar 2027 a las 8:00, Water network (<water@groups.example.org>) escribió:",
)


def discussion_source() -> str:
    """Two weeks of two questions in three languages."""
    text = DISCUSSION
    for week in range(2):
        opens = 1 + 7 * week
        text += f"[[week]]\nopens = 2027-03-{opens:02}\ncloses = 2027-03-{opens + 6:02}\n"
        for question in QUESTIONS[2 * week : 2 * week + 2]:
            by_language = ", ".join(
                f"{code} = {json.dumps(t)}" for code, t in zip(("en", "fr", "es"), question, strict=True)
            )
            text += f"[[week.question]]\ntext = {{ {by_language} }}\n"
    return text


def make_mail(dice: random.Random, number: int) -> bytes:
    """A reply as people write them: labelled, quoting or bare; plain or with HTML; some with a picture; some robots."""
    language = dice.choice((0, 0, 1, 2))
    week = dice.choice((1, 2))
    person = dice.randrange(300)
    paragraphs = [dice.choice(("Dear all,", "Bonjour à tous,", "Estimados colegas:"))]
    for question in dice.choice(((1,), (2,), (1, 2))):
        style = dice.random()
        words = " ".join(dice.choices(SENTENCES[language], k=dice.randint(2, 14)))
        if style < 0.4:
            label = dice.choice(LABELS[language]).format(q=question, w=week)
            paragraphs.append(f"{label} {words}")
        elif style < 0.7:
            paragraphs += [QUESTIONS[2 * (week - 1) + question - 1][language], words]
        else:
            paragraphs.append(words)
    paragraphs.append(f"Best regards,\nPerson {person}\nField officer, Rural Works\nTown {person % 40}")
    own = "\n\n".join(paragraphs)
    quoted = ""
    if dice.random() < 0.6:
        asked = "\n".join(f"> {i}. {q[language]}" for i, q in enumerate(QUESTIONS[2 * (week - 1) : 2 * week], 1))
        quoted = f"\n\n{ATTRIBUTIONS[language]}\n> Dear members, these are the questions:\n>\n{asked}\n> Write to us.\n"
    text = own + quoted
    at = datetime(2027, 3, 1 + 7 * (week - 1), 9, tzinfo=UTC) + timedelta(minutes=dice.randrange(6 * 24 * 60))
    head = (
        f"From: Person {person} <person{person}@members.example.net>\r\nTo: {GROUP}\r\nDate: {format_datetime(at)}\r\n"
    )
    head += f"Message-ID: <{number}.{dice.getrandbits(60)}@members.example.net>\r\n"
    head += f"Subject: {'Re: ' if quoted else ''}Questions of week {week}\r\n"
    head += "Received: from mx.example.net by mail.groups.example.org with ESMTPS; Mon, 1 Mar 2027\r\n" * 4
    head += "MIME-Version: 1.0\r\n"
    kind = dice.random()
    if kind < 0.04:
        head += "Auto-Submitted: auto-replied\r\n"
        text = "I am away until Monday."
    plain = text.replace("\n", "\r\n").encode()
    if kind < 0.45:
        body = (
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(plain)
        )
        return head.encode() + body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    quoted_html = f'<div class="gmail_quote"><blockquote>{quoted.replace(">", "")}</blockquote></div>' if quoted else ""
    html = "".join(f'<p style="margin:0 0 12px 0;font-family:Arial">{p}</p>' for p in own.split("\n\n")) + quoted_html
    parts = f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{plain.decode()}\r\n--b\r\n"
    parts += f"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>{html}</body></html>\r\n--b--\r\n"
    if kind < 0.9:
        return f'{head}Content-Type: multipart/alternative; boundary="b"\r\n\r\n{parts}'.encode()
    picture = base64.encodebytes(dice.randbytes(dice.randint(20_000, 120_000))).decode().replace("\n", "\r\n")
    mixed = f'--a\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n{parts}'
    mixed += '--a\r\nContent-Type: image/jpeg; name="pump.jpg"\r\n'
    mixed += f"Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n{picture}\r\n--a--\r\n"
    return f'{head}Content-Type: multipart/mixed; boundary="a"\r\n\r\n{mixed}'.encode()


class Shares:
    """Seconds spent in each room, measured around the calls that enter it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measured(self, *rooms: tuple[Any, str, str]) -> Iterator[None]:
        """Within, each (owner, name of a function, room) keeps count."""
        with contextlib.ExitStack() as undo:
            for owner, name, room in rooms:
                undo.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, self._timed(getattr(owner, name), room))
            yield

    def _timed(self, real: Callable[..., Any], room: str) -> Callable[..., Any]:
        def timed(*args: Any, **more: Any) -> Any:
            begun = time.perf_counter()
            try:
                return real(*args, **more)
            finally:
                self.seconds[room] = self.seconds.get(room, 0.0) + time.perf_counter() - begun

        return timed


ROOMS = (
    (imap_module, "accept", "store"),
    (importing, "accept", "store"),
    (processing, "examine_all", "examine"),
    (processing, "_write", "file"),
)
EXAMINING = ((reading, "read", "read"), (Tagger, "tag", "tag"))


def examining(mails: list[bytes]) -> tuple[float, float, float]:
    """Of examining in one process: processor seconds a mail, and the shares of reading and of tagging."""
    shares = Shares()
    around = Surroundings(group_address=GROUP)
    source = discussion_source()
    jobs = [Job(n, raw, around, NOW, {1: source}, {}) for n, raw in enumerate(mails)]
    begun, cpu = time.perf_counter(), time.process_time()
    with shares.measured(*EXAMINING):
        examine_all(jobs, None)
    spent = time.perf_counter() - begun
    return (time.process_time() - cpu) / len(mails), shares.seconds["read"] / spent, shares.seconds["tag"] / spent


def fresh(folder: Path, imap: Imap | None = None) -> tuple[Config, Database]:
    config = Config.model_validate(
        {"group": [{"slug": "water", "address": GROUP, "name": "Water"}], "base": folder, "imap": imap}
    )
    database = prepared(config)
    with database.write() as session:
        source = discussion_source()
        group = session.query(Group).one()
        discussions.save(session, group.id, source, parse_discussion(source), NOW)
    return config, database


def bare(folder: Path, mails: list[bytes]) -> float:
    """Seconds for the bytes alone, committed in batches as large as ours."""
    connection = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE mail (id INTEGER PRIMARY KEY, raw BLOB)")
    begun = time.perf_counter()
    for start in range(0, len(mails), 100):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO mail (raw) VALUES (?)", [(m,) for m in mails[start : start + 100]])
        connection.execute("COMMIT")
    spent = time.perf_counter() - begun
    connection.close()
    return spent


def from_files(folder: Path, mails: list[bytes]) -> tuple[float, int]:
    """Seconds to import a folder of mails, and how many became contributions."""
    source = folder / "mails"
    source.mkdir()
    for number, raw in enumerate(mails):
        (source / f"{number:06}.eml").write_bytes(raw)
    config, database = fresh(folder)
    begun = time.perf_counter()
    done = import_mail(database, config, [source], NOW)
    spent = time.perf_counter() - begun
    database.close()
    assert done.new == len(mails)
    return spent, sum(o.contribution_id is not None for o in done.outcomes)


def from_dovecot(folder: Path, mails: list[bytes], server: Any) -> tuple[float, int]:
    """The same out of a mailbox: fetched, stored, filed, and marked as read."""
    from tests.servers.dovecot import PASSWORD

    account = server.account()
    account.append(mails)
    os.environ["M4DBOT_TEST_IMAP_PASSWORD"] = PASSWORD
    config, database = fresh(folder, Imap.model_validate(account.settings))
    [(imap, slug)] = config.mailboxes
    mailbox = Mailbox(database, config, imap, clock=lambda: NOW, group_slug=slug)
    begun = time.perf_counter()
    assert mailbox.collect() == len(mails)
    done = processing.process_new(database, config, NOW, limit=len(mails))
    spent = time.perf_counter() - begun
    mailbox.close()
    database.close()
    return spent, sum(o.contribution_id is not None for o in done.outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", choices=("files", "dovecot"))
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )
    dice = random.Random(given.seed)
    mails = [make_mail(dice, number) for number in range(given.mails)]
    size = sum(map(len, mails)) / len(mails)
    print(f"{len(mails)} mails of {size / 1000:.1f} kB on average, {given.runs} runs, from {given.source}")
    with contextlib.ExitStack() as servers:
        server = None
        if given.source == "dovecot":
            from tests.servers.dovecot import Dovecot

            server = servers.enter_context(Dovecot())
        rates, ratios, shares = [], [], Shares()
        for run in range(given.runs + 1):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                if run == 0:
                    # The first mail of a process loads languages and vocabularies.
                    from_files(folder, mails[:20])
                    continue
                with shares.measured(*ROOMS):
                    spent, queued = from_files(folder, mails) if server is None else from_dovecot(folder, mails, server)
                shares.seconds["all"] = shares.seconds.get("all", 0.0) + spent
                rates.append(len(mails) / spent)
                ratios.append(bare(folder, mails) / spent)
                print(f"  run {run}: {rates[-1]:7.1f} mails/s, {queued} queued")
    total = shares.seconds.pop("all")
    rooms = {room: seconds / total for room, seconds in shares.seconds.items()}
    rooms["rest"] = 1 - sum(rooms.values())
    rate, ratio = statistics.median(rates), statistics.median(ratios)
    print(f"median {rate:.0f} mails/s; bare inserts take {ratio:.2%} of that time")
    print("share of the time: " + ", ".join(f"{room} {share:.0%}" for room, share in rooms.items()))
    cpu, read, tag = examining(mails)
    print(f"examining in one process: {cpu * 1000:.2f} ms of processor a mail, read {read:.0%}, tag {tag:.0%}")


if __name__ == "__main__":
    main()
