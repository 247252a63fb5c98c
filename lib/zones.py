"""The time zones there are."""

from functools import cache
from zoneinfo import available_timezones


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all zones, as they were when the process first asked.

    The system keeps each in a file of its own, some 600 to look at.
    """
    return frozenset(available_timezones())
