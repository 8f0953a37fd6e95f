"""What stands below a person's words and is not a contribution: signature, telephone's footer, disclaimer,
the footer of a list. Separated here, never dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from m4dbot.reading.attribution import has_date, is_rule
from m4dbot.reading.values import Role
from m4dbot.reading.words import reply_words

_MOST_SIGNATURE_LINES = 20
_LONGEST_SIGNATURE_LINE = 100

_DEVICE = re.compile(
    r"i\s?phon|i\s?pad|i\s?pod|android|black\s?berry|samsung|galaxy|huawei|honor\b|xiaomi|redmi|\bpoco\b|oppo|vivo|"
    r"nokia|lumia|htc|motorola|\bmoto\b|sony|xperia|\blg\b|\bnexus\b|pixel|oneplus|realme|wiko|windows|outlook|yahoo|"
    r"g?mail\b|courrier|correo|correio|gmx|proton|tutanota|k-9|aol|zoho|thunderbird|smart\s?phone|handy|"
    r"mobil|portable|móvil|movil|celular|telefon|teléfono|téléphone|tablet|手机|手機|スマートフォン|휴대|"
    r"gerät|device|terminal|appareil|dispositivo|mailbox|bluewin|orange|android|acompli|spark|boomerang|viber|"
    r"iphonesta|ifon|айфон|هاتف|جوال|tapatalk|mailspring|newton|phone|телефон|мобильн|ios\b",
    re.IGNORECASE,
)
_OUTLOOK_FOR = re.compile(r"\boutlook\b.{0,24}\b(?:ios|android|mac|windows|mobile)\b", re.IGNORECASE)
_VIA_MOBILE = re.compile(
    r"(?:sent )?(?:via|from|on) (?:my )?(?:mobile|phone|iphone|android|blackberry)(?: device)?[.!]?\Z"
)
_ADVERTISEMENT = re.compile(
    r"(?:www\.avast\.com|avast\.com/|\bavast antivirus\b|virus-free\.|do you yahoo!\?|yahoo! groups links|"
    r"this (?:e-?mail|message) (?:has been|was) (?:checked|scanned)|"
    r"(?:e-?mail|courriel|message|correo) .{0,30}(?:antivirus|virus)|"
    r"(?:get|try|check out) (?:your )?free .{0,20}hotmail|"
    r"(?:libre de virus|garanti sans virus|sans virus\.|virenfrei\.))",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"(?:/mailman/listinfo/|/mailman3?/|groups\.google\.com/|googlegroups\.com|\bmailing list\b|liste de diffusion|"
    r"lista de (?:correo|distribuci[oó]n)|mailingliste|unsubscribe|d[ée]sabonne|d[ée]sinscri|darse de baja|"
    r"cancelar (?:la|su) suscripci[oó]n|abmelden|you (?:are|were) receiv(?:ing|ed) this|"
    r"you received this (?:message|email|e-mail) because|vous (?:recevez|avez reçu) ce|"
    r"ha recibido este|recibi[óo] este|sie erhalten diese|list-unsubscribe|to post to this (?:group|list)|"
    r"reply to this email directly|view it on github|manage your subscription)",
    re.IGNORECASE,
)
_CONFIDENTIAL = re.compile(
    r"confidenti|confidencial|vertraulich|riservat|vertrouwelijk|poufn|конфиденциальн|конфіденційн|fortrolig|konfidenti|"
    r"privileged|luottamuksell|bizalmas|důvěrn|gizli|سري|保密|機密|privilégi|privilegiad",
    re.IGNORECASE,
)
_ADDRESSEE = re.compile(
    r"intended (?:recipient|solely|only|for)|recipient|addressee|destinat[aá]?|destinataire|empfänger|"
    r"ontvanger|geadresseerde|odbiorc|adresat|получател|адресат|одержувач|mottaker|mottagare|modtager|"
    r"vastaanottaja|címzett|příjemc|alıcı|المستلم|收件人|in error|par erreur|por error|irrtümlich|per errore|"
    r"unauthori[sz]ed|disclos|divulg|think before (?:you )?print|before printing",
    re.IGNORECASE,
)
_ENVIRONMENT = re.compile(
    r"(?:before (?:you )?print|avant d['’]imprimer|antes de imprimir|bevor sie diese .{0,20}drucken|prima di stampare)",
    re.IGNORECASE,
)
_WARNING = re.compile(
    r"(?:\[?(?:caution|warning|attention|external|extern|externe|externo|achtung|cuidado|précaution)\b|"
    r"this (?:message|email|e-mail) (?:is|originated|came|was sent) (?:from )?(?:an? )?(?:external|outside))",
    re.IGNORECASE,
)
_OUTSIDE = re.compile(
    r"external|outside (?:of )?(?:the |your |our )?organi|extern|externo|unknown sender|attachments|pièces jointes|"
    r"adjuntos|anhänge",
    re.IGNORECASE,
)

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
_PICTURE = re.compile(r"\[(?:cid:|image|inline|logo|picture|bild|imagen?\b)[^\]]{0,120}\]\Z", re.IGNORECASE)
_SIG_MARKER = re.compile(r"--\s?\Z")
_TAGGED = re.compile(r"#sig#")


def is_phone_footer(line: str) -> bool:
    """ "Sent from my iPhone" and its like: a word for sending and a device or a program, and little else."""
    if not line or len(line) > 110:
        return False
    low = line.casefold().strip(" *_.!-—~[]()")
    if _VIA_MOBILE.match(low):
        return True
    if _OUTLOOK_FOR.search(low) and len(low) <= 100 and ("http" in low or len(low.split()) <= 8):
        return True
    if not reply_words().sent_by.at_either_end(low):
        return False
    if _DEVICE.search(low) is None:
        return low.startswith(("sent from my ", "envoyé de mon ", "enviado desde mi ")) and len(low) <= 60
    return len(low.split()) <= 16


def _is_notice(line: str) -> bool:
    """An advertisement, a scanner's remark, or a list's word about itself."""
    low = line.strip()
    return len(low) <= 300 and (
        _ADVERTISEMENT.search(low) is not None or _LIST.search(low) is not None or _ENVIRONMENT.search(low) is not None
    )


def _contacts(line: str) -> frozenset[str]:
    """The ways to reach somebody that a short line names: mail, web, phone."""
    if len(line) > _LONGEST_SIGNATURE_LINE:
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
    # Some write their answer where their program has put the signature.
    if any(
        form and role is Role.OWN and not marked for form, role, marked in zip(forms, roles, structural, strict=True)
    ):
        for i, marked in enumerate(structural):
            if marked and roles[i] is Role.OWN:
                roles[i] = Role.SIGNATURE
    _head(forms, roles)
    begin = 0
    count = len(roles)
    while begin < count:
        if roles[begin] is not Role.OWN:
            begin += 1
            continue
        stop = begin
        while stop < count and roles[stop] is Role.OWN:
            stop += 1
        _tail(forms, roles, begin, stop)
        begin = stop


def _head(forms: Sequence[str], roles: list[Role]) -> None:
    """A gateway's warning above the text."""
    for i in range(min(len(forms), 12)):
        if not forms[i]:
            continue
        if roles[i] is not Role.OWN or len(forms[i]) > 400:
            return
        if _WARNING.match(forms[i].lstrip("*_[ ")) and _OUTSIDE.search(forms[i]):
            roles[i] = Role.FOOTER
        else:
            return


def _tail(forms: Sequence[str], roles: list[Role], begin: int, stop: int) -> None:
    """Takes signature and footers from the end of a stretch of own words, as long as there is something to take."""
    while True:
        while stop > begin and not forms[stop - 1]:
            stop -= 1
        if stop <= begin:
            return
        start, role = _last_part(forms, begin, stop)
        if role is None:
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
    if is_phone_footer(last) and (stop - 1 > begin):
        # The writer's name directly above it is part of what the telephone adds.
        if stop - 3 > begin and not forms[stop - 3] and _NAME.match(forms[stop - 2]):
            return stop - 2, Role.FOOTER
        return stop - 1, Role.FOOTER
    paragraph = stop - 1
    while paragraph > begin and forms[paragraph - 1] and stop - paragraph < 40:
        paragraph -= 1
    if paragraph > begin:
        text = " ".join(forms[paragraph:stop])[:3000]
        if _CONFIDENTIAL.search(text) and _ADDRESSEE.search(text) and len(text) > 80:
            return _with_rule(forms, paragraph, begin), Role.FOOTER
        small = stop - paragraph <= 8 and len(text) <= 800
        if small and (_is_notice(last) or _is_notice(forms[paragraph])):
            return _with_rule(forms, paragraph, begin), Role.FOOTER
    marker = _marker(forms, begin, stop)
    if marker is not None:
        return marker, Role.SIGNATURE
    tagged = stop
    while tagged > begin and (_TAGGED.match(forms[tagged - 1]) or not forms[tagged - 1]):
        tagged -= 1
    if tagged < stop and tagged > begin and any(_TAGGED.match(forms[j]) for j in range(tagged, stop)):
        return tagged, Role.SIGNATURE
    if (is_rule(last) or _PICTURE.match(last)) and stop - 1 > begin:
        return stop - 1, Role.FOOTER
    contact = _contact_block(forms, begin, stop)
    if contact is not None:
        return contact, Role.SIGNATURE
    return stop, None


def _with_rule(forms: Sequence[str], start: int, begin: int) -> int:
    above = start
    while above > begin and not forms[above - 1]:
        above -= 1
    return above - 1 if above - 1 > begin and is_rule(forms[above - 1]) else start


def _marker(forms: Sequence[str], begin: int, stop: int) -> int | None:
    """The rule that a signature stands under: "--" (RFC 3676 §4.3), or a longer one.

    Dashes alone do not begin a signature: below them there must be something, and it must look like
    one: short lines, no list, no prose; and below a longer rule, which may as well part two thoughts or
    underline a heading, a way to reach somebody or very little.
    """
    found = None
    for i in range(stop - 1, max(begin, stop - 60) - 1, -1):
        exact = _SIG_MARKER.match(forms[i]) is not None
        if not exact and not is_rule(forms[i]):
            continue
        below = [line for line in forms[i + 1 : stop] if line and not is_rule(line) and not _SIG_MARKER.match(line)]
        if exact:
            is_one = not below or (len(below) <= _MOST_SIGNATURE_LINES and not _is_prose(below))
        else:
            is_one = i > begin and _is_signature_below_rule(forms[i - 1], forms[i], below)
        if is_one:
            found = i
        elif below:
            break
    return found


def _is_signature_below_rule(above: str, rule: str, below: Sequence[str]) -> bool:
    if not below or len(below) > 12 or abs(len(above) - len(rule)) <= 3 < len(rule):
        return False
    if any(_ITEM.match(line) or len(line) > 80 for line in below):
        return False
    reachable = len({kind for line in below for kind in _contacts(line)})
    if reachable and not _is_prose(below):
        return True
    return (
        not rule.startswith("=")
        and len(below) <= 4
        and all(len(line) <= 50 and not line.endswith((".", "?", "!", ":", ";")) for line in below)
        and sum(len(line.split()) for line in below) <= 12
    )


def _is_prose(lines: Sequence[str]) -> bool:
    """Lines of running text: two or more full ones below each other, or one that is too long."""
    full = [len(line) >= 55 and not _contacts(line) for line in lines]
    return any(len(line) > 200 for line in lines) or any(a and b for a, b in pairwise(full))


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
    while (
        top > begin + 1 and forms[top - 1] and len(forms[top - 1]) <= 60 and not forms[top - 1].endswith(_SENTENCE_END)
    ):
        top -= 1
    return top if any(forms[begin:top]) else None
