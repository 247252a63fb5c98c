from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from approvals.api.slack import press
from console.accounts import passwords
from console.accounts.invitations import join_by_link
from console.alerts.answer_page import answer_by_link
from console.approvals.decide_page import decide_by_link
from console.approvals.digest_page import digest_by_link
from console.approvals.slack import confirm_slack
from console.feeds.links import file_by_link, stop_by_link
from console.notifications.outsiders import confirm_by_link
from costops.views import api_health, health, live, ready
from intake.otlp.views import traces
from lib.web import route

api_docs = SpectacularSwaggerSplitView.as_view(template_name="costops/docs.html")

handler403 = "lib.web.forbidden"
handler404 = "lib.web.not_found"
handler500 = "lib.web.server_error"

urlpatterns = [
    # The busiest doors first: looking through all the others takes longer than they do.
    path("api/v1/", include("controls.api.authorization_urls")),
    path("api/v1/", include("intake.api.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="start"),
    path("admin/", include(passwords.urls())),
    path("admin/", admin.site.urls),
    route("health", health, "health"),
    route("health/live", live, "health-live"),
    route("health/ready", ready, "health-ready"),
    route("api/v1/health", api_health, "api-health"),
    route("otlp/v1/traces", traces, "otlp-traces"),
    # They have names where the next has ids.
    path("api/v1/", include("forecasts.api.urls")),
    path("api/v1/", include("reports.api.urls")),
    path("api/v1/", include("approvals.api.urls")),
    path("api/v1/", include("budgets.api.urls")),
    path("api/v1/", include("ledger.api.urls")),
    path("api/v1/", include("alerts.api.urls")),
    path("api/v1/", include("controls.api.urls")),
    path("api/v1/", include("notifications.api.urls")),
    route("alerts/(?P<token>[A-Za-z0-9_-]+)", answer_by_link, "answer-alert"),
    route("approvals/(?P<token>[A-Za-z0-9_-]+)", decide_by_link, "decide-by-link"),
    route("slack/user/(?P<token>[A-Za-z0-9_-]+)", confirm_slack, "confirm-slack"),
    route("slack/(?P<organization>[A-Za-z0-9._-]+)", press, "slack-press"),
    route("digests/(?P<token>[A-Za-z0-9_-]+)", digest_by_link, "stop-digest"),
    route("files/(?P<token>[A-Za-z0-9_-]+)", file_by_link, "file-by-link"),
    route("feeds/(?P<token>[A-Za-z0-9_-]+)", stop_by_link, "stop-feed"),
    route("join/(?P<token>[A-Za-z0-9_-]+)", join_by_link, "join"),
    route("recipients/(?P<token>[A-Za-z0-9_-]+)", confirm_by_link, "confirm-recipient"),
    route("api/v1/schema", SpectacularAPIView.as_view(), "schema"),
    route("api/v1/docs", api_docs, "docs"),
]
