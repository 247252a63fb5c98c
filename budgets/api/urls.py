from typing import Any

from accounts.api.base import Router
from budgets.api.amounts import (
    BudgetGrants,
    BudgetLines,
    BudgetPhasing,
    BudgetRaises,
    BudgetRollover,
    BudgetRolloverUndo,
    BudgetTransfers,
)
from budgets.api.organizations import DeletableRates, Organizations
from budgets.api.views import BudgetViewSet
from lib.web import route

_MANY: dict[str, Any] = {"get": "list", "post": "create"}

router = Router()
router.register("budgets", BudgetViewSet, basename="budget")
_BUDGET = "budgets/(?P<uid>[^/]+)"
urlpatterns = [
    route(f"{_BUDGET}/lines", BudgetLines.as_view(), "budget-lines"),
    route(f"{_BUDGET}/transfers", BudgetTransfers.as_view(), "budget-transfers"),
    route(f"{_BUDGET}/raises", BudgetRaises.as_view(), "budget-raises"),
    route(f"{_BUDGET}/grants", BudgetGrants.as_view(), "budget-grants"),
    route(f"{_BUDGET}/phasing", BudgetPhasing.as_view(), "budget-phasing"),
    route(f"{_BUDGET}/rollover", BudgetRollover.as_view(), "budget-rollover"),
    route(
        f"{_BUDGET}/rollover/undo",
        BudgetRolloverUndo.as_view(),
        "budget-rollover-undo",
    ),
    *router.urls,
    route("organizations", Organizations.as_view(_MANY), "organizations"),
    route(
        "organizations/(?P<slug>[A-Za-z0-9._-]+)",
        Organizations.as_view({"get": "retrieve", "patch": "partial_update"}),
        "organization",
    ),
    route("exchange-rates", DeletableRates.as_view(_MANY), "exchange-rates"),
    route(
        r"exchange-rates/(?P<pk>[0-9]{1,18})",
        DeletableRates.as_view({"get": "retrieve", "delete": "destroy"}),
        "exchange-rate",
    ),
]
