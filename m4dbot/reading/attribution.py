"""Lines that say whose words follow: attributions, header blocks, rules above an original message.

They come in some eighty languages, in four orders (date-author-verb, author-verb-date, author-verb,
verb-author), on one line or wrapped over several. So they are known by structure first: a date and a
time, an address, a colon at the end, a quotation below; words of known languages only settle the rest.

All functions take lines in the form `plain_form` gives, and every line is bounded before a pattern
sees it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from m4dbot.reading.words import reply_words

LONGEST_LINE = 600  # characters; no attribution, header or rule is longer
_LONGEST_ATTRIBUTION = 400
_MOST_LINES = 5  # an attribution is wrapped over at most so many
_MOST_HEADER_LINES = 24


def _translation() -> dict[int, str | None]:
    table: dict[int, str | None] = dict.fromkeys(
        [0xAD, 0x61C, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A)]
    )
    table |= dict.fromkeys([0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
    for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6,
                 0xE50, 0xED0, 0xF20, 0x1040, 0x17E0, 0x1810, 0xFF10):  # fmt: skip
        table |= {zero + n: str(n) for n in range(10)}
    table |= dict.fromkeys([0xFF1A, 0xFE55, 0x55D, 0x589, 0x17D6, 0x1366], ":")
    table |= {0x1361: " ", 0xFF0C: ",", 0x60C: ",", 0x3001: ",", 0x3002: ".", 0xFF08: "(", 0xFF09: ")"}
    table |= {0xFF1C: "<", 0xFF1E: ">", 0xFE64: "<", 0xFE65: ">"}
    table |= dict.fromkeys([*range(0x2010, 0x2016), 0x2500, 0x2501], "-")
    return table


_TRANSLATION = _translation()
_TRANSLATED = re.compile("[" + "".join(map(re.escape, map(chr, _TRANSLATION))) + "]")


def plain_form(line: str) -> str:
    """The line without what cannot be seen; blanks, digits, colons and dashes of every script made ASCII."""
    # Most lines with accents hold nothing to translate, and to look is cheaper.
    if not line.isascii() and _TRANSLATED.search(line):
        line = line.translate(_TRANSLATION)
    if "&lt;" in line or "&gt;" in line:
        line = line.replace("&lt;", "<").replace("&gt;", ">")
    return line.strip()


# ------------------------------------------------------------------------------------- dates and addresses

_ADDRESS = re.compile(r"[^\s@<>()\[\]\"',;:]{1,64}@[^\s@<>()\[\]\"',;:]{2,}")
_TIME = re.compile(
    r"(?<![\d.,/:-])\d{1,2}\s?(?:[:.hH時时點点시]|(?:kl|Uhr)\.?)\s?\d{2}(?![\d/-]|\.\d)"
    r"|(?<!\d)\d{1,2}\s?(?:[ap]\.?\s?m\b|Uhr\b|h\b|[時时點点시])",
    re.IGNORECASE,
)
_YEAR = r"(?:1[34]\d\d|19\d\d|20\d\d|25[4-9]\d|57[89]\d|58\d\d)"
_DATE = re.compile(
    r"(?<![\d.])(?:\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?(?:\d{4}|\d{2})|\d{4}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{1,2}"
    r"|\d{2}\. \d{1,2}\. \d{1,2}|\d{2}/\d{1,2}/\d{1,2})(?!\d)"
    r"|(?<!\d)\d{1,4}\s?[年년]\s?\d{1,2}\s?[月월]"
    rf"|(?<!\d)\d{{1,2}}(?!\d)[^\d<>@]{{1,32}}{_YEAR}(?!\d)"
    rf"|(?<!\d){_YEAR}(?!\d)[^\d<>@]{{1,32}}\d{{1,2}}(?!\d)"
)
_DIGIT = re.compile(r"\d")
_TIME_WITH_DOTS = re.compile(r"(?<![\d./-])(?:[01]?\d|2[0-3])\.[0-5]\d(?:\.[0-5]\d)?(?![\d/-])")


def _words(text: str) -> int:
    return sum(1 for part in text.split() if any(c.isalpha() for c in part))


def has_date(text: str) -> bool:
    return _DATE.search(text) is not None


@dataclass(frozen=True, slots=True)
class _Traits:
    """What of an attribution a text has. `lead` is the number of words before its first digit."""

    address: bool
    bracketed: bool
    date: bool
    time: bool
    verb: bool
    colon: bool
    lead: int
    known_on: bool
    others: int
    head: str


@lru_cache(maxsize=256)
def _traits(text: str) -> _Traits:
    words = reply_words()
    low = text.casefold()
    address = "@" in text and _ADDRESS.search(text) is not None
    bare = _ADDRESS.sub(" ", text) if address else text
    date = _DATE.search(bare)
    time = _TIME.search(bare) or (_TIME_WITH_DOTS.search(bare, date.end()) if date else None)
    digit = _DIGIT.search(bare)
    head = bare[: digit.start()] if digit else ""
    lead = _words(head) if digit else 99
    if len(head) > 40:
        lead = 99
    first = low.split(maxsplit=1)[0].strip(".,") if low.strip() else ""
    end = text.rstrip(" *_-\"'”»>").rstrip()
    return _Traits(
        address=address,
        bracketed="<" in text or "[" in text or "(" in text,
        date=date is not None,
        time=time is not None,
        verb=words.wrote.first(low) is not None,
        colon=end.endswith(":"),
        lead=lead,
        known_on=first in words.on,
        others=_words(bare),
        head=head,
    )


def _begins_well(text: str, traits: _Traits) -> bool:
    """Whether a text begins as an attribution does: with a date, or with a name and its address or verb."""
    if traits.lead <= 4:
        return True
    if traits.address and _words(text[: text.find("@")].rpartition(" ")[0]) <= 6:
        return True
    low = text.casefold()
    verb = reply_words().wrote.first(low)
    return verb is not None and _words(low[: verb[0]]) <= 6


_NEVER_FIRST = ("* ", "• ", "· ", "+ ", "# ", "(", "|")


def is_attribution(text: str, *, above_quote: bool) -> bool:
    """Whether a text, its lines joined, attributes what follows it to somebody.

    `above_quote` tells that a marked quotation follows; without one, what follows would be cut on
    the word of this line alone, and more is asked of it.
    """
    if not 6 <= len(text) <= _LONGEST_ATTRIBUTION:
        return False
    t = _traits(text)
    if above_quote:
        return _attributes_marked(text, t)
    return t.others <= 28 and not text.startswith(_NEVER_FIRST) and _attributes_unmarked(text, t)


def _attributes_marked(text: str, t: _Traits) -> bool:
    if t.verb and t.colon and t.others <= 8:
        return True
    if not (t.address or t.date or t.time) or t.others > 28 or not _begins_well(text, t):
        return False
    if t.verb and ((t.colon and (t.address or t.date)) or (t.address and (t.date or t.time))):
        return True
    if t.lead <= 4 and t.date and ((t.verb and t.time) or (t.address and t.others <= 12)):
        return True
    if t.colon and t.date and (t.time or t.lead <= 2) and t.lead <= 4 and t.others <= 14:
        return True
    return t.colon and t.address and (t.others <= 10 or (t.time and _one_address_near_date(text)))


def _attributes_unmarked(text: str, t: _Traits) -> bool:
    if not _begins_well(text, t) or text.split(maxsplit=1)[0].casefold() in _REFERRING:
        return False
    if t.address:
        if t.verb and t.colon and t.time:
            return True
        if not _name_before_address(text):
            return False
        if t.verb:
            return t.colon if not (t.date or t.time) else (t.colon or t.time)
        return t.colon and (t.time or (t.date and t.lead <= 4 and t.others <= 8)) and _one_address_near_date(text)
    if not t.colon or not t.date:
        return False
    if t.verb:
        # People write "On 3 November 2026 the mayor wrote:", programs add the time or shorten the date.
        short = _SHORT_DATE.search(text) or (t.known_on and _WEEKDAY_FIRST.match(text))
        return t.time or (t.others <= 8 and bool(short))
    # No word of it is known: a date and a time at the beginning, then a name, few words, a colon. In the
    # languages whose verbs are all known, that is a sentence.
    return t.lead <= 4 and t.time and t.others <= 10 and not t.known_on and _names_after(text)


# A month in letters, but not in full; or figures alone.
_SHORT_DATE = re.compile(
    r"\d[./-]\d{1,2}[./-]\d|\d\s?[年년]|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|janv|févr|avr|juil|déc|"
    r"ene|abr|ago|dic|set|out|dez|mrt|mei|okt|gen|mag|giu|lug|ott)\b",
    re.IGNORECASE,
)
_WEEKDAY_FIRST = re.compile(r"[^\W\d]{1,6}\s[^\W\d]{2,14},\s")
_ZONES = frozenset({"am", "pm", "a.m", "p.m", "uhr", "utc", "gmt", "cet", "cest", "h"})
_REFERRING = frozenset({"as", "comme", "como", "wie", "come", "zoals", "when", "quand", "cuando"})
_LINKING = frozenset(
    {"of", "the", "for", "in", "du", "des", "del", "der", "vom", "della", "van", "sur", "para", "pour"}
)


def _names_after(text: str) -> bool:
    """Whether a word that may be a name stands after a text's last digit: not in lower case; and no word
    that links the parts of a sentence stands anywhere."""
    if not _LINKING.isdisjoint(_DATE.sub(" ", text).casefold().split()):
        return False
    end = max((match.end() for match in _DIGIT.finditer(text)), default=0)
    parts = (part.strip(".,:;()\"'“”«»") for part in text[end:].split())
    return any(part and part[0].isalpha() and not part[0].islower() and part.casefold() not in _ZONES for part in parts)


def _name_before_address(text: str) -> bool:
    """Whether an address stands as programs write it: in brackets, first, after a comma or after a name."""
    match = _ADDRESS.search(text)
    if match is None:
        return False
    before = text[: match.start()].rstrip()
    if not before or before[-1] in "<[(,;:\"'":
        return True
    last = before.split()[-1].lstrip("\"'(“«")
    return bool(last) and last[0].isalpha() and not last[0].islower()


def _one_address_near_date(text: str) -> bool:
    """Whether a text names one address, and a date before it or soon after: not a sentence with both."""
    addresses = list(_ADDRESS.finditer(text))
    if len({match[0].casefold() for match in addresses}) != 1:
        return False
    end = addresses[-1].end()
    found = [match.start() for match in (_DATE.search(text), _TIME.search(text)) if match]
    return bool(found) and min(found) <= end + 40


def by_machine(text: str) -> bool:
    """Whether an attribution is one that programs write rather than people: to the minute, or with an address."""
    t = _traits(text)
    return t.time or (t.address and t.date)


def attribution_ending_at(lines: Sequence[str], end: int, floor: int, *, above_quote: bool) -> int | None:
    """Where the attribution begins whose last line is `end`, not above line `floor`; None if there is none.

    The lines are tried singly, then joined with those above, and the longest that still begins as an
    attribution does is taken: a date on the first of three lines belongs to it.
    """
    found = None
    joined = lines[end]
    if not may_end_one(joined, above_quote=above_quote):
        return None
    if is_attribution(joined, above_quote=above_quote):
        found = end
    start = end
    for _ in range(_MOST_LINES - 1):
        start -= 1
        if start < floor:
            break
        line = lines[start]
        if not line:
            # One program leaves an empty line before the address, another before the verb.
            if (
                start - 1 >= floor
                and lines[start - 1]
                and (joined.startswith("<") or (above_quote and _is_verb(joined)))
            ):
                continue
            break
        if len(line) + len(joined) > _LONGEST_ATTRIBUTION:
            break
        if found is not None and line.endswith((".", "!", "?")):
            above = _traits(line)
            if not (above.date or above.address):
                break
        if not _wrapped(line, joined):
            break
        joined = f"{line} {joined}"
        if is_attribution(joined, above_quote=above_quote):
            t = _traits(joined)
            if found is None or _extends(line, t):
                found = start
    return found


def _is_verb(line: str) -> bool:
    low = line.casefold().rstrip(" :")
    return bool(low) and len(low) <= 40 and reply_words().wrote.at_beginning(low) == len(low)


def _wrapped(line: str, following: str) -> bool:
    """Whether a program may have broken one line into these: the first is full, or an address, or the
    verb alone, stands on the second."""
    if following.startswith(("<", "[", "(", ":", ">", "mailto:")) or line.endswith(("<", "[", "(", "[mailto:", '"')):
        return True
    first, _, more = following.partition(" ")
    if len(line) + len(first) >= 54 or _dates_only(line):
        return True
    return _words(following) <= 3 and (not more or following.endswith(":"))


def _dates_only(line: str) -> bool:
    """Whether a line is the date that one program sets above the author: "On Wed, 5 Mar 2025 19:33:02 +0000"."""
    if not _DIGIT.search(line[:40]) or line.endswith((".", "!", "?", ":")):
        return False
    t = _traits(line)
    if not t.date or not t.time or t.address or t.lead > 4 or t.others > 9:
        return False
    return t.known_on or line.endswith(",") or _TO_THE_SECOND.search(line) is not None


_TO_THE_SECOND = re.compile(r"\d:\d\d:\d\d|[+-]\d{4}\b|\b(?:GMT|UTC|CES?T)\b")


def may_end_one(line: str, *, above_quote: bool) -> bool:
    """Whether a line may be the last of an attribution; the cheap question before the dear one."""
    if not line or len(line) > _LONGEST_ATTRIBUTION:
        return False
    if above_quote:
        return True
    end = line.rstrip(" *_-\"'”»>").rstrip()
    return end.endswith(":") or line.endswith(">")


def _extends(line: str, joined: _Traits) -> bool:
    """Whether a line above a complete attribution is its beginning: it brings the date or the author."""
    t = _traits(line)
    if t.colon or line.endswith(("!", "?")):
        return False
    if joined.lead <= 4:
        return t.lead <= 4 and (t.date or t.time)
    return (t.address or (t.verb and t.date)) and _begins_well(line, t)


# ------------------------------------------------------------------- attributions inside a line of text

_WEEKDAY_OR_DIGIT = r"(?:[^\W\d_]{1,12}\.?,?\s){0,3}\d"
_INSIDE = re.compile(r"(?:^|(?<=[\s.!?>*-]))(?:On|Le|El|Em|Am|Op|Il|Den|No dia|W dniu|Dnia)\s" + _WEEKDAY_OR_DIGIT)
_AFTER_VERB = re.compile(r"\s?(?:[^:\n]{0,80}):")


def may_be_shared(line: str) -> bool:
    """Whether an attribution may begin inside a line; the cheap question before `split_shared_line`."""
    return _INSIDE.search(line) is not None


def split_shared_line(line: str) -> tuple[str, str, str] | None:
    """(own words, attribution, quotation) of a line that holds an attribution and something else.

    >>> split_shared_line("Yes. On Tue, 3 Nov 2026 at 10:15, a@example.org wrote:> Shall we?")
    ('Yes. ', 'On Tue, 3 Nov 2026 at 10:15, a@example.org wrote:', '> Shall we?')
    """
    if len(line) > LONGEST_LINE or ":" not in line:
        return None
    low = line.casefold()
    if len(low) != len(line):
        return None
    begins = [match.start() for match in _INSIDE.finditer(line)]
    verbs = [end for _, end in reply_words().wrote.spans(low)] if begins else []
    for begin in begins:
        for verb in verbs:
            if verb <= begin:
                continue
            colon = _AFTER_VERB.match(line, verb)
            if colon is None:
                continue
            text = line[begin : colon.end()]
            before, after = line[:begin], line[colon.end() :]
            if not before.strip() and not after.strip(" -*"):
                return None
            t = _traits(plain_form(text))
            if len(text) <= 250 and t.verb and t.colon and t.date and (t.time or t.address) and t.others <= 20:
                return before, text, after
    return None


# ------------------------------------------------------------------------------------------ header blocks

_LABELLED = re.compile(r"[>*_|\s]{0,8}([^\W\d_][^:<>@\n]{0,34}?)[\s*_]{0,4}:[\s*_]{0,4}(.*)")
_RULE = re.compile(r"[-_=*~#\s]{3,}\Z")


def _label(line: str) -> tuple[frozenset[str], str, str] | None:
    """(what the label may mean, the label, the value) of a line such as "Envoyé : mardi 3 novembre"."""
    if len(line) > LONGEST_LINE or ":" not in line:
        return None
    match = _LABELLED.match(line)
    if match is None:
        return None
    label = match[1].strip(" *_\t").casefold()
    return reply_words().labels.get(label, frozenset()), label, match[2].strip(" *_")


def _header_on_one_line(line: str) -> bool:
    """Whether a line holds a whole header block, run together when markup was flattened."""
    if line.count(":") < 3:
        return False
    labels = reply_words().labels
    found: set[str] = set()
    for part in line.split(":")[:12]:
        words = part.casefold().replace("*", " ").split()[-2:]
        kinds = labels.get(" ".join(words)) or (labels.get(words[-1]) if words else None)
        if kinds:
            found |= _one_meaning(kinds, found)
    return len(found) >= 3 and "from" in found and (_ADDRESS.search(line) is not None or _TIME.search(line) is not None)


def may_begin_header(line: str) -> bool:
    """Whether a line may be the first of a header block; the cheap question before the dear one."""
    parts = _label(line)
    return parts is not None and (bool(parts[0]) or "@" in parts[2])


def header_block_at(
    lines: Sequence[str], start: int, *, after_rule: bool = False, after_label: bool = False
) -> int | None:
    """The line after the header block that begins at `start`, or None if none does.

    "De : … Envoyé : … À : … Objet : …" in any order and language: at least two known labels, with an
    address or a time of day among the values; in languages not known, three labelled lines, an address in
    the first of them and a date below. `after_rule` tells that a rule stands above, which makes less enough;
    `after_label` that this rule has words in it, such as people head their own sections with.
    """
    first = _label(lines[start])
    if first is None or (not first[0] and not after_rule and not _ADDRESS.search(first[2])):
        return None
    if first[0] and _header_on_one_line(lines[start]):
        return start + 1
    kinds: set[str] = set()
    known = labelled = 0
    address = date = time = False
    unknown_first = not first[0]
    nameless = False
    end = i = start
    gap = 0
    stop = min(len(lines), start + _MOST_HEADER_LINES)
    while i < stop:
        line = lines[i]
        if not line:
            gap += 1
            # Text made from HTML doubles the line ends.
            if gap > 1 or i + 1 >= stop or not _known(lines[i + 1]):
                break
            i += 1
            continue
        parts = _label(line)
        if parts is None or (not parts[0] and not unknown_first):
            # The rest of a wrapped value: only if another label follows it.
            ahead = next((j for j in range(i + 1, min(i + 4, stop)) if not lines[j] or _known(lines[j])), None)
            if ahead is None or not lines[ahead] or gap:
                break
            address = address or any("@" in lines[j] for j in range(i, ahead))
            i = ahead
            continue
        gap = 0
        labelled += 1
        if parts[0]:
            known += 1
            meaning = _one_meaning(parts[0], kinds)
            kinds |= meaning
            nameless = nameless or (not meaning.isdisjoint(_PEOPLE) and _names_nobody(parts[2]))
        value = parts[2]
        address = address or ("@" in value and _ADDRESS.search(value) is not None)
        date = date or _DATE.search(value) is not None
        time = time or _TIME.search(value) is not None
        end = i = i + 1
    # Every program names a sender, or the recipient's address; and gives an address or the time of day. The
    # notice of a meeting names neither, and a memorandum has neither address nor time.
    if nameless:
        return None
    if len(kinds) >= 2 and ("from" in kinds or ("to" in kinds and address)) and (address or time or after_rule):
        return end
    if after_label and unknown_first and labelled >= 3 and date and time and address:
        return end
    if known >= 2:
        return None
    if after_rule and known and address:
        return end
    if unknown_first and not known and labelled >= 3 and date and (address or after_rule):
        return end
    return None


_PEOPLE = frozenset({"from", "to"})


def _names_nobody(value: str) -> bool:
    """Whether a value tells when rather than who: "De : Paris, 9 h 30", as journeys and opening hours are written."""
    return "@" not in value and "<" not in value and _TIME.search(value) is not None


def _known(line: str) -> bool:
    parts = _label(line)
    return parts is not None and bool(parts[0])


def _one_meaning(kinds: frozenset[str], seen: set[str]) -> frozenset[str]:
    """The one meaning of a label that is new, if any: "a" may tell a recipient or a copy."""
    return frozenset(next(([kind] for kind in _KINDS if kind in kinds and kind not in seen), ()))


_KINDS = ("from", "to", "sent", "subject", "cc")


# -------------------------------------------------------------------------------------------------- rules


def is_rule(line: str) -> bool:
    """A line of dashes, underscores and the like, and of nothing else."""
    return len(line) >= 3 and len(line) <= 200 and _RULE.match(line) is not None


_FEW_WORDS = re.compile(r"[-_=*]{2,60}\s{0,4}([^\W\d_][^-_=*\n]{1,60}?)\s{0,4}[-_=*]{2,60}\Z")


def is_labelled_rule(line: str) -> bool:
    """Whether a line is a rule with few words in it: "---- Message d'origine ----" in a language not known here. People
    head their sections so; it says something above a header block or a quotation only."""
    if len(line) > 140:
        return False
    match = _FEW_WORDS.match(line)
    return match is not None and len(match[1].split()) <= 6


def original_message_rule(line: str) -> str | None:
    """Tells "original" or "forwarded" of "-----Original Message-----" and its like, else None."""
    if len(line) > LONGEST_LINE:
        return None
    low = line.casefold()
    words = reply_words()
    dashed = low.startswith(("--", "__", "==", "**", "- -"))
    if dashed:
        inner = low.strip(" -_=*>")
        for kind, pattern in (("forwarded", words.forwarded), ("original", words.original)):
            end = pattern.at_beginning(inner)
            if end is not None:
                # What follows the words is a rule again, or the header run together with it.
                rest = inner[end:].lstrip()
                if not rest or rest[0] in "-_=*:" or (low.endswith("--") and _DIGIT.search(rest)):
                    return kind
        return None
    if len(low) <= 60 and low.endswith(":"):
        end = words.forwarded.at_beginning(low)
        if end is not None and end >= len(low) - 2:
            return "forwarded"
    return None


def dashed_attribution(line: str) -> bool:
    """Whether a line is "---- Ana Pérez wrote ----", as some telephones write it."""
    if len(line) > 200 or not line.startswith("--"):
        return False
    inner = line.strip("- ")
    t = _traits(inner)
    if not inner or not t.verb or t.others > 12:
        return False
    return line.endswith("--") or (t.date and t.colon)


_RULE_MARKS = ("--", "-=", "##", "==", "**", "__", "~~", "<", "[", "(", "—")
_REPLY = (
    r"(?:reply|respond|write|type|enter|post|répon|écri|respond|escrib|conteste|antwort|schreib|beantwoord|typ|rispond|"
    r"scriv|svar|skriv|odpow|odpov|odgov|vastaa|válasz|răspun|ответ|відпов|απαντ|yanıt|رد|اكتب|回复|回覆|返信)"
)
_REPLIES = re.compile(_REPLY)
_ASKS = re.compile(
    rf"(?:please |do not |to |s['’]il vous plaît |merci de |veuillez |por favor |bitte |gelieve )?{_REPLY}"
)
_NOT_BELOW = re.compile(
    r"(?:\b(?:not|pas|no|não|non|nicht)|n['’]t)\b.{1,30}\b(?:below|sous|dessous|debajo|abaixo|sotto|unter|unterhalb)\b"
    r".{1,20}\b(?:line|ligne|línea|linha|riga|linea|linie|zeile)\b"
)


def arrowed_attribution(line: str) -> bool:
    """Whether a line is ">>> Ana Pérez <ana@example.org> 3/11/2026 10:15 >>>", above a quotation without marks."""
    if len(line) > 200 or not line.startswith(">>> "):
        return False
    t = _traits(line.strip("> "))
    return t.date and t.time and (t.address or line.endswith(">>>")) and t.others <= 12


def asks_to_reply_above(line: str) -> bool:
    """Whether a line says "reply above this line" or "do not write below", the marker by which programs cut."""
    if len(line) > 200:
        return False
    inner = line.strip("> ")
    low = inner.casefold()
    ruled = inner.startswith(_RULE_MARKS) or inner.endswith(("-", "#", "=", "*", "_", "~"))
    if inner and inner[:2] == inner[-1:] * 2 and _NOT_BELOW.search(low) and _REPLIES.search(low):
        return True
    if not ruled and _ASKS.match(low) is None:
        return False
    return _REPLIES.search(low) is not None and reply_words().above.first(low) is not None
