"""Reading all that one monthly report says."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Sum

from accounts.models import Organization
from approvals.models import TrailEntry
from approvals.trail import head_of
from budgets.consolidated import exchanged
from budgets.models import Budget, BudgetPeriod
from ledger.models import CostRecord
from lib.humanize import date_words
from lib.money import quantize
from lib.periods import Window
from lib.sql import see_one_moment
from reports.figures import CostPoint
from reports.monthly.bridges import bridge_of
from reports.monthly.calendars import ReportedMonth
from reports.monthly.causes import Causes, causes_of, exchanged_of
from reports.monthly.checks import check, check_periods
from reports.monthly.errors import NoReport
from reports.monthly.events import Happenings
from reports.monthly.figures import (
    Beside,
    Bridge,
    BudgetRow,
    MonthlyFigures,
    MonthPoint,
    Outlook,
    SignOff,
    TrailHead,
)
from reports.monthly.notes import Method, notes_of
from reports.monthly.plans import part_of, planned_of
from reports.monthly.prospects import (
    YearAhead,
    ahead_of_all,
    ahead_of_budgets,
    months_of,
)
from reports.monthly.scopes import ReportScope, scope_of
from reports.monthly.spends import Line, Spends, spends_of
from reports.monthly.words import ReportWriter, sentence_of

ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Terms:
    """How an organization has its reports."""

    threshold: Decimal  # money in its currency
    threshold_share: Decimal
    locale: str


@dataclass(frozen=True, slots=True)
class Issue:
    """Which report of a month it is, and who has it made."""

    revision: int
    replaces: str
    prepared_by: str


def gather(
    organization: Organization,
    first: date,
    root: Budget | None,
    terms: Terms,
    issue: Issue,
    *,
    now: datetime,
) -> MonthlyFigures:
    """Return the report of the month from *first* on, as of *now*, without comments.

    Of all the organization's budgets, or of *root* and those below it. Some thirty
    queries, whatever the number of budgets.

    Raises:
        NoReport: the month has not begun, or there is nothing to tell of *root*.
        UnsoundReport: its totals don't add up.
    """
    zone = ZoneInfo(organization.timezone)
    month = ReportedMonth.of(first, zone, organization.fiscal_year_start_month)
    if now < month.window.start:
        raise NoReport.field("month", f"{first:%B %Y} has not begun.")
    with _one_moment():
        scope = scope_of(organization, root, month)
        reading = _Reading(organization, root, month, scope, terms, now)
        figures = reading.figures(issue)
        check(figures)
        check_periods(reading.periods(), figures.month)
    return figures


@contextmanager
def _one_moment() -> Iterator[None]:
    """Have all that is read be of one moment, unless a transaction has begun."""
    is_first = not connection.in_atomic_block
    with transaction.atomic():
        if is_first:
            see_one_moment()
        yield


@dataclass(frozen=True)
class _Reading:
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
    def lines(self) -> Mapping[int, Line]:
        return {one.pk: self.spends.of(one.pk) for one in self.scope.budgets}

    @cached_property
    def union(self) -> Line:
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
    def writer(self) -> ReportWriter:
        return ReportWriter(self.organization.currency, self.terms.locale)

    # -- Figures

    def figures(self, issue: Issue) -> MonthlyFigures:
        month, happenings = self.month, self.happenings
        total = self._beside(self.union, self.planned_in_all)
        outlook = self._outlook()
        ledger, everything = self._ledger()
        return MonthlyFigures(
            organization=self.organization.name,
            title=self.title,
            currency=self.organization.currency,
            locale=self.terms.locale,
            zone=self.organization.timezone,
            month=month.first,
            cut_off=self.now,
            is_draft=True,
            revision=issue.revision,
            replaces=issue.replaces,
            sentence=self._sentence(total, outlook),
            total=total,
            total_year_to_date=self._to_date(self.union, self.planned_in_all),
            total_full_year=Beside(outlook.budgeted, self._ends_at(outlook)),
            rows=tuple(self._rows()),
            threshold=self.terms.threshold,
            threshold_share=self.terms.threshold_share,
            bridge=self._bridge(total),
            drivers=tuple(self.causes.drivers()),
            outlook=outlook,
            decisions=tuple(happenings.decisions()),
            days=tuple(self._days(total)),
            year=tuple(self._year()),
            alerts=tuple(happenings.alerts()),
            approvals=tuple(happenings.approvals()),
            overrides=tuple(happenings.overrides()),
            late=tuple(happenings.late(self.factors)),
            unpriced=tuple(happenings.unpriced()),
            uncounted=ZERO if ledger is None else everything - total.spent,
            ledger=ledger,
            notes=tuple(notes_of(self._method())),
            sign_offs=(
                SignOff("Prepared by", issue.prepared_by, self.now),
                SignOff("Approved by", "", None),
            ),
            trail=_trail_of(self.organization),
        )

    def _beside(self, line: Line, planned: Sequence[Decimal]) -> Beside:
        return Beside(planned[self.month.place], line.within(self.month.window))

    def _to_date(self, line: Line, planned: Sequence[Decimal]) -> Beside:
        until = self.month.place + 1
        return Beside(sum(planned[:until], ZERO), line.within(self.to_date))

    def _rows(self) -> Iterator[BudgetRow]:
        paths, parents = self.scope.own_paths, self.scope.has_children()
        for budget in self.scope.budgets:
            line, planned = self.lines[budget.pk], self.planned[budget.pk]
            ahead = self.aheads.get(budget.pk)
            spent, between = line.within(self.month.year), None
            if ahead is not None:
                spent, between = ahead.expected()
            month = self._beside(line, planned)
            yield BudgetRow(
                budget=budget.uid,
                path=paths[budget.pk],
                has_children=budget.pk in parents,
                owner=str(budget.owner or ""),
                month=month,
                year_to_date=self._to_date(line, planned),
                full_year=Beside(sum(planned, ZERO), spent),
                full_year_between=between,
                is_material=is_material(month, self.terms),
                comment=None,
            )

    def _bridge(self, total: Beside) -> Bridge:
        month, causes = self.month, self.causes
        # Rates are those of the day (UTC) that amounts are exchanged by.
        planned_on = month.window.start.astimezone(UTC).date()
        now, before = (
            list(
                exchanged_of(self.organization, sums, causes.names, window, planned_on)
            )
            for sums, window in (
                (causes.now, month.window),
                (causes.before, month.before),
            )
        )
        return bridge_of(total.budgeted, total.spent, now, before)

    def _outlook(self) -> Outlook:
        budgeted = sum(self.planned_in_all, ZERO)
        ahead, spent = self.ahead, self.union.within(self.month.year)
        if ahead is None:
            return Outlook(spent, None, budgeted, None, "")
        if not ahead.is_enough:
            reason = (
                "Nobody can say yet where the year ends: three days with spend are "
                f"needed for a forecast, and there are {len(ahead.known.days)}."
            )
            return Outlook(None, None, budgeted, None, reason)
        expected, between = ahead.expected()
        likely = ahead.probability_over(budgeted)
        return Outlook(expected, between, budgeted, likely, "")

    def _ends_at(self, outlook: Outlook) -> Decimal:
        if outlook.expected is None:
            return self.union.within(self.month.year)
        return outlook.expected

    def _sentence(self, total: Beside, outlook: Outlook) -> str:
        return sentence_of(
            self.title,
            f"{self.month.first:%B %Y}",
            total,
            outlook,
            self.writer,
            is_over=self.month.is_over(self.now),
        )

    def _days(self, total: Beside) -> Iterator[CostPoint]:
        spent = ZERO
        for day in self.month.days:
            window = self.month.day(day)
            since = Window(self.month.window.start, window.end)
            pace = part_of(total.budgeted, self.month.window, since)
            cost = self.union.within(window)
            spent += cost
            # What is dated ahead counts already, so it is shown.
            is_known = window.start <= self.now or cost
            told = spent if is_known else None
            words = date_words(day)
            if told is not None:
                words += f": {self.writer.money(told)}"
            at = window.start.astimezone(self.month.zone)
            yield CostPoint(at, told, pace, None, None, words)

    def _year(self) -> Iterator[MonthPoint]:
        spent = [
            self.union.within(self.month.month(first)) for first in self.month.firsts
        ]
        ahead = self.ahead
        return months_of(self.month, self.planned_in_all, spent, ahead, self.now)

    def _ledger(self) -> tuple[Decimal | None, Decimal]:
        """Return what the records of the month come to, and what the days do; of a
        subtree nothing. One query."""
        if self.root is not None:
            return None, ZERO
        rows = CostRecord.objects.filter(organization=self.organization)
        rows = rows.during(self.month.window.start, self.month.window.end)
        total = rows.aggregate(total=Sum("total_cost"))["total"]
        everything = self.spends.everything.within(self.month.window)
        return quantize(total or ZERO), everything

    def _method(self) -> Method:
        own = self.organization.currency
        rates = self.scope.rates
        return Method(
            currency=own,
            zone=self.month.zone,
            rates_of=self.month.first,
            rates=[
                f"1 {currency} = {rate.rate.normalize():f} {own}"
                for currency, rate in sorted(rates.items())
                if rate is not None
            ],
            cut_off=self.now,
            has_longer_periods=self.scope.has_longer_periods,
            has_other_zones=self.scope.has_other_zones(self.organization),
            has_templates=self.scope.has_templates,
            counted_otherwise=self.scope.counted_otherwise,
            without_rate=self.scope.without_rate,
            has_forecast=self.now < self.month.year.end,
            several_tops=len(self.scope.tops) > 1,
        )

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


def is_material(month: Beside, terms: Terms) -> bool:
    """Tell whether a variance needs a comment: it is beyond both thresholds."""
    if abs(month.variance) <= terms.threshold:
        return False
    return month.share is None or abs(month.share) > terms.threshold_share


def _trail_of(organization: Organization) -> TrailHead:
    head = head_of(organization.pk)
    if not head.number:
        return TrailHead(0, "", None)
    rows = TrailEntry.objects.filter(organization=organization, number=head.number)
    return TrailHead(
        head.number, head.digest, rows.values_list("at", flat=True).first()
    )
