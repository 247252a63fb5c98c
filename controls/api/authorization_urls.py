"""The doors of authorizations and leases under /api/v1/: every call waits at them."""

from controls.api import authorizations
from lib.web import route

_ID = "(?P<uid>[^/]+)"

urlpatterns = [
    route("authorizations", authorizations.authorizations, "authorizations"),
    route("leases", authorizations.leases, "leases"),
    route(f"leases/{_ID}/renew", authorizations.renew, "renew-lease"),
    route(f"leases/{_ID}/return", authorizations.return_lease, "return-lease"),
    route(f"leases/{_ID}", authorizations.lease, "lease"),
    route(
        f"authorizations/{_ID}/release", authorizations.release, "release-authorization"
    ),
    route(f"authorizations/{_ID}", authorizations.authorization, "authorization"),
]
