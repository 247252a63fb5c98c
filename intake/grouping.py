"""Small requests that arrive together are booked in one transaction."""

from intake.pipeline import take
from ledger.types import UsageOutcome
from ledger.usage import Usage
from lib.grouping import Together

MOST_TOGETHER = 5_000  # records in one transaction

_together: Together[int, Usage, UsageOutcome] = Together(take, most=MOST_TOGETHER)
take_together = _together.do
