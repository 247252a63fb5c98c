"""Small requests that arrive together are booked in one transaction."""

from costops.lib.grouping import Together
from intake.pipeline import take
from ledger.types import Outcome
from ledger.usage import Usage

MOST_TOGETHER = 5_000  # records in one transaction

_together: Together[int, Usage, Outcome] = Together(take, most=MOST_TOGETHER)
take_together = _together.do
