"""What an address detail says: "group+w2q1@example.org" (RFC 5233)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class PlusKind(StrEnum):
    """What a mail to the group's address with a detail is for."""

    TAG = "tag"  # "w2q1", "w2", "q3": where the contribution belongs
    LEAVE = "leave"  # "leave-TOKEN": RFC 2369's List-Unsubscribe
    BOUNCE = "bounce"  # "b-TOKEN": the envelope sender of one delivery
    CORRECT = "correct"  # "ack-ID-MAC": an answer to an acknowledgement
    DECISION = "decision"  # "d-TOKEN": a facilitator's answer to a hold notice
    COMMAND = "command"  # "join", "leave", "help"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PlusAddress:
    """`value` is what follows the kind: a token, the name of a command, or the tag in lower case.

    Tokens keep the case they came in; some servers fold it, so tokens have to be compared in one case.
    """

    kind: PlusKind
    value: str = ""


_TAG = re.compile(r"w(\d{1,3})(?:[-._]?q(\d{1,3}))?|q(\d{1,3})", re.IGNORECASE)
_WITH_TOKEN = (
    ("leave-", PlusKind.LEAVE),
    ("b-", PlusKind.BOUNCE),
    ("ack-", PlusKind.CORRECT),
    ("d-", PlusKind.DECISION),
)
_COMMANDS = frozenset({"join", "leave", "help", "subscribe", "unsubscribe"})
_SAME = {"subscribe": "join", "unsubscribe": "leave"}


def parse_plus(recipient: str, group_address: str, delimiter: str = "+") -> PlusAddress | None:
    """What the detail of `recipient` says, or None where it is not the group's address with a detail."""
    local, _, domain = recipient.strip().rpartition("@")
    group_local, _, group_domain = group_address.strip().rpartition("@")
    if not group_local or domain.lower() != group_domain.lower() or not delimiter:
        return None
    if not local.lower().startswith(group_local.lower() + delimiter.lower()):
        return None
    detail = local[len(group_local) + len(delimiter) :][:200]
    for prefix, kind in _WITH_TOKEN:
        if detail.lower().startswith(prefix) and len(detail) > len(prefix):
            return PlusAddress(kind, detail[len(prefix) :])
    if detail.lower() in _COMMANDS:
        name = detail.lower()
        return PlusAddress(PlusKind.COMMAND, _SAME.get(name, name))
    tag = _TAG.fullmatch(detail)
    if tag:
        week = f"w{int(tag[1])}" if tag[1] else ""
        number = tag[2] or tag[3]
        return PlusAddress(PlusKind.TAG, week + (f"q{int(number)}" if number else ""))
    return PlusAddress(PlusKind.UNKNOWN, detail)


def plus_of(
    recipients: tuple[str, ...], group_address: str, delimiter: str = "+", kind: PlusKind | None = None
) -> PlusAddress | None:
    """The first detail among `recipients`, of `kind` where one is asked for."""
    for recipient in recipients:
        found = parse_plus(recipient, group_address, delimiter)
        if found is not None and (kind is None or found.kind is kind):
            return found
    return None
