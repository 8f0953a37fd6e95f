"""Names, addresses and Message-IDs out of header values (RFC 5322 §3.4 and §3.6.4), tolerant and linear."""

from __future__ import annotations

import re

from m4dbot.reading.headers import words_decoded
from m4dbot.reading.values import Person

MOST_ADDRESSES = 500
MOST_REFERENCES = 200

# Text that means nothing to these rules, a quoted string, or one special character.
_TOKEN = re.compile(r"""[^"(),:;<>\\]+|"[^"\\]*(?:\\.[^"\\]*)*"?|\\.|[(),:;<>\\]""", re.DOTALL)
_BARE = re.compile(r"[^\s<>()\[\],;:\"@]{1,250}@[^\s<>()\[\],;:\"@]{1,250}")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ID = re.compile(r"<\s{0,4}([^<>\s]{1,900})\s{0,4}>")
_BETWEEN_IDS = re.compile(r"[\s<>,;]+")
_MAILTO = re.compile(r"\s{0,4}[\[(<]?\s{0,4}mailto:[^\s\])>]{0,300}\s{0,4}[\])>]?", re.IGNORECASE)
_MOST_OF_A_NAME = 2_000  # characters, as they are written
_AROUND = "'\"<>„“”‚‘’«» \t,;"


def people_of(value: str | None) -> tuple[Person, ...]:
    """The mailboxes of a From, To or Cc value whose encoded words are still encoded.

    Groups give their members, comments become the name where there is no other; what holds no
    address gives a person with a name only.
    """
    if not value:
        return ()
    people: list[Person] = []
    words: list[str] = []
    comment: list[str] = []
    address: list[str] | None = None
    found = ""
    reached = False  # an "@" is among the last words, or in the open bracket
    depth = 0

    def close() -> None:
        nonlocal found, address, reached
        if not words and not comment and not found and address is None:
            return  # nothing between two commas
        if address is not None and not found:
            found = "".join(address)
        person = _person("".join(words), found, "".join(comment))
        if person.name or person.address:
            people.append(person)
        words.clear()
        comment.clear()
        found, address, reached = "", None, False

    for match in _TOKEN.finditer(value[:32_000]):
        token = match[0]
        if depth:
            depth += (token == "(") - (token == ")")
            if depth:
                comment.append(token)
        elif address is not None and token != ">":
            if token in ",;" and reached:
                close()  # an angle bracket that was never closed
            else:
                address.append(token)
                reached = reached or "@" in token
        elif token == "(":
            depth = 1
        elif token == "<":
            address, reached = [], False
        elif token == ">":
            if address is not None:
                found, address = "".join(address), None
        elif token in ",;":
            close()
            if len(people) >= MOST_ADDRESSES:
                return tuple(people)
        elif token == ":" and words and words[-1].lower().endswith("mailto"):
            words.append(token)  # Outlook's "Name [mailto:address]"
        elif token == ":" and not reached:
            words.clear()  # a group's name: its members follow (RFC 5322 §3.4)
        else:
            words.append(token)
            reached = reached or "@" in token
    close()
    return tuple(_rejoined(people))


def _rejoined(people: list[Person]) -> list[Person]:
    """ "Vega, Anna <a@example.org>" without quotation marks is one person, not two."""
    joined: list[Person] = []
    for person in people:
        if joined and not joined[-1].address and person.address and person.name:
            last = joined.pop().name
            name = f"{person.name} {last}" if len(last.split()) < 4 else person.name
            joined.append(Person(name, person.address))
        else:
            joined.append(person)
    return joined


def _person(words: str, address: str, comment: str) -> Person:
    name = _plain_name(words)
    address = address.strip().strip("<>").removeprefix("mailto:").strip()
    if not address:
        bare = _bare(words)
        if bare:
            address = bare
            name = _plain_name(words.replace(bare, " "))
    elif "@" not in address and (bare := _bare(words)):
        address, name = bare, _plain_name(words.replace(bare, " "))
    if not name:
        name = _plain_name(comment)
    address = "".join(address.split()).strip("'\"")
    if name.lower() == address.lower():
        name = ""
    return Person(name[:200], address[:320] if "@" in address else "")


def _bare(words: str) -> str:
    """The first address in text, or "". It is looked for around each "@": most long text has none."""
    at = words.find("@")
    for _ in range(20):
        if at < 0:
            break
        found = _BARE.search(words[max(0, at - 250) : at + 251])
        if found:
            return found[0]
        at = words.find("@", at + 1)
    return ""


def _plain_name(words: str) -> str:
    words = words.strip()[:_MOST_OF_A_NAME]
    if words.startswith('"'):
        words = words.strip('"')
    words = words_decoded(_ESCAPED.sub(r"\1", words))
    words = _MAILTO.sub("", words)
    if words.startswith('"') or words.startswith("'"):
        words = words.strip("\"'")  # quoted once more inside
    words = words.strip(_AROUND)
    if (words[:1] + words[-1:]) in ("()", "[]"):
        words = words[1:-1]
    return " ".join(words.replace('"', "").split())


def person_of(value: str | None) -> Person:
    """The first mailbox with an address of a From value, else the first at all (RFC 5322 §3.6.2)."""
    people = people_of(value)
    return next((p for p in people if p.address), people[0] if people else Person())


def addresses_of(*values: str | None) -> tuple[str, ...]:
    """All addresses of several values, in lower case and without duplicates, in order."""
    return tuple(dict.fromkeys(p.address.lower() for v in values for p in people_of(v) if p.address))


def message_ids_of(value: str | None) -> tuple[str, ...]:
    """The identifiers of a Message-ID, In-Reply-To or References value, without angle brackets.

    RFC 5322 §3.6.4: the parent comes last in References. Of a very long thread the first and the
    last are kept. Old In-Reply-To values hold prose; only what looks like an identifier is taken.
    """
    if not value:
        return ()
    found = [m[1] for m in _ID.finditer(value)] or [
        word[:900] for word in _BETWEEN_IDS.split(value) if "@" in word[1:-1]
    ]
    found = list(dict.fromkeys(found))
    if len(found) > MOST_REFERENCES:
        found = [found[0], *found[-(MOST_REFERENCES - 1) :]]
    return tuple(found)


def message_id_of(value: str | None) -> str | None:
    """The identifier of a Message-ID value; what is not shaped like one is taken as it is."""
    if not value:
        return None
    found = message_ids_of(value)
    if found:
        return found[0]
    return "".join(value.split()).strip("<>")[:900] or None


def domain_of(address: str) -> str:
    """The domain of an address or Message-ID, in lower case, "" where there is none."""
    return address.rpartition("@")[2].strip(" >.").lower() if "@" in address else ""
