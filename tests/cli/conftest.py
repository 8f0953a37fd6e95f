from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Runner

CONFIG = """
[[group]]
slug = "water"
address = "water@groups.example.org"
name = "Water network"
languages = ["en", "fr", "es"]
timezone = "Europe/Brussels"
facilitators = [{ address = "fay@groups.example.org", name = "Fay" }]
"""


@pytest.fixture
def bare(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    """A runner in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("M4DBOT_CONFIG", raising=False)
    monkeypatch.delenv("M4DBOT_FACILITATOR", raising=False)
    monkeypatch.setenv("M4DBOT_DEBUG", "1")  # what nobody foresaw fails the test
    return Runner(tmp_path, capsys, monkeypatch)


@pytest.fixture
def m4dbot(bare: Runner) -> Runner:
    """A runner in a folder with the configuration of one group, "water"."""
    (bare.folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    return bare
