"""Backfilling: charging anew what a change of the tree concerns.

The tree as it stands judges all of history: when a budget is made, moved, re-scoped or
re-dated, what was spent before is charged as if it had always been so. Short histories
are gone through at once, long ones in the background, chunk by chunk.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Max, Min, Sum

from accounts.locks import hold_shared
from accounts.models import Organization
from budgets import sql
from budgets.charging import Charging, open_periods
from budgets.index import FOREVER, Charge, IndexedBudget
from budgets.models import Backfill, Budget, BudgetHour, BudgetPeriod, Coverage
from budgets.types import QUARTER_S, Quarter
from ledger.conversions import convert_missing
from ledger.models import Attribution, CostRecord, DailySpend
from ledger.snapshot import dimensions_of
from lib.measures import is_mark
from lib.periods import Window
from lib.queue import enqueue

AT_ONCE = 100_000  # records gone through before the change is answered
CHUNK = 50_000  # records in one step of a long backfill
_MOMENT = timedelta(microseconds=1)


def start_backfill(
    organization: Organization,
    suspects: Collection[int],
    *,
    redated: Collection[int] = (),
) -> None:
    """Bring coverage and sums of the budgets *suspects* in line with the tree.

    *redated* ones count time anew: their periods are made again. Call it in the
    transaction that changed the tree, with the organization held alone and after
    `roll_up`. What else happens: see the module.
    """
    charging = Charging(organization)
    dirty = _refresh_coverage(charging, set(suspects)) | set(redated)
    if not dirty:
        return
    budgets = Budget.objects.filter(pk__in=dirty)
    BudgetHour.objects.filter(organization=organization, budget__in=dirty).delete()
    BudgetPeriod.objects.filter(budget__in=list(redated)).delete()
    BudgetPeriod.objects.filter(budget__in=dirty).update(
        spent=0, requests=0, unpriced_requests=0, late_spend=0
    )
    backfill = _new_backfill(organization, [charging.index.budgets[pk] for pk in dirty])
    budgets.update(backfill=backfill)
    if backfill is None:
        return
    if backfill.total > AT_ONCE:
        enqueue("budgets.tasks.continue_backfill", backfill.pk)
        return
    while step(backfill.pk, charging=charging):
        pass


def _refresh_coverage(charging: Charging, suspects: set[int]) -> set[int]:
    """Write what *suspects* cover now; return those for which it is something else."""
    wanted: dict[int, set[tuple[int, datetime, datetime, str]]] = {
        budget_id: set() for budget_id in suspects
    }
    for attribution_id, charge in charges_of_all(charging):
        if charge.budget.id in suspects:
            wanted[charge.budget.id].add(
                (attribution_id, charge.start, charge.end, charge.budget.currency)
            )
    present: dict[int, set[tuple[int, datetime, datetime, str]]] = {}
    rows = Coverage.objects.filter(budget__in=suspects)
    for budget_id, attribution_id, start, end, currency in rows.values_list(
        "budget_id", "attribution_id", "starts_at", "ends_at", "currency"
    ):
        what = attribution_id, start, end, currency
        present.setdefault(budget_id, set()).add(what)
    dirty = {pk for pk in suspects if wanted[pk] != present.get(pk, set())}
    Coverage.objects.filter(budget__in=dirty).delete()
    Coverage.objects.bulk_create(
        [
            Coverage(
                organization_id=charging.organization_id,
                budget_id=budget_id,
                attribution_id=attribution_id,
                starts_at=start,
                ends_at=end,
                currency=currency,
            )
            for budget_id in sorted(dirty)
            for attribution_id, start, end, currency in sorted(wanted[budget_id])
        ],
        batch_size=2_000,
    )
    return dirty


def charges_of_all(charging: Charging) -> Iterator[tuple[int, Charge]]:
    """Yield every charge of every attribution of the organization."""
    rows = Attribution.objects.filter(organization=charging.organization_id)
    for attribution in rows.iterator(chunk_size=5_000):
        charges = charging.charges_of(dimensions_of(attribution), attribution.tags)
        for charge in charges:
            yield attribution.pk, charge


def _new_backfill(
    organization: Organization, budgets: Collection[IndexedBudget]
) -> Backfill | None:
    """Return a backfill of *budgets*; None when there is nothing to go through.

    Nobody books in the organization now, so every record it will get from here on has
    a greater id.
    """
    records = CostRecord.objects.filter(organization=organization)
    span = records.aggregate(first=Min("timestamp"), last=Max("timestamp"))
    if span["first"] is None:
        return None
    start = max(span["first"], min(budget.life[0] for budget in budgets))
    until = min(span["last"] + _MOMENT, max(budget.life[1] for budget in budgets))
    if start >= until:
        return None
    days = DailySpend.objects.filter(organization=organization).during(
        start.date(), None if until >= FOREVER else until.date() + timedelta(days=1)
    )
    return Backfill.objects.create(
        organization=organization,
        upto_id=CostRecord.objects.aggregate(last=Max("pk"))["last"],
        done_until=start,
        until=until,
        total=days.aggregate(n=Sum("requests"))["n"] or 0,
    )


@transaction.atomic
def step(backfill_id: int, *, charging: Charging | None = None) -> bool:
    """Go one chunk further and return whether there is more to do.

    Atomic, and safe beside ingest, other workers and changes of the tree.
    """
    organization_id = (
        Backfill.objects.filter(pk=backfill_id)
        .values_list("organization_id", flat=True)
        .first()
    )
    if organization_id is None:
        return False
    hold_shared(organization_id)
    backfill = (
        # One worker at a time goes through it. Locking the organization's row too, as
        # the join would, stops whoever books: their foreign keys point at it.
        Backfill.objects.select_for_update(of=("self",))
        .select_related("organization")
        .filter(pk=backfill_id)
        .first()
    )
    if backfill is None:
        return False
    if charging is None:
        charging = Charging(backfill.organization)
    ids = list(backfill.budgets.values_list("pk", flat=True))
    end, count = _chunk_of(backfill)
    if ids:
        _charge_chunk(charging, ids, backfill, end)
    if end >= backfill.until or not ids:
        backfill.delete()  # the budgets' pointers at it become null
        return False
    backfill.done_until, backfill.done = end, backfill.done + count
    backfill.save(update_fields=["done_until", "done"])
    return True


def _chunk_of(backfill: Backfill) -> tuple[datetime, int]:
    """Return until when the next CHUNK records reach, and how many they are."""
    times = (
        CostRecord.objects.filter(organization=backfill.organization_id)
        .during(backfill.done_until, backfill.until)
        .order_by("timestamp")
        .values_list("timestamp", flat=True)
    )
    beyond = times[CHUNK : CHUNK + 1]
    end = (
        min(max(beyond[0], backfill.done_until + _MOMENT), backfill.until)
        if (beyond)
        else backfill.until
    )
    return end, CHUNK if beyond else 0


def _charge_chunk(
    charging: Charging, budget_ids: list[int], backfill: Backfill, end: datetime
) -> None:
    known = charging.index.budgets
    currencies = {known[pk].currency for pk in budget_ids} - {""}
    foreign = {one for one in currencies if not is_mark(one)}
    records = CostRecord.objects.filter(
        organization=backfill.organization_id, pk__lte=backfill.upto_id
    ).during(backfill.done_until, end)
    for currency in sorted(foreign):
        covering = [pk for pk in budget_ids if known[pk].currency == currency]
        attributions = Coverage.objects.filter(budget__in=covering)
        convert_missing(
            backfill.organization,
            records.filter(attribution__in=attributions.values("attribution")),
            currency,
        )
    quarters = quarters_of(
        backfill.organization_id,
        budget_ids,
        backfill.done_until,
        end,
        upto_id=backfill.upto_id,
    )
    _add([(known[quarter.budget_id], quarter) for quarter in quarters])


def quarters_of(
    organization_id: int,
    budget_ids: Sequence[int],
    start: datetime,
    end: datetime,
    *,
    upto_id: int,
) -> Sequence[Quarter]:
    """Add up, from the cost records alone, what budgets spent in [start, end)."""
    if not budget_ids:
        return []
    return sql.quarters_between(organization_id, budget_ids, start, end, upto_id)


def begun(at: datetime) -> datetime:
    """Return when the quarter of an hour around *at* began."""
    seconds = int(at.timestamp()) // QUARTER_S * QUARTER_S
    return datetime.fromtimestamp(seconds, UTC)


def place_of(budget: IndexedBudget, quarter: Quarter) -> tuple[Window, datetime]:
    """Return the period, and the start of the clock hour, a quarter belongs to."""
    # The first quarter of a life may begin before it; what is in it does not.
    at = max(quarter.starts_at, budget.life[0])
    return budget.window_at(at), max(budget.hour_at(at).start, budget.life[0])


def _add(charged: list[tuple[IndexedBudget, Quarter]]) -> None:
    periods: dict[tuple[int, int, datetime], list[Quarter]] = {}
    windows: dict[tuple[int, datetime], Window] = {}
    hours: dict[tuple[int, datetime], list[Quarter]] = {}
    for budget, quarter in charged:
        window, hour = place_of(budget, quarter)
        windows[budget.id, window.start] = window
        key = -budget.level, budget.id, window.start  # the order periods are locked in
        periods.setdefault(key, []).append(quarter)
        hours.setdefault((budget.id, hour), []).append(quarter)
    if not charged:
        return
    organization_id = _organization_of(charged[0][0])
    ordered = sorted(periods)
    ids = open_periods(
        organization_id, [(pk, windows[pk, start]) for _, pk, start in ordered]
    )
    sql.add_to_backfilled(
        [
            (
                ids[key[1], key[2]],
                _spent_in(periods[key]),
                sum(quarter.requests for quarter in periods[key]),
                sum(quarter.unpriced for quarter in periods[key]),
            )
            for key in ordered
        ]
    )
    sql.add_hours(
        organization_id,
        [
            (
                budget_id,
                hour,
                _spent_in(quarters),
                sum(quarter.requests for quarter in quarters),
            )
            for (budget_id, hour), quarters in sorted(hours.items())
        ],
    )


def _spent_in(quarters: list[Quarter]) -> Decimal:
    return sum((quarter.spent for quarter in quarters), Decimal(0))


def _organization_of(budget: IndexedBudget) -> int:
    return Budget.objects.values_list("organization_id", flat=True).get(pk=budget.id)


def continue_all() -> int:
    """Finish the backfills there are, and return how many; any number may do so.

    The queue does it too: this is for one whose task was lost.
    """
    ids = list(Backfill.objects.order_by("pk").values_list("pk", flat=True))
    for backfill_id in ids:
        while step(backfill_id):
            pass
    return len(ids)
