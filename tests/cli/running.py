"""Running commands in tests as `m4dbot` runs them, with what they print and their exit status."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from m4dbot import cli


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Runner:
    """`runner("queue", "--json")` runs in `folder` with the configuration there."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *args: object, code: int | None = 0, stdin: bytes = b"") -> Ran:
        """Run; `code` is the exit status that is expected (None: any)."""
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        status = cli.invoke([str(a) for a in args])
        said = self._capsys.readouterr()
        ran = Ran(status, said.out, said.err)
        assert "Traceback" not in ran.out + ran.err
        if code is not None:
            assert ran.code == code, f"exit status {ran.code}: {ran.out}{ran.err}"
        return ran
