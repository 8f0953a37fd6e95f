"""Which lines of a mail are the sender's own, and which are quoted, forwarded or only introduce a quotation.

Lines come from plain text, where quoting is a mark at the line's beginning, or from HTML, where it is
structure; from here on there is no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from m4dbot.reading import attribution, footer, signature
from m4dbot.reading.attribution import LONGEST_LINE, plain_form
from m4dbot.reading.values import Block, Role
from m4dbot.reading.words import reply_words

MOST_LINES = 2_500  # lines looked at one by one; what comes after them goes with the last of them
_MOST_TRIALS = 80  # lines that look like an attribution or a header and are none, before looking ends


class Hint(Enum):
    """What a line's place in HTML says of it."""

    ATTRIBUTION = auto()
    SIGNATURE = auto()
    REST = auto()  # a program's mark: from here on the message that is answered
    RULE = auto()  # a rule is drawn above it


@dataclass(slots=True)
class Line:
    """A line of text. `depth` counts the quotations it stands in; `colour` is "" where it is ordinary."""

    text: str
    depth: int = 0
    hint: Hint | None = None
    colour: str = ""


_BEFORE_MARKS = " \t\xa0\u200b\u200e\u200f\u202a\u202b\u2066\u2067\ufeff"
_MARKS = re.compile(rf"[{_BEFORE_MARKS}]{{0,4}}((?:[>＞]\s?)+)")
_NOT_A_QUOTE = re.compile(r"\s{0,3}>{1,3}\s?(?:>{1,3}\s)?\s*(?:https?://\S+\s*<<<|[,:]|\S{1,20}\s?:\s*$)")


def marked_lines(lines: Iterable[Line]) -> list[Line]:
    """The lines with their quotation marks counted; one that holds an attribution and something else is
    divided."""
    marked: list[Line] = []
    trials = _MOST_TRIALS
    lines = list(lines)
    bars = _quotes_with_bars(lines)
    for line in lines:
        text = line.text
        if line.depth or line.hint is not None:
            marked.append(line)
        elif bars and _BARRED.match(text):
            marked.append(Line(text, 1))
        elif text[:5].lstrip(_BEFORE_MARKS).startswith((">", "＞")):
            marked.append(Line(text, _depth(text)))
        elif trials > 0 and len(text) <= LONGEST_LINE and ":" in text and attribution.may_be_shared(text):
            trials -= 1
            marked.extend(_divided(text))
        else:
            marked.append(line)
    return marked


_BARRED = re.compile(r"\s{0,4}\|(?: [^|]*)?\Z")  # one with more bars is a table's row


def _quotes_with_bars(lines: Sequence[Line]) -> bool:
    """Whether "|" marks what is quoted in a mail: below an attribution it does, elsewhere it draws tables."""
    first = next((i for i, line in enumerate(lines) if line.text.lstrip().startswith("|")), 0)
    above = first - 1
    while above >= 0 and not lines[above].text.strip():
        above -= 1
    return (
        above >= 0
        and _BARRED.match(lines[first].text) is not None
        and lines[above].text.rstrip().endswith(":")
        and len(lines[above].text) <= LONGEST_LINE
        and attribution.is_attribution(lines[above].text.strip(), above_quote=True)
    )


def _depth(line: str) -> int:
    match = _MARKS.match(line)
    if match is None:
        return 0
    if len(line) < 200 and _NOT_A_QUOTE.match(line):
        # The end of a wrapped address ("> wrote:"), or arrows around a link.
        after = line[match.end() :].strip()
        if after.startswith((",", ":")) or after.endswith("<<<") or _is_verb(after):
            return 0
    return match[1].count(">") + match[1].count("＞")


def _is_verb(text: str) -> bool:
    low = text.casefold().rstrip(" :")
    return bool(low) and reply_words().wrote.at_beginning(low) == len(low)


def _divided(raw: str) -> list[Line]:
    parts = attribution.split_shared_line(raw)
    if parts is None:
        return [Line(raw)]
    before, middle, after = parts
    lines = [Line(before)] if before.strip() else []
    if not after.strip(" -*"):
        return [*lines, Line(middle + after)]
    return [*lines, Line(middle), Line(after, _depth(after))]


def without_marks(text: str) -> str:
    """Quoted text without the marks of its quotation."""
    return "\n".join(_MARKS.sub("", line, count=1) for line in text.split("\n"))


# ---------------------------------------------------------------------------------------------- the roles


def blocks_from(lines: Sequence[Line], rest: str = "") -> tuple[Block, ...]:
    """The blocks of a mail's lines, in order and complete. `rest` is text after them, not looked at."""
    roles = _roles(lines)
    blocks: list[Block] = []
    begin = 0
    for i in range(1, len(lines) + 1):
        if i == len(lines) or roles[i] is not roles[begin]:
            blocks.append(Block(roles[begin], "\n".join(line.text for line in lines[begin:i])))
            begin = i
    if rest:
        last = blocks.pop() if blocks else Block(Role.OWN, "")
        blocks.append(Block(last.role, f"{last.text}\n{rest}"))
    return tuple(block for block in blocks if block.text.strip())


def _form(text: str) -> str:
    if text == signature.MARKER:
        return text
    return plain_form(text) if len(text) <= LONGEST_LINE else text[:LONGEST_LINE]


def _roles(lines: Sequence[Line]) -> list[Role]:
    count = len(lines)
    forms = [_form(line.text) for line in lines]
    roles = [Role.QUOTED if line.depth else Role.OWN for line in lines]
    _bridge(lines, forms, roles)
    _greater_than(forms, roles)
    for i, line in enumerate(lines):
        if line.hint is Hint.ATTRIBUTION and not line.depth:
            roles[i] = Role.ATTRIBUTION
    _attribute(lines, forms, roles)
    _coloured_answers(lines, forms, roles)
    signature.separate(forms, roles, [line.hint is Hint.SIGNATURE for line in lines])
    _settle_blanks(forms, roles)
    return roles if count else []


def _bridge(lines: Sequence[Line], forms: Sequence[str], roles: list[Role]) -> None:
    """Unmarked lines inside a quotation that are only the rest of a line wrapped by a program."""
    for i in range(1, len(lines) - 1):
        if roles[i] is not Role.OWN or roles[i - 1] is not Role.QUOTED or lines[i + 1].depth == 0:
            continue
        before, text = forms[i - 1], forms[i]
        if not text or lines[i].hint is not None:
            continue
        open_bracket = before.count("(") > before.count(")") or before.count("<") > before.count(">")
        wrapped = len(before) >= 60 and before[-1] not in ".!?:;" and (text[0].islower() or not text[0].isalnum())
        if open_bracket or wrapped or (text.startswith("(http") and text.endswith(">")):
            roles[i] = Role.QUOTED


_QUANTITY = re.compile(r">[€$£]?\d[\d.,]*(?:\s?[€$£]|\s\w)|(>\s?\d[\d.,]*\s?%)")
_MORE_THAN = re.compile(r">=?\s?[€$£]?\d{1,12}(?:[.,]\d{1,6})?\s?([^\W\d_]{1,12}|[%€$£°])?")
_AT_MOST = re.compile(r"(?:<=?|=|≤|≥|[-–—]{1,2}|\d{1,9}\s?(?:[-–—]|to|à|a|bis|tot|до))\s?[€$£]?\d")
_UNIT = re.compile(r"\d\s?([^\W\d_]{1,12}|[%€$£°])(?!\w)")
_MOST_COMPARISONS = 4


def _greater_than(forms: Sequence[str], roles: list[Role]) -> None:
    """A single line such as ">50% of households" in a person's own paragraph is no quotation; nor are a few
    lines of a comparison, "> 50 mg: throw away" above "< 50 mg: keep"."""
    i = 0
    while i < len(forms):
        if roles[i] is not Role.QUOTED:
            i += 1
            continue
        end = i
        while end < len(forms) and roles[end] is Role.QUOTED:
            end += 1
        above = forms[i - 1] if i else ""
        below = forms[end] if end < len(forms) else ""
        if end - i == 1 and (match := _QUANTITY.match(forms[i])):
            own = (above or match[1]) and not above.endswith(":")
        else:
            own = False
        if own or (end - i <= _MOST_COMPARISONS and _compares(forms[i:end], above, below)):
            roles[i:end] = [Role.OWN] * (end - i)
        i = end


def _compares(lines: Sequence[str], above: str, below: str) -> bool:
    """Whether lines that begin with ">" and a quantity go on what directly above or below begins with "<", with
    "=" or with a range of the same unit."""
    matches = [_MORE_THAN.match(line[:60]) for line in lines]
    if not all(matches):
        return False
    units = {match[1] for match in matches if match}
    for beside in (above, below):
        if not beside or not _AT_MOST.match(beside[:40]):
            continue
        if beside[0] in "<=≤≥" or not units.isdisjoint(_UNIT.findall(beside[:60])):
            return True
    return False


def _next_text(forms: Sequence[str], i: int) -> int:
    while i < len(forms) and not forms[i]:
        i += 1
    return i


def _attribute(lines: Sequence[Line], forms: Sequence[str], roles: list[Role]) -> None:
    """Finds what introduces quotations, and what is quoted without a mark."""
    count = len(lines)
    floor = 0
    trials = _MOST_TRIALS
    i = 0
    while i < count:
        if lines[i].hint is Hint.REST:
            _cut(forms, roles, i, lines)
            return
        form = forms[i]
        if not form:
            i += 1
            continue
        if attribution.asks_to_reply_above(form):
            start = i
            while start > 0 and (lines[start - 1].depth or not forms[start - 1]):
                start -= 1
            # The marker may stand at the top of the mail that is answered, under its attribution.
            _cut_from(roles, start if lines[i].depth else i)
            _attribute_above(lines, forms, roles, start, floor)
            return
        if lines[i].depth and attribution.arrowed_attribution(form):
            following = _next_text(forms, i + 1)
            if following < count and not lines[following].depth and _may_cut(forms, roles, i, i):
                _cut(forms, roles, i, lines, attributed=i + 1)
                return
        if trials > 0 and not lines[i].depth and i + 1 < count and lines[i + 1].depth and _goes_on(form, forms[i + 1]):
            # A program has quoted the second line of its own attribution.
            roles[i] = Role.ATTRIBUTION
            i += 1
            floor = i
            continue
        hinted = roles[i] is Role.ATTRIBUTION and lines[i].hint is Hint.ATTRIBUTION
        if (lines[i].depth or roles[i] is not Role.OWN) and not hinted:
            i += 1
            floor = i
            continue
        labelled = trials > 0 and (attribution.may_begin_header(form) or (":" in form and _after_rule(lines, forms, i)))
        trials -= labelled
        if (
            attribution.original_message_rule(form)
            or attribution.dashed_attribution(form)
            or (labelled and _header(lines, forms, i) is not None)
        ):
            body, _ = _introduction(lines, forms, i)
            following = _next_text(forms, body)
            if following < count and lines[following].depth:
                # What is introduced is marked as well, and there may be answers between the marks.
                roles[i:following] = [Role.ATTRIBUTION] * (following - i)
                i = floor = following
                continue
            _cut(forms, roles, i, lines)
            return
        if hinted:
            i += 1
            floor = i
            continue
        following = _next_text(forms, i + 1)
        if (
            following < count
            and lines[following].depth
            and attribution.is_labelled_rule(form)
            and all(
                role is Role.QUOTED or not text for role, text in zip(roles[following:], forms[following:], strict=True)
            )
        ):
            # Where answers follow, it may as well head a section of them.
            roles[i:following] = [Role.ATTRIBUTION] * (following - i)
            i = floor = following
            continue
        quoted = following < count and lines[following].depth > 0 and following - i <= 4
        begin = None
        if trials > 0 and attribution.may_end_one(form, above_quote=quoted):
            begin = attribution.attribution_ending_at(forms, i, floor, above_quote=quoted)
            trials -= not quoted
        if begin is not None and any(lines[j].depth for j in range(begin, i + 1)):
            begin = None
        if begin is None and trials > 0 and not quoted and following == i + 1 < count and ":" in forms[following]:
            # "Am 3.11.2026 um 10:15 schrieb Ana Pérez", without a colon, above a header block.
            trials -= 1
            if attribution.is_attribution(form, above_quote=True) and (
                attribution.header_block_at(forms, following, after_rule=True) is not None
            ):
                begin = i
        if begin is not None:
            if quoted:
                roles[begin:following] = [Role.ATTRIBUTION] * (following - begin)
                i = floor = following
                continue
            if not any(forms[:begin]) and any(line.depth for line in lines[i:]) and attribution.by_machine(form):
                # Quoted further down, with a heading or an answer above it.
                roles[begin : i + 1] = [Role.ATTRIBUTION] * (i + 1 - begin)
                i = floor = i + 1
                continue
            if _may_cut(forms, roles, begin, i):
                roles[begin : i + 1] = [Role.ATTRIBUTION] * (i + 1 - begin)
                _cut(forms, roles, begin, lines, attributed=i + 1)
                return
        if following < count and footer.is_phone_footer(form) and i > 0 and not lines[following].depth:
            own_before = any(forms[j] and roles[j] is Role.OWN for j in range(i))
            if own_before and _rest_is_unmarked(lines, forms, following, i):
                roles[i] = Role.FOOTER
                _cut_from(roles, i + 1)
                return
        i += 1


def _goes_on(form: str, below: str) -> bool:
    rest = below.lstrip("> ")
    if not rest.startswith("<") or not attribution.may_end_one(rest, above_quote=False) or len(form) > LONGEST_LINE:
        return False
    return attribution.is_attribution(f"{form} {rest}", above_quote=False)


_ANSWERS = re.compile(
    r"\b(?:answers?|repl(?:y|ies)|responses?|comments?|réponses?|commentaires?|respuestas?|comentarios?|respostas?|"
    r"comentários?|risposte|commenti|antworten|kommentare|antwoorden)\b",
    re.IGNORECASE,
)
_THERE = re.compile(
    r"\b(?:below|inline|in[ -]line|in (?:red|blue|green|colou?r|the text)|ci-dessous|ci-après|plus bas|"
    r"dans le (?:texte|corps)|en (?:rouge|bleu|vert|couleur)|abajo|a continuación|más abajo|"
    r"en (?:rojo|azul|verde|color|el texto)|abaixo|em (?:vermelho|azul|verde)|no texto|sotto|di seguito|"
    r"in (?:rosso|blu|verde)|unten|im text|in (?:rot|blau|grün)|hieronder|in het rood)\b",
    re.IGNORECASE,
)


def _coloured_answers(lines: Sequence[Line], forms: Sequence[str], roles: list[Role]) -> None:
    """Answers typed into the mail that is answered, known by their colour: "my replies are below, in red"."""
    quoted = [i for i, role in enumerate(roles) if role is Role.QUOTED and forms[i]]
    coloured = [i for i in quoted if lines[i].colour]
    if not coloured or len(coloured) > 0.7 * len(quoted):
        return
    head = " ".join(form for form, role in zip(forms, roles, strict=True) if role is Role.OWN)[:1_000]
    if _ANSWERS.search(head) is None or _THERE.search(head) is None:
        return
    own = {line.colour for line, role in zip(lines, roles, strict=True) if role is Role.OWN} - {""}
    shared = [i for i in coloured if lines[i].colour in own]
    for i in shared or coloured:
        roles[i] = Role.OWN


def _rest_is_unmarked(lines: Sequence[Line], forms: Sequence[str], following: int, i: int) -> bool:
    """Below a telephone's footer and an empty line comes the message that was answered, unless the
    footer stands at the end of the mail or marks tell of another order."""
    if following == i + 1:
        return False
    for j in range(following, min(len(lines), following + 40)):
        if lines[j].depth:
            return False
        form = forms[j]
        if form and (attribution.original_message_rule(form) or _header(lines, forms, j) is not None):
            return False
        if form.endswith(":") and attribution.attribution_ending_at(forms, j, following, above_quote=False) is not None:
            return False
    return sum(1 for j in range(following, len(lines)) if forms[j]) >= 3


def _after_rule(lines: Sequence[Line], forms: Sequence[str], i: int) -> bool:
    above = i - 1
    while above >= 0 and not forms[above]:
        above -= 1
    return lines[i].hint is Hint.RULE or (above >= 0 and attribution.is_rule(forms[above]))


def _header(lines: Sequence[Line], forms: Sequence[str], i: int) -> int | None:
    if ":" not in forms[i]:
        return None
    above = i - 1
    while above >= 0 and not forms[above]:
        above -= 1
    label = above >= 0 and "@" in forms[i] and attribution.is_labelled_rule(forms[above])
    return attribution.header_block_at(forms, i, after_rule=_after_rule(lines, forms, i), after_label=label)


def _may_cut(forms: Sequence[str], roles: Sequence[Role], begin: int, end: int) -> bool:
    """Whether the rest of a mail may be taken as quoted on an unmarked attribution's word.

    "Dr … from … wrote:" with nothing before it introduces a contribution sent for somebody else. A
    person's words gone are worse than an old mail left in.
    """
    before = [forms[j] for j in range(begin) if forms[j] and roles[j] is Role.OWN]
    if not before:
        return False
    greeting = sum(len(line.split()) for line in before) <= 6 and not before[-1].endswith((".", "?"))
    if greeting and before[-1].endswith((",", ":")):
        return False
    return not greeting or attribution.by_machine(" ".join(forms[begin : end + 1]))


def _attribute_above(lines: Sequence[Line], forms: Sequence[str], roles: list[Role], start: int, floor: int) -> None:
    i = start - 1
    while i >= 0 and not forms[i]:
        i -= 1
    if i < 0 or lines[i].depth:
        return
    begin = attribution.attribution_ending_at(forms, i, min(floor, i), above_quote=True)
    if begin is not None:
        roles[begin:start] = [Role.ATTRIBUTION] * (start - begin)


def _cut_from(roles: list[Role], i: int) -> None:
    roles[i:] = [Role.QUOTED] * (len(roles) - i)


def _introduction(lines: Sequence[Line], forms: Sequence[str], start: int) -> tuple[int, bool]:
    """(the line after the rules and the header block that begin at `start`, whether they tell of a forward)."""
    forwarded = False
    body = start
    while body < len(forms) and body < start + 4:
        form = forms[body]
        kind = attribution.original_message_rule(form)
        forwarded = forwarded or kind == "forwarded"
        if form and not kind and not attribution.is_rule(form) and not attribution.dashed_attribution(form):
            break
        body += 1
    header = _header(lines, forms, body) if body < len(forms) else None
    return header or body, forwarded


def _cut(
    forms: Sequence[str], roles: list[Role], start: int, lines: Sequence[Line], *, attributed: int | None = None
) -> None:
    """Marks everything from `start` on as quoted or forwarded; what introduces it as attribution."""
    count = len(roles)
    body, forwarded = (attributed, False) if attributed is not None else _introduction(lines, forms, start)
    role = Role.FORWARDED if forwarded else Role.QUOTED
    roles[start:body] = [Role.ATTRIBUTION] * (body - start)
    roles[body:] = [role] * (count - body)
    # A rule directly above belongs to it, whatever words a program has put into it.
    above = start - 1
    while above >= 0 and not forms[above]:
        above -= 1
    if (
        above >= 0
        and roles[above] is Role.OWN
        and (attribution.is_rule(forms[above]) or attribution.is_labelled_rule(forms[above]))
    ):
        roles[above:start] = [Role.ATTRIBUTION] * (start - above)


def _settle_blanks(forms: Sequence[str], roles: list[Role]) -> None:
    """Empty lines go with what stands above them."""
    for i in range(1, len(roles)):
        if not forms[i]:
            roles[i] = roles[i - 1]
