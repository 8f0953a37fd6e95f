"""The whole of reading: from raw bytes to a `Reading`."""

from __future__ import annotations

from dataclasses import dataclass

from m4dbot.reading.addresses import addresses_of, message_id_of, message_ids_of, person_of
from m4dbot.reading.attachments import Extract, files_of
from m4dbot.reading.behalf import behalf_of, sender_and_principal
from m4dbot.reading.classify import Facts, Verdict, classify
from m4dbot.reading.contributor import contributor_of
from m4dbot.reading.dates import instant_of
from m4dbot.reading.forwarded import PassedOn, other_than, passed_on
from m4dbot.reading.headers import Headers
from m4dbot.reading.language import language_of
from m4dbot.reading.mime import Mail, open_mail
from m4dbot.reading.reply import blocks_of
from m4dbot.reading.signed import signed
from m4dbot.reading.values import Block, ContributorLine, Kind, Person, Reading, Role, Surroundings

_RECIPIENTS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-delivered-to", "x-envelope-to")
_MOST_OF_A_SUBJECT = 1_000
_MOST_ENCLOSED = 5
_BY_PEOPLE = frozenset({Kind.CONTRIBUTION, Kind.COMMAND, Kind.DECISION, Kind.EMPTY, Kind.SPAM})


def read(raw: bytes, surroundings: Surroundings | None = None, extract: Extract | None = None) -> Reading:
    """The mail in `raw`, read. Never raises, whatever the bytes are.

    `surroundings` is what has to be known of the installation; without it nothing is known of it.
    `extract` reads attached documents, for reading itself touches nothing
    (`m4dbot.intake.attachment_text.extract_text`); without it they are listed only.
    """
    around = surroundings if surroundings is not None else Surroundings()
    try:
        return _read(raw, around, extract)
    except Exception as problem:
        # A mail that upsets a rule is still somebody's mail: it is held with what can be shown of it.
        return _as_it_came(raw, around, problem)


def _read(raw: bytes, around: Surroundings, extract: Extract | None) -> Reading:
    mail = open_mail(raw)
    notes = list(mail.notes)
    headers = mail.headers
    people = _people(headers, around)
    subject = (headers.get("subject") or "")[:_MOST_OF_A_SUBJECT]
    blocks = (*blocks_of(mail.plain, mail.html), *_enclosed(mail))
    parents = message_ids_of(headers.structured("in-reply-to"))
    references = message_ids_of(headers.structured("references"))
    forwarded = passed_on(
        blocks,
        subject=subject,
        is_reply=bool(parents or references),
        author=people.author,
        around=around,
        blocks_of=_blocks_of_text,
    )
    if forwarded is not None:
        blocks = forwarded.blocks
        notes.append("the contribution was forwarded")
    own_text = _own(blocks)
    verdict = classify(
        Facts(
            mail=mail,
            raw=raw,
            author=people.author,
            recipients=people.recipients,
            subject=subject,
            own_text=own_text,
            has_files=any(not part.inline for part in mail.attachments),
            around=around,
        )
    )
    reads_files = verdict.kind is Kind.CONTRIBUTION
    files = files_of(mail.attachments, own_text, extract if reads_files else None)
    notes += files.notes
    by_person = verdict.kind in _BY_PEOPLE
    on_behalf_of = _on_behalf_of(people, forwarded, own_text, subject) if by_person else None
    if by_person:
        blocks = signed(blocks, (people.author.name, on_behalf_of.name if on_behalf_of else ""))
    blocks = (*blocks, *(Block(Role.OWN, text) for text in files.texts))
    return Reading(
        kind=verdict.kind,
        reason=verdict.reason,
        message_id=message_id_of(headers.structured("message-id")),
        subject=subject,
        date=instant_of(headers.get("date")),
        author=people.author,
        recipients=people.recipients,
        reply_to=people.reply_to,
        in_reply_to=parents[0] if parents else None,
        references=references,
        on_behalf_of=on_behalf_of,
        language=language_of(_own(blocks), around.languages, around.prior_language) if by_person else None,
        blocks=blocks,
        contributor=_contributor(people.author, on_behalf_of, blocks) if by_person else ContributorLine(),
        attachments=files.attachments,
        bounces=verdict.bounce.reports if verdict.bounce else (),
        original_message_id=_original(mail, verdict),
        notes=tuple(dict.fromkeys(notes)),
    )


@dataclass(frozen=True, slots=True)
class _People:
    author: Person
    principal: str  # for whom the header says that the author sent it
    recipients: tuple[str, ...]
    reply_to: str


def _people(headers: Headers, around: Surroundings) -> _People:
    """Who sent the mail and to whom (RFC 5322 §3.6.2 and §3.6.3)."""
    author = person_of(headers.structured("from"))
    if not author.address:
        # A mail without a usable From: whoever stands in for it, the name kept.
        for stand_in in (headers.structured("sender"), headers.structured("return-path"), around.envelope_sender):
            other = person_of(stand_in)
            if other.address:
                author = Person(author.name or other.name, other.address)
                break
    name, principal = sender_and_principal(author.name)
    reply_to = person_of(headers.structured("reply-to")).address
    address = author.address
    if name != author.name and not principal:
        # "Ana Ruiz via Water Network": a list has put its own address into From (for DMARC's sake).
        original = person_of(headers.structured("x-original-from") or headers.structured("x-original-sender"))
        address = original.address or reply_to or address
    author = Person(name or around.known_names.get(address.lower(), ""), address)
    recipients = addresses_of(
        *(value for field in _RECIPIENTS for value in headers.all_structured(field)), around.envelope_recipient
    )
    return _People(author, principal, recipients, reply_to)


def _own(blocks: tuple[Block, ...]) -> str:
    return "\n\n".join(b.text.strip("\n") for b in blocks if b.role is Role.OWN).strip()


def _blocks_of_text(text: str) -> tuple[Block, ...]:
    return blocks_of(text, None)


def _enclosed(mail: Mail) -> tuple[Block, ...]:
    """The texts of mails that are forwarded whole (RFC 2046 §5.2.1), shown as other programs forward."""
    blocks: list[Block] = []
    for raw in mail.enclosed[:_MOST_ENCLOSED]:
        inner = open_mail(raw)
        fields = ((name, inner.headers.get(name.lower())) for name in ("From", "Date", "Subject"))
        text = "\n\n".join(b.text.strip("\n") for b in blocks_of(inner.plain, inner.html)).strip()
        if text:
            blocks.append(Block(Role.ATTRIBUTION, "\n".join(f"{name}: {value}" for name, value in fields if value)))
            blocks.append(Block(Role.FORWARDED, text))
    return tuple(blocks)


def _on_behalf_of(people: _People, forwarded: PassedOn | None, own_text: str, subject: str) -> Person | None:
    """The strongest sign first: a line in the words themselves, the forwarded header, the From header."""
    named = behalf_of(own_text, people.author, subject)
    if forwarded is not None:
        return named or other_than(forwarded.writer, people.author)
    return named or (Person(people.principal) if people.principal else None)


def _contributor(author: Person, on_behalf_of: Person | None, blocks: tuple[Block, ...]) -> ContributorLine:
    signature = "\n".join(b.text for b in blocks if b.role is Role.SIGNATURE)
    if on_behalf_of is None:
        return contributor_of(signature, _own(blocks), author)
    return contributor_of(signature, _own(blocks), on_behalf_of, sender=author)


def _original(mail: Mail, verdict: Verdict) -> str | None:
    """Which mail of ours was answered automatically, or bounced."""
    if verdict.bounce is not None:
        return verdict.bounce.original_message_id
    if verdict.kind not in (Kind.AUTO_REPLY, Kind.RECEIPT, Kind.CHALLENGE, Kind.CALENDAR):
        return None
    for group in mail.disposition:
        if group.get("original-message-id"):
            return message_id_of(group["original-message-id"])
    parents = message_ids_of(mail.headers.structured("in-reply-to")) or message_ids_of(
        mail.headers.structured("references")
    )
    return parents[-1] if parents else None


def _as_it_came(raw: bytes, around: Surroundings, problem: Exception) -> Reading:
    """What can be said of a mail that the rules could not be applied to."""
    text = raw[:200_000].decode("utf-8", "replace").replace("\x00", "")
    author = Person()
    subject = ""
    message_id = None
    try:
        mail = open_mail(raw)
        text = mail.plain or mail.html or text
        author = _people(mail.headers, around).author
        subject = (mail.headers.get("subject") or "")[:_MOST_OF_A_SUBJECT]
        message_id = message_id_of(mail.headers.structured("message-id"))
    except Exception as further:
        note = f"could not be taken apart: {type(further).__name__}"
    else:
        note = f"could not be read in full: {type(problem).__name__}"
    return Reading(
        kind=Kind.CONTRIBUTION,
        reason="The mail is odd and could not be read as a whole; it is shown as it came.",
        message_id=message_id,
        subject=subject,
        date=None,
        author=author,
        blocks=(Block(Role.OWN, text),) if text.strip() else (),
        notes=(note,),
    )
