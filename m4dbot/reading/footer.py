"""What programs, lists and organisations add below or above a person's words: a telephone's footer, a
scanner's remark, a list's word about itself, a disclaimer, a gateway's warning.

People write of lists, viruses, recipients and confidence as well, so one such word never is enough.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from m4dbot.reading.attribution import is_rule
from m4dbot.reading.words import holds, reply_words

_MOST_PARAGRAPHS = 6  # of a notice, counted from the end

_DEVICE = re.compile(
    r"i\s?phon|i\s?pad|i\s?pod|android|black\s?berry|samsung|galaxy|huawei|honor\b|xiaomi|redmi|\bpoco\b|oppo|vivo|"
    r"nokia|lumia|htc|motorola|\bmoto\b|sony|xperia|\blg\b|\bnexus\b|pixel|oneplus|realme|wiko|windows|outlook|yahoo|"
    r"g?mail\b|courrier|correo|correio|gmx|proton|tutanota|k-9|aol|zoho|thunderbird|smart\s?phone|handy|"
    r"mobil|portable|móvil|movil|celular|telefon|teléfono|téléphone|tablet|手机|手機|スマートフォン|휴대|"
    r"gerät|device|terminal|appareil|dispositivo|mailbox|bluewin|orange|android|acompli|spark|boomerang|viber|"
    r"iphonesta|ifon|айфон|هاتف|جوال|tapatalk|mailspring|newton|phone|телефон|мобильн|ios\b",
    re.IGNORECASE,
)
# What is only ever named by a program that signs for itself; a telephone is named by people as well.
_BRAND = re.compile(
    r"iphon|ipad|ipod|android|blackberry|samsung|galaxy|huawei|xiaomi|redmi|nokia|lumia|\bhtc\b|motorola|xperia|"
    r"oneplus|windows|outlook|yahoo|gmail|\bgmx\b|proton|tutanota|k-9|\baol\b|thunderbird|айфон",
    re.IGNORECASE,
)
_EXCUSES = re.compile(r"excus|brevity|typos|brièveté|brevedad|disculp", re.IGNORECASE)
_OUTLOOK_FOR = re.compile(r"\boutlook\b.{0,24}\b(?:ios|android|mac|windows|mobile)\b", re.IGNORECASE)
_VIA_MOBILE = re.compile(
    r"(?:sent )?(?:via|from|on) (?:my )?(?:mobile|phone|iphone|android|blackberry)(?: device)?[.!]?\Z"
)

_SURE = re.compile(
    r"/mailman3?/listinfo|list-unsubscribe|you (?:have )?receiv(?:ed|e) this (?:message|e-?mail|mail) because|"
    r"you are (?:receiving|getting) this (?:message|e-?mail|mail) because|to unsubscribe from this|"
    r"to post to this (?:group|list)|reply to this e-?mail directly|view it on git(?:hub|lab)|"
    r"manage (?:your )?(?:e-?mail )?subscriptions?|vous (?:recevez|avez reçu) ce (?:message|mail|courriel|courrier)|"
    r"(?:ha )?recib(?:e|ió|ido) este (?:mensaje|correo) porque|pour (?:vous|se) (?:désabonner|désinscrire)|"
    r"para (?:cancelar|anular) (?:la|su|esta) suscripción|sie (?:haben|erhalten) diese (?:nachricht|e-?mail)|"
    r"\bavast\b.{0,60}(?:antivirus|www|http)|www\.avast\.com|virus-free\.|virenfrei\.|libre de virus|"
    r"garanti sans virus|sans virus\.|do you yahoo!\?|yahoo! groups links|"
    r"this (?:e-?mail|message) (?:has been|was) (?:checked|scanned)|"
    r"aka\.ms/learnaboutsenderidentification|\Ayou don['’]t often get e-?mails? from \S+@\S|"
    r"this message was sent using (?:imp\b|the internet messaging|[\w .-]{1,40}webmail|horde|squirrelmail|roundcube)",
    re.IGNORECASE,
)
_PROGRAMS_OWN = re.compile(
    r"virus|avast|e-?mail|\bmail|message|mensaje|mensagem|messaggio|nachricht|courriel|correo|group|grupo|gruppe|\blist|"
    r"membre|member|miembro|address|adresse|dirección|subscri|abonn|suscri|https?:",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"\bmailing list\b|\blist(?:a|e|s)?\b|unsubscribe|désabonn|désinscri|darse de baja|suscripci|"
    r"abmelden|listinfo|group",
    re.IGNORECASE,
)
_WHERE = re.compile(r"https?://\S|\w@\w", re.IGNORECASE)
_MAIL = (
    r"(?:e-?mail|courriel|mail|messages?|messaggio|mensaje|mensagem|correo|nachricht|bericht|wiadomo|сообщени|повідомлен|"
    r"письм|meddel|besked|melding|viesti|üzenet|zpráv|správ|mesaj|ileti|communication|transmission|sporočil|poruk|порук|"
    r"съобщени|μήνυμα|رسالة|邮件|郵件|メール|메일|e-post|epost|levél|comunicaç|comunicaz|comunicación|missatge)"
)
_THIS_MESSAGE = re.compile(
    r"(?:\b(?:this|these|the present|ce|cet|cette|pr[eé]sente|est[eao]s?|diese[rsnm]?|vorliegende[rsnm]?|quest[oaie]|"
    r"dit|deze|tato|táto|tento|této|tejto|niniejsz\w{0,3}|denne|dette|detta|това|данн\w{2}|настоящ\w{2}|это|цей|це|"
    r"acest|această|prezent\w{1,3}|bu|işbu|tämä|ez az|jelen|ov[ao]|ово|овај|aquesta?|αυτό το|το παρόν|هذه|本|此|"
    rf"この|이)\s?(?:[\w'’]{{1,14}}\s){{0,2}}{_MAIL})|to sporočil|ta wiadomo|"
    r"هذه الرسالة|הודעה זו|מסר זה|(?:email|thư|tin nhắn) này|"
    r"\b(?:contained|contenue?s?|contenut[aieo]|contenid[ao]s?|contid[ao]s?|enthalten\w{0,2}|opgenomen|zawart\w{0,2}|"
    rf"содержащ\w{{2,4}})\s(?:[\w'’]{{1,14}}\s){{0,4}}{_MAIL}|"
    r"\bdisclaimer\b|confidentiality notice|avis de confidentialité|"
    r"aviso (?:legal|de confidencialidad)|haftungsausschluss|avviso di riservatezza",
    re.IGNORECASE,
)
_DATA = re.compile(
    r"(?=.{0,280}\b(?:rgpd|gdpr|dsgvo|lopd\w{0,3})\b).{0,280}"
    r"(?:(?:sus|your|vos|ihre|os seus|i suoi) (?:datos|data|données|daten|dados|dati)|personal data|datos personales|"
    r"données personnelles|données à caractère personnel|dados pessoais|dati personali|personenbezogen|https?:)",
    re.IGNORECASE,
)
_VIRUSES = r"(?:v[iíì]rus\w*|viren|wirus\w*|вирус\w*|вірус\w*)"
_SOUGHT = (
    r"\b(?:(?:for|of|against|de|contra|contre|auf|op|på|efter|na|per|на)"
    rf"\s(?:[\w']{{1,14}}\s){{0,2}}{_VIRUSES}|anti-?{_VIRUSES}|mailscanner|clamav)"
)
_SEARCHED = (
    r"(?:scanned|checked|analy[sz]ed|verified|examined|scanné|analysé|vérifié|contrôlé|examiné|escanead|analizad|verificad|"
    r"examinad|revisad|analisad|scansionat|analizzat|controllat|verificat|ge(?:scann|prüf|test|scan|controleer)[td]|"
    r"überprüft|untersucht|onderzocht|skann[ea]t|kontrollerat|kontrolleret|sprawdzon|przeskanowan|проверен|перевірен)\w{0,3}"
)
# "This mail has been scanned for viruses", "Diese Nachricht wurde auf Viren geprüft".
_SCANNED = re.compile(
    rf"\w*(?:\s[\w-]{{1,14}}){{0,3}}?\s(?:{_SEARCHED}\b[^.:;?!]{{0,60}}?{_SOUGHT}|{_SOUGHT}\s{_SEARCHED})",
    re.IGNORECASE,
)
_LONG_RULE = 20  # characters
_LONGEST_SCANNED = 300
_BEGINNING = 40  # characters, in which "this message" has to end
_LONGEST_WARNING = 400
_LONGEST_DATA = 300  # characters, its rule included
_LONGEST_PRINTING = 200
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
_FROM_OUTSIDE = re.compile(rf"\b(?:{_MAIL}|sender|click|expéditeur|remitente|absender|mittente)", re.IGNORECASE)


def is_phone_footer(line: str) -> bool:
    """Whether a line is "Sent from my iPhone" or its like: a word for sending, a device, and little else."""
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
    if _BRAND.search(low) or _EXCUSES.search(low):
        return len(low.split()) <= 16
    return len(low.split()) <= 10 and "," not in low


def is_gateway_warning(line: str) -> bool:
    """Whether a line warns as gateways do above a text: "CAUTION: this message comes from outside"."""
    return (
        len(line) <= _LONGEST_WARNING
        and _WARNING.match(line.lstrip("*_[ ")) is not None
        and _OUTSIDE.search(line) is not None
    )


def is_printing_notice(text: str) -> bool:
    """Whether a text asks to think of the environment before this mail is printed.

    People write of prints and of the environment too: it has to be about this mail, or begin with "before printing".
    """
    if len(text) > _LONGEST_PRINTING:
        return False
    low = text.casefold()
    for nature, printing, only_if in reply_words().printing:
        if (
            holds(low, printing)
            and holds(low, nature)
            and (_THIS_MESSAGE.search(text) or (holds(low[:16], only_if) and holds(low[:32] + low[-14:], printing)))
        ):
            return True
    return False


def notices_begin(forms: Sequence[str], begin: int, stop: int) -> int | None:
    """The line where the notices at the end of a stretch begin, or None. They are looked for by paragraph."""
    found = None
    end = stop
    for _ in range(_MOST_PARAGRAPHS):
        while end > begin and not forms[end - 1]:
            end -= 1
        start = end
        while start > begin and forms[start - 1] and end - start < 40:
            start -= 1
        if start == end:
            break
        # A rule begins a paragraph too: "… in the README." stands right above the list's own word.
        rule = next((i for i in range(end - 2, start, -1) if is_rule(forms[i])), start)
        kind = _notice(forms, rule, end, begin, stop)
        if kind == "notice":
            start = rule
        elif rule > start:
            kind = _notice(forms, start, end, begin, stop)
        if kind == "notice":
            start = _below_sentences(forms, start, end)
            found = _with_rule(forms, start, begin)
        elif kind is None:
            break
        end = start
    return found


def holds_notice(lines: Sequence[str]) -> bool:
    """Whether one of a few paragraphs is a notice."""
    start = 0
    for i in range(min(len(lines), 60) + 1):
        if i == len(lines) or not lines[i]:
            if i > start and _notice(lines, start, i, start, len(lines)) == "notice":
                return True
            start = i + 1
    return False


def _notice(forms: Sequence[str], start: int, end: int, begin: int, stop: int) -> str | None:
    """Tells "notice" of a paragraph that is one, "legal" of one that may be the rest of one, else None."""
    text = " ".join(forms[start:end])[:3_000]
    ruled = is_rule(forms[start]) or _with_rule(forms, start, begin) != start
    if _SURE.search(text) and len(text) <= 1_200:
        return "notice"
    if ruled and len(text) <= 600 and _LIST.search(text) and _WHERE.search(text):
        return "notice"
    if is_printing_notice(text) or (text.startswith("[") and is_gateway_warning(text) and _FROM_OUTSIDE.search(text)):
        return "notice"
    this = _THIS_MESSAGE.search(text[:_BEGINNING])
    if this and len(text) <= _LONGEST_SCANNED and this.start() <= 1 and _SCANNED.match(text, this.end()):
        return "notice"
    if is_rule(forms[start]) and len(forms[start]) >= _LONG_RULE and len(text) <= _LONGEST_DATA and _DATA.match(text):
        return "notice"
    words = reply_words()
    low = text.casefold()
    if _THIS_MESSAGE.search(text[:250]) and holds(low, words.secret) and holds(low, words.addressee):
        return "notice" if holds(" ".join(forms[start:stop])[:6_000].casefold(), words.legal) else None
    return "legal" if is_rule(text) or holds(low, words.legal) else None


def _below_sentences(forms: Sequence[str], start: int, end: int) -> int:
    """Where a notice begins in its paragraph: a person's last sentence may stand right above what a program added."""
    sure = next((i for i in range(start, end) if _SURE.search(forms[i])), start)
    above = forms[start:sure]
    if not above or not above[-1].endswith((".", "!", "?", "…")) or any(_PROGRAMS_OWN.search(line) for line in above):
        return start
    return sure


def _with_rule(forms: Sequence[str], start: int, begin: int) -> int:
    above = start
    while above > begin and not forms[above - 1]:
        above -= 1
    return above - 1 if above > begin and is_rule(forms[above - 1]) else start
