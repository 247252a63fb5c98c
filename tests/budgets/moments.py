"""Where and when time is odd, and how many random stories are told about it."""

import os
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, Phase, settings

from tests import sizes
from tests.budgets.worlds import ODD_ZONE

# More of them, at random, to look for something new: EXAMPLES=2000 pytest ...
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

# Around these moments the clocks or the calendar of some zone do something odd.
ODD_MOMENTS = {
    "leap day": datetime(2024, 2, 29, 12, tzinfo=UTC),
    "new year": datetime(2024, 1, 1, tzinfo=UTC),
    "summer time begins in Berlin": datetime(2024, 3, 31, 1, tzinfo=UTC),
    "half an hour back on Lord Howe": datetime(2024, 4, 6, 15, tzinfo=UTC),
    "no midnight in São Paulo": datetime(2018, 11, 4, 3, tzinfo=UTC),
    "midnight twice in São Paulo": datetime(2018, 2, 18, 2, tzinfo=UTC),
    "a day left out in Samoa": datetime(2011, 12, 30, 10, tzinfo=UTC),
    "a minute past midnight in Newfoundland": datetime(2006, 10, 29, 2, 31, tzinfo=UTC),
    "a Kolkata midnight": datetime(2024, 6, 30, 18, 30, tzinfo=UTC),
}
ZONES = [
    "UTC",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Europe/Berlin",
    "America/New_York",
    ODD_ZONE,
]


def examples(count: int) -> settings:
    return settings(
        max_examples=EXAMPLES or sizes.examples(count, 10 * count),
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,) if os.environ.get("NOSHRINK") else tuple(Phase),
    )
