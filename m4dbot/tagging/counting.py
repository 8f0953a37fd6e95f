"""What a number means in a discussion: counted inside the week, through all weeks, or as written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from m4dbot.discussion.model import Discussion
from m4dbot.tagging.values import Tag
from m4dbot.tagging.vocabulary import LAST

_OWN = re.compile(r"\s*(?:q(?:uestion)?\s*)?(\d{1,3})\s*[.):/-]", re.IGNORECASE)
_UNLIKELY = -4.0  # a reading of the number that the discussion's way of counting speaks against


class Counting:
    """How a discussion's questions are numbered.

    Questions whose texts carry figures of their own ("4. Which tools …") are counted by those. Else a
    number counts inside the week, and through all weeks where the week has not that many questions.
    """

    def __init__(self, discussion: Discussion) -> None:
        self.counts = {w.number: len(w.questions) for w in discussion.weeks}
        self.longest = max(self.counts.values())
        self._in_order = [Tag(w.number, q.number) for w, q in discussion.questions()]
        self._written = self._figures(discussion)

    def _figures(self, discussion: Discussion) -> dict[int, Tag]:
        found: dict[int, Tag] = {}
        for week, question in discussion.questions():
            figures = {int(m[1]) if (m := _OWN.match(text)) else 0 for text in question.text.by_language.values()}
            if len(figures) != 1:
                return {}
            figure = figures.pop()
            if not figure or figure in found:
                return {}
            found[figure] = Tag(week.number, question.number)
        return found

    def through(self, number: int) -> Tag | None:
        """The question a number stands for when numbers do not begin anew each week."""
        if self._written:
            return self._written.get(number)
        return self._in_order[number - 1] if 0 < number <= len(self._in_order) else None

    def inside(self, number: int, week: int) -> Tag | None:
        """The question a number stands for inside a week."""
        if week not in self.counts:
            return None
        if number == LAST:
            return Tag(week, self.counts[week])
        if self._written:
            written = self._written.get(number)
            if written is not None and written.week == week:
                return written
        return Tag(week, number) if 0 < number <= self.counts[week] else None

    def tags(self, number: int, weeks: Sequence[int] = ()) -> dict[Tag, float]:
        """The questions a number may stand for, each with a weight of 0 or less."""
        inside = [tag for week in (weeks or self.counts) if (tag := self.inside(number, week)) is not None]
        through = self.through(number) if number != LAST else None
        if through is None or (weeks and through.week not in weeks and inside):
            return dict.fromkeys(inside, 0.0)
        if self._written or not inside or number > self.longest:
            return dict.fromkeys(inside, _UNLIKELY) | {through: 0.0}
        # "Question 3" in a week of two questions may count through, or mean an earlier week's third.
        return dict.fromkeys(inside, 0.0) | ({} if through in inside else {through: _UNLIKELY})
