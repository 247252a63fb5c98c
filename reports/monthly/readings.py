"""What is read for one monthly report, each thing once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from django.db.models import Sum
from django.utils.translation import gettext as _

from accounts.models import Organization
from budgets.consolidated import exchanged
from budgets.models import Budget, BudgetPeriod
from ledger.models import CostRecord
from lib.money import quantize
from lib.periods import Window
from reports.monthly.calendars import ReportedMonth
from reports.monthly.causes import Causes, causes_of
from reports.monthly.events import Happenings
from reports.monthly.figures import YearOutlook
from reports.monthly.plans import planned_of
from reports.monthly.prospects import YearAhead, ahead_of_all, ahead_of_budgets
from reports.monthly.scopes import ReportScope
from reports.monthly.spends import DatedSpend, Spends, spends_of
from reports.monthly.terms import Terms
from reports.paper.writers import PaperWriter

ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class MonthReading:
    """All that was read for one report."""

    organization: Organization
    root: Budget | None
    month: ReportedMonth
    scope: ReportScope
    terms: Terms
    now: datetime

    @cached_property
    def spends(self) -> Spends:
        return spends_of(
            self.organization,
            sorted(self.scope.ids),
            self.month,
            only_theirs=self.root is not None,
        )

    @cached_property
    def lines(self) -> Mapping[int, DatedSpend]:
        return {one.pk: self.spends.of(one.pk) for one in self.scope.budgets}

    @cached_property
    def union(self) -> DatedSpend:
        return self.spends.of_all([one.pk for one in self.scope.tops])

    @cached_property
    def planned(self) -> Mapping[int, Sequence[Decimal]]:
        """What budgets have for each month, in the report's currency."""
        amounts = planned_of(self.organization, self.scope.budgets, self.month)
        rates = self.scope.rates
        found: dict[int, Sequence[Decimal]] = {}
        for one in self.scope.budgets:
            rate = rates[one.currency]
            months = amounts[one.pk]
            if rate is not None:
                months = [exchanged(amount, rate) for amount in months]
            found[one.pk] = months
        return found

    @cached_property
    def planned_in_all(self) -> Sequence[Decimal]:
        tops = [self.planned[one.pk] for one in self.scope.tops]
        months = [sum(column, ZERO) for column in zip(*tops, strict=True)]
        return months or [ZERO for _ in self.month.firsts]

    @cached_property
    def factors(self) -> Mapping[str, Decimal]:
        return {
            currency: rate.rate if rate else _ONE
            for currency, rate in self.scope.rates.items()
        }

    @cached_property
    def to_date(self) -> Window:
        return Window(self.month.year.start, self.month.window.end)

    @cached_property
    def aheads(self) -> Mapping[int, YearAhead]:
        spent = {pk: line.within(self.month.year) for pk, line in self.lines.items()}
        return ahead_of_budgets(
            self.scope.budgets, spent, self.factors, self.month.year, self.now
        )

    @cached_property
    def ahead(self) -> YearAhead | None:
        """What is to come for all tops together."""
        if len(self.scope.tops) == 1:
            return self.aheads.get(self.scope.tops[0].pk)
        ids = sorted(self.union.attributions)
        spent = self.union.within(self.month.year)
        return ahead_of_all(self.organization, ids, spent, self.month, self.now)

    @cached_property
    def causes(self) -> Causes:
        return causes_of(self.union, self.month)

    @property
    def happenings(self) -> Happenings:
        return Happenings(
            self.organization,
            self.month.window,
            self.scope.paths,
            is_whole=self.root is None,
            attributions=self.union.attributions,
            locale=self.terms.locale,
        )

    @property
    def title(self) -> str:
        if self.root is None:
            return self.organization.name
        return " / ".join(
            one.name for one in self.root.get_ancestors(include_self=True)
        )

    @property
    def writer(self) -> PaperWriter:
        one = self.organization
        return PaperWriter(self.terms.locale, one.currency, one.timezone)

    def ledger(self) -> tuple[Decimal | None, Decimal]:
        """Return what the records of the month come to, and what the days do; of a
        subtree nothing. One query."""
        if self.root is not None:
            return None, ZERO
        rows = CostRecord.objects.filter(organization=self.organization)
        rows = rows.during(self.month.window.start, self.month.window.end)
        total = rows.aggregate(total=Sum("total_cost"))["total"]
        everything = self.spends.everything.within(self.month.window)
        return quantize(total or ZERO), everything

    def periods(self) -> list[tuple[str, Decimal, Decimal]]:
        """Return of each budget with just this month as its period its name, what the
        period says was spent, and what the report does. One query."""
        own = {
            one.pk: one
            for one in self.scope.budgets
            if one.currency == self.organization.currency
        }
        rows = BudgetPeriod.objects.filter(
            organization=self.organization,
            starts_at=self.month.window.start,
            ends_at=self.month.window.end,
        ).order_by("pk")
        return [
            (own[pk].name, spent, self.lines[pk].within(self.month.window))
            for pk, spent in rows.values_list("budget_id", "spent")
            if pk in own
        ]

    @cached_property
    def outlook(self) -> YearOutlook:
        budgeted = sum(self.planned_in_all, ZERO)
        ahead, spent = self.ahead, self.union.within(self.month.year)
        if ahead is None:
            return YearOutlook(spent, None, budgeted, None, "")
        if not ahead.is_enough:
            reason = _(
                "Nobody can say yet where the year ends: three days with spend are "
                "needed for a forecast, and there are %(days)s."
            )
            known = {"days": len(ahead.known.days)}
            return YearOutlook(None, None, budgeted, None, reason % known)
        expected, between = ahead.expected()
        likely = ahead.probability_over(budgeted)
        return YearOutlook(expected, between, budgeted, likely, "")

    @property
    def ends_at(self) -> Decimal:
        """What the year comes to; as it stands where nobody can say."""
        if self.outlook.expected is None:
            return self.union.within(self.month.year)
        return self.outlook.expected
