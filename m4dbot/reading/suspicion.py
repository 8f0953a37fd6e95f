"""Whether a mail looks like a bounce before its text is read.

Apart from `bounces`, which is only loaded for mails that do.
"""

from __future__ import annotations

import re
from enum import IntEnum

from m4dbot.reading.mime import Mail
from m4dbot.reading.values import Person

# Nobody writes from these; the second kind are offices that people hold as well.
_DAEMON = re.compile(
    r"^(?:mailer[-_.]?daemon|mail[-_.]?daemon|mdaemon|mmdf|microsoftexchange[0-9a-f]{8,})$", re.IGNORECASE
)
_OFFICE = re.compile(
    r"^(?:postmaster|bounces?|bounce-.*|mail[-_.]?delivery.*|mail[-_.]?system|(?:system)?administrator|delivery[-_.]?status"
    r"|ndr|.*(?:smtp|antivirus|mailgate|gateway).*)$",
    re.IGNORECASE,
)
_DAEMON_NAME = re.compile(
    r"mail delivery (?:sub)?system|mailer.daemon|delivery subsystem|mail delivery service", re.IGNORECASE
)
_SUBJECT = re.compile(
    r"^(?:\[[^\]]{1,40}\]\s*)?(?:"
    r"undeliver(?:able|ed)|un-?delivered|mail delivery (?:failed|failure|problem|system|status|error|deferred)"
    r"|delivery (?:status notification|failure|failed|notification|problem|report|error|delayed|has failed)"
    r"|returned mail|mail returned|failure notice|message (?:not delivered|delivery failure|status|undeliverable)"
    r"|non[- ]?deliver|nondeliverable|could ?n[o']t (?:be )?deliver|warning: (?:message|could not send|mail delayed)"
    r"|bounced? (?:mail|message|notification)|mail could not be delivered|rejected:|address not found"
    r"|[ée]chec de (?:la )?(?:remise|livraison|distribution)|non remis|message non (?:remis|distribu|d[ée]livr)"
    r"|retour à l'exp[ée]diteur|avis de non-(?:remise|distribution)|notification d'[ée]tat de remise"
    r"|no se (?:puede|pudo|ha podido) entregar|no entregado|error de entrega|correo (?:devuelto|no entregado)"
    r"|fallo (?:de|en la) entrega|mensaje (?:devuelto|no entregado)|notificaci[óo]n de estado de entrega"
    r"|unzustellbar|nicht zustellbar|zustellung (?:fehlgeschlagen|nicht möglich)|unzustellbarkeitsbericht|unzustellbare"
    r"|não (?:é possível entregar|entregue|foi entregue)|falha na entrega|mensagem (?:não entregue|devolvida)"
    r"|devolvid[oa]|mancato recapito|non recapitabile|messaggio non (?:recapitato|consegnato)|impossibile recapitare"
    r"|onbestelbaar|niet bestelbaar|kan ikke leveres|olevererbart|kunde inte levereras|ej levererat|niedostarczon"
    r"|недоставленное|не доставлено|не удалось доставить|退信|系统退信|配信不能|配信エラー"
    r")",
    re.IGNORECASE,
)
# Weaker, and believed only where a detector knows the text below.
_SUBJECT_HINT = re.compile(
    r"\b(?:delivery|mail|message|recipient|user|courriel|correo|entrega|remise|zustellung)\b[^\n]{0,40}"
    r"\b(?:fail\w*|undeliver\w*|not (?:be )?deliver\w*|reject\w*|return\w*|unknown|error|warning|bounced?|devuelto"
    r"|échec|fallo)\b"
    r"|\bfail\w* (?:mail|delivery)\b|^failed mail",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"^\s*(?:re|fwd?|tr|rv|aw|sv|wg|enc|rif)\s?:", re.IGNORECASE)


class Suspicion(IntEnum):
    """How far a mail looks like a bounce before its text is read."""

    NONE = 0
    HINT = 1  # enough to ask the detectors, which know what servers write
    STRONG = 2  # a machine's mail about a mail; its prose is searched too


def suspicion_of(mail: Mail, author: Person, subject: str, *, null_sender: bool, at_bounce_address: bool) -> Suspicion:
    """Whether it is worth asking whom the mail could not reach; a person's mail never gets far."""
    if mail.status or "x-failed-recipients" in mail.headers:
        return Suspicion.STRONG
    if mail.content_type == "multipart/report" and not mail.disposition:
        about = (mail.headers.raw("content-type") or b"").lower()
        # RFC 8098 and RFC 5965 send reports too, of a mail that arrived.
        return Suspicion.NONE if b"disposition-not" in about or b"feedback-report" in about else Suspicion.STRONG
    local = author.address.rpartition("@")[0]
    if _DAEMON.match(local) or _DAEMON_NAME.search(author.name):
        return Suspicion.STRONG
    said = bool(_SUBJECT.match(subject))
    unanswerable = null_sender or at_bounce_address
    if (_OFFICE.match(local) and (said or unanswerable)) or (said and unanswerable):
        return Suspicion.STRONG
    if unanswerable or said or (_SUBJECT_HINT.search(subject) and not _ANSWER.match(subject)):
        return Suspicion.HINT
    return Suspicion.NONE
