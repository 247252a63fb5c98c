"""What the server knows of one organization, as tests ask for it."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from llm_cost_ops import CostOpsClient, CostTracker
from llm_cost_ops.answers import Budget, BudgetStatus, CostRecord

SDK = Path(__file__).resolve().parents[2] / "sdk"
MESSAGES: list[Any] = [{"role": "user", "content": "Hello?"}]
CALL: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "max_tokens": 100}
COST = Decimal("0.0025")  # of the fake provider's answer, by gpt-4o's list price


@dataclass(frozen=True)
class World:
    """One organization of the server's."""

    client: CostOpsClient
    organization: str

    def budget(self, amount: str = "100", **fields: Any) -> Budget:
        """Make a budget, with a hard limit unless said otherwise."""
        given = {"name": "Budget", "enforcement": "hard", **fields}
        return self.client.create_budget(
            amount=amount, organization_id=self.organization, **given
        )

    def status(self, budget: Budget) -> BudgetStatus:
        return self.client.get_budget_status(budget.id)

    def costs(self, tracker: CostTracker) -> list[CostRecord]:
        """Return what is booked, priced or not, once *tracker* has sent everything."""
        tracker.flush()
        found = self.client.get_costs(
            organization_id=self.organization, unpriced="include"
        )
        return sorted(found, key=lambda record: record.id)
