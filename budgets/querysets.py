"""The vocabulary of budgets."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db.models import FilteredRelation, Q, QuerySet
from mptt.managers import TreeManager
from mptt.querysets import TreeQuerySet

if TYPE_CHECKING:
    from budgets.models import Budget


class BudgetQuerySet(TreeQuerySet["Budget"]):
    def active(self) -> Self:
        """Keep what is not archived."""
        return self.filter(archived_at=None)

    def with_period_at(self, moment: datetime) -> "QuerySet[Any]":
        """Join as `current` the period that contains *moment*; null when not opened.

        For `values_list`, last in the chain: one query, however many budgets.
        """
        return self.annotate(
            current=FilteredRelation(
                "periods",
                condition=Q(
                    periods__starts_at__lte=moment, periods__ends_at__gt=moment
                ),
            )
        )


BudgetManager = TreeManager.from_queryset(BudgetQuerySet)
