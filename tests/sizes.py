"""How much tests do of what could go on for ever: less every day, more at night."""

import os

import pytest

PROFILE = os.environ.get("COSTOPS_TESTS", "everyday")
if PROFILE not in {"everyday", "large"}:
    raise ValueError(f"COSTOPS_TESTS is everyday or large, not {PROFILE}.")

_IS_SECOND = os.environ.get("DATABASE_URL", "").startswith("postgres")


def size(everyday: int, large: int) -> int:
    """Return the one of the profile that runs: `make test`, or `make test-large`."""
    return large if PROFILE == "large" else everyday


def examples(everyday: int, large: int) -> int:
    """Return how many examples a property is shown by.

    Every day a fifth of them on PostgreSQL: it must agree with SQLite, which has shown
    what the rules are.
    """
    if PROFILE == "large":
        return large
    return max(2, everyday // 5) if _IS_SECOND else everyday


# What takes minutes, or breaks only by an edit of what nobody edits: old migrations.
at_night = pytest.mark.skipif(PROFILE == "everyday", reason="it runs at night")
# What is long, and asks the database for nothing that other tests don't ask it for.
every_day_on_sqlite = pytest.mark.skipif(
    PROFILE == "everyday" and _IS_SECOND, reason="every day it runs on SQLite only"
)
