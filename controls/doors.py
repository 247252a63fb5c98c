"""The doors of authorizations and leases under /api/v1/: every call waits at them."""

from controls import views
from costops.lib.web import route

_ID = "(?P<uid>[^/]+)"

urlpatterns = [
    route("authorizations", views.authorizations, "authorizations"),
    route("leases", views.leases, "leases"),
    route(f"leases/{_ID}/renew", views.renew, "renew-lease"),
    route(f"leases/{_ID}/return", views.return_lease, "return-lease"),
    route(f"leases/{_ID}", views.authorization, "lease"),
    route(f"authorizations/{_ID}/release", views.release, "release-authorization"),
    route(f"authorizations/{_ID}", views.authorization, "authorization"),
]
