"""What scenarios come to for a budget, or for any part of the costs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Organization
from budgets.models import Budget, Coverage
from forecasts.ahead import Ahead
from forecasts.assumptions import Scenario, Swap, check_counted, within
from forecasts.scenarios import ScenarioOutcome, outcome_of
from forecasts.swaps import AS_IT_IS, MIX_DAYS, Switched, switched_by
from ledger.costs import CostQuery
from lib.errors import Invalid


@dataclass(frozen=True, slots=True)
class Prospect:
    """A scenario and what it comes to; no outcome where too little is known."""

    scenario: Scenario
    outcome: ScenarioOutcome | None
    switched: Switched


class Prospector:
    """Tries scenarios on one forecast, of what *whose* costs are."""

    def __init__(self, ahead: Ahead, whose: Budget | CostQuery, now: datetime) -> None:
        self.ahead = ahead
        self._whose = whose
        self._now = now

    def try_out(self, scenario: Scenario) -> Prospect:
        """Return what *scenario* comes to. Six queries where models are switched.

        Raises:
            Invalid: as `forecasts.swaps.switched_by`, of `model_swap`; or what is
                assumed is of money, and the budget counts none.
        """
        ahead, assumed, switched = self.ahead, scenario.assumed, AS_IT_IS
        check_counted(assumed, ahead.currency)
        if not ahead.is_enough:
            return Prospect(scenario, None, switched)
        if assumed.model_swap:
            switched = self._switched(assumed.model_swap)
        outcome = outcome_of(
            ahead.known,
            ahead.steps,
            assumed,
            confidence=ahead.confidence,
            switched=switched.factor,
        )
        return Prospect(scenario, outcome, switched)

    def _switched(self, swaps: Sequence[Swap]) -> Switched:
        try:
            return switched_by(swaps, self._organization, self._ids(), now=self._now)
        except Invalid as refusal:
            raise within("model_swap", refusal) from refusal

    @property
    def _organization(self) -> Organization:
        return self._whose.organization

    def _ids(self) -> Collection[int] | None:
        """Return the attributions that cost; None: all of the organization."""
        if isinstance(self._whose, CostQuery):
            return self._whose.attribution_ids()
        covered = Coverage.objects.filter(
            budget=self._whose,
            starts_at__lt=self._now,
            ends_at__gt=self._now - timedelta(MIX_DAYS),
        )
        return set(covered.values_list("attribution_id", flat=True))
