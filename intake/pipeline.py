"""The one way usage comes in: recorded, charged and watched, in one transaction.

In the order of `_take`:

- The organization is held as it is, so that no budget changes on the way.
- Records that name a reservation are filed where its decision was made for.
- The ledger prices, attributes and inserts. To know whom a new attribution charges, and
  for how long that stays the same, it asks the `Charger` in its snapshot, which is
  `budgets.charging`: the one call that goes up. While the database takes the rows in it
  runs *reckon*, handed to it here, which says what each budget period is due.
- Reservations that the records use up are settled, uses of rate limits corrected.
- Runs that the records name count what they spent.
- Periods are charged what is due, and given back what was freed; once, for they are
  locked in one order within a transaction.
- Thresholds that were passed become alerts.

Right after the commit the first step of each alert is written to the outbox; should the
process die before, a worker does it. What is newly known (attributions, periods) is
remembered on commit, too, for what is rolled back never was.
"""

from collections.abc import Sequence
from contextlib import suppress

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from alerts import services as alerts
from budgets import runs
from budgets.errors import NotOpened
from budgets.reservations.capture import settle, with_settlements
from budgets.reservations.claims import claim
from budgets.rollup import keep_up
from budgets.snapshots import hold_snapshot, lacks_budgets
from controls.decisions.release import adjust as adjust_rates
from ledger import services as ledger
from ledger.errors import AlreadyThere
from ledger.types import UsageOutcome
from ledger.usage import Usage, tag_senders
from lib.availability import is_out_of_range
from lib.errors import OutOfRange


def take(organization_id: int, usage: Sequence[Usage]) -> Sequence[UsageOutcome]:
    """Book *usage* of one organization and charge every budget on its path.

    All or nothing, durable when it returns, safe to repeat: a usage id counts once.
    Returns what became of each record, in order.

    Raises:
        OutOfRange: with them some sum would be more than the database can hold.
    """
    outcomes = _taken(organization_id, usage)
    if not connection.in_atomic_block:
        keep_up(organization_id, len(usage))
    return outcomes


def _taken(organization_id: int, usage: Sequence[Usage]) -> Sequence[UsageOutcome]:
    try:
        return _opened(organization_id, usage)
    except (OverflowError, DatabaseError) as error:
        if is_out_of_range(error):
            raise OutOfRange from error
        raise
    except AlreadyThere:
        # Most batches are new; only one that is not pays for looking. Others may add
        # more of it while this one looks, but no more often than there are records.
        for _ in usage:
            with suppress(AlreadyThere):
                return _opened(organization_id, usage, look_first=True)
        raise


def _opened(
    organization_id: int, usage: Sequence[Usage], *, look_first: bool = False
) -> Sequence[UsageOutcome]:
    """Take *usage* as one that opens budgets of templates, if it has to be."""
    if not lacks_budgets(organization_id, usage):
        with suppress(NotOpened):  # known elsewhere, or by nobody yet
            return _take(organization_id, usage, look_first=look_first)
    return _take(organization_id, usage, look_first=look_first, opens=True)


def _take(
    organization_id: int,
    usage: Sequence[Usage],
    *,
    look_first: bool = False,
    opens: bool = False,
) -> Sequence[UsageOutcome]:
    with transaction.atomic():
        snapshot, charging = hold_snapshot(organization_id, opens=opens)
        if charging.index.counts_by_key:
            tag_senders(usage)
        claimed = claim(charging, usage)
        recorded = ledger.record(
            snapshot,
            claimed.usage,
            claimed.said,
            reckon=charging.reckon,
            look_first=look_first,
        )
        settled = settle(charging, recorded.named, claimed, now=timezone.now())
        adjust_rates(settled.ended)
        runs.charge(
            organization_id, recorded.runs, settled.freed.runs, now=timezone.now()
        )
        crossings = charging.charge(recorded.due, settled.freed.periods)
        if crossings:
            alerts.observe(organization_id, crossings, now=timezone.now())
    return with_settlements(recorded.outcomes, usage, settled)
