"""What every view of the API has in common: who calls, what is asked, who acts."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, ClassVar, cast

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.access import organization_named
from accounts.audit import acting_as
from accounts.models import Organization
from accounts.scopes import Scope
from accounts.types import Caller
from accounts.versions import Seen, seen_in, tag_of
from lib.answers import Out, plain
from lib.errors import FieldError, Invalid
from lib.texts import NO_ODD


class Negotiation(DefaultContentNegotiation):
    """DRF's own, but an unknown ?format= is a 400 that names the known ones."""

    def filter_renderers(
        self,
        renderers: Iterable[BaseRenderer],
        format: str,
    ) -> list[BaseRenderer]:
        known = list(renderers)
        found = [renderer for renderer in known if renderer.format == format]
        if not found:
            names = ", ".join(str(renderer.format) for renderer in known)
            raise Invalid.field("format", f"Unknown format; known are {names}.")
        return found


class ApiView(APIView):
    """A view that only keys with the right scope reach, and that acts as the caller.

    `query_parameters`, where a view names them, are all that it takes: any other is a
    400, for a filter that is misspelt would answer with everything.
    """

    read_scope: ClassVar[str] = Scope.COSTS_READ
    write_scope: ClassVar[str] = Scope.ADMIN
    query_parameters: ClassVar[frozenset[str] | None] = None
    content_negotiation_class = Negotiation
    _while_answering: ExitStack

    @property
    def caller(self) -> Caller:
        """Who asks; known once the request has been checked."""
        return cast("Caller", self.request.auth)  # KeyAuthentication's

    def organization(self) -> Organization:
        """Return the organization that ?organization_id= asks for.

        Raises:
            Forbidden, NotFound: as `accounts.access.organization_named`.
        """
        slug = self.request.query_params.get("organization_id")
        return organization_named(slug, caller=self.caller)

    def seen(self) -> Seen | None:
        """Return the versions that If-Match names; None: any will do."""
        return seen_in(self.request.headers.get("If-Match"))

    def known_parameters(self) -> frozenset[str] | None:
        """Return the names a query may have; None: they are not looked at."""
        if self.query_parameters is None:
            return None
        return self.query_parameters | {"format"}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # Not in finalize_response: a bug that becomes a 500 never gets there.
        with ExitStack() as self._while_answering:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self._while_answering.enter_context(acting_as(self.caller.name))
        self._check_query(request)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        if getattr(response, "exception", False):
            # An error is JSON, whatever format the answer would have had.
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)

    def _check_query(self, request: Request) -> None:
        query = request.query_params
        for name, values in query.lists():
            if any("\x00" in text for text in (name, *values)):
                raise Invalid.field(name.replace("\x00", "\\u0000"), NO_ODD)
        known = self.known_parameters()
        if known is None or not (unknown := sorted(query.keys() - known)):
            return
        detail = f"Known parameters are {', '.join(sorted(known))}."
        raise Invalid(
            f"Unknown parameter {', '.join(unknown)}. {detail}",
            errors=tuple(
                FieldError(name[:200], "unknown_parameter", detail) for name in unknown
            ),
        )


def tagged(response: Response, version: str) -> Response:
    """Put *version* at the head of an answer, to be sent back as If-Match."""
    response["ETag"] = tag_of(version)
    return response


IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what you read. Where somebody changed it since, nothing "
    "is changed: 412, `changed_meanwhile`.",
)


class ApiViewSet(ApiView, GenericViewSet[Any]):
    """The views of one collection; see `ApiView`. A CSV list is not cut into pages."""

    def seen(self) -> Seen | None:
        """Return the versions that If-Match names; None: any will do."""
        return seen_in(self.request.headers.get("If-Match"))

    def known_parameters(self) -> frozenset[str] | None:
        known = super().known_parameters()
        if known is None or not self.pagination_class:
            return known
        return known | {"limit", "cursor"}

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        if getattr(self.request, "accepted_renderer", None) is not None and (
            self.request.accepted_renderer.format == "csv"
        ):
            return None
        return super().paginate_queryset(queryset)

    def listing(self, rows: Any, out_of: Callable[[Any], Out]) -> Response:
        """Answer with *rows*, each as *out_of* has it: a page; as CSV, all of them."""
        page = self.paginate_queryset(rows)
        found = plain([out_of(row) for row in (rows if page is None else page)])
        return Response(found) if page is None else self.get_paginated_response(found)


class Router(SimpleRouter):
    """URLs of collections that answer with and without a slash at their end."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"


class KeyScheme(OpenApiAuthenticationExtension):
    """API keys, as the schema has them."""

    target_class = "accounts.authentication.KeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key: `Authorization: Bearer cok_...`.",
        }
