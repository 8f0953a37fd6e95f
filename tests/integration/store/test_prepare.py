"""A database that makes itself."""

from __future__ import annotations

import stat
from collections.abc import Callable

import pytest

from m4dbot.config import Config
from m4dbot.errors import M4dbotError
from m4dbot.store.prepare import prepared


def test_a_new_database_is_nobody_elses_to_read(make_config: Callable[..., Config]) -> None:
    """The file and what SQLite puts beside it are for their owner alone, from the first moment."""
    config = make_config()
    database = prepared(config)
    try:
        files = [p for p in config.base.iterdir() if p.name.startswith("m4dbot.sqlite")]
        assert files
        assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}
    finally:
        database.close()


def test_a_database_in_a_missing_folder_is_refused(make_config: Callable[..., Config]) -> None:
    """In a sentence, with the way out."""
    with pytest.raises(M4dbotError, match="does not exist; create it"):
        prepared(make_config(database={"url": "sqlite:///nowhere/m4dbot.sqlite"}))
