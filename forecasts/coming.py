"""Which fixed charges budgets are still charged by."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from budgets.models import Budget, Coverage
from forecasts.dues import NO_DUES, DueLine, Dues
from ledger.models import FixedCharge
from ledger.pricing import PriceBook
from lib.money import COUNTED
from lib.periods import day_of


def dues_of(budgets: Sequence[Budget], *, now: datetime) -> Mapping[int, Dues]:
    """Return by id what *budgets*, of one organization, are still charged by charges.

    One query where there are no such charges, two where there are.
    """
    organization_id = budgets[0].organization_id
    charges: dict[int | None, list[FixedCharge]] = defaultdict(list)
    rows = FixedCharge.objects.filter(organization=organization_id)
    for charge in rows.unbooked_before(date.max).exclude(attribution=None):
        charges[charge.attribution_id].append(charge)
    if not charges:
        return defaultdict(lambda: NO_DUES)
    by_id = {one.pk: one for one in budgets if one.currency not in COUNTED}
    covered = Coverage.objects.filter(
        organization=organization_id,
        budget__in=by_id,
        attribution__in=charges,
        ends_at__gt=now,
    )
    found: dict[int, list[DueLine]] = defaultdict(list)
    prices = PriceBook(organization_id)
    for cover in covered:
        for charge in charges[cover.attribution_id]:
            line = _line(charge, by_id[cover.budget_id], cover, prices, now)
            found[cover.budget_id].append(line)
    return {one.pk: Dues(tuple(found.get(one.pk, ()))) for one in budgets}


def _line(
    charge: FixedCharge,
    budget: Budget,
    cover: Coverage,
    prices: PriceBook,
    now: datetime,
) -> DueLine:
    zone = ZoneInfo(budget.timezone)
    start = max(charge.booked_to, day_of(cover.starts_at, zone))
    before = min(charge.ends_before or date.max, day_of(cover.ends_at, zone))
    rate: Decimal | None = None
    if charge.currency != budget.currency:
        known = prices.rate(charge.currency, budget.currency, now.date())
        rate = Decimal(0) if known is None else known.rate
    return DueLine(charge.terms, start, before, rate)
