"""Seasonal amounts: twelve months or four quarters that come back every year.

`Budget.phasing` says what each is to have; dated lines say it of the periods from the
present one to the end of the next fiscal year, and the sweep goes on from there. So
what a period may spend stays the sum of its lines, and one that is over keeps its own.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet

from accounts.locks import hold_alone, hold_trees
from accounts.models import Organization
from accounts.versions import Seen, check_seen, history_of
from budgets.amounts import Amounts, amounts_of
from budgets.errors import IsArchived
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.seasons import SEASONS, add_up_to_hundred, season_of, shared_out
from budgets.status import calendar_of
from budgets.validation import check_own_amount, sound_amount
from lib.errors import Invalid
from lib.periods import Cadence, Calendar, Window
from lib.queue import announce

ZERO = Decimal(0)
_INSTANT = timedelta(microseconds=1)
_GOES_ON = "Goes on as phased"


class Phase(NamedTuple):
    """One period of a fiscal year, and what is planned for it."""

    window: Window
    amount: Decimal


class _Piece(NamedTuple):
    """By how much the lines say too little in [start, end)."""

    start: datetime
    end: datetime
    lacks: Decimal


def phases_of(budget: Budget) -> list[Decimal]:
    """Return what each month or quarter is to have; empty: all have the same."""
    return [Decimal(text) for text in budget.phasing]


def year_of(budget: Budget) -> Decimal | None:
    """Return what a year has of *budget*; None: it has no months or quarters."""
    if budget.phasing:
        return sum(phases_of(budget), ZERO)
    seasons = SEASONS.get(Cadence(budget.period))
    return budget.amount * seasons if seasons else None


def gives_more(budget: Budget, amounts: Sequence[Decimal], *, now: datetime) -> bool:
    """Tell whether *budget* could spend more with *amounts* than as it is phased now:
    in a whole year, or in what is left of the one that runs.

    What the present period no longer has counts as spent. *amounts* are sound; none:
    each period has the planned amount.
    """
    if Cadence(budget.period) not in SEASONS:
        return False
    planned = [budget.amount] * SEASONS[Cadence(budget.period)]
    before, after = phases_of(budget) or planned, amounts or planned
    if sum(after) > sum(before):
        return True
    calendar = calendar_of(budget, budget.organization)
    window = calendar.window_at(now)
    if window is None:
        return False
    present = season_of(calendar, window)
    least = max(before[present] - after[present], ZERO)
    return sum(after[present:], least) > sum(before[present:], ZERO)


def seasons_of(budget: Budget) -> int:
    """Return in how many parts a year of *budget* is planned.

    Raises:
        Invalid: its periods are neither months nor quarters.
    """
    seasons = SEASONS.get(Cadence(budget.period))
    if seasons is None:
        raise Invalid.field(
            "amounts",
            f"“{budget.name}” is {budget.period}: only the amounts of monthly and "
            "quarterly budgets are phased.",
        )
    return seasons


def by_amounts(budget: Budget, amounts: Sequence[Decimal]) -> list[Decimal]:
    """Return *amounts*, if they are of a year of *budget*; none: they end phasing.

    Raises:
        Invalid: there are more or fewer, or one can't be.
    """
    _check_number("amounts", budget, amounts, may_be_none=True)
    return [
        sound_amount(amount, budget.currency, attr=f"amounts.{i}")
        for i, amount in enumerate(amounts)
    ]


def by_percents(budget: Budget, percents: Sequence[Decimal]) -> list[Decimal]:
    """Return what *percents* of a year of the planned amount are; they add up to it.

    Raises:
        Invalid: there are more or fewer, or they are not 100 together.
    """
    _check_number("percents", budget, percents)
    for place, percent in enumerate(percents):
        if not percent.is_finite() or percent < 0:
            raise Invalid.field(f"percents.{place}", "Must be 0 or more.")
    if not add_up_to_hundred(percents):
        total = f"{sum(percents, ZERO).normalize():f}"
        raise Invalid.field("percents", f"Must add up to 100; these are {total}.")
    year = budget.amount * seasons_of(budget)
    return shared_out(year, percents, budget.currency)


def _check_number(
    attr: str, budget: Budget, given: Sequence[Decimal], *, may_be_none: bool = False
) -> None:
    seasons = seasons_of(budget)
    if len(given) == seasons or (may_be_none and not given):
        return
    each = "month" if seasons == 12 else "quarter"
    raise Invalid.field(
        attr,
        f"“{budget.name}” is {budget.period}: send {seasons}, one for each {each} from "
        "the first of the fiscal year on.",
    )


@transaction.atomic
def set_phasing(
    budget: Budget,
    amounts: Sequence[Decimal],
    *,
    now: datetime,
    reason: str = "",
    seen: Seen | None = None,
) -> list[AmountLine]:
    """Plan *amounts* for the months or quarters of *budget*, from the present one on.

    Returns the lines that say so: periods that are over keep what they had. *amounts*
    are sound; none: each period has the planned amount again.

    Raises:
        Invalid: the budget has other periods by now, or to do with a template.
        IsArchived: it is no longer in use.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    hold_trees()
    hold_alone(budget.organization_id)
    held = Budget.objects.select_related("organization").get(pk=budget.pk)
    check_seen(history_of(held), seen)
    if held.archived_at:
        raise IsArchived(f"“{held.name}” is archived, so its amounts stay.")
    _check_number("amounts", held, amounts, may_be_none=True)
    check_own_amount(held, "amounts")
    if held.template_of_id:
        raise Invalid.field(
            "amounts",
            f"“{held.name}” is made by a template, and each period has its amount.",
            code="is_made",
        )
    held.phasing = [f"{amount:f}" for amount in amounts]
    held.give_reason(reason)
    held.save()
    lines = rephase(held, now=now, reason=reason)
    budget.refresh_from_db()
    announce("budgets.watched_amounts", held.organization_id)
    return lines


def rescale(budget: Budget, before: Decimal) -> None:
    """Have the phases of *budget* follow its amount, which was *before*: shares stay.

    It is to be saved; `rephase` writes the lines.
    """
    phases = phases_of(budget)
    if len(phases) != SEASONS.get(Cadence(budget.period)):
        budget.phasing = []
    elif budget.amount != before:
        if before and any(phases):
            year = sum(phases, ZERO) * budget.amount / before
            phases = shared_out(round(year, 10), phases, budget.currency)
        else:
            phases = [budget.amount] * len(phases)
        budget.phasing = [f"{amount:f}" for amount in phases]


def keep_phased(
    budget: Budget, before: Sequence[str], *, now: datetime, reason: str
) -> None:
    """Write the lines of a changed *budget*, if it is phased or was *before*."""
    if budget.phasing or before:
        rephase(budget, now=now, reason=reason)


def rephase(budget: Budget, *, now: datetime, reason: str = "") -> list[AmountLine]:
    """Write the lines that are missing for *budget* to have what is phased.

    Call it with the organization held alone. Repeating it writes nothing.
    """
    pieces = list(_lacking(budget, amounts_of([budget.pk])[budget.pk], now))
    if not pieces:
        return []
    lines = AmountLine.objects.bulk_create(
        AmountLine(
            organization_id=budget.organization_id,
            budget=budget,
            kind=AmountLine.Kind.CHANGE,
            amount=piece.lacks,
            effective_from=piece.start,
            effective_to=piece.end,
            reason=reason,
            made_at=now,
        )
        for piece in pieces
    )
    amounts = amounts_of([budget.pk])[budget.pk]
    for period in BudgetPeriod.objects.filter(budget=budget, ends_at__gt=now):
        BudgetPeriod.objects.filter(pk=period.pk).update(
            amount=amounts.of(period.window)
        )
    return lines


def go_on(organization: Organization, *, now: datetime) -> int:
    """Write the lines of years that come into sight; return how many.

    Call it with the organization held alone.
    """
    return sum(
        len(rephase(one, now=now, reason=_GOES_ON)) for one in phased(organization)
    )


def phased(organization: Organization) -> QuerySet[Budget]:
    """Return the budgets in use whose amounts are phased."""
    rows = Budget.objects.filter(organization=organization, archived_at=None)
    return rows.exclude(phasing=[]).select_related("organization")


def year_around(budget: Budget, at: datetime) -> list[Phase]:
    """Return the months or quarters of the fiscal year around *at*, as planned."""
    if Cadence(budget.period) not in SEASONS:
        return []
    calendar = calendar_of(budget, budget.organization)
    year = _years(calendar).window_of(at)
    amounts = amounts_of([budget.pk])[budget.pk]
    return [
        Phase(window, amounts.of(window))
        for window in calendar.windows(year.start, year.end)
    ]


def wrong_phases(budget: Budget, amounts: Amounts, since: datetime) -> Iterator[str]:
    """Say which periods of the year from *since* on, when the budget's lines were made
    last, have not what is phased."""
    calendar, phases = calendar_of(budget, budget.organization), phases_of(budget)
    until = since + timedelta(days=365)
    for window in calendar.windows(since, until):
        wanted, said = phases[season_of(calendar, window)], amounts.of(window)
        if wanted != said:
            yield (
                f"“{budget}”, period from {window.start:%Y-%m-%d %H:%M}: phased are "
                f"{wanted}, the lines say {said}."
            )


def _lacking(budget: Budget, amounts: Amounts, now: datetime) -> Iterator[_Piece]:
    """Yield what has to be added so that each period from *now* on has its phase.

    A piece lies within one of the periods, for which it is of one amount.
    """
    there = [one for one in amounts.lines if one.end is not None and one.end > now]
    last_end = max((one.end for one in there if one.end is not None), default=now)
    wanted = _wanted(budget, amounts.for_good, now, last_end)
    edges = {max(now, phase.window.start) for phase in wanted}
    edges |= {phase.window.end for phase in wanted}
    edges |= {max(now, edge) for one in there for edge in (one.start, one.end) if edge}
    ordered = sorted(edges)
    begins = {phase.window.start for phase in wanted}
    last: _Piece | None = None
    for start, end in pairwise(ordered):
        should = sum((one.amount for one in wanted if start in one.window), ZERO)
        lacks = should - sum((one.amount for one in there if one.holds(start)), ZERO)
        if last and last.end == start and last.lacks == lacks and start not in begins:
            last = last._replace(end=end)
            continue
        if last and last.lacks:
            yield last
        last = _Piece(start, end, lacks)
    if last and last.lacks:
        yield last


def _wanted(
    budget: Budget, planned: Decimal, now: datetime, at_least: datetime
) -> list[Phase]:
    """Return by how much each period differs from what is *planned* for good, from the
    present one to the end of the next fiscal year."""
    phases = phases_of(budget)
    if not phases:
        return []
    calendar = calendar_of(budget, budget.organization)
    years = _years(calendar)
    following = years.following(years.window_of(now))
    until = max(at_least, following.end if following else now + _INSTANT)
    return [
        Phase(window, phases[season_of(calendar, window)] - planned)
        for window in calendar.windows(now, until)
    ]


def _years(calendar: Calendar) -> Calendar:
    """Return the fiscal years that *calendar* counts by, without begin and end."""
    return Calendar(Cadence.ANNUAL, calendar.zone, calendar.fiscal_month)
