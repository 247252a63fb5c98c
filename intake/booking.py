"""In which month usage counts, as its sender is told."""

from ledger.types import UsageOutcome
from ledger.usage import Usage


def booked_in(record: Usage, outcome: UsageOutcome) -> str:
    """Return the month a record counts in, as 2025-02: its own, unless it was closed.

    Of one that is booked already, where that counts.
    """
    return f"{outcome.booked_at or record.timestamp:%Y-%m}"


def booked_elsewhere(record: Usage, outcome: UsageOutcome) -> str | None:
    """Return the month a record counts in, if that is another than its own."""
    if outcome.booked_at is None:  # nearly always
        return None
    month = booked_in(record, outcome)
    return None if month == f"{record.timestamp:%Y-%m}" else month
