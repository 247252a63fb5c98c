"""Locks that end with the transaction, as each kind of database has them."""

from django.db import connection

if connection.vendor == "postgresql":
    from accounts.sql.postgresql import hold, hold_shared, hold_then_shared
else:
    from accounts.sql.sqlite import hold, hold_shared, hold_then_shared

__all__ = ["hold", "hold_shared", "hold_then_shared"]
