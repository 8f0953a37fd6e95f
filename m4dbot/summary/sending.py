"""The released consolidated reply to everybody who reads along, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from m4dbot.delivery.outbox import enqueue
from m4dbot.errors import M4dbotError
from m4dbot.publishing import compose
from m4dbot.publishing.audience import languages_of, recipients
from m4dbot.publishing.material import configured_group, sender_of
from m4dbot.publishing.values import File, MailKind
from m4dbot.resources import resource
from m4dbot.store import discussions
from m4dbot.store.tables import Delivery, DiscussionRow, Document, Mailing
from m4dbot.summary import drafting, outline
from m4dbot.summary.countries import folded
from m4dbot.summary.figures import figures
from m4dbot.summary.html import to_html
from m4dbot.summary.model import ConsolidatedReply, from_json
from m4dbot.summary.text import to_text
from m4dbot.summary.words import Words, fitting, words_in

if TYPE_CHECKING:
    from jinja2 import Template

    from m4dbot.config import Config

MOST_ATTACHED = 5_000_000  # bytes, before base64 adds a third; many mailboxes take 10 MB a mail


@dataclass(frozen=True, slots=True)
class Sent:
    """What was queued, or would be. `already_at` is set where it was sent before and nothing was done."""

    version: int
    key: str
    recipients: int
    by_language: tuple[tuple[str, int], ...] = ()
    already_at: datetime | None = None


def send(
    session: Session,
    config: Config,
    row: DiscussionRow,
    now: datetime,
    *,
    version: int | None = None,
    reissue: bool = False,
    dry_run: bool = False,
) -> Sent:
    """Queue the document, the latest released version unless one is given, to every active reader.

    Each gets the mail and the document's fixed words in the own language; responses stay in the language they were
    written in. Writes unless `dry_run`. A version goes out once: asking again is harmless. Raises M4dbotError where
    nothing is released, nobody reads along, a response is no longer approved, or another version went out before
    and `reissue` is not set.
    """
    row = drafting.locked(session, row)
    document = _released(session, row, version)
    reply = from_json(document.model)
    discussion = discussions.value_of(row)
    before = _sent_before(session, row)
    key = key_of(row.slug, document.version)
    if (mailing := before.get(document.version)) is not None:
        reached = session.scalar(select(func.count()).where(Delivery.mailing_id == mailing.id)) or 0
        return Sent(document.version, key, reached, already_at=mailing.created_at)
    if before and not reissue:
        last = max(before)
        day = discussion.day_of(before[last].created_at)
        raise M4dbotError(
            f"Version {last} was sent on {day}; to send version {document.version} to the same people, add --reissue."
        )
    drafting.refuse_unapproved(session, row, reply, document.version)
    group = configured_group(session, config, row.group_id)
    if group is None:
        raise M4dbotError(f"The group of '{row.slug}' is not in {config.path.name} any more; nothing is sent for it.")
    people = recipients(session, row.group_id, MailKind.SUMMARY, discussion)
    if not people:
        raise M4dbotError(f"Nobody reads along in '{group.slug}', so there is nobody to send it to.")
    codes = languages_of(people)
    counts = tuple((code, sum(person.language == code for person in people)) for code in codes)
    if not dry_run:
        sender = sender_of(config, group)
        renderings = [
            compose.summary(sender, discussion, language=code, now=now, **mail_of(reply, code, again=bool(before)))
            for code in codes
        ]
        enqueue(
            session,
            group_id=row.group_id,
            key=key,
            kind=MailKind.SUMMARY,
            now=now,
            renderings=renderings,
            recipients=people,
            domain=group.domain,
            discussion_id=row.id,
        )
        document.state = drafting.SENT
        session.flush()
    return Sent(document.version, key, len(people), counts)


def key_of(slug: str, version: int) -> str:
    """The mailing's key, which is unique: a version goes out once."""
    return f"{slug}/summary/{version}"


def _released(session: Session, row: DiscussionRow, version: int | None) -> Document:
    if version is None:
        found = drafting.latest(session, row, (drafting.RELEASED, drafting.SENT))
        if found is not None:
            return found
    document = drafting.version_of(session, row, version)
    if document.state == drafting.DRAFT:
        raise M4dbotError(
            f"Version {document.version} of the consolidated reply to '{row.slug}' is a draft; a facilitator releases "
            f"it with `m4dbot summary release {row.slug} --as ADDRESS`."
        )
    return document


def _sent_before(session: Session, row: DiscussionRow) -> dict[int, Mailing]:
    """The mailing of every version that went out."""
    wanted = {key_of(row.slug, document.version): document.version for document in drafting.versions(session, row)}
    found = session.scalars(select(Mailing).where(Mailing.group_id == row.group_id, Mailing.key.in_(wanted)))
    return {wanted[mailing.key]: mailing for mailing in found}


def mail_of(reply: ConsolidatedReply, language: str, again: bool = False) -> dict[str, Any]:
    """What publishing.compose.summary is given for readers of a language: title, words and the files."""
    words = words_in(fitting(language, reply.languages))
    title = outline.title(reply, words)
    counted = {(week, question): n for week, question, n in figures(reply).by_question}
    weeks = [
        (
            outline.week_title(reply, week.number, words),
            [
                (
                    outline.question_text(question, words, reply.languages),
                    words.count("responses", counted[week.number, question.number]),
                )
                for question in week.questions
            ],
        )
        for week in reply.weeks
    ]
    content = {
        "words": words,
        "figures": " · ".join(words.count(key, n) for key, n in outline.tiles(reply)),
        "weeks": weeks,
    }
    return {
        "title": f"{title} ({words('version', n=reply.version)})" if again else title,
        "intro": words("mail_intro_again" if again else "mail_intro", n=reply.version),
        "html_body": _template("mail.html.j2").render(content),
        "text_body": _template("mail.txt.j2").render(content),
        "attachments": _files(reply, words),
    }


def _files(reply: ConsolidatedReply, words: Words) -> tuple[File, ...]:
    """The document as a web page and, unless the mail would become too large for many mailboxes, as text."""
    # "consolidated-reply", in the reader's language and in ASCII.
    document = folded(words("document")).replace(" ", "-")
    name = f"{reply.slug}-{document}" + (f"-v{reply.version}" if reply.version > 1 else "")
    page = File(f"{name}.html", "text/html", to_html(reply, words.language).encode())
    # With a byte order mark: a text file says its encoding in no other way.
    plain = File(f"{name}.txt", "text/plain", to_text(reply, words.language).encode("utf-8-sig"))
    return (page, plain) if len(page.content) + len(plain.content) <= MOST_ATTACHED else (page,)


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(resource("templates") / "summary"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
