"""What is around alerts and bears on whom they tell what, read once for many."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from accounts.people import finance_admins
from alerts.models import Alert
from alerts.silences import silence_over, silences_at
from budgets.models import Budget
from budgets.owners import owner_of, paths_of
from budgets.status import BudgetStatus, statuses
from forecasts.endings import with_endings
from notifications.models import Channel
from notifications.services import enabled_channels


class Surroundings:
    """Of *alerts* of one organization, read with their names, as of *now*.

    A query for each level of the tree, and one for each kind of thing, when it is first
    asked for.
    """

    def __init__(self, alerts: Sequence[Alert], now: datetime) -> None:
        self.organization = alerts[0].organization
        self.now = now
        self._budgets = {alert.budget_id: alert.budget for alert in alerts}
        self._paths = paths_of(self._budgets.values())
        self._silences = silences_at(self.organization.pk, now)

    def path_of(self, alert: Alert) -> tuple[Budget, ...]:
        """Return the budget with those above it, the root last, each with its owner."""
        return self._paths[alert.budget_id]

    def silence_over(self, alert: Alert) -> tuple[datetime, str] | None:
        """Return when the silence over the alert ends, and why it is; None: none is."""
        return silence_over(self.path_of(alert), self._silences)

    def status_of(self, alert: Alert) -> BudgetStatus:
        """Return how the alert's budget stands now."""
        return self._statuses[alert.budget_id]

    def usual(self, alert: Alert) -> tuple[str, ...]:
        """Return who is told where a rule names nobody: mail addresses."""
        owner = owner_of(self.path_of(alert))
        return (owner.email,) if owner else self.admins

    @cached_property
    def admins(self) -> tuple[str, ...]:
        return finance_admins(self.organization.pk)

    @cached_property
    def channels(self) -> list[Channel]:
        """Those that are in use."""
        return enabled_channels(self.organization.pk)

    @cached_property
    def _statuses(self) -> dict[int, BudgetStatus]:
        found = statuses(self._budgets.values(), self.organization, at=self.now)
        return with_endings(self.organization, found, self.now)
