"""What is configured about guardrails under /api/v1/."""

from controls.api.rules import BudgetControls, BudgetKillSwitch, BudgetReplay
from lib.web import route

_BUDGET = "budgets/(?P<uid>[^/]+)"

urlpatterns = [
    route(f"{_BUDGET}/controls", BudgetControls.as_view(), "budget-controls"),
    route(f"{_BUDGET}/controls/replay", BudgetReplay.as_view(), "replay-controls"),
    route(f"{_BUDGET}/kill-switch", BudgetKillSwitch.as_view(), "kill-switch"),
]
