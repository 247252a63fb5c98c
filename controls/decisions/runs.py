"""What the caps of runs say to one call of a batch."""

from controls.decisions.batch import DecisionBatch
from controls.decisions.types import CallRequest
from controls.types import Reason
from controls.wording import why_run_is_spent


def lacking_in_run(
    batch: DecisionBatch, request: CallRequest, units: int
) -> list[Reason]:
    """Return why *units* more would pass the cap of the call's run; empty: they fit.

    None of them, and a cap that is passed already lacks something all the same.
    """
    name = request.run_id
    if not name:
        return []
    left = batch.runs.left(name)
    if left is None or units <= left:
        return []
    cap, currency = batch.runs.cap_of(name) or 0, batch.guard.currency
    message = why_run_is_spent(name, cap, left, units, currency)
    return [Reason("", "", "run_cap", message, left=max(left, 0), currency=currency)]


def count_in_run(batch: DecisionBatch, request: CallRequest, units: int) -> None:
    """Set *units* aside of the call's run, if it is of one."""
    if request.run_id:
        batch.runs.take(request.run_id, units, batch.now)


def is_capped(batch: DecisionBatch, request: CallRequest) -> bool:
    """Tell whether the call's run has a cap."""
    return bool(request.run_id) and batch.runs.left(request.run_id or "") is not None
