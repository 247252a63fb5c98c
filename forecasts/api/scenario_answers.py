"""Scenarios, as the API answers them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from forecasts.ahead import Ahead
from forecasts.api.answers import ConfidenceOut, ForecastDataOut, data_out
from forecasts.prospects import Prospect
from forecasts.scenarios import ScenarioOutcome
from forecasts.swaps import SwapEffect
from lib.answers import Money, Out, note
from lib.money import wire


class ModelSwapOut(Out, frozen=True):
    """What one model would have cost for what another did lately."""

    model: Annotated[str, note("What is switched from.")]
    to: str
    share: Annotated[float, note("Of what it does, how much is switched.")]
    requests: Annotated[int, note("All of the last 28 days.")]
    cost: Annotated[Money, note("What these cost, in the organization's currency.")]
    would_cost: Money


class ScenarioOut(Out, frozen=True):
    """What a period comes to if something changes from now on.

    Amounts are null where too little is known.
    """

    name: str
    assumptions: Annotated[
        str | dict[str, Any], note("As they were understood; current_rate: none.")
    ]
    currency: str
    projected_cost: Annotated[
        Money | None, note("Of the whole period, as likely passed as not.")
    ]
    confidence_interval: ConfidenceOut | None
    probability_over_budget: Annotated[float | None, note("A share.")]
    delta: Annotated[Money | None, note("Of projected_cost, to the current rate.")]
    budget_limit: Annotated[Money | None, note("Null: there is none.")]
    recommended_budget: Annotated[
        Money | None, note("Enough nine times of ten, as in the forecast.")
    ]
    model_swaps: list[ModelSwapOut]


class ScenariosOut(Out, frozen=True):
    """Scenarios side by side, in the order they were sent."""

    budget: Annotated[str | None, note("Its id; null: none has just this scope.")]
    currency: str
    budget_limit: Annotated[Money | None, note("As it is; null: there is none.")]
    data: ForecastDataOut
    scenarios: list[ScenarioOut]


def scenarios_out(ahead: Ahead, prospects: Sequence[Prospect]) -> ScenariosOut:
    return ScenariosOut(
        budget=str(ahead.budget.uid) if ahead.budget else None,
        currency=ahead.currency,
        budget_limit=wire(ahead.limit),
        data=data_out(ahead),
        scenarios=[_scenario_out(ahead, one) for one in prospects],
    )


def _scenario_out(ahead: Ahead, found: Prospect) -> ScenarioOut:
    assumed, outcome = found.scenario.assumed, found.outcome
    limit = ahead.limit if assumed.limit is None else assumed.limit
    return ScenarioOut(
        name=found.scenario.name,
        assumptions=assumed.told(),
        currency=ahead.currency,
        budget_limit=wire(limit),
        model_swaps=[_swap_out(effect) for effect in found.switched.effects],
        **(_of_outcome(outcome, ahead.confidence) if outcome else _UNKNOWN),
    )


_UNKNOWN: Mapping[str, Any] = dict.fromkeys(
    (
        *("projected_cost", "confidence_interval", "probability_over_budget"),
        *("delta", "recommended_budget"),
    )
)


def _of_outcome(outcome: ScenarioOutcome, level: float) -> dict[str, Any]:
    projected, likely = outcome.projected, outcome.probability
    return {
        "projected_cost": wire(projected.middle),
        "confidence_interval": ConfidenceOut(
            lower=wire(projected.lower), upper=wire(projected.upper), level=level
        ),
        "probability_over_budget": None if likely is None else float(likely),
        "delta": wire(outcome.delta),
        "recommended_budget": wire(outcome.recommended),
    }


def _swap_out(effect: SwapEffect) -> ModelSwapOut:
    return ModelSwapOut(
        model=effect.swap.model,
        to=effect.swap.to,
        share=float(effect.swap.share),
        requests=effect.requests,
        cost=wire(effect.cost),
        would_cost=wire(effect.would_cost),
    )
