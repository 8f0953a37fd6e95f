"""The demo's live timeline on a terminal: what happened when, to how many, filed where and why."""

from __future__ import annotations

from datetime import date
from types import TracebackType

from rich.console import Console
from rich.table import Table
from rich.text import Text

from m4dbot.demo.page import Event

COLOURS = {"▶": "cyan", "✉": "green", "✔": "bold green", "✘": "red", "←": "yellow", "✎": "magenta"}


class Timeline:
    """Prints events as they come, with a heading for each day."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._day: date | None = None

    def __enter__(self) -> Timeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.console.print()

    def show(self, event: Event) -> None:
        at = event.at
        if at.date() != self._day:
            self._day = at.date()
            self.console.print(Text(f"\n{at:%A} {at.day} {at:%B %Y}", style="bold"))
        row = Table.grid(padding=(0, 1))
        row.add_column(width=5)
        row.add_column(width=1)
        row.add_column(ratio=1)
        colour = COLOURS.get(event.mark, "dim")
        what = Text(event.what, style=colour if event.outgoing or event.mark in "✔✘" else "")
        if event.why:
            what.append(f"\n{event.why}", style="dim")
        row.add_row(Text(f"{at:%H:%M}", style="dim"), Text(event.mark, style=colour), what)
        self.console.print(row)
