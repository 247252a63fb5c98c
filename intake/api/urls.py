from intake.api import corrections, outcomes, usage
from intake.api.fixed_charges import FixedChargeViewSet
from intake.api.repricings import RepricingViewSet
from lib.web import route

urlpatterns = [
    route("usage", usage.usage, "usage"),
    route("usage/batch", usage.usage_batch, "usage-batch"),
    route(
        r"usage/(?P<usage_id>.{1,1020})/correction",
        corrections.usage_correction,
        "usage-correction",
    ),
    route("outcomes", outcomes.outcomes, "outcomes"),
    route(
        "repricings",
        RepricingViewSet.as_view({"get": "list", "post": "create"}),
        "repricings",
    ),
    route(
        r"repricings/(?P<pk>[0-9]{1,18})",
        RepricingViewSet.as_view({"get": "retrieve"}),
        "repricing",
    ),
    route(
        r"repricings/(?P<pk>[0-9]{1,18})/undo",
        RepricingViewSet.as_view({"post": "undo"}),
        "repricing-undo",
    ),
    route(
        "fixed-charges",
        FixedChargeViewSet.as_view({"get": "list", "post": "create"}),
        "fixed-charges",
    ),
    route(
        r"fixed-charges/(?P<uid>[^/]+)",
        FixedChargeViewSet.as_view({"get": "retrieve"}),
        "fixed-charge",
    ),
    route(
        r"fixed-charges/(?P<uid>[^/]+)/cancel",
        FixedChargeViewSet.as_view({"post": "cancel"}),
        "cancel-fixed-charge",
    ),
    route(
        r"fixed-charges/(?P<uid>[^/]+)/correct",
        FixedChargeViewSet.as_view({"post": "correct"}),
        "correct-fixed-charge",
    ),
]
