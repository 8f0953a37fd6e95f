"""What stands below a person's words and is not a contribution: signature, telephone's footer, disclaimer,
the footer of a list. Separated here, never dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence

from m4dbot.reading.attribution import is_rule
from m4dbot.reading.values import Role
from m4dbot.reading.words import reply_words

_MOST_SIGNATURE_LINES = 20
_LONGEST_SIGNATURE_LINE = 100

_DEVICE = re.compile(
    r"i\s?phone|i\s?pad|i\s?pod|android|black\s?berry|samsung|galaxy|huawei|honor\b|xiaomi|redmi|\bpoco\b|oppo|vivo|"
    r"nokia|lumia|htc|motorola|\bmoto\b|sony|xperia|\blg\b|\bnexus\b|pixel|oneplus|realme|wiko|windows|outlook|yahoo|"
    r"g?mail\b|courrier|correo|correio|gmx|proton|tutanota|k-9|aol|zoho|thunderbird|smart\s?phone|handy|"
    r"mobil|portable|móvil|movil|celular|telefon|teléfono|téléphone|tablet|手机|手機|スマートフォン|휴대|"
    r"gerät|device|terminal|appareil|dispositivo|mailbox|bluewin|orange|android|acompli|spark|boomerang|viber|"
    r"iphonesta|ifon|айфон|phone|телефон|мобильн|ios\b",
    re.IGNORECASE,
)
_OUTLOOK_FOR = re.compile(r"\boutlook\b.{0,24}\b(?:ios|android|mac|windows|mobile)\b", re.IGNORECASE)
_VIA_MOBILE = re.compile(r"(?:sent )?(?:via|from|on) (?:my )?(?:mobile|phone|iphone|android|blackberry)(?: device)?[.!]?\Z")
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

_EMAIL = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{2,}\.\w")
_URL = re.compile(r"(?:https?://|www\.)\S|\b[\w-]{2,40}\.(?:org|com|net|int|gov|edu|eu|info)\b")
_PHONE = re.compile(r"(?:\+|\(|\b\d)[\d\s().\-/]{6,22}\d")
_CONTACT_LABEL = re.compile(
    r"(?:t[eé]l(?:[eé]phone|[eé]fono|efon|efone)?|phone|mob(?:ile|il|\.)?|cell?|fax|skype|twitter|whats\s?app|web(?:site)?|"
    r"e-?mail|courriel|m[oó]vil|p\.?\s?o\.?\s?box|b\.?p\.|linkedin|facebook)\b\s?[.:+(\d]",
    re.IGNORECASE,
)
_SIG_MARKER = re.compile(r"--\s?\Z")
_TAGGED = re.compile(r"#sig#")


def is_phone_footer(line: str) -> bool:
    """"Sent from my iPhone" and its like: a word for sending and a device or a program, and little else."""
    if not line or len(line) > 110:
        return False
    low = line.casefold().strip(" *_.!-—~[]()")
    if _VIA_MOBILE.match(low):
        return True
    if _OUTLOOK_FOR.search(low) and len(low) <= 100 and ("http" in low or len(low.split()) <= 8):
        return True
    match = reply_words().sent_by.search(low)
    if match is None or _DEVICE.search(low) is None:
        return low.startswith(("sent from my ", "sent from a ", "envoyé de mon ", "enviado desde mi ")) and len(low) <= 60
    return len(low.split()) <= 16


def _is_notice(line: str) -> bool:
    """An advertisement, a scanner's remark, or a list's word about itself."""
    low = line.strip()
    return len(low) <= 300 and (
        _ADVERTISEMENT.search(low) is not None or _LIST.search(low) is not None or _ENVIRONMENT.search(low) is not None
    )


def _contacts(line: str) -> int:
    """How many ways to reach somebody a short line names."""
    if len(line) > _LONGEST_SIGNATURE_LINE:
        return 0
    return (
        (_EMAIL.search(line) is not None)
        + (_URL.search(line) is not None)
        + (_PHONE.search(line) is not None or _CONTACT_LABEL.search(line) is not None)
    )


def separate(forms: Sequence[str], roles: list[Role], end: int, structural: Sequence[bool]) -> None:
    """Sets the roles of signatures and footers among the lines that are the sender's own.

    `structural` tells of lines that HTML marks as a signature.
    """
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
        roles[start:stop] = [role] * (stop - start)
        stop = start


def _last_part(forms: Sequence[str], begin: int, stop: int) -> tuple[int, Role | None]:
    last = forms[stop - 1]
    if is_phone_footer(last) and (stop - 1 > begin):
        return stop - 1, Role.FOOTER
    paragraph = stop - 1
    while paragraph > begin and forms[paragraph - 1] and stop - paragraph < 40:
        paragraph -= 1
    if paragraph > begin:
        text = " ".join(forms[paragraph:stop])[:3000]
        if _CONFIDENTIAL.search(text) and _ADDRESSEE.search(text) and len(text) > 80:
            return _with_rule(forms, paragraph, begin), Role.FOOTER
        if stop - paragraph <= 8 and len(text) <= 800 and (_is_notice(last) or _is_notice(forms[paragraph])):
            if all(_is_notice(forms[j]) or is_rule(forms[j]) or len(forms[j]) <= 90 for j in range(paragraph, stop)):
                return _with_rule(forms, paragraph, begin), Role.FOOTER
    marker = _marker(forms, begin, stop)
    if marker is not None:
        return marker, Role.SIGNATURE
    tagged = stop
    while tagged > begin and (_TAGGED.match(forms[tagged - 1]) or not forms[tagged - 1]):
        tagged -= 1
    if tagged < stop and tagged > begin and any(_TAGGED.match(forms[j]) for j in range(tagged, stop)):
        return tagged, Role.SIGNATURE
    if is_rule(last) and stop - 1 > begin:
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
    """The rule that a signature stands under: "-- " (RFC 3676 §4.3), or a longer one if all below is short.

    Dashes alone do not begin a signature: below them there must be something, and it must not be prose.
    """
    found = None
    lowest = max(begin, stop - 60)
    for i in range(stop - 1, lowest - 1, -1):
        if not is_rule(forms[i]) and not _SIG_MARKER.match(forms[i]):
            continue
        below = [forms[j] for j in range(i + 1, stop) if forms[j] and not is_rule(forms[j])]
        exact = _SIG_MARKER.match(forms[i]) is not None
        if len(below) > (_MOST_SIGNATURE_LINES if exact else 14):
            break
        if all(_short(line) for line in below) and (i > begin or exact) and (exact or below):
            found = i
        elif exact and not any(_SIG_MARKER.match(forms[j]) for j in range(lowest, i)):
            if sum(map(len, below)) <= 1200 and (len(below) <= 8 or any(_contacts(line) for line in below)):
                found = i
            break
        else:
            break
    return found


def _short(line: str) -> bool:
    return len(line) <= 80 and not (len(line) > 60 and line.endswith((".", "?", "!")))


def _contact_block(forms: Sequence[str], begin: int, stop: int) -> int | None:
    """A name with at least two ways to reach it, in short lines at the end."""
    kinds: set[str] = set()
    i = stop
    first_contact = None
    blanks = 0
    lines = 0
    while i > begin and lines < 12:
        line = forms[i - 1]
        if not line:
            blanks += 1
            if blanks > 1 and first_contact is not None and lines > 3:
                break
            i -= 1
            continue
        if len(line) > 80 or (len(line) > 40 and line.endswith((".", "?", "!", ":", ";"))):
            break
        here = {
            kind
            for kind, pattern in (("mail", _EMAIL), ("web", _URL), ("phone", _PHONE), ("phone", _CONTACT_LABEL))
            if pattern.search(line)
        }
        if not here and blanks and first_contact is not None and i < first_contact - 2:
            break
        kinds |= here
        lines += 1
        i -= 1
        if here:
            first_contact = i
    if first_contact is None or len(kinds) < 2:
        return None
    # The lines directly above, up to an empty one, are name, role and organisation.
    top = first_contact
    while top > begin + 1 and forms[top - 1] and len(forms[top - 1]) <= 60 and not forms[top - 1].endswith((".", "?", "!", ":", ";", ",")):
        top -= 1
    return top if any(forms[j] for j in range(begin, top)) else None
