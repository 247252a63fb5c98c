"""What workers do for budgets. Every task may run twice."""

from budgets import backfill
from lib.queue import enqueue

STEPS = 20  # of a backfill in one task, which has a time limit


def continue_backfill(backfill_id: int) -> None:
    """Go on with a long backfill until it is done."""
    for _ in range(STEPS):
        if not backfill.step(backfill_id):
            return
    enqueue("budgets.tasks.continue_backfill", backfill_id)
