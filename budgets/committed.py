"""What is spent and set aside has changed, and somebody is to be told of its shares.

Said seconds later, once for all that changed meanwhile: deciding and charging write
nothing more for it than a row of the queue every other second.
"""

import time
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from lib.memories import Memory
from lib.queue import announce_at

SOON_S = 2.0  # after which what was changed is looked at
_SURE_S = 1.0  # within which a transaction that is under way is committed
_looked_at: Memory[int, float] = Memory(most=10_000)  # by organization: monotonic


def note_committed(organization_id: int) -> None:
    """Have what the organization has spent and set aside looked at in a moment.

    Call it where either changes and somebody watches (`BudgetIndex.watches_committed`).
    Does nothing while this process has asked for a look that is to come.
    """
    now = time.monotonic()
    if _looked_at.get(organization_id, 0.0) - _SURE_S >= now:
        return
    at = timezone.now() + timedelta(seconds=SOON_S)
    announce_at(at, "budgets.committed", organization_id)
    # Only what is committed is there to be found.
    asked = partial(_looked_at.remember, organization_id, now + SOON_S)
    transaction.on_commit(asked)
