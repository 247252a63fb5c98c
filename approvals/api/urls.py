from accounts.api.base import Router
from approvals.api.amounts import NewAmounts
from approvals.api.policies import (
    ApprovalPolicyViewSet,
    ApprovalPreview,
    DelegationViewSet,
)
from approvals.api.views import BudgetRequestViewSet
from lib.web import route

router = Router()
router.register("budget-requests", BudgetRequestViewSet, basename="budget-request")
router.register("approval-policies", ApprovalPolicyViewSet, basename="approval-policy")
router.register("delegations", DelegationViewSet, basename="delegation")
urlpatterns = [
    route("budgets/amounts", NewAmounts.as_view(), "new-amounts"),
    route("approval-policies/preview", ApprovalPreview.as_view(), "approval-preview"),
    *router.urls,
]
