"""DRF's view of API keys: who asks, and whether the key's scopes allow it."""

from typing import TYPE_CHECKING, Any, cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import keys
from accounts.access import require
from accounts.types import Caller

if TYPE_CHECKING:
    # At run time it would import this module, which DRF's settings name.
    from rest_framework.views import APIView


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`; request.user is then a Caller."""

    def authenticate(self, request: Request) -> tuple[Any, Caller]:
        caller = keys.check(request.META.get("HTTP_AUTHORIZATION", ""))
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="costops"'


class HasScope(BasePermission):
    """Lets through who has the view's `read_scope` (safe methods) or `write_scope`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        safe = request.method in SAFE_METHODS
        caller = cast("Caller", request.auth)
        scope: str = getattr(view, "read_scope" if safe else "write_scope")
        require(caller, scope)
        return True
