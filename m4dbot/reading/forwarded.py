"""A contribution that somebody passes on by forwarding it: the forwarded words are what counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from m4dbot.reading.addresses import domain_of, person_of
from m4dbot.reading.behalf import behalf_of
from m4dbot.reading.names import is_person, leading_name, same_person
from m4dbot.reading.quotes import without_marks
from m4dbot.reading.values import Block, Person, Role, Surroundings
from m4dbot.reading.words import reply_words

# How programs begin the subject of a forwarded mail.
_PREFIX = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:fwd?|tr|rv|wg|enc|i|vs|vb|doorst|reenv|továbbítás|pd|fyi"
    r"|إعادة توجيه|转发|轉寄)\s?:",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:re|aw|sv|antw|rif|odp|ynt|رد)\s?:", re.IGNORECASE)
# Words; an introduction of more is itself the contribution.
_MOST_OF_AN_INTRODUCTION = 80


@dataclass(frozen=True, slots=True)
class PassedOn:
    """The blocks with the forwarded words as own words, and who wrote them."""

    blocks: tuple[Block, ...]
    writer: Person


def passed_on(
    blocks: tuple[Block, ...],
    *,
    subject: str,
    is_reply: bool,
    author: Person,
    around: Surroundings,
    blocks_of: Callable[[str], tuple[Block, ...]],
) -> PassedOn | None:
    """The contribution that `blocks` forward, or None where they are somebody's own mail.

    A facilitator's forwarding is always meant so, and so is what a facilitator quotes in a mail that
    answers none; a member's only where nothing is added, or words that say whose contribution it is:
    an article with a remark above it is not the member's own. A mail of ours that comes back inside
    another is no contribution. An introduction by a facilitator becomes part of the attribution,
    which is shown and not published.
    """
    own = "\n\n".join(b.text for b in blocks if b.role is Role.OWN).strip()
    facilitator = bool(author.address) and author.address.lower() in {a.lower() for a in around.facilitators}
    if len(own.split()) > _MOST_OF_AN_INTRODUCTION:
        return None
    called_so = bool(_PREFIX.match(subject))
    brought = called_so or (facilitator and not is_reply and not _ANSWER.match(subject))
    for index, block in enumerate(blocks[:-1]):
        following = blocks[index + 1]
        if block.role is not Role.ATTRIBUTION:
            continue
        if following.role is not Role.FORWARDED and not (following.role is Role.QUOTED and brought):
            continue
        writer = writer_in(block.text)
        if writer is None or _is_ours(writer, author, around):
            return None
        meant = facilitator or (called_so and (not own or _introduces(own, writer, author)))
        if not meant:
            return None
        inner = blocks_of(without_marks(following.text))
        if not any(b.role is Role.OWN and b.text.strip() for b in inner):
            return None
        before = blocks[: index + 1]
        if facilitator:
            before = tuple(Block(Role.ATTRIBUTION, b.text) if b.role is Role.OWN else b for b in before)
        return PassedOn((*before, *inner, *blocks[index + 2 :]), writer)
    return None


def _introduces(own: str, writer: Person, author: Person) -> bool:
    """Whether a member's words above a forwarded mail say that it is meant, or forward the member's own."""
    return other_than(writer, author) is None or behalf_of(f"{own}\n\n…", author) is not None


def writer_in(header_block: str) -> Person | None:
    """The sender that a header block inside the text names, or a line such as "Anna Vega wrote:"; or None."""
    labels = reply_words().labels
    for line in header_block.split("\n")[:20]:
        label, colon, value = without_marks(line).replace("：", ":").partition(":")
        kinds = labels.get(label.strip(" \t*\xa0").lower(), frozenset())
        if colon and "from" in kinds:
            value = value.strip(" \t*\xa0")
            person = person_of(value)
            return person if person.name or person.address else None
    line = " ".join(header_block.split())
    person = person_of(line.rpartition(",")[2]) if "<" in line else Person()
    if person.address:
        return person
    name, _ = leading_name(line)
    return Person(name) if is_person(name) else None


def _is_ours(writer: Person, author: Person, around: Surroundings) -> bool:
    """Whether the forwarded mail is the group's own, which nobody contributes."""
    address = writer.address.lower()
    if address and address == author.address.lower():
        return False  # somebody forwards what he sent before and what got lost
    if address and address in {around.group_address.lower(), *(a.lower() for a in around.facilitators)}:
        return True
    group_domain = domain_of(around.group_address)
    return bool(address) and domain_of(address) in around.own_domains and domain_of(address) == group_domain


def other_than(writer: Person, author: Person) -> Person | None:
    """`writer`, unless it is the sender."""
    if writer.address and writer.address.lower() == author.address.lower():
        return None
    return None if same_person(writer.name, author.name) else writer
