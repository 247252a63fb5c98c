from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from costops.lib.web import route
from costops.views import health, live

handler404 = "costops.lib.web.not_found"
handler500 = "costops.lib.web.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="start"),
    path("admin/", admin.site.urls),
    route("health", health, "health"),
    route("health/live", live, "health-live"),
    route("health/ready", health, "health-ready"),
    route("api/v1/health", health, "api-health"),
    path("api/v1/", include("intake.urls")),
]
