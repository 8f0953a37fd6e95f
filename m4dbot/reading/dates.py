"""The Date field as an instant (RFC 5322 §3.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
# RFC 5322 §4.3: the zones that have names; others are unknown and count as UTC.
_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "CET": 1, "CEST": 2}
_DATE = re.compile(
    r"(\d{1,2})[\s-]{1,4}([A-Za-z]{3})[a-z]{0,6}[\s-]{1,4}(\d{2,4})"
    r"(?:[\s,]{1,4}(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:\.\d{1,6})?)?"
    r"\s{0,4}(?:([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5}))?"
)
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:\.\d{1,9})?\s?(?:(Z)|([+-])(\d{2}):?(\d{2}))?"
)
# What C's asctime writes, and some programs put into mail.
_ASCTIME = re.compile(
    r"([A-Za-z]{3})\s{1,2}(\d{1,2})\s(\d{1,2}):(\d{2})(?::(\d{2}))?\s(?:([A-Z]{3,4})\s)?(\d{4})(?:\s?([+-])(\d{2}):?(\d{2}))?"
)
_EARLIEST = 1990  # electronic mail with a group address is younger


def instant_of(value: str | None) -> datetime | None:
    """The instant of a Date value, aware and in UTC, or None where it is missing or implausible.

    Whether it lies in the future is for somebody with a clock to say.
    """
    if not value:
        return None
    value = value[:200]
    try:
        if match := _ASCTIME.search(value):
            return _from_asctime(match)
        if match := _DATE.search(value):
            return _from_rfc_5322(match)
        if match := _ISO.search(value):
            return _from_iso(match)
    except (ValueError, OverflowError):
        return None
    return None


def _from_rfc_5322(match: re.Match[str]) -> datetime | None:
    month = _MONTHS.get(match[2].lower())
    if month is None:
        return None
    year = int(match[3])
    if year < 1000:
        year += 2000 if year < 50 else 1900  # §4.3: two and three digits
    if match[7]:
        zone = _offset(match[7], match[8], match[9])
    else:
        zone = timedelta(hours=_ZONES.get((match[10] or "").upper(), 0))
    return _plausible((year, month, int(match[1])), (match[4], match[5], match[6]), zone)


def _from_asctime(match: re.Match[str]) -> datetime | None:
    month = _MONTHS.get(match[1].lower())
    if month is None:
        return None
    zone = timedelta(hours=_ZONES.get(match[6] or "", 0))
    if match[8]:
        zone = _offset(match[8], match[9], match[10])
    return _plausible((int(match[7]), month, int(match[2])), (match[3], match[4], match[5]), zone)


def _from_iso(match: re.Match[str]) -> datetime | None:
    zone = _offset(match[8], match[9], match[10]) if match[8] else timedelta()
    return _plausible((int(match[1]), int(match[2]), int(match[3])), (match[4], match[5], match[6]), zone)


def _offset(sign: str, hours: str, minutes: str) -> timedelta:
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if offset >= timedelta(hours=15):
        return timedelta()  # no place on earth; the clock time is still worth something
    return -offset if sign == "-" else offset


def _plausible(
    day: tuple[int, int, int], clock: tuple[str | None, str | None, str | None], zone: timedelta
) -> datetime | None:
    if not _EARLIEST <= day[0] <= 2200:
        return None
    hour, minute, second = (int(part or 0) for part in clock)
    # A leap second is 60.
    return datetime(*day, hour, minute, min(second, 59), tzinfo=timezone(zone)).astimezone(UTC)
