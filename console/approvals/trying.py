"""Who would have to approve an amount: what is asked, and the answer drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from accounts.models import Organization
from approvals.people import members
from budgets.models import Budget
from console.approvals.chain import Stage
from console.approvals.policy_forms import TryForm
from lib.money import format_money

_MOST_BUDGETS = 200  # offered, the first of the tree


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """Who would have to approve; `fault` says why nobody could."""

    words: str  # "$7,000.00 for ML"
    stages: Sequence[Stage] = ()
    policy: str = ""  # by which policy; "": there is none, or it is the one at hand
    fault: str = ""
    alone: str = ""  # who asks may approve it alone


def try_form(
    data: Any,
    organization: Organization,
    top: Budget | None,
    *,
    prefix: str | None = None,
) -> TryForm:
    """Return the form to try a policy for *top* and what is below it; None: for all."""
    rows = Budget.objects.filter(organization=organization, archived_at=None)
    if top is not None:
        rows = rows.filter(tree_id=top.tree_id, lft__gte=top.lft, rght__lte=top.rght)
    rows = rows.order_by("tree_id", "lft")
    offers = offers_of(rows, top.level if top else 0)
    return TryForm(
        data,
        budgets=rows,
        people=members(organization),
        offers=offers,
        prefix=prefix,
    )


def offers_of(rows: QuerySet[Budget], least: int = 0) -> list[tuple[int, str]]:
    """Return the first of *rows* to choose from, indented from level *least* on."""
    some = rows.values_list("pk", "name", "level")[:_MOST_BUDGETS]
    return [
        (pk, "\N{NO-BREAK SPACE}" * 4 * (level - least) + name)
        for pk, name, level in some
    ]


def for_words(
    amount: Decimal, currency: str, budget: Budget | None, locale: str
) -> str:
    """Say what is tried: "$7,000.00 for ML"."""
    money = format_money(amount, currency, locale)
    return f"{money} for {budget.name}" if budget else money
