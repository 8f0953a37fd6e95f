"""Where there is no relay, mails are written into a Maildir, whole and once each.

The file's name comes from the delivery, so that a mail written again after a crash takes the place of the first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from m4dbot.delivery.claims import Claimed, Result
from m4dbot.delivery.composing import Composer, Outgoing, not_made
from m4dbot.delivery.feed import Feed
from m4dbot.delivery.recorder import Recorder
from m4dbot.errors import M4dbotError

TOGETHER = 64  # mails written before their states are committed


class Maildir:
    """The folder `outbox/`. Each mail begins with the Return-Path and Delivered-To a mail server would note."""

    def __init__(
        self, folder: Path, *, feed: Feed, composer: Composer, recorder: Recorder, clock: Callable[[], datetime]
    ) -> None:
        self._folder, self._feed, self._composer, self._recorder, self._clock = folder, feed, composer, recorder, clock

    async def write(self) -> None:
        """Write what the feed holds now. Raises M4dbotError where the folder cannot be written; nothing is lost."""
        try:
            for name in ("tmp", "new", "cur"):
                (self._folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
            while batch := self._batch():
                try:
                    results = [self._one(claimed) for claimed in batch]
                    _sync(self._folder / "new")
                except (OSError, M4dbotError):
                    for claimed in batch:
                        self._feed.give_back(claimed)
                    raise
                try:
                    await self._recorder.record(results)
                finally:
                    for claimed in batch:
                        self._feed.ended(claimed)
        except OSError as exc:
            raise M4dbotError(f"The outbox {self._folder} cannot be written ({exc.strerror or exc}).") from exc

    def _batch(self) -> list[Claimed]:
        batch: list[Claimed] = []
        while len(batch) < TOGETHER and (claimed := self._feed.peek()) is not None:
            batch.append(claimed)
        return batch

    def _one(self, claimed: Claimed) -> Result:
        now = self._clock()
        try:
            mail = self._composer.compose(claimed)
        except M4dbotError:
            raise
        except Exception as exc:  # one mail that cannot be made stops nobody else's
            return not_made(claimed, exc, now)
        name = f"{int(mail.queued_at.timestamp())}.D{claimed.delivery_id}.m4dbot"
        self._put(name, mail)
        return Result(claimed.delivery_id, "sent", claimed.attempts + 1, now, now, f"written to {self._folder.name}")

    def _put(self, name: str, mail: Outgoing) -> None:
        """Maildir's way: written and synced in tmp, then moved to new in one step."""
        head = f"Return-Path: <{mail.envelope_sender}>\nDelivered-To: {mail.claimed.recipient}\n".encode("ascii")
        path = self._folder / "tmp" / name
        with open(path, "wb") as file:
            file.write(head + mail.content.replace(b"\r\n", b"\n"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(path, self._folder / "new" / name)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
