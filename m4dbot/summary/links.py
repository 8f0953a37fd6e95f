"""Web addresses in running text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from m4dbot.summary.model import Resource, Response

_ADDRESS = re.compile(
    r"(?<![\w@/.])(?:https?://|www\.)[^\s<>\"“”«»\\^`{}|\x00-\x20\u2066-\u2069]{3,2000}", re.IGNORECASE
)
_PAIRS = {")": "(", "]": "["}


def links(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and address (always http or https) of every web address in the text."""
    for found in _ADDRESS.finditer(text):
        shown = _without_punctuation(found.group())
        host = re.sub(r"^(?:https?://)?", "", shown, flags=re.IGNORECASE).split("/")[0]
        if "." not in host.removeprefix("www.").strip("."):
            continue
        url = shown if shown.lower().startswith("http") else f"https://{shown}"
        yield found.start(), found.start() + len(shown), url


def _without_punctuation(shown: str) -> str:
    """The address without the sentence's own punctuation behind it; a closing bracket stays with its opening one."""
    while shown:
        last = shown[-1]
        if last in ".,;:!?'’…*_~、。，؛،؟" or (last in _PAIRS and shown.count(last) > shown.count(_PAIRS[last])):
            shown = shown[:-1]
        else:
            break
    return shown


def resources(responses: Iterable[Response]) -> tuple[Resource, ...]:
    """Every web address the responses name, once, with who named it; in the order of naming."""
    found: dict[str, tuple[str, list[int]]] = {}
    for response in responses:
        for passage in response.passages:
            for _, _, url in links(passage.text):
                _, numbers = found.setdefault(_sameness(url), (url, []))
                if response.number not in numbers:
                    numbers.append(response.number)
    return tuple(Resource(url, tuple(numbers)) for url, numbers in found.values())


def _sameness(url: str) -> str:
    """What two spellings of one address share: scheme, "www." and a slash at the end make no difference."""
    rest = re.sub(r"^https?://(www\.)?", "", url, flags=re.IGNORECASE).rstrip("/")
    host, slash, path = rest.partition("/")
    return host.lower() + slash + path
