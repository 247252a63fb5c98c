"""What is charged to budgets, in the database's own words.

Both modules have the same functions; which of them are these is decided once.
"""

from django.db import connection

from budgets.sql.portable import (
    ExchangedSums,
    add_hours,
    add_to_backfilled,
    booked,
    exchanged,
)

if connection.vendor == "postgresql":
    from budgets.sql.postgresql import (
        add_to_periods,
        hours_between,
        packed,
        quarters_between,
        roll_up,
    )
else:
    from budgets.sql.sqlite import (
        add_to_periods,
        hours_between,
        packed,
        quarters_between,
        roll_up,
    )

__all__ = [
    "ExchangedSums",
    "add_hours",
    "add_to_backfilled",
    "add_to_periods",
    "booked",
    "exchanged",
    "hours_between",
    "packed",
    "quarters_between",
    "roll_up",
]
