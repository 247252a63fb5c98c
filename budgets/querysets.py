"""The vocabulary of budgets."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Prefetch
from mptt.managers import TreeManager
from mptt.querysets import TreeQuerySet

if TYPE_CHECKING:
    from budgets.models import Budget


class BudgetQuerySet(TreeQuerySet["Budget"]):
    def active(self) -> Self:
        """Keep what is not archived."""
        return self.filter(archived_at=None)  # type: ignore[no-any-return]

    def with_period_at(self, moment: datetime) -> Self:
        """Prefetch as `current_periods` the period that contains *moment*, if opened.

        One more query, however many budgets.
        """
        from budgets.models import BudgetPeriod

        current = BudgetPeriod.objects.filter(starts_at__lte=moment, ends_at__gt=moment)
        return self.prefetch_related(  # type: ignore[no-any-return]
            Prefetch("periods", current, to_attr="current_periods")
        )


BudgetManager = TreeManager.from_queryset(BudgetQuerySet)
