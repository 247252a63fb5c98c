from forecasts.api.advice import Recommendations
from forecasts.api.views import BudgetForecast, Forecasts
from lib.web import route

urlpatterns = [
    route("forecasts", Forecasts.as_view(), "forecasts"),
    route("budgets/recommendations", Recommendations.as_view(), "recommendations"),
    route(
        r"budgets/(?P<uid>[^/]+)/forecast", BudgetForecast.as_view(), "budget-forecast"
    ),
]
