"""Asking the database less often, and for less work each time."""

from lib.sql import cursor_that_prepares, one_round_trip, streaming

__all__ = ["cursor_that_prepares", "one_round_trip", "streaming"]
