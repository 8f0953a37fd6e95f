"""On whose behalf a mail was sent: who wrote what somebody else passes on.

The line that says so stays among the sender's own words: it is theirs, and the facilitator reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from m4dbot.reading.countries import is_country
from m4dbot.reading.names import folded, is_person, leading_name, people_words, same_person
from m4dbot.reading.values import Person

MOST_PARAGRAPHS = 4
MOST_OF_A_PARAGRAPH = 400

_WORD = re.compile(r"[^\W_]+")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")
_ARTICLE = re.compile(
    r"^(?:le|la|el|los|las|il|o|a|the|l'|l’|der|die|das|our colleague|my colleague)[ ]+", re.IGNORECASE
)
_QUOTE_MARK = re.compile(r"^\s*[>\"“«„‘'‹]")
_MACHINE = re.compile(r"@|\d{1,2}:\d{2}|\b(?:19|20)\d{2}\b")
# "On behalf of" and its kin say it outright; "contribution from" says it only as an introduction.
_OUTRIGHT = (
    *(
        "on behalf of",
        "in behalf of",
        "in the name of",
        "posted for",
        "this is from",
        "au nom",
        "de la part",
        "en nombre de",
    ),
    *(
        "at the request of",
        "à la demande d",
        "a pedido de",
        "a petición de",
        "a solicitud de",
        "je poste pour",
        "posting for",
    ),
    *("a nombre de", "de parte de", "em nome d", "a nome di", "per conto di", "im namen", "im auftrag", "namens"),
    *("نيابة عن", "باسم", "بالنيابة عن"),
)
_HEADER_FORM = re.compile(
    r"^(?P<sender>[^<>]{2,100}?)\s+(?:on behalf of|de la part de|en nombre de|im auftrag von|em nome de|per conto di"
    r"|namens)\s+(?P<author>[^<>]{2,100})$",
    re.IGNORECASE,
)
_VIA = re.compile(r"^(?P<name>[^<>]{2,100}?)\s+(?:via|par|por|über|tramite)\s+(?P<list>[^<>]{2,100})$", re.IGNORECASE)


def sender_and_principal(name: str) -> tuple[str, str]:
    """A From header's name taken apart: who sent, and for whom ("" where for nobody else).

    "Ana Ruiz on behalf of Tom Okello" is two people; "Ana Ruiz via Water Network" is Ana Ruiz,
    whose address a list has rewritten.
    """
    match = _HEADER_FORM.match(name)
    if match:
        return match["sender"].strip(" '\""), match["author"].strip(" '\"")
    match = _VIA.match(name)
    if match:
        return match["name"].strip(" '\""), ""
    return name, ""


def behalf_of(own_text: str, author: Person, subject: str = "") -> Person | None:
    """The person (or, where a line says nothing else, the office) whose words the mail passes on.

    Found in an introduction above the contribution, in a line below it, or in the subject. The
    sender speaking for others ("on behalf of our members I thank you") is nobody else's mail.
    """
    head, tail = own_text[: MOST_PARAGRAPHS * MOST_OF_A_PARAGRAPH], own_text.rstrip()[-400:]
    cues = _cues_in(f"{head}\n{tail}\n{subject}")
    if cues is None:
        return None
    paragraphs = [p.strip() for p in _PARAGRAPHS.split(head, maxsplit=MOST_PARAGRAPHS + 1) if p.strip()]
    for number, paragraph in enumerate(paragraphs[:MOST_PARAGRAPHS]):
        following = next(iter(paragraphs[number + 1 :]), "")
        name = _named_in(paragraph, following, cues)
        if name:
            return None if same_person(name, author.name) else Person(name=name)
    for line in tail.split("\n")[-4:]:
        name = _after_cue(line.strip("()[] "), cues.outright, begins=True)
        if name and is_person(name) and not same_person(name, author.name):
            return Person(name=name)
    if not re.match(r"^\s*[^\s:]{1,5}\s?:", subject):  # an answer's subject speaks of another mail
        name = _after_cue(subject, cues.outright, begins=False)
        if name and is_person(name) and not same_person(name, author.name):
            return Person(name=name)
    return None


@dataclass(frozen=True, slots=True)
class _Cues:
    """Those of the words that introduce somebody which a mail has at all: mostly none."""

    before: tuple[str, ...]
    outright: tuple[str, ...]
    wrote: tuple[str, ...]
    asked_me: tuple[str, ...]


def _cues_in(text: str) -> _Cues | None:
    low = folded(text)
    at_hand = frozenset(_WORD.findall(low))
    before, wrote, asked_me = (
        tuple(cue for first, cue in cues if first in at_hand and cue in low) for cues in _by_first_word()
    )
    if not (before or wrote or asked_me):
        return None
    return _Cues(before, tuple(cue for cue in before if cue.startswith(_OUTRIGHT)), wrote, asked_me)


@cache
def _by_first_word() -> tuple[tuple[tuple[str, str], ...], ...]:
    words = people_words()
    return tuple(
        tuple((_WORD.findall(cue)[0], cue) for cue in cues) for cues in (words.before, words.wrote, words.asked_me)
    )


def _named_in(paragraph: str, following: str, cues: _Cues) -> str:
    lines = paragraph[:MOST_OF_A_PARAGRAPH].split("\n")
    # The introduction may be wrapped, and the contribution may begin right below it.
    for count in range(1, min(len(lines), 4) + 1):
        if lines[count - 1].rstrip().endswith((":", "：")):
            introduction = " ".join(line.strip() for line in lines[:count])
            rest = "\n".join(lines[count:]).strip() or following
            name = _wrote(introduction, cues) if rest and not _QUOTE_MARK.match(rest) else ""
            name = name or (_after_cue(introduction, cues.outright, begins=False) if rest else "")
            name = name or (_introduced(introduction, cues) if rest else "")
            if name:
                return name
            break
    for sentence in _sentences(" ".join(lines))[:4]:
        name = _after_cue(sentence, cues.outright, begins=False)
        if name and (is_person(name) or _stands_alone(sentence)):
            return name
        name = _asked(sentence, cues)
        if name:
            return name
    return _introduced(" ".join(lines), cues) if following else ""


def _introduced(text: str, cues: _Cues) -> str:
    """The name in a short line that passes something on, "contribution from" and the like."""
    low = folded(text)
    if len(text.split()) > 30 or not (_PASSES_ON.search(low) or low.lstrip("([*_ ").startswith(cues.before)):
        return ""
    name = _after_cue(text, cues.before, begins=False)
    return name if is_person(name) and not is_country(name) else ""


def _sentences(text: str) -> list[str]:
    """The sentences of a text; "M. Ousmane" and "Dr. Vega" are not cut in two."""
    sentences: list[str] = []
    start = 0
    for end in re.finditer(r"[.!?]\s+(?=\S)", text):
        last_word = text[start : end.start() + 1].rpartition(" ")[2]
        if folded(last_word).lstrip("(") in people_words().titles or len(last_word) == 2:
            continue
        sentences.append(text[start : end.end()].strip())
        start = end.end()
    return [*sentences, text[start:]]


def _wrote(introduction: str, cues: _Cues) -> str:
    """The name at the head of "Dr Anna Vega from the Ministry of Health wrote:"."""
    if len(introduction) > 350 or _MACHINE.search(introduction):
        return ""
    low = folded(introduction).rstrip(":： \xa0")
    for verb in cues.wrote:
        if low.startswith(f"{verb} "):  # the verb comes first in Arabic, and may in Spanish
            name, _ = leading_name(introduction[len(verb) + 1 :])
            if is_person(name):
                return name
    if not any(_ends_with_verb(low, verb) for verb in cues.wrote):
        return ""
    start = _ARTICLE.match(introduction)
    name, _ = leading_name(introduction[start.end() :] if start else introduction)
    return name if is_person(name) else ""


def _ends_with_verb(low: str, verb: str) -> bool:
    """Whether an introduction ends in a verb of writing, or in it and "the following"; not in "wrote that …"."""
    at = low.rfind(f" {verb}")
    rest = low[at + 1 + len(verb) :].split()
    if at < 0 or (rest and low[at + 1 + len(verb)].isalnum()):
        return False
    return len(rest) <= 6 and (not rest or rest[0] not in ("that", "que", "qu'il", "qu'elle", "dass", "che", "if"))


def _after_cue(sentence: str, cues: tuple[str, ...], *, begins: bool) -> str:
    """The name behind "on behalf of" or, as an introduction, "contribution from".

    The cue has to come early: a sentence that gets to it late tells of something else.
    """
    if not cues:
        return ""
    low = folded(sentence)
    for cue in cues:
        at = low.find(cue)
        while at > 0 and low[at - 1].isalnum():
            at = low.find(cue, at + 1)
        end = at + len(cue)
        if at < 0 or (cue[-1].isalnum() and low[end : end + 1].isalnum()):
            continue
        before = low[:at].split()
        if len(before) > (3 if begins else 15) or (begins and len(low.split()) > 14):
            continue
        if len(before) > 4 and not (_ACTS.search(low[:at]) or _PASSES_ON.search(low[:end])):
            continue  # a third person acts for a fourth
        name = _name_behind(sentence[end:])
        if name:
            return name
        if not begins and cue.startswith(_OUTRIGHT) and _stands_alone(sentence) and at <= 2:
            office = sentence[end:].strip(" :.*_()[]")
            if _capitalised_somewhere(office) and 3 <= len(office) <= 120:
                return re.sub(r"^(?:the|la|le|el|l'|l’|los|las|o|a|der|die)\s*", "", office, flags=re.IGNORECASE)
    return ""


def _name_behind(text: str) -> str:
    """The name behind a cue, kin words ("my colleague") and commas left out."""
    kin = people_words().kin
    titles = people_words().titles
    rest = text.lstrip(" ,:")
    for _ in range(6):
        name, _ = leading_name(rest)
        if name and is_person(name):
            return name
        word, _, after = rest.partition(" ")
        if not after or folded(word).strip(",:()") not in kin or folded(word) in titles:
            return ""
        rest = after.lstrip(" ,:(")
    return ""


_PASSES_ON = re.compile(
    r"\b(?:please|find|below|the following|sent|posted|received|shared|forward\w*|attached|veuillez|trouve\w*|voici"
    r"|ci-dessous|reçue?|envoi\w*|env[ií][oa]\w*|comparto|compartimos|reenv[ií]o|transm\w+|remit\w+|adjunt\w+|recibid\w+"
    r"|abajo|continuaci[óo]n|siguiente|segue|seguito|invi[oa]\w*|inoltr\w+|sende\w*|weiter\w*|anbei|folgend\w*)\b"
)
_ACTS = re.compile(r"\b(?:i|i'm|we|je|j'\w+|nous|yo|nosotros|eu|nós|io|noi|ich|wir)\b")
_SPEAKS = re.compile(
    r"\b(?:i|we|me|my|our|us|je|j'|nous|mon|notre|nos|yo|nosotros|mi|nuestr[oa]s?|quisiera|queremos|quiero|eu|nós|meu|noss[oa]s?"
    r"|io|noi|ich|wir|unser\w{0,2}|thank|merci|gracias|agrade\w+|remerci\w+)\b",
    re.IGNORECASE,
)


def _stands_alone(sentence: str) -> bool:
    """Whether a sentence is a heading: short, and the sender does not speak in it."""
    text = sentence.strip()
    return (
        len(text.split()) <= 14 and not _SPEAKS.search(folded(text)) and (text.endswith(":") or text[-1:] not in ".,!?")
    )


def _capitalised_somewhere(text: str) -> bool:
    return any(word[:1].isupper() for word in re.split(r"[\s'’]", text))


def _asked(sentence: str, cues: _Cues) -> str:
    """The name at the head of "My colleague Anna Vega has asked me to send you this"."""
    low = folded(sentence) if cues.asked_me else ""
    if not any(phrase in low for phrase in cues.asked_me):
        return ""
    return _name_behind(sentence[:200])
