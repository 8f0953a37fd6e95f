"""How a contributor is introduced: name, role, organisation and place out of a signature."""

from __future__ import annotations

import re

from m4dbot.reading.countries import is_country
from m4dbot.reading.names import folded, is_person, leading_name, people_words, same_person, tokens_of
from m4dbot.reading.values import ContributorLine, Person

MOST_LINES = 14

_CONTACT = re.compile(
    r"https?://|www\.|\S@\S|\.(?:com|org|net|edu|gov)\b|(?:\+|00)\d[\d ().\-/]{6,}|^\W*\d[\d ().\-/]{6,}$"
    r"|\b(?:tel|tél|teléfono|telefone|telefon|phone|mobile|mob|cell|cel|móvil|fax|skype|whatsapp|gsm|twitter|linkedin"
    r"|facebook|e-?mail|correo|courriel|web|p\.?o\.? box|bp|apdo|b\.p\.|هاتف|جوال)\b\s*[:.+\d(]",
    re.IGNORECASE,
)
_POSTAL = re.compile(
    r"\d{4,}|^\d{1,4}[ ,]|\b(?:street|st\.|avenue|ave\.?|road|rd\.|boulevard|bd\.?|rue|calle|carrera|avenida|av\.|rua"
    r"|via|piazza|plaza|place|straße|strasse|str\.|floor|étage|piso|suite|building|postfach)\b",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"^[\W_]*$|^(?:sent from|envoyé de|enviado desde|enviado do|gesendet|inviato da|get outlook)", re.IGNORECASE
)
_SPLIT = re.compile(r"\s*[|;•·/]\s*|\s+[-–—]\s+|,\s*|\s*\n\s*")
_SENTENCE_END = re.compile(r"[:;]|[.!?](?=\s|$)|\s(?:who|qui|que|quien|which)\s")
_BELONGS = re.compile(
    r"^\s*(?:from|of|at|with|for|du|de l[ae']|de l’|des|de los|de las|del|de|da|do|dalla"
    r"|vom|von der|von|à l[ae']|au|en|in)(?:\s+(?:the|la|le|el|los|las))?(?:\s+|(?<=['’]))",
    re.IGNORECASE,
)


def contributor_of(signature: str, own_text: str, author: Person, *, sender: Person | None = None) -> ContributorLine:
    """The line for a contributor, from the signature, else from what stands below the sign-off.

    `author` is whose words they are; its name stands where the signature gives none. Where somebody
    else sent them, `sender` is that other: what he signs with is his, and what he says of the author
    in introducing her ("Dr Anna Vega from the Ministry of Health in Peru wrote:") is hers. What is
    not recognised is left out: the line is a proposal that people edit.
    """
    lines = _signature_lines(signature)
    below = _below_sign_off(own_text, author.name)
    if author.name and not any(same_person(_name_in(line), author.name) for line in lines):
        lines = below + lines if any(same_person(_name_in(line), author.name) for line in below) else lines or below
    elif not lines:
        lines = below
    if sender is None:
        return _read(lines[:MOST_LINES], author.name)
    if not any(same_person(_name_in(line), author.name) for line in lines):
        lines = []
    found = _read(lines[:MOST_LINES], author.name)
    if found.role or found.organisation or found.place:
        return found
    return _read(_introduction(own_text, author.name), author.name)


def _introduction(own_text: str, name: str) -> list[str]:
    """What the sentence that names the author says of her, as a signature would have it."""
    head = own_text[:2_000]
    at = head.find(name)
    if at < 0:
        return []
    paragraph = head[at : at + 350].split("\n\n")[0].replace("\n", " ")
    sentence = _SENTENCE_END.split(paragraph[len(name) :], maxsplit=1)[0]
    for verb in people_words().wrote:
        before, found, _ = folded(sentence).rpartition(f" {verb}")
        if found:
            sentence = sentence[: len(before)]
    parts = (_BELONGS.sub("", part) for part in re.split(r",|\(|\)", sentence))
    return [name, *(part.strip() for part in parts if part.strip())]


def _signature_lines(signature: str) -> list[str]:
    found: list[str] = []
    for raw in signature[:3_000].split("\n"):
        line = raw.strip(" \t*_>-–—|")
        if not line or _NOISE.match(line):
            continue
        if len(line) > 140:
            break  # a disclaimer: nobody introduces himself at such length
        found.append(line)
        if len(found) >= MOST_LINES * 2:
            break
    return found


def _below_sign_off(own_text: str, name: str) -> list[str]:
    """The last lines of a text that are a signature by their form: below "Kind regards", or a name."""
    lines = [line.strip(" \t*_-–—") for line in own_text[-1_500:].rstrip().split("\n")]
    lines = [line for line in lines if line][-9:]
    for index in range(len(lines) - 1, -1, -1):
        if folded(lines[index]).rstrip(" ,.!:;") in people_words().sign_off:
            return [line for line in lines[index + 1 :] if len(line) <= 140]
    tail: list[str] = []
    for line in reversed(lines):
        if len(line) > 80 or (line.endswith((".", "?", "!", ":")) and not _CONTACT.search(line)):
            break
        tail.insert(0, line)
    while tail and not (is_person(_name_in(tail[0])) or same_person(_name_in(tail[0]), name)):
        tail.pop(0)
    return tail if tail and len(tail) < len(lines) else []


def _name_in(line: str) -> str:
    name, _ = leading_name(line)
    return name


def _read(lines: list[str], known_name: str) -> ContributorLine:
    name = ""
    role = organisation = place = ""
    lines = [line for line in lines if folded(line).rstrip(" ,.!:;") not in people_words().sign_off]
    for number, whole in enumerate(lines):
        # What stands before a telephone number may still be somebody's office, and an address ends
        # in a country.
        line = _CONTACT.split(whole)[0].strip(" ,;:|-–")
        if line != whole.strip(" ,;:|-–") and is_country(last := _parts(whole)[-1]) and not place:
            place = last
        if len(line) < 2:
            continue
        rest = line
        if not name:
            found, end = leading_name(line)
            signs = is_person(found) and not _says(found, "role") and number == 0
            if found and (signs or same_person(found, known_name)):
                name = found
                rest = line[end:].lstrip(" ,;:|-–—(.").rstrip(")")
        for part in _parts(rest):
            if folded(part) in people_words().degrees:
                continue
            if not part or (_POSTAL.search(part) and not _says(part, "organisation")):
                continue
            if is_country(part):
                place = place if is_country(place.rpartition(", ")[2]) else ", ".join(filter(None, (place, part)))
            elif not role and _says(part, "role") and not _begins_with_office(part):
                role = part
            elif not organisation and _is_office(part):
                organisation = part
            elif not place and len(lines) > 1 and _town_beforeis_country(rest, part):
                place = part
    if not name or (same_person(name, known_name) and _fuller(known_name, name)):
        name = known_name
    return ContributorLine(name=name[:120], role=role[:160], organisation=organisation[:200], place=place[:100])


def _fuller(known: str, signed: str) -> bool:
    """Whether the known form of a name is the better one: more of it, or not all in capitals."""
    shouts = any(len(token) > 2 and token.isupper() for token in signed.split())
    return len(tokens_of(known)) > len(tokens_of(signed)) or (shouts and tokens_of(known) == tokens_of(signed))


def _parts(line: str) -> list[str]:
    """A line's parts; a comma inside an office's long name is not seen for what it is."""
    tail = re.search(r"\(([^()]{2,60})\)\s*$|\s(?:in|en|au|aux|em|à)\s+([^\s,]{3,30}(?:\s[^\s,]{2,30}){0,3})$", line)
    place = (tail[1] or tail[2]).strip() if tail else ""
    if tail and is_country(place):
        return [p.strip(" .,*_\xa0") for p in _SPLIT.split(line[: tail.start()])] + [place]
    return [p.strip(" .,*_\xa0") for p in _SPLIT.split(line)]


def _says(part: str, what: str) -> bool:
    words = people_words().role if what == "role" else people_words().organisation
    return any(token in words for token in re.findall(r"[\w'’\-.]+", folded(part)))


_OF = re.compile(r"\b(?:of|for|du|de|des|del|da|do|di|della|der|des|für)\b|\b[dl]['’]")


def _begins_with_office(part: str) -> bool:
    """ "Office of the Director", not "Project Manager"."""
    words = people_words()
    first = re.findall(r"[\w'’\-]+", folded(part))[:1]
    return bool(first) and first[0] in words.organisation - words.role and _OF.search(folded(part)) is not None


def _is_office(part: str) -> bool:
    """An organisation: one of its words, or an acronym, or capitals all through."""
    words = part.split()
    if _says(part, "organisation") or any(folded(w).endswith(people_words().organisation_endings) for w in words):
        return True
    if len(words) <= 5 and any(len(w) >= 3 and w.isupper() and w.isalpha() for w in words) and not part.isupper():
        return True
    letters = [c for c in part if c.isalpha()]
    if 2 <= len(letters) <= 30 and all(c.isupper() for c in letters) and len(part.split()) <= 4:
        return True
    return bool(re.match(r"^[A-Z][A-Za-zÀ-ÿ]*[A-Z][A-Za-zÀ-ÿ]*$", part))


def _town_beforeis_country(line: str, part: str) -> bool:
    following = line[line.find(part) + len(part) :].lstrip(" ,-–/")
    return part[:1].isupper() and bool(following) and is_country(_parts(following)[0]) and len(part.split()) <= 3
