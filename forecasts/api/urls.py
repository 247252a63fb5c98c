from forecasts.api.advice import Recommendations
from forecasts.api.views import BudgetForecast
from lib.web import route

urlpatterns = [
    route("budgets/recommendations", Recommendations.as_view(), "recommendations"),
    route(
        r"budgets/(?P<uid>[^/]+)/forecast", BudgetForecast.as_view(), "budget-forecast"
    ),
]
