"""Public holidays of countries and of their parts. Pure.

A place is a country's code of ISO 3166, or that of a part of one: DE, DE-BY, US-NY. The
library is loaded when the first place is asked for: it takes a tenth of a second and
20 MB, which processes where nobody asks should not pay for.
"""

import re
from datetime import date
from functools import lru_cache

from babel import Locale

_PLACE = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")
_ENGLISH = Locale("en")


def is_known(place: str) -> bool:
    """Tell whether the holidays of *place* are known."""
    import holidays

    found = _PLACE.fullmatch(place)
    if found is None:
        return False
    country, part = found.groups()
    parts = holidays.list_supported_countries(include_aliases=False).get(country)
    return parts is not None and (part is None or part in parts)


@lru_cache(maxsize=512)  # places x years
def holidays_of(place: str, year: int) -> frozenset[date]:
    """Return the public holidays of *place*, a known one, in *year*.

    With the days on which one is kept that fell on a weekend, where that is done.
    """
    import holidays

    country, _, part = place.partition("-")
    return frozenset(holidays.country_holidays(country, part or None, years=[year]))


@lru_cache(maxsize=64)
def weekend_of(place: str) -> frozenset[int]:
    """Return the weekdays that are free in *place*, a known one; 0 is Monday."""
    import holidays

    country, _, part = place.partition("-")
    return frozenset(holidays.country_holidays(country, part or None).weekend)


def words_of(place: str) -> str:
    """Return *place* as people call it: “Germany (BY)”."""
    country, _, part = place.partition("-")
    name = _ENGLISH.territories.get(country, country)
    return f"{name} ({part})" if part else name
