"""What a change of a budget does to money and calls, told before it is saved."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from budgets.models import Budget, Enforcement, RolloverMode
from budgets.services import BudgetPlan, plan_of
from console.asking import Consequence, Consequences
from console.budgets.forms import CADENCES, scope_words
from console.budgets.templates import each_words, few_of
from console.budgets.tree import Outline
from lib.humanize import clock
from lib.money import format_percent
from lib.periods import Cadence

_LABELS = {
    "amount": "Amount",
    "currency": "Currency",
    "scope": "Scope",
    "period": "Period",
    "timezone": "Time zone",
    "starts_at": "First day",
    "ends_at": "End",
    "enforcement": "At the limit",
    "warning_threshold": "Warning",
    "critical_threshold": "Critical",
    "rollover_mode": "Into the next period goes",
    "rollover_cap": "At most",
}
_WORDS: dict[str, Callable[[Any], str]] = {
    "scope": lambda scope: scope_words({k: kept for k, kept in scope.items() if kept}),
    "period": lambda period: CADENCES[Cadence(period)],
    "enforcement": lambda value: str(Enforcement(value).label),
    "rollover_mode": lambda value: str(RolloverMode(value).label),
}
# These say what is counted: what was spent before is counted anew.
_COUNTED = {"currency", "scope", "period", "timezone", "starts_at", "ends_at"}


def consequences_of(budget: Budget, plan: BudgetPlan, outline: Outline) -> Consequences:
    """Return what of *plan* moves money or stops calls. Two queries, or none."""
    before = plan_of(budget)
    names = [name for name in _LABELS if _differs(name, before, plan, outline)]
    return Consequences(
        [
            (_LABELS[name], _said(name, before, outline), _said(name, plan, outline))
            for name in names
        ],
        list(_told(budget, plan, outline)) if names else [],
        is_counted_anew=bool(_COUNTED & set(names)),
        needs_reason=bool({"amount", "enforcement"} & set(names)),
    )


def _differs(name: str, one: BudgetPlan, other: BudgetPlan, outline: Outline) -> bool:
    if name in {"amount", "rollover_cap"} or name.endswith("_threshold"):
        return bool(getattr(one, name) != getattr(other, name))
    return _said(name, one, outline) != _said(name, other, outline)


def _told(budget: Budget, plan: BudgetPlan, outline: Outline) -> Iterator[Consequence]:
    """Say what of calls and of warnings is otherwise from now on."""
    if budget.is_template:
        yield from _told_of_made(budget, plan, outline)
        return
    status = outline.describe([budget.pk])[budget.pk].status
    was_hard = budget.enforcement == Enforcement.HARD
    is_hard = plan.enforcement == Enforcement.HARD
    if plan.currency == budget.currency:
        limit = status.limit - budget.amount + plan.amount
        gone = status.total_spend + status.reserved
        stopped_before = was_hard and status.limit <= gone
        if is_hard and limit <= gone and not stopped_before:
            over = outline.money(gone - limit, budget.currency)
            yield Consequence(
                "refused", f"From now on {plan.name}'s calls are refused: {over} over."
            )
        elif is_hard and not was_hard:
            left = outline.money(limit - gone, budget.currency)
            yield Consequence(
                "refused later",
                f"From now on {plan.name}'s calls are refused once they would pass "
                f"the limit: {left} is left.",
            )
        elif stopped_before and is_hard and limit > gone:
            left = outline.money(limit - gone, budget.currency)
            yield Consequence(
                "through",
                f"From now on {plan.name}'s calls go through again: {left} is left.",
            )
        yield from _reached(budget, plan, limit, status.total_spend, status.limit)
    if was_hard and not is_hard:
        yield Consequence("soft", f"From now on {plan.name}'s limit stops no call.")


def _told_of_made(
    budget: Budget, plan: BudgetPlan, outline: Outline
) -> Iterator[Consequence]:
    """Say what of the calls of all that a template made is otherwise from now on."""
    was_hard = budget.enforcement == Enforcement.HARD
    is_hard = plan.enforcement == Enforcement.HARD
    if is_hard and not was_hard:
        each = each_words(budget.template_for_each)
        yield Consequence(
            "refused later",
            f"From now on calls of {each} are refused once they would pass its amount.",
        )
    if was_hard and not is_hard:
        yield Consequence("soft", "From now on their limits stop no call.")
    if not is_hard or plan.currency != budget.currency:
        return
    made = Budget.objects.active().filter(template_of=budget, is_override=False)
    stopped = []
    for found in outline.describe(made.values_list("pk", flat=True)).values():
        status, more = found.status, plan.amount - budget.amount
        gone = status.total_spend + status.reserved
        stopped_before = was_hard and status.limit <= gone
        is_one = found.budget.template_of_id == budget.pk
        if is_one and status.limit + more <= gone and not stopped_before:
            stopped.append(found.budget.name)
    if stopped:
        yield Consequence(
            "refused",
            f"The calls of {len(stopped):,} of them are refused at once: "
            f"{few_of(sorted(stopped))}.",
        )


def _reached(
    budget: Budget, plan: BudgetPlan, limit: Decimal, spent: Decimal, old: Decimal
) -> Iterator[Consequence]:
    """Say which thresholds are passed by the change itself."""
    for name in ("warning_threshold", "critical_threshold"):
        share, before = getattr(plan, name), getattr(budget, name)
        if share * limit <= spent < before * old:
            word = _LABELS[name].lower()
            yield Consequence(
                name, f"It is past its {word} threshold then: people are told."
            )


def _said(name: str, plan: BudgetPlan, outline: Outline) -> str:
    value = getattr(plan, name)
    if value is None:
        return "none"
    if name == "amount":
        return outline.money(value, plan.currency)
    if name in _WORDS:
        return _WORDS[name](value)
    if name.endswith(("_threshold", "_cap")):
        return format_percent(value, outline.locale)
    if isinstance(value, datetime):
        return clock(value, ZoneInfo(plan.timezone))
    return str(value)
