"""What the kinds of database do each in its own way, as if they were one.

Both modules have the same functions; which of them are these is decided once.
"""

from django.db import connection

if connection.vendor == "postgresql":
    from lib.sql.postgresql import (
        cursor_that_prepares,
        decimal_check,
        decimal_of,
        decimal_type,
        most_told,
        one_round_trip,
        reads_decimals,
        see_one_moment,
        stored_decimal,
        stored_moment,
        stored_money,
        stored_rate,
        stored_uid,
        streaming,
        takes_writes,
    )
else:
    from lib.sql.sqlite import (
        cursor_that_prepares,
        decimal_check,
        decimal_of,
        decimal_type,
        most_told,
        one_round_trip,
        reads_decimals,
        see_one_moment,
        stored_decimal,
        stored_moment,
        stored_money,
        stored_rate,
        stored_uid,
        streaming,
        takes_writes,
    )

__all__ = [
    "cursor_that_prepares",
    "decimal_check",
    "decimal_of",
    "decimal_type",
    "most_told",
    "one_round_trip",
    "reads_decimals",
    "see_one_moment",
    "stored_decimal",
    "stored_moment",
    "stored_money",
    "stored_rate",
    "stored_uid",
    "streaming",
    "takes_writes",
]
