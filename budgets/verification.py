"""Recomputing what budgets promise: tree, coverage, sums, amounts, rollover."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import Max, Sum

from accounts.models import Organization
from budgets import runs
from budgets.amounts import amounts_of, last_made, temporary_of
from budgets.backfill import begun, charges_of_all, place_of, quarters_of
from budgets.charging import Charging
from budgets.following import wrong_templates
from budgets.grants import wrong_grants
from budgets.index import ALWAYS, FOREVER
from budgets.models import (
    AmountLine,
    Budget,
    BudgetPeriod,
    Coverage,
    Reservation,
)
from budgets.phasing import wrong_phases
from budgets.reservations import settlements
from budgets.reservations.lines import lines_of
from budgets.rollup import hours_of
from budgets.temporary import wrong_adjusted
from budgets.types import Quarter
from ledger.models import CostRecord
from lib.money import from_units

ZERO = Decimal(0)
_STEP = 500  # budgets at a time


def differences(organization: Organization) -> Iterator[str]:
    """Yield, in sentences, what is not as scopes, tree and cost records say.

    Budgets that a backfill still fills are left out: they don't claim to be right.
    """
    budgets = list(Budget.objects.filter(organization=organization))
    yield from broken_trees(budgets)
    yield from _shared_trees(organization)
    charging = Charging(organization)
    settled = [budget for budget in budgets if budget.backfill_id is None]
    yield from _wrong_coverage(charging, {budget.pk for budget in settled})
    for start in range(0, len(settled), _STEP):
        yield from _wrong_sums(charging, settled[start : start + _STEP])
    yield from _wrong_amounts(organization, budgets)
    yield from wrong_templates(charging, budgets)
    yield from _wrong_rollover(organization)
    yield from wrong_grants(organization)
    yield from _wrong_reserved(organization)
    yield from settlements.differences(organization)
    yield from runs.differences(organization)


def broken_trees(budgets: list[Budget]) -> Iterator[str]:
    """Yield where nested sets and parents disagree."""
    by_id = {budget.pk: budget for budget in budgets}
    trees: dict[int, list[Budget]] = {}
    for budget in budgets:
        trees.setdefault(budget.tree_id, []).append(budget)
        parent = by_id.get(budget.parent_id) if budget.parent_id else None
        if parent is None:
            if budget.level or budget.parent_id:
                yield f"“{budget}” has no parent but level {budget.level}."
        elif parent.unit != budget.unit:
            yield f"“{budget}” counts {budget.unit}, “{parent}” above it {parent.unit}."
        elif not (
            parent.tree_id == budget.tree_id
            and parent.lft < budget.lft < budget.rght < parent.rght
            and parent.level + 1 == budget.level
        ):
            yield f"“{budget}” does not lie within its parent “{parent}” in the tree."
    for tree_id, members in trees.items():
        bounds = sorted(bound for b in members for bound in (b.lft, b.rght))
        if bounds != list(range(1, 2 * len(members) + 1)):
            yield f"Tree {tree_id} has gaps or doubles in its numbering."


def _shared_trees(organization: Organization) -> Iterator[str]:
    own = Budget.objects.filter(organization=organization).order_by()
    others = Budget.objects.exclude(organization=organization).order_by()
    shared = own.filter(tree_id__in=others.values("tree_id"))
    for tree_id in sorted(set(shared.values_list("tree_id", flat=True))):
        yield f"Tree {tree_id} is another organization's too."


def _wrong_coverage(charging: Charging, budget_ids: set[int]) -> Iterator[str]:
    wanted = {
        (
            charge.budget.id,
            attribution_id,
            charge.start,
            charge.end,
            charge.budget.currency,
        )
        for attribution_id, charge in charges_of_all(charging)
        if charge.budget.id in budget_ids
    }
    rows = Coverage.objects.filter(organization=charging.organization_id)
    present = set(
        rows.filter(budget__in=budget_ids).values_list(
            "budget_id", "attribution_id", "starts_at", "ends_at", "currency"
        )
    )
    for budget_id, attribution_id, *_ in sorted(wanted - present):
        yield f"Budget {budget_id} should cover attribution {attribution_id}."
    for budget_id, attribution_id, *_ in sorted(present - wanted):
        yield f"Budget {budget_id} covers attribution {attribution_id} wrongly."


def _wrong_sums(charging: Charging, budgets: list[Budget]) -> Iterator[str]:
    known = charging.index.budgets
    names = {budget.pk: budget.name for budget in budgets}
    last = CostRecord.objects.aggregate(last=Max("pk"))["last"] or 0
    periods: dict[tuple[int, datetime], tuple[Decimal, int, int]] = {}
    hours: dict[tuple[int, datetime], tuple[Decimal, int]] = {}
    for quarter in quarters_of(
        charging.organization_id, list(names), ALWAYS, FOREVER, upto_id=last
    ):
        budget = known[quarter.budget_id]
        window, hour = place_of(budget, quarter)
        spent, requests, unpriced = periods.get((budget.id, window.start), (ZERO, 0, 0))
        periods[budget.id, window.start] = (
            spent + quarter.spent,
            requests + quarter.requests,
            unpriced + quarter.unpriced,
        )
        hour = begun(hour)  # records by the quarter can't tell more
        in_hour, requests = hours.get((budget.id, hour), (ZERO, 0))
        hours[budget.id, hour] = in_hour + quarter.spent, requests + quarter.requests
    yield from _wrong_periods(periods, names)
    yield from _wrong_hours(charging, hours, budgets)


def _wrong_periods(
    booked: dict[tuple[int, datetime], tuple[Decimal, int, int]], names: dict[int, str]
) -> Iterator[str]:
    kept = {
        (row.budget_id, row.starts_at): (row.spent, row.requests, row.unpriced_requests)
        for row in BudgetPeriod.objects.filter(budget__in=names)
    }
    for key in sorted(booked.keys() | kept.keys()):
        said, found = kept.get(key, (ZERO, 0, 0)), booked.get(key, (ZERO, 0, 0))
        for what, one, other in zip(
            ("spent", "requests", "unpriced requests"), said, found, strict=True
        ):
            if one != other:
                yield (
                    f"“{names[key[0]]}”, period from {key[1]:%Y-%m-%d %H:%M}: {what} "
                    f"is {one}, the cost records say {other}."
                )


def _wrong_hours(
    charging: Charging,
    booked: dict[tuple[int, datetime], tuple[Decimal, int]],
    budgets: list[Budget],
) -> Iterator[str]:
    kept: dict[tuple[int, datetime], tuple[Decimal, int]] = {}
    for part in hours_of(budgets, ALWAYS, FOREVER):
        budget = charging.index.budgets[part.budget_id]
        _, hour = place_of(budget, Quarter(budget.id, part.starts_at, ZERO, 0, 0))
        hour = begun(hour)
        spent, requests = kept.get((budget.id, hour), (ZERO, 0))
        kept[budget.id, hour] = spent + part.spent, requests + part.requests
    for key in sorted(booked.keys() | kept.keys()):
        said, found = kept.get(key, (ZERO, 0)), booked.get(key, (ZERO, 0))
        if said != found:
            yield (
                f"Budget {key[0]}, hour of {key[1].astimezone(UTC):%Y-%m-%d %H:%M}: "
                f"{said[0]} in {said[1]} requests, the cost records say {found[0]} in "
                f"{found[1]}."
            )


def _wrong_amounts(organization: Organization, budgets: list[Budget]) -> Iterator[str]:
    ids = [budget.pk for budget in budgets]
    amounts, temporary = amounts_of(ids), temporary_of(ids)
    made = last_made(ids)
    for budget in budgets:
        said = amounts[budget.pk].for_good
        if budget.amount != said:
            yield f"“{budget}”: the amount is {budget.amount}, its lines say {said}."
        if budget.phasing and not budget.archived_at:
            yield from wrong_phases(budget, amounts[budget.pk], made[budget.pk])
    for period in _periods(organization):
        said = amounts[period.budget_id].of(period.window)
        if period.amount != said:
            yield f"{period}: the amount is {period.amount}, the lines say {said}."
        if wrong := wrong_adjusted(period, temporary[period.budget_id]):
            yield wrong


def _wrong_rollover(organization: Organization) -> Iterator[str]:
    rows = AmountLine.objects.filter(organization=organization, kind="rollover")
    carried = {
        (budget_id, start): total
        for budget_id, start, total in rows.values_list("budget_id", "effective_from")
        .order_by()
        .annotate(total=Sum("amount"))
    }
    for period in _periods(organization):
        if period.carried_over != carried.pop((period.budget_id, period.starts_at), 0):
            yield f"{period}: carried over is not the sum of its lines."
    for (budget_id, start), total in carried.items():
        if total:
            yield (
                f"Budget {budget_id}: lines carry {total} into a period from "
                f"{start:%Y-%m-%d %H:%M} that is not there."
            )


def _periods(organization: Organization) -> Iterator[BudgetPeriod]:
    rows = BudgetPeriod.objects.filter(organization=organization)
    return rows.select_related("budget").iterator(chunk_size=2_000)


def _wrong_reserved(organization: Organization) -> Iterator[str]:
    held: dict[int, int] = {}
    open_ones = Reservation.objects.filter(organization=organization, state="open")
    for row in open_ones.iterator():
        for line in lines_of(row):
            held[line.period_id] = held.get(line.period_id, 0) + line.units
    for period in _periods(organization):
        said = from_units(held.get(period.pk, 0))
        if period.reserved != said:
            yield f"{period}: reserved is {period.reserved}, reservations say {said}."
