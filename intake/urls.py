from costops.lib.web import route
from intake import correcting, views
from intake.api import RepricingViewSet

urlpatterns = [
    route("usage", views.usage, "usage"),
    route("usage/batch", views.usage_batch, "usage-batch"),
    route(
        r"usage/(?P<usage_id>.{1,1020})/correction",
        correcting.usage_correction,
        "usage-correction",
    ),
    route(
        "repricings",
        RepricingViewSet.as_view({"get": "list", "post": "create"}),
        "repricings",
    ),
    route(
        r"repricings/(?P<pk>\d{1,18})",
        RepricingViewSet.as_view({"get": "retrieve"}),
        "repricing",
    ),
]
