"""TOML files people write: read, checked against a pydantic model, every mistake found at once.

tomllib keeps no positions, so the line of a key is found again by reading the section headers.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4dbot.errors import InvalidFile, Problem

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

PathInFile = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-\"' ]{1,200}?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\-\"']{1,200})\s*=")


def read_text(path: Path) -> str:
    """The file's text. Raises InvalidFile with the way out where it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = path.read_bytes()[: exc.start].count(b"\n") + 1
        raise InvalidFile([Problem(str(path), f"line {line}", "is not UTF-8 text", "save the file as UTF-8")]) from None
    except FileNotFoundError:
        raise InvalidFile([Problem(str(path), "", "there is no such file")]) from None
    except IsADirectoryError:
        raise InvalidFile([Problem(str(path), "", "is a folder, not a file")]) from None
    except OSError as exc:
        raise InvalidFile([Problem(str(path), "", f"cannot be read ({exc.strerror})")]) from None


def parse(text: str, name: str) -> dict[str, Any]:
    """The file's tables. Raises InvalidFile naming line and column of a syntax error."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        said = str(exc)
        found = re.search(r"^(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)$", said)
        wrong, place = said, ""
        if found:
            wrong = found[1]
            place = f"line {found[2]}, column {found[3]}" if found[2] else f"line {text.count(chr(10)) + 1}"
        wrong = wrong[:1].lower() + wrong[1:]
        raise InvalidFile([Problem(name, place, f"is not valid TOML ({wrong})")]) from None
    except RecursionError:
        raise InvalidFile([Problem(name, "", "is nested too deeply")]) from None


def lines_of_keys(text: str) -> dict[PathInFile, int]:
    """The line number of every section and key; arrays of tables are counted from 0."""
    found: dict[PathInFile, int] = {}
    counts: dict[PathInFile, int] = {}
    here: PathInFile = ()
    for number, line in enumerate(text.splitlines(), 1):
        if (header := _HEADER.match(line[:400])) is not None:
            names = _names(header[2])
            here = ()
            for depth, part in enumerate(names, 1):
                here = (*here, part)
                if depth == len(names) and header[1] == "[[":
                    counts[here] = counts.get(here, -1) + 1
                if here in counts:
                    here = (*here, counts[here])
            found.setdefault(here, number)
        elif (key := _KEY.match(line[:400])) is not None:
            found.setdefault((*here, *_names(key[1])), number)
    return found


def _names(dotted: str) -> PathInFile:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def place_of(path: PathInFile, lines: Mapping[PathInFile, int]) -> str:
    """ "line 12, week 2, question 1: text.fr" for ("week", 1, "question", 0, "text", "fr")."""
    line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)
    groups: list[str] = []
    rest: list[str] = []
    for part, following in zip(path, (*path[1:], None), strict=True):
        if isinstance(part, int):
            continue
        if isinstance(following, int):
            groups.append(f"{part} {following + 1}")
        else:
            rest.append(part)
    named = ", ".join(groups + ([".".join(rest)] if rest else []))
    return ", ".join(filter(None, (f"line {line}" if line else "", named)))


def problems_of(error: ValidationError, name: str, text: str, model: type[BaseModel], sample: str) -> Iterator[Problem]:
    """Pydantic's findings in words a person can act on. No value of a secret is ever repeated."""
    lines = lines_of_keys(text)
    for found in error.errors(include_url=False):
        path = tuple(p for p in found["loc"] if not (isinstance(p, str) and p.startswith(("function-", "literal["))))
        path, wrong, instead = _in_words(dict(found), path, model, sample)
        yield Problem(name, place_of(path, lines), wrong, instead)


def _in_words(
    found: dict[str, Any], path: PathInFile, model: type[BaseModel], sample: str
) -> tuple[PathInFile, str, str]:
    kind, ctx = found["type"], found.get("ctx", {})
    if kind == "missing":
        return path, "is missing", f"add {path[-1]} = …" if path else ""
    if kind == "extra_forbidden":
        import difflib

        near = difflib.get_close_matches(str(path[-1]), _fields_at(model, path[:-1]), 1)
        return path, "is not known here", f"did you mean {near[0]}?" if near else "remove it"
    if kind == "value_error":
        wrong, _, instead = str(ctx.get("error", found["msg"])).partition("; ")
        return path, wrong, instead
    wrong = found["msg"][:1].lower() + found["msg"][1:]
    wrong = wrong.replace("input should be", "should be").replace("string", "text").replace("dictionary", "table")
    return path, wrong, f"see {sample}"


def _fields_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The names allowed at `path`, for a suggestion; [] where the path leads out of the model."""
    from typing import get_args

    from pydantic import BaseModel

    here: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        fields = {(f.alias or n): f for n, f in here.model_fields.items()}
        if part not in fields:
            return []
        stack = [fields[part].annotation]
        here = None
        while stack and here is None:
            kind = stack.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                here = kind
            stack.extend(get_args(kind))
        if here is None:
            return []
    return [f.alias or n for n, f in here.model_fields.items()]
