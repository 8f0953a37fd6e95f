"""Countries as people write them, to their ISO 3166 codes and back into a language."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# Names are known in these languages besides the document's own; contributors sign in any of them.
_LANGUAGES = ("en", "fr", "es", "pt", "it", "de", "ar", "nl", "ru")
# What people write and CLDR's names do not have.
_ALSO = {
    "usa": "US",
    "us": "US",
    "united states of america": "US",
    "eeuu": "US",
    "ee uu": "US",
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "drc": "CD",
    "dr congo": "CD",
    "rdc": "CD",
    "rd congo": "CD",
    "democratic republic of the congo": "CD",
    "republique democratique du congo": "CD",
    "republica democratica del congo": "CD",
    "republic of the congo": "CG",
    "ivory coast": "CI",
    "burma": "MM",
    "the gambia": "GM",
    "the netherlands": "NL",
    "holland": "NL",
    "czech republic": "CZ",
    "swaziland": "SZ",
    "cape verde": "CV",
    "east timor": "TL",
    "viet nam": "VN",
    "lao pdr": "LA",
    "republic of korea": "KR",
    "republic of moldova": "MD",
    "russian federation": "RU",
    "syrian arab republic": "SY",
    "united republic of tanzania": "TZ",
    "palestine": "PS",
    "macedonia": "MK",
    "turkey": "TR",
}
# Codes of CLDR that stand for no country.
_NONE = {"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"}


def folded(text: str) -> str:
    """Small letters without accents and punctuation: what two spellings of one name share."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", plain))


@cache
def _codes() -> dict[str, str]:
    from babel import Locale

    codes = dict(_ALSO)
    for language in _LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in _NONE:
                codes.setdefault(folded(name), code)
    return codes


def country_code(text: str) -> str:
    """The code of the country named by the whole of `text` in any of the known languages, else ""."""
    stripped = text.strip()
    if len(stripped) == 2 and stripped.isupper() and stripped in set(_codes().values()):
        return stripped
    return _codes().get(folded(stripped), "")


def country_in(place: str) -> str:
    """The code of the country a place ends with ("Sicaya, Bolivia", "Huye (Rwanda)"), else ""."""
    parts = [part for part in re.split(r"[,،;()/|–—·]|\s-\s", place) if part.strip()]
    return _codes().get(folded(parts[-1]), "") if parts else ""


def country_name(country: str, language: str) -> str:
    """The country's name in `language`; what is no code is given back as it is."""
    from babel import Locale, UnknownLocaleError

    try:
        names = Locale.parse(language, sep="-").territories
    except (UnknownLocaleError, ValueError):
        names = Locale.parse("en").territories
    return str(names.get(country, country)) if len(country) == 2 else country
