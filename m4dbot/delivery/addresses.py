"""Which addresses a mail can be sent to."""

from __future__ import annotations

import re

# RFC 5321 §4.1.2: a dot-string or a quoted string would do; nobody subscribes with a quoted one, and it is how
# commands and headers are smuggled in. Leading and double dots are wrong but exist, so the server may judge them.
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*/=?^_`{|}~+-]{1,64}")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")


def sendable(address: str) -> str | None:
    """The address as it goes into RCPT and To, its domain in ASCII (RFC 5890); None where no mail can go to it.

    An address that is not ASCII before the @ needs SMTPUTF8 all the way (RFC 6531), which few relays offer; it is
    not sent to.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(domain) > 253:
        return None
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        return None
    return f"{local}@{domain}"


def domain_of(address: str) -> str:
    """What stands behind the @, in lower case."""
    return address.rpartition("@")[2].lower()
