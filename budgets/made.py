"""What templates may spend: what all that they made may."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from budgets.models import Budget, BudgetPeriod

ZERO = Decimal(0)


def made_sums(
    template_ids: Collection[int], start: datetime
) -> dict[int, tuple[Decimal, Decimal]]:
    """Return amounts and limits of all that templates made, in the period from *start*
    on; of one that is not opened, its present amount. One query."""
    made = Budget.objects.filter(template_of__in=template_ids).order_by()
    in_force = made.filter(Q(ends_at=None) | Q(ends_at__gt=start))
    sums = (
        in_force.with_period_at(start)
        .values("template_of")
        .annotate(
            promised=Sum(Coalesce("current__amount", "amount")),
            most=Sum(Coalesce("current__limit", "amount")),
        )
    )
    return {
        pk: (promised, most)
        for pk, promised, most in sums.values_list("template_of", "promised", "most")
    }


def whose_amounts(budget: Budget) -> list[int]:
    """Return whose amounts are that of *budget*: a template's are all it made."""
    if not budget.is_template:
        return [budget.pk]
    return list(budget.made.values_list("pk", flat=True))


def summed(row: BudgetPeriod) -> BudgetPeriod:
    """Return a template's row, not to be saved, with the amounts of what it made."""
    made = BudgetPeriod.objects.filter(
        budget__template_of=row.budget_id, starts_at=row.starts_at
    )
    names = "amount", "carried_over", "adjusted"
    for name, total in made.aggregate(**{one: Sum(one) for one in names}).items():
        setattr(row, name, total or ZERO)
    return row
