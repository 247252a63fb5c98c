from accounts.api.base import Router
from alerts.api.views import AlertViewSet, BudgetAlerts
from lib.web import route

router = Router()
router.register("alerts", AlertViewSet, basename="alert")
urlpatterns = [
    route(r"budgets/(?P<uid>[^/]+)/alerts", BudgetAlerts.as_view(), "budget-alerts"),
    *router.urls,
]
