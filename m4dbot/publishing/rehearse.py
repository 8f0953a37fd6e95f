"""The whole calendar of a discussion before it begins: every mail, when, to how many, in which language. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from m4dbot.delivery.values import Rendered
from m4dbot.discussion.calendar import Occasion, occasions
from m4dbot.discussion.model import Discussion
from m4dbot.publishing.audience import AUDIENCE, reading_language
from m4dbot.publishing.due import rendered
from m4dbot.publishing.values import Figures, MailKind, Sender


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """`local_time` is in the discussion's zone. `counts` has the readers by language, the most first; `mails` a
    rendering for each of these languages (for the discussion's, where nobody reads it yet)."""

    occasion: Occasion
    local_time: datetime
    counts: tuple[tuple[str, int], ...]
    mails: tuple[Rendered, ...]

    @property
    def recipients(self) -> int:
        return sum(number for _, number in self.counts)


def rehearse(
    discussion: Discussion, sender: Sender, subscribers: Iterable[tuple[str, str]], *, mails: bool = True
) -> list[Rehearsed]:
    """Every occasion in order. `subscribers` are (language, delivery) of the active ones; figures are those of a
    discussion nobody has answered yet. `mails` False leaves the renderings out."""
    readers = [(reading_language(language, discussion.languages), delivery) for language, delivery in subscribers]
    found = []
    for occasion in occasions(discussion):
        wanted = AUDIENCE[MailKind(occasion.kind.value)]
        counts: dict[str, int] = {}
        for language, delivery in readers:
            if delivery in wanted:
                counts[language] = counts.get(language, 0) + 1
        ordered = tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
        languages = [code for code, _ in ordered] or list(discussion.languages)
        renderings = tuple(
            mail
            for code in languages
            if mails
            for mail in rendered(sender, discussion, occasion, language=code, now=occasion.due_at, figures=Figures())
        )
        found.append(Rehearsed(occasion, occasion.due_at.astimezone(discussion.zone), ordered, renderings))
    return found
