from accounts.views import Router
from alerts.api import AlertViewSet, BudgetAlerts
from costops.lib.web import route

router = Router()
router.register("alerts", AlertViewSet, basename="alert")
urlpatterns = [
    route(r"budgets/(?P<uid>[^/]+)/alerts", BudgetAlerts.as_view(), "budget-alerts"),
    *router.urls,
]
