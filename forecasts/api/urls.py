from forecasts.api.advice import Recommendations
from forecasts.api.optimizations import Optimizations
from forecasts.api.scenario_views import BudgetScenarios, CostScenarios
from forecasts.api.views import BudgetForecast, BudgetForecastAccuracy, Forecasts
from lib.web import route

_BUDGET = r"budgets/(?P<uid>[^/]+)"

urlpatterns = [
    route("forecasts", Forecasts.as_view(), "forecasts"),
    route("forecasts/scenarios", CostScenarios.as_view(), "cost-scenarios"),
    route("optimizations", Optimizations.as_view(), "optimizations"),
    route("budgets/recommendations", Recommendations.as_view(), "recommendations"),
    route(rf"{_BUDGET}/forecast", BudgetForecast.as_view(), "budget-forecast"),
    route(rf"{_BUDGET}/scenarios", BudgetScenarios.as_view(), "budget-scenarios"),
    route(
        rf"{_BUDGET}/forecast/accuracy",
        BudgetForecastAccuracy.as_view(),
        "budget-forecast-accuracy",
    ),
]
