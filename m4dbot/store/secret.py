"""The installation's secret, and the address details it signs.

An address such as water+leave-12-…@groups.example.org acts without a log-in, so nobody may be able to make one up:
its detail ends in a keyed hash over what it is for and whom it is about.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from m4dbot.errors import M4dbotError
from m4dbot.store.tables import Setting

KEY = "secret"
MAC_BYTES = 16  # 128 bits; 26 letters, so that a detail fits the 64 octets of a local part (RFC 5321 §4.5.3.1.1)

_DETAIL = re.compile(r"(leave|b|ack)-([1-9]\d{0,17})-([a-z2-7]{26})")
_IN_TEXT = re.compile(rf"(?:\+|%2B){_DETAIL.pattern}(?=@|%40)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes and checks address details. The key is never shown."""

    key: bytes = field(repr=False)

    @classmethod
    def load(cls, session: Session) -> Signer:
        """The signer of this installation; `create` has made its key."""
        value = session.scalar(select(Setting.value).where(Setting.key == KEY))
        if value is None:
            raise M4dbotError("The database holds no secret to sign addresses with; run `m4dbot doctor`.")
        return cls(bytes.fromhex(value))

    @staticmethod
    def create(session: Session) -> None:
        """Make the installation's key where there is none. Writes; the caller holds the write lock."""
        if session.get(Setting, KEY) is None:
            session.add(Setting(key=KEY, value=secrets.token_hex(32)))
            session.flush()

    def leave(self, subscriber_id: int) -> str:
        """The detail that takes exactly this subscriber off."""
        return self._signed("leave", subscriber_id)

    def bounce(self, delivery_id: int) -> str:
        """The detail of a delivery's envelope sender: what comes back to it is about this delivery."""
        return self._signed("b", delivery_id)

    def ack(self, message_id: int) -> str:
        """The detail of an acknowledgement's Reply-To; `message_id` is the number of the stored mail."""
        return self._signed("ack", message_id)

    def check(self, detail: str) -> tuple[str, int] | None:
        """What a detail is for ("leave", "b" or "ack") and whom it is about; None where the signature is not ours.

        Some mail servers change the case of a local part, so case does not count.
        """
        match = _DETAIL.fullmatch(detail.lower())
        if match is None:
            return None
        kind, number = match[1], int(match[2])
        return (kind, number) if hmac.compare_digest(self._mac(kind, number), match[3]) else None

    def _signed(self, kind: str, number: int) -> str:
        return f"{kind}-{number}-{self._mac(kind, number)}"

    def _mac(self, kind: str, number: int) -> str:
        digest = hmac.digest(self.key, f"{kind}:{number}".encode("ascii"), hashlib.sha256)
        return base64.b32encode(digest[:MAC_BYTES]).decode("ascii").rstrip("=").lower()


def without_details(text: str) -> str:
    """`text` for publication: a signed address in it becomes the bare one.

    Somebody who quotes the foot of a mail would else hand the address that takes them off to every reader.
    """
    return _IN_TEXT.sub("", text)
