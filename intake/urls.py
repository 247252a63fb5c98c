from costops.lib.web import route
from intake import views

urlpatterns = [
    route("usage", views.usage, "usage"),
    route("usage/batch", views.usage_batch, "usage-batch"),
]
