"""The Message-ID of one mailing to one recipient: the same at every attempt, and readable."""

from __future__ import annotations

import base64
import hashlib
import re

_LONGEST_PLACE = 120  # characters; with the hash and a long domain the header line stays under 998


def message_id(group_id: int, key: str, recipient: str, domain: str) -> str:
    """The Message-ID, without angle brackets, of the mailing `key` to `recipient`.

    "water-2027/week-2/questions" becomes "water-2027.week-2.questions.k3j2h4m5n6@groups.example.org": an answer's
    In-Reply-To says what it answers even where the database does not know the mail. RFC 5322 §3.6.4: the left side
    is a dot-atom, the right side a domain of ours, and the hash makes the whole unique.
    """
    place = ".".join(part for part in re.split(r"[./]+", re.sub(r"[^A-Za-z0-9./_-]+", "-", key)) if part)
    seed = f"{group_id}\0{key}\0{recipient.lower()}\0{domain.lower()}".encode()
    mark = base64.b32encode(hashlib.blake2b(seed, digest_size=10).digest()).decode("ascii").lower()
    return f"{place[:_LONGEST_PLACE].rstrip('.') or 'mail'}.{mark}@{domain}"
