"""How much tests do of what could go on for ever: less every day, more at night."""

import os

PROFILE = os.environ.get("COSTOPS_TESTS", "everyday")
if PROFILE not in {"everyday", "large"}:
    raise ValueError(f"COSTOPS_TESTS is everyday or large, not {PROFILE}.")


def size(everyday: int, large: int) -> int:
    """Return the one of the profile that runs: `make test`, or `make test-large`."""
    return large if PROFILE == "large" else everyday
