"""Charging anew what changes of the tree concern: at once, or once for many of them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import Organization
from budgets.backfill import start_backfill
from budgets.grants import follow_grants
from budgets.models import Budget
from budgets.reservations.rehold import rehold
from budgets.rollup import roll_up
from budgets.temporary import follow_temporary


@dataclass(slots=True)
class Reshaping:
    """What several changes of one organization's tree concern, to be charged anew in
    the end. All of it in one transaction that holds the organization alone."""

    organization: Organization
    suspects: set[int] = field(default_factory=set)  # budgets
    redated: set[int] = field(default_factory=set)  # their periods are cut anew
    reholds: bool = False

    def end(self, *, now: datetime) -> None:
        """Charge anew what was concerned; after that there is nothing left to do."""
        if self.suspects:
            reshape(self.organization, self.suspects, redated=self.redated)
            follow_lines(self.organization, self.redated, now=now)
        elif self.reholds:
            rehold(self.organization)
        self.suspects, self.redated, self.reholds = set(), set(), False


def reshape(
    organization: Organization,
    suspects: Collection[int],
    *,
    redated: Collection[int] = (),
    later: Reshaping | None = None,
) -> None:
    """Charge *suspects* anew, and hold again what is set aside, as the tree is by now;
    those *redated* count time anew. With *later* that is done at its end."""
    if later is not None:
        organization.touch()
        later.suspects |= {*suspects}
        later.redated |= {*redated}
        return
    roll_up(organization.pk)  # by the coverage the deltas were made under
    organization.touch()
    start_backfill(organization, suspects, redated=redated)
    rehold(organization)


def follow_lines(
    organization: Organization, redated: Collection[int], *, now: datetime
) -> None:
    """Have periods that are cut anew say what is in force, and left of grants."""
    if not redated:
        return
    follow_temporary(organization, now=now)
    for one in Budget.objects.filter(pk__in=redated, grants__isnull=False).distinct():
        follow_grants(one, now=now)
