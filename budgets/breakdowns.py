"""What a budget's spend consists of, day by day: by model, project, and so on."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F, Sum
from django.db.models.functions import TruncDate

from budgets.drivers import covered_spend
from budgets.models import Budget

BREAKDOWNS = ("model", "provider", "project", "team", "user", "environment")

DayCosts = Mapping[date, Mapping[str, Decimal]]


def costs_by_day(budget: Budget, dimension: str, first: date, last: date) -> DayCosts:
    """Return what each name of *dimension* cost on the UTC days [first, last).

    One of BREAKDOWNS; "" where none was given. In what `currency_of` the budget says.
    Two queries.
    """
    costs: dict[date, dict[str, Decimal]] = defaultdict(dict)
    for rows, spend in covered_spend([budget], first, last):
        joined = f"attribution__{spend}"
        day = (
            F(f"{joined}__day")
            if spend == "dailyspend"
            else TruncDate(f"{joined}__starts_at")
        )
        sums = rows.annotate(day=day).values_list("day", f"attribution__{dimension}")
        for at, name, cost in sums.annotate(spent=Sum(_counted(budget, joined))):
            of_day = costs[at]
            of_day[name] = of_day.get(name, Decimal(0)) + Decimal(cost)
    return costs


def _counted(budget: Budget, joined: str) -> Any:
    """Return what of *joined* spend the budget counts."""
    if budget.unit == "tokens":
        return F(f"{joined}__input_tokens") + F(f"{joined}__output_tokens")
    return F(f"{joined}__requests" if budget.unit == "requests" else f"{joined}__cost")
