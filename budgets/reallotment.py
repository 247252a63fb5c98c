"""Changing the amounts of many budgets together: all of them, or none."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Max
from simple_history.utils import bulk_update_with_history

from accounts.audit import MOST_REASON
from accounts.locks import hold_alone, hold_trees
from accounts.models import Organization
from accounts.versions import ChangedMeanwhile, history_of, last_change
from budgets.amounts import change_amounts
from budgets.errors import IsArchived
from budgets.following import follow
from budgets.models import Budget
from budgets.phasing import keep_phased, rescale
from budgets.validation import sound_amount
from lib.queue import announce

_AT_ONCE = 200  # rows of one statement


@dataclass(frozen=True, slots=True)
class NewAmount:
    """The amount that a budget is to have."""

    budget: Budget
    amount: Decimal
    seen: str | None = None  # the version that was looked at; None: any will do


@transaction.atomic
def reallot(
    organization: Organization,
    wanted: Collection[NewAmount],
    *,
    now: datetime,
    reason: str = "",
) -> None:
    """Give budgets new amounts from the present period on; each keeps the rest.

    Seasonal amounts follow in their shares, and what a template made follows it. The
    number of queries grows by three for a few hundred budgets, and by some for each
    that is phased, or a template.

    Raises:
        Invalid: an amount can't be.
        IsArchived: one of them is no longer in use.
        ChangedMeanwhile: somebody changed one of them since it was seen.
    """
    hold_trees()
    hold_alone(organization.pk)
    amounts = {
        one.budget.pk: sound_amount(one.amount, one.budget.currency) for one in wanted
    }
    rows = Budget.objects.filter(organization=organization, pk__in=amounts)
    held = {budget.pk: budget for budget in rows.order_by("pk")}
    _check_seen(wanted, versions_of(amounts), held)
    changed = []
    for budget in held.values():
        if budget.archived_at:
            raise IsArchived(f"“{budget.name}” is archived and can't be changed.")
        if budget.amount != amounts[budget.pk]:
            _set(budget, amounts[budget.pk])
            changed.append(budget)
    if not changed:
        return
    bulk_update_with_history(
        changed,
        Budget,
        ["amount", "phasing", "is_override"],
        batch_size=_AT_ONCE,
        default_change_reason=reason[:MOST_REASON] or None,
    )
    change_amounts(changed, now=now, reason=reason)
    for budget in changed:
        keep_phased(budget, budget.phasing, now=now, reason=reason)
        follow(budget, now=now, reason=reason)
    organization.touch()
    announce("budgets.watched_amounts", organization.pk)


def _set(budget: Budget, amount: Decimal) -> None:
    """Have *budget* say that it has *amount*; it is to be saved."""
    before, budget.amount = budget.amount, amount
    budget.is_override |= bool(budget.template_of_id)
    rescale(budget, before)


def versions_of(budget_ids: Collection[int]) -> dict[int, str]:
    """Return which version each budget is now, as `accounts.versions` has it. One
    query."""
    rows = Budget.history.filter(id__in=list(budget_ids)).order_by().values("id")
    newest = rows.annotate(newest=Max("history_id")).values_list("id", "newest")
    return {pk: str(version) for pk, version in newest}


def _check_seen(
    wanted: Collection[NewAmount],
    versions: Mapping[int, str],
    held: Mapping[int, Budget],
) -> None:
    for one in wanted:
        budget = held[one.budget.pk]
        if one.seen is not None and one.seen != versions.get(budget.pk, "0"):
            refusal = ChangedMeanwhile.by(last_change(history_of(budget)))
            refusal.words = f"“{budget.name}”: {refusal.words.lower()}"
            raise refusal
