"""From a claimed delivery to the mail that goes out: rendering, a person's parts, envelope."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select

from m4dbot.delivery.claims import Claimed, Result
from m4dbot.delivery.splice import Prepared, Unfit, fill, prepare, value_of
from m4dbot.store.database import Database
from m4dbot.store.secret import Signer
from m4dbot.store.tables import Group, Mailing, Rendering

log = structlog.get_logger(__name__)

# Renderings kept ready. A digest may be megabytes in each of several languages.
KEPT_BYTES = 24 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail as it goes over the wire (or into a Maildir), with the claim it fulfils."""

    claimed: Claimed
    envelope_sender: str  # "" is the null sender
    content: bytes
    eight_bit: bool
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class _Ready:
    prepared: Prepared
    local_part: str
    domain: str
    null_sender: bool
    queued_at: datetime


class Composer:
    """Composes mails. Renderings are fetched once and kept ready."""

    def __init__(self, database: Database, *, for_smtp: bool) -> None:
        self._database = database
        self._for_smtp = for_smtp
        self._ready: OrderedDict[int, _Ready] = OrderedDict()
        with database.read() as session:
            self._signer = Signer.load(session)

    def compose(self, claimed: Claimed) -> Outgoing:
        """Raises Unfit where a person's name or address would break the mail."""
        ready = self._rendering(claimed.rendering_id)
        values = {name: self._value(name, claimed, ready) for name in ready.prepared.names}
        sender = ""
        if not ready.null_sender:
            # A bounce comes back to the delivery's own address, so that nobody can forge one (RFC 5321 §4.4).
            sender = f"{ready.local_part}+{self._signer.bounce(claimed.delivery_id)}@{ready.domain}"
        content = fill(ready.prepared, values)
        return Outgoing(claimed, sender, content, ready.prepared.eight_bit, ready.queued_at)

    def _value(self, name: str, claimed: Claimed, ready: _Ready) -> bytes:
        # Somebody who is no subscriber (a facilitator) gets the command that asks who wants to leave.
        detail = "leave" if claimed.subscriber_id is None else self._signer.leave(claimed.subscriber_id)
        leave = f"{ready.local_part}+{detail}@{ready.domain}"
        address, message_id = claimed.recipient, claimed.message_id
        return value_of(name, address=address, name=claimed.name, message_id=message_id, leave=leave)

    def _rendering(self, rendering_id: int) -> _Ready:
        ready = self._ready.get(rendering_id)
        if ready is not None:
            self._ready.move_to_end(rendering_id)
            return ready
        ready = self._ready[rendering_id] = self._load(rendering_id)
        while len(self._ready) > 1 and sum(r.prepared.size for r in self._ready.values()) > KEPT_BYTES:
            self._ready.popitem(last=False)
        return ready

    def _load(self, rendering_id: int) -> _Ready:
        query = (
            select(
                Rendering.content,
                Rendering.slots,
                Rendering.envelope_sender,
                Mailing.created_at,
                Mailing.due_at,
                Group.address,
            )
            .join(Mailing, Mailing.id == Rendering.mailing_id)
            .join(Group, Group.id == Mailing.group_id)
            .where(Rendering.id == rendering_id)
        )
        with self._database.read() as session:
            row = session.execute(query).one()
        local_part, _, domain = (row.envelope_sender or row.address).rpartition("@")
        prepared = prepare(row.content, row.slots, for_smtp=self._for_smtp)
        return _Ready(prepared, local_part, domain, not row.envelope_sender, max(row.created_at, row.due_at))


def not_made(claimed: Claimed, exc: Exception, now: datetime) -> Result:
    """The end of a delivery whose mail cannot be made, told in the log and to whoever asks the outbox."""
    log.error("delivery.failed", message_id=claimed.message_id, reason=str(exc), exc_info=not isinstance(exc, Unfit))
    why = str(exc) if isinstance(exc, Unfit) else f"a fault inside m4dbot ({type(exc).__name__})"
    return Result(claimed.delivery_id, "failed", claimed.attempts, now, None, f"not tried: {why}")
