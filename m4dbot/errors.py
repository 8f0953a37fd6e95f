"""The errors m4dbot raises on purpose: each message is one sentence for a person, with the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class M4dbotError(Exception):
    """Something was refused. The message says what, where and what to do; the exit status is 1."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file a person wrote."""

    file: str
    place: str  # "line 12, week 2: closes"
    wrong: str
    instead: str = ""

    def __str__(self) -> str:
        head = f"{self.file}: {self.place}: {self.wrong}" if self.place else f"{self.file}: {self.wrong}"
        return f"{head}; {self.instead}" if self.instead else head


class InvalidFile(M4dbotError):
    """A file with mistakes in it; all of them at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in problems))


class NotFound(M4dbotError):
    """A thing named on the command line or in a mail does not exist."""


class AlreadyDecided(M4dbotError):
    """A contribution was decided before; the message says by whom and when."""


class AlreadyRunning(M4dbotError):
    """Another bot holds this database."""


class Unreachable(M4dbotError):
    """A server did not answer or refused; the message names it."""
