"""Where a person's words end and their signature begins. Separated here, never dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from m4dbot.reading.attribution import has_date, is_rule
from m4dbot.reading.footer import (
    holds_notice,
    is_gateway_warning,
    is_phone_footer,
    is_printing_notice,
    notices_begin,
)
from m4dbot.reading.values import Role
from m4dbot.reading.words import reply_words

_MOST_LINES = 20
_MOST_LINES_BELOW_RULE = 12
_MOST_PARTS = 16  # a telephone's footer, a notice, a signature …; nobody has more
_LONGEST_LINE = 100

_EMAIL = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{2,}\.\w+")
_ITEM = re.compile(r"(?:[*•·▪+–-]|\(?\d{1,2}[.)]|\(?[a-z]\))\s")
_SENTENCE_END = (".", "?", "!", ":", ";", ",")
_URL = re.compile(r"(?:https?://|www\.)\S|\b[\w-]{2,40}\.(?:org|com|net|int|gov|edu|eu|info)\b")
_LINK = re.compile(r"(?:https?://|www\.)\S+")
_PHONE = re.compile(r"(?:\+|\(|\b\d)[\d\s().\-/]{6,22}\d")
_CONTACT_LABEL = re.compile(
    r"(?:t[eé]l(?:[eé]phone|[eé]fono|efon|efone)?|phone|mob(?:ile|il|\.)?|cell?|fax|skype|twitter|whats\s?app|web(?:site)?|"
    r"e-?mail|courriel|m[oó]vil|p\.?\s?o\.?\s?box|b\.?p\.|linkedin|facebook)\b\s?[.:+(\d]",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?:[^\W\d_a-z][\w'’.-]{0,30})(?: [^\W\d_a-z][\w'’.-]{0,30}){1,2}\Z")
_EXCUSE = re.compile(
    r"(?:please )?(?:excuse|pardon|forgive|ignore)|sorry for|(?:veuillez |merci d['’]|s['’]il vous plaît )?excuse|"
    r"désolé|disculp|perdón|perdon|desculp|scus|bitte entschuldig|entschuldig",
    re.IGNORECASE,
)
_PICTURE = re.compile(r"\[(?:cid:|image|inline|logo|picture|bild|imagen?\b)[^\]]{0,120}\]\Z", re.IGNORECASE)
MARKER = "-- "  # RFC 3676 §4.3
_SHORTENED_MARKER = re.compile(r"--\s?\Z")
_DIGIT = re.compile(r"\d")
_TAGGED = re.compile(r"#sig#")


def _contacts(line: str) -> frozenset[str]:
    """The ways to reach somebody that a short line names: mail, web, phone."""
    if len(line) > _LONGEST_LINE:
        return frozenset()
    kinds = set()
    if "@" in line and _EMAIL.search(line):
        kinds.add("mail")
        line = _EMAIL.sub(" ", line)
    if "." in line and _URL.search(line):
        kinds.add("web")
        line = _LINK.sub(" ", line)
    if _CONTACT_LABEL.search(line):
        kinds.add("phone")
    else:
        phone = _PHONE.search(line)
        if phone and sum(c.isdigit() for c in phone[0]) >= 8 and not has_date(line):
            kinds.add("phone")
    return frozenset(kinds)


def separate(forms: Sequence[str], roles: list[Role], structural: Sequence[bool]) -> None:
    """Sets the roles of signatures and footers among the lines that are the sender's own.

    `structural` tells of lines that HTML marks as a signature.
    """
    own = [i for i, role in enumerate(roles) if role is Role.OWN and forms[i]]
    # Some write their answer where their program has put the signature, and many a postscript.
    if any(not structural[i] for i in own):
        written = False
        for i in own:
            written = structural[i] and (written or is_postscript(forms[i]))
            if structural[i] and not written:
                roles[i] = Role.SIGNATURE
    for i in own[:12]:
        if not is_gateway_warning(forms[i]):
            break
        roles[i] = Role.FOOTER
    last = True
    stretches = [(begin, stop) for begin, stop in _stretches(roles) if any(forms[begin:stop])]
    for begin, stop in reversed(stretches):
        # Between two quotations stands an answer, not a signature.
        if last or roles[stop] is Role.ATTRIBUTION:
            _tail(forms, roles, begin, stop, first=(begin, stop) == stretches[0])
        else:
            _marked_amid(forms, roles, begin, stop)
        last = last and Role.OWN not in roles[begin:stop]


def _stretches(roles: Sequence[Role]) -> list[tuple[int, int]]:
    found = []
    begin = 0
    for i in range(1, len(roles) + 1):
        if i == len(roles) or roles[i] is not roles[begin]:
            if roles[begin] is Role.OWN:
                found.append((begin, i))
            begin = i
    return found


def is_postscript(line: str) -> bool:
    """Whether a line begins as what people add below their signature does: "P.S.: the key hangs in the shed"."""
    return reply_words().postscript.match(line[:40].casefold()) is not None


def _marked_amid(forms: Sequence[str], roles: list[Role], begin: int, stop: int) -> None:
    """A signature above a quotation that is answered further down: the program's mark, and few short lines."""
    first = next((i for i in range(begin, stop) if forms[i]), stop)
    found = next((i for i in range(max(begin, stop - _MOST_LINES), stop) if forms[i] == MARKER), None)
    if found is None and begin == 0 and first < stop and _SHORTENED_MARKER.match(forms[first]):
        found = first  # the mail begins with it
    if found is None or not any(forms[found + 1 : stop]):
        return
    if all(len(form) <= _LONGEST_LINE and not _is_sentence(form) for form in forms[found:stop]):
        roles[found:stop] = [Role.SIGNATURE] * (stop - found)


def _tail(forms: Sequence[str], roles: list[Role], begin: int, stop: int, *, first: bool) -> None:
    """Takes signature and footers from the end of a stretch of own words, as long as there is something to
    take. Of a mail's first stretch something remains, unless a program wrote all of it.

    A postscript is the person's own, and has a tail of its own; the signature may stand above it.
    """
    added = next((i for i in range(begin + 1, stop) if is_postscript(forms[i])), None)
    if added is not None:
        _take(forms, roles, begin, added, first=first)
        _take(forms, roles, added + 1, stop, first=False)
    else:
        _take(forms, roles, begin, stop, first=first)


def _take(forms: Sequence[str], roles: list[Role], begin: int, stop: int, *, first: bool) -> None:
    for _ in range(_MOST_PARTS):
        while stop > begin and not forms[stop - 1]:
            stop -= 1
        if stop <= begin:
            return
        start, role = _last_part(forms, begin, stop)
        if role is None or (first and role is Role.SIGNATURE and not any(forms[begin:start])):
            return
        if role is Role.SIGNATURE:
            start = _with_regards(forms, start, begin)
        roles[start:stop] = [role] * (stop - start)
        stop = start


def _with_regards(forms: Sequence[str], start: int, begin: int) -> int:
    """Where a signature begins together with the "Kind regards," above it."""
    above = start - 1
    while above > begin and not forms[above]:
        above -= 1
    if above > begin and forms[above].casefold().strip(" ,.!*_") in reply_words().regards:
        return above
    return start


def _last_part(forms: Sequence[str], begin: int, stop: int) -> tuple[int, Role | None]:
    last = forms[stop - 1]
    if is_phone_footer(last):
        # The writer's name directly above it is part of what the telephone adds.
        if stop - 3 > begin and not forms[stop - 3] and _NAME.match(forms[stop - 2]):
            return stop - 2, Role.FOOTER
        return stop - 1, Role.FOOTER
    if stop - 2 >= begin and is_phone_footer(forms[stop - 2]) and _EXCUSE.match(last):
        return stop - 2, Role.FOOTER
    if is_printing_notice(last):
        return stop - 1, Role.FOOTER
    notices = notices_begin(forms, begin, stop)
    if notices is not None:
        return notices, Role.FOOTER
    marker = _marker(forms, begin, stop)
    if marker is not None:
        return marker, Role.SIGNATURE
    tagged = stop
    while tagged > begin and (_TAGGED.match(forms[tagged - 1]) or not forms[tagged - 1]):
        tagged -= 1
    if any(_TAGGED.match(form) for form in forms[tagged:stop]):
        return tagged, Role.SIGNATURE
    if is_rule(last) or _PICTURE.match(last):
        return stop - 1, Role.FOOTER
    contact = _signed_block(forms, begin, stop)
    if contact is None:
        contact = _contact_block(forms, begin, stop)
    if contact is not None:
        return contact, Role.SIGNATURE
    return stop, None


_SHORT_RULES = ("__", "—", "–", "-")


def _marker(forms: Sequence[str], begin: int, stop: int) -> int | None:
    """The rule that a signature stands under: "--" (RFC 3676 §4.3), or a longer one.

    Dashes alone do not begin a signature: below them there must be something, and it must look like
    one: short lines, no list, no prose; and below a longer rule, which may as well part two thoughts or
    underline a heading, a way to reach somebody or very little.
    """
    found = None
    below: list[str] = []
    underlines = False  # the writer underlines headings, so that rules part sections
    for i in range(stop - 1, max(begin, stop - 60) - 1, -1):
        exact = _SHORTENED_MARKER.match(forms[i]) is not None
        if not exact and not is_rule(forms[i]) and forms[i] not in _SHORT_RULES:
            if forms[i]:
                below.insert(0, forms[i])
            continue
        if exact:
            is_one = not below or (
                len(below) <= _MOST_LINES
                and not _is_prose(below)
                and (forms[i] == MARKER or not any(_ITEM.match(line) or _is_sentence(line) for line in below))
            )
            is_one = is_one or holds_notice(forms[i + 1 : stop])
        else:
            above = forms[i - 1] if i > begin else ""
            underlines = underlines or _underlines(above, forms[i])
            is_one = not underlines and _is_signature_below_rule(forms[i], below)
        if is_one:
            found = i
        elif exact and below:
            break
    return found


def _underlines(above: str, rule: str) -> bool:
    return abs(len(above) - len(rule)) <= 3 < len(rule)


def _is_signature_below_rule(rule: str, below: Sequence[str]) -> bool:
    if not below or len(below) > _MOST_LINES_BELOW_RULE:
        return False
    if any(_ITEM.match(line) or len(line) > 80 for line in below):
        return False
    reachable = any(_contacts(line) for line in below)
    if reachable and _like_name(below[0]) and not _is_prose(below):
        return True
    return (
        not rule.startswith("=")
        and len(below) <= 4
        and all(len(line) <= 50 and not line.endswith((".", "?", "!", ":", ";")) for line in below)
        and sum(len(line.split()) for line in below) <= 12
        and (reachable or not any(c.isdigit() for line in below for c in line) or any(map(_is_office, below[1:])))
    )


def _like_name(line: str) -> bool:
    """A short line that may name a person or an organisation."""
    return line[0].isalpha() and len(line.split()) <= 7 and not line.endswith(_SENTENCE_END) and not _DIGIT.search(line)


def _is_prose(lines: Sequence[str]) -> bool:
    """Lines of running text: two or more full ones below each other, or one that is too long."""
    full = [len(line) >= 55 and not _contacts(line) for line in lines]
    return any(len(line) > 200 for line in lines) or any(a and b for a, b in pairwise(full))


def _signed_block(forms: Sequence[str], begin: int, stop: int) -> int | None:
    """Where "Kind regards," begins a name and short lines with a way to reach it, or None."""
    for i in range(stop - 2, max(begin, stop - 24) - 1, -1):
        if forms[i].casefold().strip(" ,.!*_") in reply_words().regards:
            below = [line for line in forms[i + 1 : stop] if line]
            rest = [line for line in below if not _is_register(line)]
            fits = len(below) <= 14 and all(
                len(line) <= 90
                and not _ITEM.match(line)
                and not (len(line) > 40 and line.endswith((".", "?", "!", ":")))
                for line in rest
            )
            if not fits or _is_prose(rest):
                return None
            if any(_contacts(line) for line in below):
                return i
            named = bool(rest) and _like_name(rest[0]) and len(rest[0].split()) >= 2
            registered = len(rest) < len(below)
            if named and (registered or any(_is_office(line) for line in rest[1:])):
                return i
    return None


# Four to six digits, a blank or a dash in them in some countries; and British ones.
_POST_CODE = re.compile(
    r"\b(?:[A-Z]{1,2}-)?\d{4,6}\b|\b\d{2}-\d{3}\b|\b\d{3} \d{2}\b|\b[A-Z]{1,2}\d{1,2}[A-Z]? \d[A-Z]{2}\b"
)
_HOUSE_NUMBER = re.compile(r"\w{2,30}\.?,? \d{1,4}[a-zA-Z]?(?:,|\.|$)|^\d{1,4}[a-z]?(?:,| (?=[^\W\d_a-z]))")


def _is_office(line: str) -> bool:
    """Whether a short line below a name holds a company's legal form or a postal address."""
    if len(line) > 80 or _is_sentence(line) or has_date(line):
        return False
    words = line.split()
    if len(words) >= 2 and any(w.strip('(),;|«»"').replace(".", "") in reply_words().firm for w in words):
        return True
    letters = [word for word in words if word[0].isalpha()]
    if (
        ":" in line
        or not 2 <= len(words) <= 10
        or 2 * sum(word[0].isupper() for word in letters) < max(len(letters), 2)
    ):
        return False
    return _POST_CODE.search(line) is not None or _HOUSE_NUMBER.search(line) is not None


def _is_register(line: str) -> bool:
    """Whether a line tells where a company is registered, under what number, and who answers for it."""
    if len(line) > 400 or not (_DIGIT.search(line) or ":" in line):
        return False
    low = line.casefold()
    found = {low[start:end] for start, end in reply_words().register.spans(low)}
    return len(found) >= 2 or (bool(found) and _DIGIT.search(line) is not None and len(line) <= 120)


def _is_sentence(line: str) -> bool:
    return line.endswith((".", "?", "!")) and len(line.split()) >= 4 and not _contacts(line)


def _contact_block(forms: Sequence[str], begin: int, stop: int) -> int | None:
    """A name with at least two ways to reach it, in short lines at the end."""
    kinds: set[str] = set()
    first_contact = None
    i = stop
    while i > begin and stop - i < 14:
        line = forms[i - 1]
        if line:
            if len(line) > 80 or _ITEM.match(line) or (len(line) > 40 and line.endswith((".", "?", "!", ":", ";"))):
                break
            here = _contacts(line)
            if len(line.split()) > 9 and not (len(here) > 1 or "|" in line or " - " in line):
                break
            kinds |= here
            if here:
                first_contact = i - 1
            elif first_contact is not None and not forms[i] and first_contact - i > 2:
                break
        i -= 1
    if first_contact is None or len(kinds) < 2:
        return None
    # The lines directly above, up to an empty one, are name, role and organisation.
    top = first_contact
    while top > begin and forms[top - 1] and len(forms[top - 1]) <= 60 and not forms[top - 1].endswith(_SENTENCE_END):
        top -= 1
    above = next((form for form in reversed(forms[begin:top]) if form), "")
    # "Please contact:" and then several people is not a signature, nor is a list of places to read.
    if above.endswith(":") or len({a for f in forms[top:stop] for a in _EMAIL.findall(f)}) > 1:
        return None
    return top if _like_name(forms[top]) or _contacts(forms[top]) >= {"mail", "phone"} else None
