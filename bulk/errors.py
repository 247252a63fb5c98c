"""Refusals of bulk changes."""

from lib.errors import Conflict


class NotReady(Conflict):
    """It is not, or no longer, waiting to be confirmed."""

    code = "bulk_change_not_ready"


class StillFaulty(Conflict):
    """All or nothing was chosen, and some lines can't be applied."""

    code = "bulk_change_faulty"
