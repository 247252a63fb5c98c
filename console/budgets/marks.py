"""What guards the budgets of the tree, as they are now."""

from typing import NamedTuple

from django.db.models import Q

from accounts.models import Organization
from budgets.models import Budget, Enforcement


class Mark(NamedTuple):
    is_off: bool = False  # its kill switch is thrown
    is_hard: bool = False  # its limit is hard

    def __bool__(self) -> bool:
        return self.is_off or self.is_hard


NO_MARK = Mark()


def marks_of(organization: Organization) -> dict[int, Mark]:
    """Return the marks of the budgets that have one, by their ids. One query."""
    rows = Budget.objects.filter(organization=organization).order_by()
    off, hard = Q(kill_switch__isnull=False), Q(enforcement=Enforcement.HARD)
    found = rows.filter(off | hard).values_list("pk", "kill_switch", "enforcement")
    return {
        pk: Mark(is_off=bool(switch), is_hard=limit == Enforcement.HARD)
        for pk, switch, limit in found
    }
