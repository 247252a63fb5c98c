"""The statements of reservations, in the database's own words.

Both modules have the same functions; which of them are these is decided once.
"""

from django.db import connection

from budgets.reservations.sql.portable import read

if connection.vendor == "postgresql":
    from budgets.reservations.sql.postgresql import (
        add,
        free,
        insert,
        locked,
        save,
        take,
    )
else:
    from budgets.reservations.sql.sqlite import add, free, insert, locked, save, take

__all__ = ["add", "free", "insert", "locked", "read", "save", "take"]
