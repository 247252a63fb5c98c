"""The ledger's rows, written and added up in the database's own words.

Both modules have the same functions; which of them are these is decided once.
"""

from django.db import connection

from ledger.sql.portable import Piece, Values

if connection.vendor == "postgresql":
    from ledger.sql.postgresql import (
        EACH_KIND,
        ELEMENTS,
        SLICES,
        elements_of,
        insert,
        insert_attributions,
        insert_deltas,
        numbers,
        ready_deltas,
        slices_of,
        sums,
        total_of,
    )
else:
    from ledger.sql.sqlite import (
        EACH_KIND,
        ELEMENTS,
        SLICES,
        elements_of,
        insert,
        insert_attributions,
        insert_deltas,
        numbers,
        ready_deltas,
        slices_of,
        sums,
        total_of,
    )

__all__ = [
    "EACH_KIND",
    "ELEMENTS",
    "SLICES",
    "Piece",
    "Values",
    "elements_of",
    "insert",
    "insert_attributions",
    "insert_deltas",
    "numbers",
    "ready_deltas",
    "slices_of",
    "sums",
    "total_of",
]
