"""An organization with budgets, changed step by step, and what must hold after each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.test import TestCase

from accounts.models import Organization
from budgets import backfill, rollup, services
from budgets import verification as budgets
from budgets.closing import sweep_periods
from budgets.models import Backfill, Budget, BudgetPeriod
from budgets.services import BudgetPlan
from ledger import verification as ledger
from ledger.models import CostRecord, ExchangeRate
from ledger.rates import bundled_rate, bundled_start
from lib.errors import Refusal
from lib.memories import forget_everything
from tests.budgets import oracle
from tests.factories import make_budget, make_organization, report

# No bundled history has this one, so that only the rates given here apply.
SHILLING = "KES"
SHILLINGS = {
    date(2000, 1, 1): Decimal("129.123456789012"),
    date(2012, 1, 1): Decimal("0.333333333333"),
    date(2024, 3, 1): Decimal("7.000000000001"),
}

# Its clocks once changed a minute past midnight: then hours are exact to a quarter.
ODD_ZONE = "America/St_Johns"


def jan(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """Return a moment of January 2025, UTC."""
    return datetime(2025, 1, day, hour, minute, tzinfo=UTC)


def january_budget(
    organization: Organization,
    name: str = "All",
    amount: Decimal | str = "100",
    *,
    now: datetime | None = None,
    **plan: Any,
) -> Budget:
    """Make a budget of 100 a month, as in the middle of January 2025."""
    return make_budget(organization, name, amount, now=now or jan(15, 12), **plan)


def period_of(budget: Budget, at: datetime) -> BudgetPeriod:
    return BudgetPeriod.objects.get(budget=budget, starts_at__lte=at, ends_at__gt=at)


def differences(organization: Organization) -> list[str]:
    """Return what `verify` finds wrong."""
    return [*ledger.differences(organization), *budgets.differences(organization)]


@contextmanager
def undone() -> Iterator[None]:
    """Take back everything at the end: one example of many in one test."""
    forget_everything()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    forget_everything()


class World:
    """One organization. Processes remember what they do when transactions commit."""

    def __init__(self, **organization: Any) -> None:
        self.organization = make_organization("world", **organization)
        for day, rate in SHILLINGS.items():
            ExchangeRate.objects.create(
                base=self.organization.currency, quote=SHILLING, rate=rate, date=day
            )
        self.organization.touch()
        self.seen: list[str] = []

    @property
    def budgets(self) -> list[Budget]:
        rows = Budget.objects.filter(organization=self.organization)
        return list(rows.order_by("pk"))

    def chosen(self, number: int | None) -> Budget | None:
        """Return one of the budgets, if there is any, by any number."""
        found = self.budgets
        return found[number % len(found)] if found and number is not None else None

    def do(self, step: tuple[Any, ...]) -> None:
        """Take one step: what it is called, and what with."""
        name, *what = step
        with TestCase.captureOnCommitCallbacks(execute=True):
            try:
                getattr(self, name)(*what)
            except Refusal as refusal:
                self.seen.append(f"{name} refused: {refusal}")

    def report(self, records: Sequence[dict[str, Any]]) -> None:
        report(self.organization, *records)

    def create(self, plan: dict[str, Any], parent: int | None, now: datetime) -> None:
        services.create_budget(
            self.organization, BudgetPlan(**plan, parent=self.chosen(parent)), now=now
        )

    def change(self, number: int, changes: dict[str, Any], now: datetime) -> None:
        budget = self.chosen(number)
        if budget is not None:
            plan = services.plan_of(budget)
            for name, value in changes.items():
                setattr(plan, name, value)
            services.change_budget(budget, plan, now=now)

    def move(self, number: int, parent: int | None) -> None:
        budget = self.chosen(number)
        if budget is not None:
            services.move_budget(budget, self.chosen(parent))

    def archive(self, number: int, now: datetime) -> None:
        budget = self.chosen(number)
        if budget is not None:
            services.archive_budget(budget, now=now)

    def roll_up(self) -> None:
        rollup.roll_up(self.organization.pk)

    def sweep(self, now: datetime) -> None:
        sweep_periods(now=now)

    def step(self, number: int) -> None:
        """Go one chunk further with one of the backfills."""
        waiting = list(Backfill.objects.order_by("pk").values_list("pk", flat=True))
        if waiting:
            backfill.step(waiting[number % len(waiting)])

    def rate_of(self, currency: str, day: date) -> Decimal:
        own = self.organization.currency
        if currency == SHILLING:
            known = [when for when in SHILLINGS if when <= day]
            return SHILLINGS[max(known)]
        first = bundled_start(own, currency)
        assert first is not None
        rate = bundled_rate(own, currency, max(day, first))
        assert rate is not None
        return rate.rate

    def check(self) -> None:
        """Compare all that is settled with the oracle, and verify."""
        budgets = self.budgets
        accounts = oracle.accounts_of(
            budgets,
            CostRecord.objects.filter(organization=self.organization).select_related(
                "attribution"
            ),
            own_currency=self.organization.currency,
            fiscal_month=self.organization.fiscal_year_start_month,
            rate_of=self.rate_of,
        )
        settled = [budget for budget in budgets if budget.backfill_id is None]
        for budget in settled:
            assert periods_of(budget) == accounts[budget.pk].periods
        exact = [budget for budget in settled if budget.timezone != ODD_ZONE]
        assert hours_of(exact) == {
            (budget.pk, hour): (sums.spent, sums.requests)
            for budget in exact
            for hour, sums in accounts[budget.pk].hours.items()
        }
        assert differences(self.organization) == []


def periods_of(budget: Budget) -> dict[tuple[datetime, datetime], oracle.Sums]:
    """Return the budget's periods that were ever charged."""
    return {
        (row.starts_at, row.ends_at): oracle.Sums(
            row.spent, row.requests, row.unpriced_requests
        )
        for row in BudgetPeriod.objects.filter(budget=budget)
        if row.requests or row.spent or row.unpriced_requests
    }


def hours_of(
    budgets: Sequence[Budget],
) -> dict[tuple[int, oracle.Hour], tuple[Decimal, int]]:
    zones = {budget.pk: budget.timezone for budget in budgets}
    hours: dict[tuple[int, oracle.Hour], tuple[Decimal, int]] = {}
    always = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
    for part in rollup.hours_of(budgets, *always):
        key = part.budget_id, oracle.hour_of(part.starts_at, zones[part.budget_id])
        spent, requests = hours.get(key, (Decimal(0), 0))
        hours[key] = spent + part.spent, requests + part.requests
    return hours
