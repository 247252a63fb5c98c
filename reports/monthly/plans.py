"""What budgets have for each month of a year, as their dated lines say.

A period that is longer than a month, or lies across the end of one, is shared out
evenly over its time, so that its parts add up to it. What was carried over is left out:
it would count twice in a year. A grant counts in the month it begins in.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from accounts.models import Organization
from budgets.amounts import TEMPORARY, Amounts, Dated
from budgets.models import AmountLine, Budget, Grant
from budgets.status import calendar_of
from budgets.variance_parts import EXACT
from lib.money import quantize
from lib.periods import Window
from reports.monthly.calendars import ReportedMonth

ZERO = Decimal(0)
_MOMENT = timedelta(microseconds=1)
_LEFT_OUT = (AmountLine.Kind.ROLLOVER, AmountLine.Kind.GRANT)
_Lines = Mapping[int, tuple[Amounts, Amounts]]  # for good, and for a while


def planned_of(
    organization: Organization, budgets: Sequence[Budget], month: ReportedMonth
) -> dict[int, list[Decimal]]:
    """Return by id what *budgets* have for each month of the year, in their currency.

    A template has what all that it made have. Three queries, one more where there are
    templates.
    """
    templates = {one.pk for one in budgets if one.is_template}
    made = _made(organization, templates)
    whose = [one for one in budgets if not one.is_template] + made
    lines, grants = _lines(organization), _grants(organization)
    own = {one.pk: _months(one, organization, month, lines, grants) for one in whose}
    found = {one.pk: own[one.pk] for one in budgets if not one.is_template}
    for pk in templates:
        parts = [own[one.pk] for one in made if one.template_of_id == pk]
        found[pk] = [sum(column, ZERO) for column in zip(*parts, strict=True)] or [
            ZERO for _ in month.firsts
        ]
    return found


def _made(organization: Organization, templates: set[int]) -> list[Budget]:
    if not templates:
        return []
    rows = Budget.objects.filter(organization=organization)
    return list(rows.filter(template_of__in=templates).order_by("pk"))


def _lines(organization: Organization) -> _Lines:
    found: dict[int, tuple[Amounts, Amounts]] = defaultdict(
        lambda: (Amounts(), Amounts())
    )
    rows = AmountLine.objects.filter(organization=organization)
    for kind, budget_id, *dated in (
        rows.exclude(kind__in=_LEFT_OUT)
        .order_by()
        .values_list("kind", "budget_id", "amount", "effective_from", "effective_to")
    ):
        found[budget_id][kind in TEMPORARY].lines.append(Dated(*dated))
    return found


def _grants(organization: Organization) -> Mapping[int, list[tuple[datetime, Decimal]]]:
    found: dict[int, list[tuple[datetime, Decimal]]] = defaultdict(list)
    rows = Grant.objects.filter(organization=organization).order_by()
    for budget_id, begins_at, amount in rows.values_list(
        "budget_id", "begins_at", "amount"
    ):
        found[budget_id].append((begins_at, amount))
    return found


def _months(
    budget: Budget,
    organization: Organization,
    month: ReportedMonth,
    lines: _Lines,
    grants: Mapping[int, list[tuple[datetime, Decimal]]],
) -> list[Decimal]:
    calendar = calendar_of(budget, organization)
    lasting, temporary = lines[budget.pk]
    amounts: dict[datetime, Decimal] = {}
    found = []
    for first in month.firsts:
        # Months as the budget's own clocks have them: so one of its is one of these.
        window = month.window_in(first, ZoneInfo(budget.timezone))
        total = sum(
            (amount for at, amount in grants.get(budget.pk, ()) if at in window), ZERO
        )
        for period in calendar.windows(window.start, window.end):
            if period.start not in amounts:
                last = period.end - _MOMENT
                amounts[period.start] = lasting.at(last) + temporary.at(last)
            total += part_of(amounts[period.start], period, window)
        found.append(total)
    return found


def part_of(amount: Decimal, period: Window, window: Window) -> Decimal:
    """Return the part of *amount*, a period's, that its time in *window* has.

    The parts of all windows that a period is cut into add up to its amount.
    """

    def until(moment: datetime) -> Decimal:
        passed = (min(moment, period.end) - period.start) // _MOMENT
        whole = (period.end - period.start) // _MOMENT
        return quantize(EXACT.divide(EXACT.multiply(amount, passed), whole))

    return until(window.end) - until(max(window.start, period.start))
