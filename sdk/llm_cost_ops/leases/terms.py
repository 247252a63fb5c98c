"""What a lease decides by, made ready once for the many calls it decides."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Optional

from llm_cost_ops.answers.controls import LeaseGrant, Reason
from llm_cost_ops.pricing import Price, price_of
from llm_cost_ops.rules import Rules
from llm_cost_ops.triggers import Names, Standing

UNPRICED = Reason(
    "No price is known for this model, and calls without one are blocked.",
    rule="unpriced",
)


class Terms:
    """Price and rules of one model; `blocks` where calls of it may not be made."""

    __slots__ = ("blocks", "dimensions", "price", "rules", "seconds")

    def __init__(self, grant: LeaseGrant, model: str) -> None:
        listed = [each for each in grant.prices if each.model == model]
        standings = {each.id: Standing(each) for each in grant.budgets}
        self.price: Optional[Price] = (
            price_of(listed[0], grant.currency) if listed else None
        )
        is_hard = any(each.enforcement == "hard" for each in grant.budgets)
        is_unwanted = grant.unpriced_policy == "block" and is_hard
        self.blocks = (UNPRICED,) if self.price is None and is_unwanted else ()
        self.rules = Rules(grant.rules, Names(grant.names, model), standings)
        self.dimensions = frozenset(grant.dimensions)
        until = listed[0].until if listed else None
        self.seconds = min(float(grant.ttl_s), _seconds_until(until))


def _seconds_until(moment: Optional[datetime]) -> float:
    if moment is None:
        return float("inf")
    return (moment - datetime.now(timezone.utc)).total_seconds()
