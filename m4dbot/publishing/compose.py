"""Every mail of m4dbot: from values to a rendered mail. Pure; nothing is looked up and no clock is read.

A mail is rendered once for all readers of a language. What differs from person to person (To, Message-ID, the address
to unsubscribe with) are slots that delivery fills in.

Mails of a week thread under an identifier of the week that no mail carries: each person's mails have Message-IDs of
their own, so none of them could be named to all, but mail programs gather what refers to the same ancestor.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from m4dbot.delivery.values import Rendered, Slot
from m4dbot.discussion import calendar
from m4dbot.discussion.calendar import OccasionKind
from m4dbot.discussion.model import Discussion, Text, Week
from m4dbot.publishing import html, mime
from m4dbot.publishing.headers import Headers, one_line
from m4dbot.publishing.texts import Texts, texts_for
from m4dbot.publishing.values import (
    Acknowledgement,
    Digest,
    Entry,
    Figures,
    File,
    MailKind,
    Place,
    Post,
    Section,
    Sender,
    Waiting,
)

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_WAITING = 20  # contributions listed in one notice to facilitators
BAR = 20  # width of the longest bar of the text version, in characters


def announcement(sender: Sender, discussion: Discussion, *, language: str, now: datetime) -> Rendered:
    """What is coming, when, and how to take part."""
    mail = _Mail(sender, discussion, language, now)
    starts = next((o for o in calendar.occasions(discussion) if o.kind is OccasionKind.QUESTIONS), None)
    return mail.rendered(
        MailKind.ANNOUNCEMENT,
        subject=mail.t("announcement.subject", title=mail.title, day=mail.t.day(discussion.opens)),
        thread=(discussion_thread(sender, discussion),),
        welcome=mail.said(discussion.welcome),
        weeks=[mail.week(week) for week in discussion.weeks],
        first=mail.t.day(discussion.opens),
        last=mail.t.day(discussion.closes, year=True),
        languages=mail.t.list(mail.t.language_name(code) for code in discussion.languages),
        discussion_languages=len(discussion.languages),
        starts_day=mail.t.day(discussion.opens),
        starts_clock=mail.t.clock(starts.due_at, discussion.zone) if starts else "",
    )


def questions(sender: Sender, discussion: Discussion, week: Week, *, language: str, now: datetime) -> Rendered:
    """The week's questions, each with an address of its own to answer to."""
    mail = _Mail(sender, discussion, language, now)
    shown = mail.week(week)
    key = "questions.subject_titled" if shown["title"] else "questions.subject"
    return mail.rendered(
        MailKind.QUESTIONS,
        subject=mail.t(key, week=week.number, week_title=shown["title"], title=mail.title),
        place=Place(week.number),
        # The first of its thread: it refers to the week without being an answer.
        references=(week_thread(sender, discussion, week.number),),
        week=shown,
        introduction=mail.said(week.introduction),
        until=mail.t.day(week.closes),
    )


def reminder(
    sender: Sender, discussion: Discussion, week: Week, figures: Figures, *, language: str, now: datetime
) -> Rendered:
    """In the middle of the week: the questions again, and how many have answered."""
    mail = _Mail(sender, discussion, language, now)
    return mail.rendered(
        MailKind.REMINDER,
        subject=mail.t("reminder.subject", week=week.number, title=mail.title),
        place=Place(week.number),
        thread=(week_thread(sender, discussion, week.number),),
        week=mail.week(week),
        figures=mail.figures(figures, [week]),
        until=mail.t.day(week.closes),
    )


def post(sender: Sender, discussion: Discussion, said: Post, *, language: str, now: datetime) -> Rendered:
    """One contribution, for those who read each as it comes."""
    mail = _Mail(sender, discussion, language, now)
    name = said.entry.name or mail.t("common.somebody")
    label = mail.short(said.place)
    parts: list[dict[str, Any]] = []
    before = ""
    for words in said.words:
        question = mail.question(words.place)
        parts.append({"place": mail.place(words.place), "question": question, "before": before, "words": words.text})
        before = question["label"] if question else before
    return mail.rendered(
        MailKind.POST,
        subject=mail.t("post.subject" if label else "post.subject_plain", label=label, name=name, title=mail.title),
        place=said.place,
        thread=place_thread(sender, discussion, said.place),
        # DMARC (RFC 7489): a From of the author's domain would fail there, so the group speaks for them.
        from_name=mail.t("common.via", name=name, group=sender.name),
        automatic=False,
        entry=mail.entry(said.entry),
        parts_said=parts,
        reply_href=html.mailto(sender.plus(said.place.detail), one_line(f"Re: {label} {name}", 120)),
    )


def digest(
    sender: Sender,
    discussion: Discussion,
    week: Week,
    content: Digest,
    *,
    language: str,
    now: datetime,
    part: int = 1,
    parts: int = 1,
) -> Rendered:
    """The week's contributions by question, not by arrival; late answers to earlier weeks in a section of their own.

    `content` is part number `part` of `parts`.
    """
    mail = _Mail(sender, discussion, language, now)
    following = next((w for w in discussion.weeks if w.opens > week.opens and w.opens > discussion.day_of(now)), None)
    is_last = week.number == discussion.weeks[-1].number
    return mail.rendered(
        MailKind.DIGEST,
        subject=mail.t("digest.subject", week=week.number, title=mail.title)
        + (f" ({part}/{parts})" if parts > 1 else ""),
        place=Place(week.number),
        thread=(week_thread(sender, discussion, week.number),),
        week=mail.week(week),
        sections=mail.sections(content.week),
        earlier=mail.sections(content.earlier),
        later=mail.sections(content.later),
        figures=mail.figures(content.figures, [week]),
        part=mail.t("digest.part", part=part, parts=parts) if parts > 1 else "",
        is_first_part=part == 1,
        # What comes next is said at the end.
        next_day=mail.t.day(following.opens) if following and part == parts else "",
        is_last=is_last and part == parts,
    )


def last_call(
    sender: Sender, discussion: Discussion, silent: Iterable[Place], *, language: str, now: datetime
) -> Rendered:
    """The day before the end, with the questions nobody has answered yet."""
    mail = _Mail(sender, discussion, language, now)
    last = discussion.weeks[-1]
    grace = discussion.closes + timedelta(days=discussion.grace_days)
    return mail.rendered(
        MailKind.LAST_CALL,
        subject=mail.t("last-call.subject", title=mail.title, day=mail.t.day(discussion.closes)),
        place=Place(last.number),
        thread=(week_thread(sender, discussion, last.number),),
        closes=mail.t.day(discussion.closes),
        silent=[mail.question(place) for place in silent],
        grace=mail.t.day(grace) if grace > discussion.closes else "",
    )


def thanks(sender: Sender, discussion: Discussion, figures: Figures, *, language: str, now: datetime) -> Rendered:
    """After the end: what became of it, in figures, and what comes next."""
    mail = _Mail(sender, discussion, language, now)
    grace = discussion.closes + timedelta(days=discussion.grace_days)
    return mail.rendered(
        MailKind.THANKS,
        subject=mail.t("thanks.subject", title=mail.title),
        thread=(discussion_thread(sender, discussion),),
        figures=mail.figures(figures, discussion.weeks),
        grace=mail.t.day(grace) if grace > discussion.day_of(now) else "",
    )


def summary(
    sender: Sender,
    discussion: Discussion,
    *,
    language: str,
    now: datetime,
    title: str,
    intro: str,
    html_body: str,
    text_body: str,
    attachments: Sequence[File] = (),
) -> Rendered:
    """The consolidated reply: `html_body` is a fragment of our own making (it goes through the barrier again),
    `text_body` its text; `intro` is plain text from the facilitators, or ""."""
    mail = _Mail(sender, discussion, language, now)
    return mail.rendered(
        MailKind.SUMMARY,
        subject=mail.t("summary.subject", title=title or mail.title),
        thread=(discussion_thread(sender, discussion),),
        files=attachments,
        document_title=title or mail.title,
        intro=intro,
        html_body=html.document(html_body),
        text_body=text_body,
    )


def acknowledgement(
    sender: Sender, discussion: Discussion, about: Acknowledgement, *, language: str, now: datetime
) -> Rendered:
    """To a contributor: where each passage was filed, when it will be read, how to correct it (RFC 3834)."""
    mail = _Mail(sender, discussion, language, now)
    subject = _bare(about.subject)
    example = next((place for place, _ in about.filed if place.question), Place(1, 1))
    filed = [
        {"place": mail.place(place), "label": place.label, "question": mail.question(place), "excerpt": excerpt}
        for place, excerpt in about.filed
    ]
    return mail.rendered(
        MailKind.ACKNOWLEDGEMENT,
        subject=mail.t("acknowledgement.subject", subject=subject) if subject else _plain(mail, "acknowledgement"),
        reply_to=about.reply_to,
        answers=about.message_id,
        references=about.references,
        to_list=False,
        replied=True,
        name=about.name,
        filed=filed,
        unfiled=all(place.week is None for place, _ in about.filed),
        example=mail.t("acknowledgement.place_word", week=example.week, question=example.question),
        example_label=example.label,
        correct_href=html.mailto(about.reply_to, f"Re: {subject}", example.label + "\n"),
        withdraw_href=html.mailto(about.reply_to, f"Re: {subject}", mail.t("acknowledgement.withdraw_word")),
        next_day=mail.t.day(discussion.day_of(about.next_digest)) if about.next_digest else "",
    )


def rejection(
    sender: Sender,
    discussion: Discussion,
    *,
    subject: str,
    received_at: datetime,
    reason: str,
    message_id: str,
    language: str,
    now: datetime,
) -> Rendered:
    """To a contributor: what was not published, and why. Their words are not sent back (From may be forged)."""
    mail = _Mail(sender, discussion, language, now)
    said = _bare(subject)
    return mail.rendered(
        MailKind.REJECTION,
        subject=mail.t("rejection.subject", subject=said) if said else _plain(mail, "rejection"),
        answers=message_id,
        to_list=False,
        replied=True,
        reason=reason,
        day=mail.t.day(discussion.day_of(received_at)),
    )


def held(
    sender: Sender, waiting: Sequence[Waiting], count: int, zone: ZoneInfo, *, language: str, now: datetime
) -> Rendered:
    """To facilitators: what waits for a decision. `waiting` are the newest of `count`; `zone` is the group's."""
    mail = _Mail(sender, None, language, now)
    shown = [
        {
            "id": w.contribution_id,
            "name": one_line(w.name, 120) or mail.t("common.somebody"),
            "subject": one_line(w.subject, 120),
            "reason": one_line(w.reason, 300),
            "place": w.place,
            "day": mail.t.day(w.received_at.astimezone(zone).date()),
            "clock": mail.t.clock(w.received_at, zone),
            "excerpt": one_line(w.excerpt, 220),
        }
        for w in waiting[:MOST_WAITING]
    ]
    return mail.rendered(
        MailKind.HELD,
        subject=mail.t("held.subject", count=count, group=sender.name),
        to_list=False,
        replied=True,
        waiting=shown,
        count=count,
        more=count - len(shown),
        ids=" ".join(str(w["id"]) for w in shown),
    )


# As often as programs have put them there; a short word before a colon is otherwise the person's own ("Mali: …").
_PREFIXES = re.compile(
    r"^(?:\s{0,4}(?:re|rép|rep|res|resp|ref|rif|sv|vs|aw|antw|odp|ynt|fw|fwd|tr|rv|wg|enc|i|r|رد|回复|转发|答复)"
    r"\s?(?:\[\d{1,3}\])?\s?[:：])+",
    re.IGNORECASE,
)


def _bare(subject: str) -> str:
    """The subject without what replying and forwarding put before it; it may be "" then."""
    return one_line(_PREFIXES.sub("", one_line(subject, 200)), 120)


def _plain(mail: _Mail, kind: str) -> str:
    return mail.t(f"{kind}.subject_plain")


# --- threads ---------------------------------------------------------------------------------------------------------


def discussion_thread(sender: Sender, discussion: Discussion) -> str:
    return f"{discussion.slug}@{sender.domain}"


def week_thread(sender: Sender, discussion: Discussion, week: int) -> str:
    """The identifier, without angle brackets, that every mail of a week refers to."""
    return f"{discussion.slug}.week-{week}@{sender.domain}"


def place_thread(sender: Sender, discussion: Discussion, place: Place) -> tuple[str, ...]:
    """The identifiers a post refers to, its parent last: its week, then its question in it."""
    if place.week is None:
        return (discussion_thread(sender, discussion),)
    week = week_thread(sender, discussion, place.week)
    if place.question is None:
        return (week,)
    return (week, f"{discussion.slug}.week-{place.week}.question-{place.question}@{sender.domain}")


def threads(sender: Sender, discussion: Discussion) -> Mapping[str, Place]:
    """Every thread identifier with the place it stands for: an answer's References name it."""
    found = {week_thread(sender, discussion, week.number): Place(week.number) for week in discussion.weeks}
    for week, question in discussion.questions():
        place = Place(week.number, question.number)
        found[place_thread(sender, discussion, place)[-1]] = place
    return found


# --- one mail --------------------------------------------------------------------------------------------------------


class _HtmlTexts:
    """The texts for HTML templates: what is filled in is escaped, however it is written."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def __call__(self, key: str, **values: object) -> Markup:
        from markupsafe import escape

        return escape(self._texts.message(key, values)).format(**values)


@dataclass(frozen=True, slots=True)
class _Said:
    """A text of the discussion in a language it exists in."""

    text: str
    language: str
    direction: str

    def __bool__(self) -> bool:
        return bool(self.text)


class _Mail:
    """One mail on its way: whose it is, in which language, and the pieces templates are given."""

    def __init__(self, sender: Sender, discussion: Discussion | None, language: str, now: datetime) -> None:
        self.sender = sender
        self.discussion = discussion
        self.language = language
        self.now = now
        self.t = texts_for(language)
        self.title = self.said(discussion.title).text if discussion else ""

    def said(self, text: Text) -> _Said:
        """`text` in the reader's language, else in the discussion's first; shown with the language it really is."""
        base = self.language.partition("-")[0]
        order = (self.language, base, *(self.discussion.languages if self.discussion else ()))
        for code in (*order, *text.by_language):
            if found := html.plain(text.by_language.get(code, "")):
                return _Said(found, code, html.direction(found, self.t.direction))
        return _Said("", self.t.language, self.t.direction)

    def place(self, place: Place) -> str:
        """ "Week 2, question 1" in the reader's language; "" for nowhere in particular."""
        if place.week is None:
            return ""
        if place.question is None:
            return self.t("common.week", week=place.week)
        return self.t("common.place", week=place.week, question=place.question)

    def short(self, place: Place) -> str:
        """ "W2 Q1" as it is abbreviated in the reader's language; "" for nowhere in particular."""
        if place.week is None:
            return ""
        if place.question is None:
            return self.t("common.short_week", week=place.week)
        return self.t("common.short", week=place.week, question=place.question)

    def question(self, place: Place) -> dict[str, Any] | None:
        """What templates show of a question: its text, number, and the way to answer it."""
        asked = self.discussion.question(place.week, place.question) if self._known(place) else None  # type: ignore[union-attr,arg-type]
        if asked is None:
            return None
        subject = self.t("common.reply_subject", week=place.week, question=place.question)
        address = self.sender.plus(place.detail)
        return {
            "number": asked.number,
            "week": place.week,
            "place": self.place(place),
            "label": self.short(place),
            "said": self.said(asked.text),
            "address": address,
            "href": html.mailto(address, subject),
        }

    def _known(self, place: Place) -> bool:
        return self.discussion is not None and place.week is not None and place.question is not None

    def week(self, week: Week) -> dict[str, Any]:
        """What templates show of a week."""
        title = self.said(week.title)
        number = week.number
        name = self.t("common.week_titled", week=number, title=title.text) if title else ""
        address = self.sender.plus(Place(number).detail)
        return {
            "number": number,
            "name": name or self.t("common.week", week=number),
            "title": title.text,
            "kicker": self.t("common.week_of", week=number, weeks=len(self.discussion.weeks) if self.discussion else 1),
            "period": self.t.period(week.opens, week.closes),
            "opens": self.t.day(week.opens),
            "closes": self.t.day(week.closes),
            "questions": [self.question(Place(number, q.number)) for q in week.questions],
            "address": address,
            "href": html.mailto(address, self.t("common.reply_subject_week", week=number)),
        }

    def entry(self, entry: Entry) -> dict[str, Any]:
        name = one_line(entry.name, 120) or self.t("common.somebody")
        foreign = bool(entry.language) and entry.language.partition("-")[0] != self.language.partition("-")[0]
        names = self.t.list(one_line(a, 80) for a in entry.attachments)
        return {
            "id": entry.contribution_id,
            "name": name,
            "line": one_line(entry.line, 200),
            "sent_by": self.t("common.sent_by", name=one_line(entry.sent_by, 120)) if entry.sent_by else "",
            "language": self.t.language_name(entry.language) if foreign else "",
            "lang": entry.language or None,
            "text": entry.text,
            "note": entry.note,
            "attached": self.t("common.attached", names=names) if names else "",
        }

    def sections(self, sections: Iterable[Section]) -> list[dict[str, Any]]:
        return [
            {
                "place": self.place(s.place),
                "question": self.question(s.place),
                "entries": [self.entry(e) for e in s.entries],
            }
            for s in sections
        ]

    def figures(self, figures: Figures, weeks: Iterable[Week]) -> dict[str, Any]:
        """Who took part, in a sentence, and a bar for each question of `weeks`."""
        t = self.t
        counted = {
            "contributions": t("common.contributions", count=figures.contributions),
            "people": t("common.people", count=figures.contributors),
            "countries": t("common.countries", count=figures.countries),
        }
        key = "common.figures_countries" if figures.countries > 1 else "common.figures"
        named = [t.language_name(code) for code in figures.by_language if code]
        weeks = list(weeks)
        asked = [(w.number, q.number) for w in weeks for q in w.questions]
        counts = [(place, figures.by_question.get(place, 0)) for place in asked]
        most = max((count for _, count in counts), default=0)
        bars = [
            {
                "label": t("common.question", question=q) if len(weeks) == 1 else t("common.short", week=w, question=q),
                "count": count,
                # A bar is a table cell of so many hundredths; text programs get blocks.
                "share": round(100 * count / most) if most else 0,
                "blocks": "█" * max(1, round(BAR * count / most)) if count else "",
            }
            for (w, q), count in counts
        ]
        return {
            "any": figures.contributions > 0,
            "sentence": t(key, **counted),
            "languages": t("common.in_languages", languages=t.list(named)) if len(named) > 1 else "",
            "bars": bars if most else [],
            **counted,
        }

    def rendered(
        self,
        kind: MailKind,
        *,
        subject: str,
        place: Place = Place(),  # noqa: B008  (frozen)
        thread: Sequence[str] = (),
        references: Sequence[str] = (),
        answers: str = "",
        from_name: str = "",
        reply_to: str = "",
        to_list: bool = True,
        automatic: bool = True,
        replied: bool = False,
        files: Sequence[File] = (),
        **context: Any,
    ) -> Rendered:
        """The mail as bytes. `thread` are ancestors, the parent last; `answers` is the Message-ID it answers."""
        sender, slots = self.sender, mime.Slots(secrets.token_hex(8))
        subject = one_line(subject, 250)
        headers = Headers()
        headers.mailbox("From", one_line(from_name or sender.name, 120), sender.address)
        headers.raw("To", slots[Slot.TO])
        headers.text("Subject", subject)
        headers.raw("Date", format_datetime(self.now.astimezone(UTC)))
        headers.raw("Message-ID", f"<{slots[Slot.MESSAGE_ID]}>")
        # RFC 5322 §3.6.4: the parent's identifier is In-Reply-To and comes last in References.
        ancestors = (*references, *thread, answers) if answers else (*references, *thread)
        headers.ids("In-Reply-To", [answers] if answers else thread[-1:])
        headers.ids("References", ancestors)
        # RFC 5233: the detail tells where an answer belongs.
        headers.raw("Reply-To", reply_to or sender.plus(place.detail))
        self._list_headers(headers, slots if to_list else None)
        if replied:
            headers.raw("Auto-Submitted", "auto-replied" if answers else "auto-generated")  # RFC 3834 §5
            headers.raw("Precedence", "bulk")
        else:
            if automatic:
                headers.raw("Auto-Submitted", "auto-generated")
            headers.raw("Precedence", "list")
        # Exchange reads this before it answers for somebody who is away; failures are still to be reported.
        headers.raw("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply")

        common = {
            "subject": subject,
            "lang": self.t.language,
            "dir": self.t.direction,
            "group": sender,
            "title": self.title,
            "subscriber": to_list,
            "leave": slots[Slot.LEAVE],
            "background": self.discussion.background if self.discussion else "",
            "contact": self.discussion.contact if self.discussion else "",
            **context,
        }
        text = html.render_text(kind.value, {**common, "t": self.t})
        laid_out = html.render_html(kind.value, {**common, "t": _HtmlTexts(self.t)})
        content, found = slots.lifted(mime.body(headers, slots, text, laid_out, language=self.t.language, files=files))
        return Rendered(
            language=self.language,
            edition="",
            subject=subject,
            # RFC 3834 §3.3: an answer to an answer must find nowhere to go.
            envelope_sender="" if replied else sender.address,
            content=content,
            slots=found,
        )

    def _list_headers(self, headers: Headers, slots: mime.Slots | None) -> None:
        """RFC 2369 and 2919. Only subscribers have something to leave."""
        sender = self.sender
        name = one_line(sender.name, 80)
        shown = f'"{name}" ' if name.isascii() and not set(name) & set('"\\') else ""
        headers.raw("List-Id", f"{shown}<{sender.list_id}>")
        headers.raw("List-Post", f"<{html.mailto(sender.address)}>")
        headers.raw("List-Help", f"<{html.mailto(sender.plus('help'))}>")
        if sender.owner:
            headers.raw("List-Owner", f"<{html.mailto(sender.owner)}>")
        if sender.archive:
            headers.raw("List-Archive", f"<{sender.archive}>")
        if slots is not None:
            headers.raw("List-Unsubscribe", f"<mailto:{slots[Slot.LEAVE]}>")
