"""What a period will have cost at its end, as rules ask for it. Pure.

A better method than the run rate only has to be a `Method`.
"""

from typing import Protocol

from alerts.types import Facts
from budgets.outlook import LEAST_DAYS, Outlook, run_rate

__all__ = ["LEAST_DAYS", "Method", "Outlook", "run_rate"]


class Method(Protocol):
    """A way to look ahead; None when there is too little to go by."""

    def __call__(self, facts: Facts, /) -> Outlook | None: ...
