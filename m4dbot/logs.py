"""The log: events with fields, one a line, on a stream."""

from __future__ import annotations

import logging
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict


def log_events(stream: TextIO, *, as_json: bool = False, level: int = logging.INFO) -> None:
    """Write every event from `level` on to `stream`. What other libraries log comes from WARNING on."""
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.processors.LogfmtRenderer()
    structlog.configure(
        processors=[
            _without_empty,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _one_line,
            structlog.processors.EventRenamer("event") if as_json else _event_first,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        # Loggers are made at import and outlive a test's or a command's stream.
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=stream, level=logging.WARNING, format="level=%(levelname)s logger=%(name)s %(message)s")
    # aiosmtpd and the scheduler report every connection and job.
    for name in ("mail.log", "mail.error", "apscheduler", "imapclient"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _without_empty(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {key: value for key, value in event.items() if value is not None}


def _one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Values a mail or a server chose cannot forge a line or steer a terminal."""
    return {
        key: "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }


def _event_first(_logger: object, _method: str, event: EventDict) -> EventDict:
    first: dict[str, Any] = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
    return {**first, **{key: _plain(value) for key, value in event.items()}}


def _plain(value: object) -> object:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value
