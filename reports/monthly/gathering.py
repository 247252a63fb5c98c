"""Reading all that one monthly report says."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils.translation import override

from accounts.models import Organization
from approvals.models import TrailEntry
from approvals.trail import head_of
from budgets.models import Budget
from lib.periods import Window
from lib.sql import see_one_moment
from reports.figures import CostPoint
from reports.monthly.bridges import bridge_of
from reports.monthly.calendars import ReportedMonth
from reports.monthly.causes import exchanged_of
from reports.monthly.checks import check, check_periods
from reports.monthly.errors import NoReport
from reports.monthly.figures import (
    Bridge,
    MonthlyFigures,
    MonthPoint,
    PlanAndSpend,
    ReportRow,
    TrailEnd,
    YearOutlook,
)
from reports.monthly.notes import Reckoning, notes_of
from reports.monthly.plans import part_of
from reports.monthly.prospects import (
    months_of,
)
from reports.monthly.readings import MonthReading
from reports.monthly.scopes import scope_of
from reports.monthly.spends import DatedSpend
from reports.monthly.terms import ReportIssue, Terms, is_material
from reports.monthly.words import sentence_of
from reports.paper.languages import language_of

ZERO, _ONE = Decimal(0), Decimal(1)


def gather(
    organization: Organization,
    first: date,
    root: Budget | None,
    terms: Terms,
    issue: ReportIssue,
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
        reading = MonthReading(organization, root, month, scope, terms, now)
        with override(language_of(reading.writer)):
            figures = _Writing(reading).figures(issue)
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
class _Writing:
    """The figures of one report, put together of what was read."""

    of: MonthReading

    def figures(self, issue: ReportIssue) -> MonthlyFigures:
        total = self._beside(self.of.union, self.of.planned_in_all)
        outlook, happenings = self.of.outlook, self.of.happenings
        ledger, everything = self.of.ledger()
        return MonthlyFigures(
            organization=self.of.organization.name,
            title=self.of.title,
            currency=self.of.organization.currency,
            locale=self.of.terms.locale,
            zone=self.of.organization.timezone,
            month=self.of.month.first,
            cut_off=self.of.now,
            is_draft=True,
            revision=issue.revision,
            replaces=issue.replaces,
            sentence=self._sentence(total, outlook),
            total=total,
            total_year_to_date=self._to_date(self.of.union, self.of.planned_in_all),
            total_full_year=PlanAndSpend(outlook.budgeted, self.of.ends_at),
            rows=tuple(self._rows()),
            threshold=self.of.terms.threshold,
            threshold_share=self.of.terms.threshold_share,
            bridge=self._bridge(total),
            drivers=tuple(self.of.causes.drivers()),
            outlook=outlook,
            decisions=tuple(happenings.decisions()),
            days=tuple(self._days(total)),
            year=tuple(self._year()),
            alerts=tuple(happenings.alerts()),
            approvals=tuple(happenings.approvals()),
            overrides=tuple(happenings.overrides()),
            late=tuple(happenings.late(self.of.factors)),
            unpriced=tuple(happenings.unpriced()),
            uncounted=ZERO if ledger is None else everything - total.spent,
            ledger=ledger,
            notes=tuple(notes_of(self._method(), self.of.writer)),
            sign_offs=issue.sign_offs(self.of.now),
            trail=trail_of(self.of.organization),
        )

    def _beside(self, line: DatedSpend, planned: Sequence[Decimal]) -> PlanAndSpend:
        return PlanAndSpend(
            planned[self.of.month.place], line.within(self.of.month.window)
        )

    def _to_date(self, line: DatedSpend, planned: Sequence[Decimal]) -> PlanAndSpend:
        until = self.of.month.place + 1
        return PlanAndSpend(sum(planned[:until], ZERO), line.within(self.of.to_date))

    def _rows(self) -> Iterator[ReportRow]:
        paths, parents = self.of.scope.own_paths, self.of.scope.has_children()
        for budget in self.of.scope.budgets:
            line, planned = self.of.lines[budget.pk], self.of.planned[budget.pk]
            ahead = self.of.aheads.get(budget.pk)
            spent, between = line.within(self.of.month.year), None
            if ahead is not None:
                spent, between = ahead.expected()
            month = self._beside(line, planned)
            yield ReportRow(
                budget=budget.uid,
                path=paths[budget.pk],
                has_children=budget.pk in parents,
                owner=str(budget.owner or ""),
                month=month,
                year_to_date=self._to_date(line, planned),
                full_year=PlanAndSpend(sum(planned, ZERO), spent),
                full_year_between=between,
                is_material=is_material(month, self.of.terms),
                comment=None,
            )

    def _bridge(self, total: PlanAndSpend) -> Bridge:
        month, causes = self.of.month, self.of.causes
        organization = self.of.organization
        # Rates are those of the day (UTC) that amounts are exchanged by.
        planned_on = month.window.start.astimezone(UTC).date()
        now, before = (
            list(exchanged_of(organization, sums, causes.names, window, planned_on))
            for sums, window in (
                (causes.now, month.window),
                (causes.before, month.before),
            )
        )
        return bridge_of(total.budgeted, total.spent, now, before)

    def _sentence(self, total: PlanAndSpend, outlook: YearOutlook) -> str:
        return sentence_of(
            self.of.title,
            self.of.month.first,
            total,
            outlook,
            self.of.writer,
            is_over=self.of.month.is_over(self.of.now),
        )

    def _days(self, total: PlanAndSpend) -> Iterator[CostPoint]:
        spent = ZERO
        for day in self.of.month.days:
            window = self.of.month.day(day)
            since = Window(self.of.month.window.start, window.end)
            pace = part_of(total.budgeted, self.of.month.window, since)
            cost = self.of.union.within(window)
            spent += cost
            # What is dated ahead counts already, so it is shown.
            is_known = window.start <= self.of.now or cost
            told = spent if is_known else None
            words = self.of.writer.day(day)
            if told is not None:
                words += f": {self.of.writer.money(told)}"
            at = window.start.astimezone(self.of.month.zone)
            yield CostPoint(at, told, pace, None, None, words)

    def _year(self) -> Iterator[MonthPoint]:
        of, month = self.of, self.of.month
        spent = [of.union.within(month.month(first)) for first in month.firsts]
        return months_of(month, of.planned_in_all, spent, of.ahead, of.now)

    def _method(self) -> Reckoning:
        own = self.of.organization.currency
        rates = self.of.scope.rates
        return Reckoning(
            currency=own,
            zone=self.of.month.zone,
            rates_of=self.of.month.first,
            rates=[
                f"1 {currency} = {rate.rate.normalize():f} {own}"
                for currency, rate in sorted(rates.items())
                if rate is not None
            ],
            cut_off=self.of.now,
            has_longer_periods=self.of.scope.has_longer_periods,
            has_other_zones=self.of.scope.has_other_zones(self.of.organization),
            has_templates=self.of.scope.has_templates,
            counted_otherwise=self.of.scope.counted_otherwise,
            without_rate=self.of.scope.without_rate,
            has_forecast=self.of.now < self.of.month.year.end,
            several_tops=len(self.of.scope.tops) > 1,
        )


def trail_of(organization: Organization) -> TrailEnd:
    """Return where the organization's trail ends. Two queries."""
    head = head_of(organization.pk)
    if not head.number:
        return TrailEnd(0, "", None)
    rows = TrailEntry.objects.filter(organization=organization, number=head.number)
    return TrailEnd(head.number, head.digest, rows.values_list("at", flat=True).first())
