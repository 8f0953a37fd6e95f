"""What a mail is: an ordered list of rules, each with a reason a facilitator can read.

A rule speaks only where it is sure. Weak signs count together (`_automatic`), none of them decides
alone, and what no rule claims is a contribution: a person's mail thrown away is gone, a machine's
mail held costs a facilitator one look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from m4dbot.reading.addresses import addresses_of, domain_of, message_ids_of
from m4dbot.reading.commands import parse_command
from m4dbot.reading.mime import Mail
from m4dbot.reading.phrases import found_phrase, phrases, plain_words, word_tables
from m4dbot.reading.plus import PlusKind, plus_of
from m4dbot.reading.suspicion import Suspicion, suspicion_of
from m4dbot.reading.values import Kind, Person, Surroundings

if TYPE_CHECKING:
    from m4dbot.reading.bounces import Bounce


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a mail is and why; `bounce` where it is one."""

    kind: Kind
    reason: str
    bounce: Bounce | None = None


@dataclass(frozen=True)
class Facts:
    """What the rules look at, each found once and only when asked for."""

    mail: Mail
    raw: bytes
    author: Person
    recipients: tuple[str, ...]
    subject: str
    own_text: str
    has_files: bool
    around: Surroundings

    @cached_property
    def words(self) -> int:
        return len(self.own_text.split())

    @cached_property
    def beginning(self) -> str:
        """The first of the sender's words, folded for comparison."""
        return plain_words(self.own_text[:3_000])

    @cached_property
    def subject_words(self) -> str:
        return plain_words(self.subject[:300])

    @cached_property
    def null_sender(self) -> bool:
        """RFC 3834 §3.3, RFC 3464 §2: what answers by itself writes with the null return path."""
        if self.around.envelope_sender is not None:
            return self.around.envelope_sender.strip("<> ") == ""
        path = self.mail.headers.structured("return-path")
        return path is not None and path.strip() in ("<>", "< >", "", "<<>>")

    @cached_property
    def at_bounce_address(self) -> bool:
        return self.detail(PlusKind.BOUNCE)

    def detail(self, kind: PlusKind) -> bool:
        """Whether the mail came to the group's address with a detail of this kind."""
        return plus_of(self.recipients, self.around.group_address, self.around.recipient_delimiter, kind) is not None

    @cached_property
    def answers_us(self) -> bool:
        """Whether the mail is a reply to a mail that carries one of our Message-IDs."""
        parents = message_ids_of(self.mail.headers.structured("in-reply-to")) + message_ids_of(
            self.mail.headers.structured("references")
        )
        return any(domain_of(parent) in self.around.own_domains for parent in parents)

    @cached_property
    def addressed_to_us(self) -> bool:
        """Whether somebody wrote the group's address, with or without a detail, into To or Cc."""
        group = self.around.group_address.lower()
        if not group:
            return True
        local, _, domain = group.rpartition("@")
        written = addresses_of(*self.mail.headers.all_structured("to"), *self.mail.headers.all_structured("cc"))
        start = f"{local}{self.around.recipient_delimiter}"
        return any(a == group or (a.endswith(f"@{domain}") and a.startswith(start)) for a in written)

    def first(self, name: str) -> str:
        """A header's first word in lower case, "" where there is none."""
        value = (self.mail.headers.get(name) or "").lower()
        return re.split(r"[;\s,(]", value.strip(), maxsplit=1)[0]


def classify(facts: Facts) -> Verdict:
    """The first rule's verdict that has one; a contribution where none has."""
    for rule in _RULES:
        verdict = rule(facts)
        if verdict is not None:
            return verdict
    return Verdict(Kind.CONTRIBUTION, "A person's words, and nothing in the mail says otherwise.")


def _leave_address(facts: Facts) -> Verdict | None:
    """RFC 2369 §3.2: what a header of ours promises, whatever program keeps the promise for a person.

    The address with its token stands in that header and nowhere else, so no responder writes to it.
    """
    if facts.detail(PlusKind.LEAVE):
        return Verdict(Kind.COMMAND, "A command: “leave”, by the address it was sent to.")
    return None


def _bounce(facts: Facts) -> Verdict | None:
    suspicion = suspicion_of(
        facts.mail,
        facts.author,
        facts.subject,
        null_sender=facts.null_sender,
        at_bounce_address=facts.at_bounce_address,
    )
    if suspicion is Suspicion.NONE:
        return None
    from m4dbot.reading.bounces import read_bounce

    ours = frozenset({facts.around.group_address.lower(), facts.author.address.lower(), *facts.recipients})
    found = read_bounce(facts.mail, facts.raw, suspicion, ours=ours)
    if found is not None:
        return Verdict(Kind.BOUNCE, f"A mail server says that a mail did not arrive: {found.reason}.", found)
    if facts.mail.status:
        return Verdict(Kind.RECEIPT, "A mail server confirms that a mail arrived (RFC 3464).")
    return None


def _receipt(facts: Facts) -> Verdict | None:
    if facts.mail.disposition:
        return Verdict(Kind.RECEIPT, "A receipt that a mail was read or thrown away (RFC 8098).")
    if b"disposition-notification" in (facts.mail.headers.raw("content-type") or b"").lower():
        return Verdict(Kind.RECEIPT, "The mail calls itself a disposition notification (RFC 8098).")
    if b"feedback-report" in (facts.mail.headers.raw("content-type") or b"").lower():
        return Verdict(Kind.RECEIPT, "A mail provider reports that somebody marked a mail as spam (RFC 5965).")
    begins, _, _ = facts.subject.partition(":")
    if facts.words <= 120 and plain_words(begins) in phrases("receipt_subject"):
        said = found_phrase(facts.beginning, phrases("receipt_text"))
        if said:
            return Verdict(
                Kind.RECEIPT, f"A receipt: the subject begins with “{begins}”, the text says “{said.strip()}”."
            )
    return None


def _own(facts: Facts) -> Verdict | None:
    """Our own mail coming back, by two signs, one of which says who wrote it.

    A colleague in the same house may have a Message-ID of our domain; an outsider may write our
    address into From; and where a list in front of the mailbox bears our names, every person's
    mail has our List-Id. None of these alone makes a mail ours.
    """
    headers, around = facts.mail.headers, facts.around
    group = around.group_address.lower()
    listed = any(_list_id(value) in around.own_list_ids for value in headers.get_all("list-id")) or (
        bool(group)
        and any(group in (headers.get(name) or "").lower() for name in ("x-loop", "x-beenthere", "list-post"))
    )
    from_group = bool(group) and facts.author.address.lower() == group
    own_id = domain_of((headers.structured("message-id") or "").strip()) in around.own_domains
    automatic = facts.first("auto-submitted") not in ("", "no")
    if own_id and (listed or (from_group and automatic)):
        return Verdict(Kind.OWN, "Our own mail coming back: its Message-ID and its headers are ours.")
    original = addresses_of(headers.structured("x-original-from"), headers.structured("x-original-sender"))
    if from_group and listed and all(address == group for address in original):
        return Verdict(Kind.OWN, "Our own mail coming back: its From and its list headers are ours.")
    return None


def _list_id(value: str) -> str:
    """RFC 2919 §3: the identifier is what stands in the last angle brackets."""
    _, bracket, rest = value.rpartition("<")
    return (rest if bracket else value).strip(" >").lower()


def _challenge(facts: Facts) -> Verdict | None:
    headers = facts.mail.headers
    if any(name.startswith(("x-tmda-", "x-boxbe-", "x-spamarrest", "x-choicemail")) for name in headers):
        return Verdict(
            Kind.CHALLENGE, "A challenge: a program of the recipient asks the sender to prove to be a person."
        )
    if facts.words > 300:
        return None
    said = found_phrase(facts.beginning, phrases("challenge_text"))
    if said is None:
        return None
    supported = (
        facts.null_sender
        or facts.at_bounce_address
        or facts.first("auto-submitted") not in ("", "no")
        or found_phrase(facts.subject_words, phrases("challenge_subject")) is not None
        or facts.first("precedence") in ("bulk", "junk", "auto_reply", "list")
    )
    if not supported:
        return None
    return Verdict(Kind.CHALLENGE, f"A challenge: a machine wants the sender to act first (“{said.strip()}”).")


_CALENDAR_METHOD = re.compile(r"^METHOD:[ \t]{0,4}([A-Z]{3,20})", re.MULTILINE | re.IGNORECASE)


def _calendar(facts: Facts) -> Verdict | None:
    calendar = facts.mail.calendar
    if calendar is None:
        return None
    method = _CALENDAR_METHOD.search(calendar[:20_000])
    # A date enclosed in a letter is PUBLISH or nothing; what scheduling programs send has a method
    # (RFC 5546 §1.4), and an invitation may carry a long description.
    if method and method[1].upper() in ("REQUEST", "REPLY", "CANCEL", "COUNTER", "DECLINECOUNTER", "REFRESH", "ADD"):
        return Verdict(Kind.CALENDAR, f"A calendar program's mail (iTIP method {method[1].upper()}).")
    if facts.words <= 80:
        return Verdict(Kind.CALENDAR, "A calendar entry with next to no words.")
    return None


# Headers that only programs that answer by themselves put there. X-Auto-Response-Suppress is not
# among them: Exchange puts it on people's mail as well.
_ANSWERS_ITSELF = re.compile(
    r"^x-(?:auto-?repl(?:y|ied)(?:-from)?|autorespon(?:d|der|se)|auto-?respond|mail-?autoreply|vacation"
    r"|auto-reply-from|autogenerated|fc-machinegenerated|cron-env|away|ms-exchange-generated-message-source)$"
)


def _automatic(facts: Facts) -> Verdict | None:
    """RFC 3834 first; without its header, weak signs that have to add up."""
    headers = facts.mail.headers
    submitted = facts.first("auto-submitted")
    if submitted not in ("", "no"):
        return Verdict(Kind.AUTO_REPLY, f"Sent by a program: Auto-Submitted is “{submitted[:40]}” (RFC 3834 §5).")
    for name in headers:
        if _ANSWERS_ITSELF.match(name) and facts.first(name) not in ("no", "false", "0"):
            return Verdict(Kind.AUTO_REPLY, f"Sent by a program that answers by itself: it has the header {name}.")
    precedence = facts.first("precedence")
    if precedence in ("auto_reply", "auto-reply", "autoreply"):
        return Verdict(Kind.AUTO_REPLY, "Sent by a program that answers by itself: Precedence says so.")
    if "autoresponder" in (headers.get("x-post-messageclass") or headers.get("delivered-to") or "").lower():
        return Verdict(Kind.AUTO_REPLY, "Sent by an autoresponder, a header says.")
    signs = _signs(facts, precedence)
    if sum(weight for weight, _ in signs) >= 4:
        return Verdict(Kind.AUTO_REPLY, f"Sent by a program, it seems: {'; '.join(sign for _, sign in signs)}.")
    return None


def _signs(facts: Facts, precedence: str) -> list[tuple[int, str]]:
    """Signs of a program and their weight; four make it sure."""
    signs: list[tuple[int, str]] = []
    if facts.null_sender:
        signs.append((2, "the return path is empty"))
    if facts.at_bounce_address:
        signs.append((2, "it came to the address bounces go to"))
    if precedence in ("bulk", "junk"):
        signs.append((1, f"Precedence is {precedence}"))
    suppress = (facts.mail.headers.get("x-auto-response-suppress") or "").lower()
    if re.search(r"\b(all|oof|autoreply)\b", suppress):
        signs.append((1, "it asks not to be answered by programs"))
    local = facts.author.address.rpartition("@")[0].lower()
    if re.match(
        r"^(?:no-?_?reply|do-?not-?reply|noreply.*|auto(?:reply|responder|mailer)|mailer-daemon|postmaster)$", local
    ):
        signs.append((2, f"it comes from {local}"))
    signs += _subject_signs(facts)
    if facts.words <= 250:
        away = found_phrase(facts.beginning, phrases("absence_text"))
        meanwhile = found_phrase(facts.beginning, phrases("meanwhile_text"))
        machine = found_phrase(facts.beginning, phrases("automatic_text"))
        if machine:
            signs.append((2, f"the text says “{machine.strip()}”"))
        elif away:
            signs.append((2, f"the text says “{away.strip()}”"))
        if away and meanwhile:
            # A few words that say nothing but this need no further sign, whoever typed them.
            alone = facts.words <= 60 and facts.beginning.find(away) <= 150 and not _names_a_place(facts.beginning)
            signs.append((2 if alone else 1, f"and “{meanwhile.strip()}”"))
    return signs


def _names_a_place(words: str) -> bool:
    """Whether a text speaks of a week or a question: then it says more than that somebody is away."""
    labels = {*word_tables()["correction"]["question"], *word_tables()["correction"]["week"]}
    return any(len(word) > 3 and word in labels for word in words.split())


def _subject_signs(facts: Facts) -> list[tuple[int, str]]:
    begins, colon, _ = facts.subject.partition(":")
    if not colon:
        begins, colon, _ = facts.subject.partition("：")
    first = plain_words(begins)
    automatic = phrases("automatic_subject")
    if (first in automatic or first.strip() in automatic) and facts.words <= 600:
        # "Automatic reply: …" above a few words is no person's; a lone "Auto:" may be about cars.
        plain = facts.words <= 120 and len(first.strip()) > 4
        return [(4 if plain else 3, f"the subject begins with “{begins.strip()}”")]
    if facts.words > 250:
        return []
    away = phrases("absence_subject")
    if first in away or first.strip() in away:
        return [(2, f"the subject begins with “{begins.strip()}”")]
    said = found_phrase(facts.subject_words, automatic) or found_phrase(facts.subject_words, phrases("automatic_text"))
    said = said or found_phrase(facts.subject_words, away)
    return [(2 if len(said.split()) > 1 else 1, f"the subject says “{said.strip()}”")] if said else []


_SPAM_SUBJECT = re.compile(
    r"^\s*(?:\*{2,5}\s?(?:spam|junk|possible spam|suspected spam)\s?\*{2,5}"
    r"|[\[{(]\s?(?:spam|spam\?|possible spam|suspected spam|junk|probable spam"
    r"|courrier ind[ée]sirable|pourriel)\s?[\]})])",
    re.IGNORECASE,
)


def _spam(facts: Facts) -> Verdict | None:
    headers = facts.mail.headers
    for name in (
        "x-spam-flag",
        "x-spam-status",
        "x-spam",
        "x-spambayes-classification",
        "x-bogosity",
        "x-dspam-result",
    ):
        if facts.first(name) in ("yes", "spam", "true"):
            return Verdict(Kind.SPAM, f"A filter before us marked it as spam ({name}).")
    if "sfv:spm" in (headers.get("x-forefront-antispam-report") or "").lower():
        return Verdict(Kind.SPAM, "A filter before us marked it as spam (x-forefront-antispam-report).")
    if _SPAM_SUBJECT.match(facts.subject):
        return Verdict(Kind.SPAM, "A filter before us marked its subject as spam.")
    return None


def _list(facts: Facts) -> Verdict | None:
    """Another list's mail: not a person's who wrote to us and to a list at once."""
    headers = facts.mail.headers
    if facts.answers_us:
        return None
    other = next((i for i in map(_list_id, headers.get_all("list-id")) if i not in facts.around.own_list_ids), "")
    bulk = facts.first("precedence") in ("list", "bulk", "junk")
    leave = "list-unsubscribe" in headers
    if other and not facts.addressed_to_us:
        return Verdict(Kind.LIST, f"Another list's mail ({other[:100]}), not written to us.")
    if other and leave and "list-post" not in headers and (bulk or "list-unsubscribe-post" in headers):
        return Verdict(Kind.LIST, f"A newsletter ({other[:100]}).")
    if (
        leave
        and "list-post" not in headers
        and (bulk or any(n in headers for n in ("feedback-id", "list-unsubscribe-post")))
    ):
        return Verdict(Kind.LIST, "A newsletter: it offers to unsubscribe and says that it is sent in bulk.")
    if bulk and ("mailing-list" in headers or "list-post" in headers) and not facts.addressed_to_us:
        return Verdict(Kind.LIST, "Another list's mail, not written to us.")
    return None


def _decision(facts: Facts) -> Verdict | None:
    if not facts.detail(PlusKind.DECISION):
        return None
    senders = addresses_of(*facts.mail.headers.all_structured("from"))
    if len(senders) != 1:
        # RFC 5322 §3.6 allows one From field. Programs disagree on which of two they check and show.
        return Verdict(
            Kind.CONTRIBUTION,
            f"It came to the address a hold notice is answered to; with {len(senders)} senders it decides nothing.",
        )
    return Verdict(Kind.DECISION, "It came to the address a hold notice is answered to.")


def _command(facts: Facts) -> Verdict | None:
    around = facts.around
    plus = next(
        (
            found
            for kind in (PlusKind.CORRECT, PlusKind.COMMAND)
            if (found := plus_of(facts.recipients, around.group_address, around.recipient_delimiter, kind))
        ),
        None,
    )
    command = parse_command(facts.subject, facts.own_text, plus)
    if command is None or (plus is None and facts.has_files):
        return None
    where = "the address it was sent to" if plus is not None else "the subject or the text, which says nothing else"
    return Verdict(Kind.COMMAND, f"A command: “{command.name.value}”, by {where}.")


_ANSWER = re.compile(r"^\s*(?:\[[^\]]{1,60}\]\s*)?[^\s:\[]{1,5}\s?:|^\s*\[")


def _empty(facts: Facts) -> Verdict | None:
    # A mail that answers none may say all it has to say in its subject.
    titled = len(facts.subject.split()) >= 4 and not _ANSWER.match(facts.subject)
    if facts.words == 0 and not facts.has_files and not titled:
        return Verdict(Kind.EMPTY, "Nothing newly written and nothing attached.")
    return None


# The order matters: what machines send is told apart first, for it may come to any address of ours.
_RULES = (
    _leave_address,
    _bounce,  # a report may carry Auto-Submitted, a List-Id of the mail it returns, anything
    _receipt,  # likewise
    _own,
    _challenge,  # most challenges are Auto-Submitted too, and need other treatment
    _calendar,  # answers to invitations are often Auto-Submitted
    _automatic,
    _decision,  # only what a person sent decides anything; a filter's mark does not undo it
    _list,
    _spam,
    _command,
    _empty,
)
