from typing import Any

from ledger.api.costs import CostsView, SummaryView, TimeseriesView, UnpricedView
from ledger.api.prices import PriceResolution, PriceViewSet
from lib.web import route

_MANY: dict[str, Any] = {"get": "list", "post": "create"}
_ONE: dict[str, Any] = {
    "get": "retrieve",
    "patch": "partial_update",
    "delete": "destroy",
}

urlpatterns = [
    route("costs", CostsView.as_view(), "costs"),
    route("costs/unpriced", UnpricedView.as_view(), "costs-unpriced"),
    route("analytics/summary", SummaryView.as_view(), "analytics-summary"),
    route("analytics/timeseries", TimeseriesView.as_view(), "analytics-timeseries"),
    route("pricing", PriceViewSet.as_view(_MANY), "prices"),
    route("pricing/resolve", PriceResolution.as_view(), "price-resolution"),
    route(r"pricing/(?P<pk>[0-9]{1,18})", PriceViewSet.as_view(_ONE), "price"),
]
