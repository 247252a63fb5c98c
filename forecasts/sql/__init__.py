"""What budgets spent between moments, in the database's own words.

Both modules have the same function; which of them this is is decided once.
"""

from django.db import connection

if connection.vendor == "postgresql":
    from forecasts.sql.postgresql import spends
else:
    from forecasts.sql.sqlite import spends

__all__ = ["spends"]
