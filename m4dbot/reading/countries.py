"""The names of countries, as people write them at the end of a signature."""

from __future__ import annotations

import re
from functools import cache

from m4dbot.reading.names import folded

_PLACE_LEAD = re.compile(r"^(?:in|à|au|aux|en|em|de|du|from)\s+(?=[A-ZÀ-Þ])")


def is_country(part: str) -> bool:
    """Whether a part is a country's name in one of the languages that names are known in."""
    text = _PLACE_LEAD.sub("", part).strip(" .()")
    return len(text) >= 3 and folded(text) in _countries()


_LANGUAGES = ("en", "fr", "es", "pt", "it", "de", "ar")
# What people write and CLDR does not.
_OTHER_NAMES = (
    *(
        "usa",
        "u.s.a.",
        "uk",
        "u.k.",
        "england",
        "scotland",
        "wales",
        "drc",
        "rdc",
        "r.d.c.",
        "dr congo",
        "rd congo",
        "uae",
    ),
    *(
        "ivory coast",
        "cabo verde",
        "swaziland",
        "burma",
        "holland",
        "bolivia",
        "venezuela",
        "palestine",
        "palestina",
        "syria",
    ),
    *(
        "the gambia",
        "the netherlands",
        "la côte d'ivoire",
        "ee.uu.",
        "ee. uu.",
        "république du congo",
        "república dominicana",
    ),
    *("the philippines", "viet nam", "lao pdr", "tanzania", "south korea", "russia", "iran"),
)


@cache
def _countries() -> frozenset[str]:
    """The names of all countries, folded. Read once, when the first signature has something like one."""
    from babel import Locale

    names = set(_OTHER_NAMES)
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code.isalpha():
                names.add(folded(name))
    return frozenset(names)
