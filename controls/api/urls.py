"""What is configured about guardrails under /api/v1/."""

from controls.api.actions import RuleActionViewSet
from controls.api.rules import BudgetControls, BudgetKillSwitch, BudgetReplay
from controls.api.runs import RunViewSet
from lib.web import route

_BUDGET = "budgets/(?P<uid>[^/]+)"
_ACTIONS = f"{_BUDGET}/rule-actions"
_ACTION = f"{_ACTIONS}/(?P<action_uid>[^/]+)"

urlpatterns = [
    route(f"{_BUDGET}/controls", BudgetControls.as_view(), "budget-controls"),
    route(f"{_BUDGET}/controls/replay", BudgetReplay.as_view(), "replay-controls"),
    route(f"{_BUDGET}/kill-switch", BudgetKillSwitch.as_view(), "kill-switch"),
    route("runs", RunViewSet.as_view({"get": "list"}), "runs"),
    route("runs/(?P<run_id>.+?)", RunViewSet.as_view({"get": "retrieve"}), "run"),
    route(_ACTIONS, RuleActionViewSet.as_view({"get": "list"}), "rule-actions"),
    route(
        f"{_ACTION}/reverse",
        RuleActionViewSet.as_view({"post": "reverse"}),
        "reverse-rule-action",
    ),
    route(
        f"{_ACTION}/reset",
        RuleActionViewSet.as_view({"post": "reset"}),
        "reset-rule-action",
    ),
]
