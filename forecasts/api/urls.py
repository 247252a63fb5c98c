from forecasts.api.views import BudgetForecast
from lib.web import route

urlpatterns = [
    route(
        r"budgets/(?P<uid>[^/]+)/forecast", BudgetForecast.as_view(), "budget-forecast"
    ),
]
