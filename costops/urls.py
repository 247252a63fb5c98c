from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from console.alerts.answer_page import answer_by_link
from costops.api import MANY, Organizations, Rates
from costops.views import health, live, ready
from intake.otlp.views import traces
from lib.web import route

handler404 = "lib.web.not_found"
handler500 = "lib.web.server_error"

urlpatterns = [
    # The busiest doors first: looking through all the others takes longer than they do.
    path("api/v1/", include("controls.api.authorization_urls")),
    path("api/v1/", include("intake.api.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="start"),
    path("admin/", admin.site.urls),
    route("health", health, "health"),
    route("health/live", live, "health-live"),
    route("health/ready", ready, "health-ready"),
    route("api/v1/health", health, "api-health"),
    route("otlp/v1/traces", traces, "otlp-traces"),
    path("api/v1/", include("budgets.api.urls")),
    path("api/v1/", include("ledger.api.urls")),
    path("api/v1/", include("alerts.api.urls")),
    path("api/v1/", include("controls.api.urls")),
    path("api/v1/", include("notifications.api.urls")),
    route("alerts/(?P<token>[A-Za-z0-9_-]+)", answer_by_link, "answer-alert"),
    route("api/v1/schema", SpectacularAPIView.as_view(), "schema"),
    route("api/v1/docs", SpectacularSwaggerSplitView.as_view(), "docs"),
    route("api/v1/organizations", Organizations.as_view(MANY), "organizations"),
    route(
        "api/v1/organizations/(?P<slug>[A-Za-z0-9._-]+)",
        Organizations.as_view({"get": "retrieve", "patch": "partial_update"}),
        "organization",
    ),
    route("api/v1/exchange-rates", Rates.as_view(MANY), "exchange-rates"),
    route(
        r"api/v1/exchange-rates/(?P<pk>\d{1,18})",
        Rates.as_view({"get": "retrieve", "delete": "destroy"}),
        "exchange-rate",
    ),
]
