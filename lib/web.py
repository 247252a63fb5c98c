"""How the product answers over HTTP: problems (RFC 9457), pages of lists, JSON in."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import wraps
from http import HTTPStatus
from ipaddress import ip_address
from itertools import chain
from typing import IO, Any, TypeVar, cast

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, DataError, InterfaceError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
)
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, re_path
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from lib.availability import (
    RETRY_AFTER_S,
    is_out_of_range,
    is_passing,
    unavailable,
)
from lib.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    OutOfRange,
    PreconditionFailed,
    Refusal,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedType,
)
from lib.texts import NO_ODD, odd_place

_STATUSES: tuple[tuple[type[Refusal], HTTPStatus], ...] = (
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (PreconditionFailed, HTTPStatus.PRECONDITION_FAILED),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnsupportedType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(refusal: Refusal) -> HTTPStatus:
    for kind, status in _STATUSES:
        if isinstance(refusal, kind):
            return status
    return HTTPStatus.BAD_REQUEST


def problem(
    status: int, code: str, detail: str, errors: Iterable[FieldError] = ()
) -> dict[str, Any]:
    """Return the one body every error has; `detail` names the first wrong field."""
    wrong = list(errors)
    if wrong and detail == wrong[0].detail:
        detail = _first_of(wrong)
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "errors": [asdict(error) for error in wrong],
    }


def _first_of(wrong: Sequence[FieldError]) -> str:
    """Say what is wrong with the first field, and that there are more."""
    attr, detail = wrong[0].attr, wrong[0].detail
    if attr and not re.search(rf"\b{re.escape(attr)}\b", detail):
        detail = f"{attr}: {detail}"
    if more := len(wrong) - 1:
        detail += f" {more} more in errors."
    return detail


def problem_response(refusal: Refusal) -> HttpResponse:
    """Answer a refusal from a view that is not DRF's."""
    status = status_of(refusal)
    body = problem(status, refusal.code, str(refusal), refusal.errors)
    response = JsonResponse(
        body, status=status, content_type="application/problem+json"
    )
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="costops"'
    if isinstance(refusal, Unavailable):
        response["Retry-After"] = str(refusal.retry_after_s)
    return response


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER: every error in the one shape."""
    if isinstance(error, Refusal):
        status = status_of(error)
        body = problem(status, error.code, str(error), error.errors)
        response = _problem_of_drf(status, body)
        if isinstance(error, Unavailable):
            response["Retry-After"] = str(error.retry_after_s)
        return response
    if isinstance(error, Http404):
        return _problem_of_drf(
            404, problem(404, "not_found", "There is no such thing.")
        )
    if isinstance(error, PermissionDenied):
        return _problem_of_drf(403, problem(403, "forbidden", "Not allowed."))
    if isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(
            getattr(error, "message_dict", None) or error.messages
        )
    if isinstance(error, RequestDataTooBig):
        return _problem_of_drf(413, problem(413, "too_large", "The body is too large."))
    if not isinstance(error, exceptions.APIException):
        return None
    return _answer_to(error)


def _answer_to(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        errors = list(_flat(error.get_full_details()))
        return _problem_of_drf(400, problem(400, "invalid", errors[0].detail, errors))
    code = str(error.get_codes()) if isinstance(error.detail, str) else "invalid"
    body = problem(error.status_code, code, str(error.detail))
    response = _problem_of_drf(error.status_code, body)
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait) + 1)
    return response


def _problem_of_drf(status: int, body: dict[str, Any]) -> Response:
    response = Response(body, status=status, content_type="application/problem+json")
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="costops"'
    return response


def _flat(details: Any, path: str = "") -> Iterable[FieldError]:
    """Walk DRF's nested error details: {"scope": {"teams": [...]}} is scope.teams."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        attr = path.removesuffix("non_field_errors").rstrip(".")
        yield FieldError(attr, str(details["code"]), str(details["message"]))
    elif isinstance(details, dict):
        for name, inner in details.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    else:
        for inner in details:
            yield from _flat(inner, path)


class RefusalMiddleware:
    """Answers a Refusal that a plain view lets through: JSON in the API, or a page.

    It answers too for pages what is asked for by a name that nothing can have, or by
    following an address that only takes what a form sends.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        not_allowed = isinstance(response, HttpResponseNotAllowed)
        if not_allowed and request.method == "GET" and not is_api(request):
            _explain(request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Answer 404 to a page's address with a NUL: no database can search for it."""
        said = chain([request.path], *(texts for _, texts in request.GET.lists()))
        if is_api(request) or not any("\0" in text for text in said):
            return None
        return not_found(request)

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponse | None:
        refusal = _refusal_of(error)
        if refusal is None:
            return None
        return _answer_of(request, refusal)


def _answer_of(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Answer a refusal: JSON in the API, or a page."""
    if is_api(request):
        return problem_response(refusal)
    page = {"refusal": refusal}
    response = render(request, "refused.html", page, status=status_of(refusal))
    if isinstance(refusal, Unavailable):
        response["Retry-After"] = str(refusal.retry_after_s)
    return response


def _refusal_of(error: BaseException | None) -> Refusal | None:
    """Return what is answered to *error*, None if it is a fault of ours."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestDataTooBig):
        return TooLarge("The body is larger than what is taken in one request.")
    if isinstance(error, UnreadablePostError):
        return Unavailable(
            "The request's body did not come in time; send it again.",
            retry_after_s=RETRY_AFTER_S,
        )
    if isinstance(error, (DatabaseError, InterfaceError)) and is_passing(error):
        return unavailable(error)
    return OutOfRange() if is_out_of_range(error) else None


_LONGEST_ID = 18  # digits of a number that every database can compare


def id_of(text: str | None) -> int | None:
    """Return the id of a row that an address has as *text*; None: it is none."""
    if text and text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID:
        return int(text)
    return None


def address_of(request: HttpRequest) -> str | None:
    """Return where *request* came from; behind a proxy, where the proxy says."""
    return address_in(request.META)


def address_in(environ: Mapping[str, Any]) -> str | None:
    """As `address_of`, of a request as the server hands it over."""
    address = environ.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER:  # then there is one, and it adds the last
        address = environ.get("HTTP_X_FORWARDED_FOR", address).split(",")[-1]
    try:
        return str(ip_address(address.strip()))
    except ValueError:
        return None


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/otlp/"))


_MISSING = "There is no such"


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404 for what no URL leads to."""
    if is_api(request):
        return problem_response(NotFound("There is no such endpoint."))
    said = str(exception.args[0]) if exception and exception.args else ""
    missing = said.removesuffix(".") if said.startswith(_MISSING) else ""
    return render(request, "404.html", {"missing": missing}, status=404)


def _explain(request: HttpRequest, response: HttpResponse) -> None:
    """Put a page into a 405 that leads to what stands above the address."""
    above = request.path.rstrip("/").rpartition("/")[0] + "/"
    response.content = render_to_string("405.html", {"above": above}, request)
    response["Content-Type"] = "text/html; charset=utf-8"


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403 to who has no leave for a page."""
    if is_api(request):
        return problem_response(Forbidden("Not allowed."))
    return render(request, "403.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without any detail; the log has it. 503 when the database is away."""
    refusal = _refusal_of(sys.exc_info()[1])
    if refusal is not None:
        return _answer_of(request, refusal)
    if is_api(request):
        body = problem(500, "server_error", "Something went wrong here. It was logged.")
        return JsonResponse(body, status=500, content_type="application/problem+json")
    return render(request, "500.html", status=500)


View = TypeVar("View", bound=Callable[..., HttpResponse])


def only(*methods: str) -> Callable[[View], View]:
    """Refuse other methods of a plain view: 405, as a problem, which names these."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method in methods:
                return view(request, *args, **kwargs)
            return _wrong_method(request, methods)

        return cast("View", guarded)

    return guard


def _wrong_method(request: HttpRequest, methods: Iterable[str]) -> HttpResponse:
    detail = f'Method "{request.method}" not allowed.'
    body = problem(405, "method_not_allowed", detail)
    response = JsonResponse(body, status=405, content_type="application/problem+json")
    response["Allow"] = ", ".join(methods)
    return response


class StrictJSONParser(BaseParser):
    """JSON as RFC 8259 has it: no NaN, and no text that can't be kept, at any depth."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        try:
            body = stream.read().decode()
            # Numbers stay text: a float would round an amount before it is read.
            parsed = json.loads(body, parse_float=str, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise exceptions.ParseError(f"Malformed JSON: {error}.") from error
        # Only so written can they come: as bytes they are no JSON, or no UTF-8.
        if "\\u" in body and (place := odd_place(parsed)) is not None:
            raise Invalid.field(place, NO_ODD)
        return parsed


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


class Page(CursorPagination):
    """{"next", "previous", "results"}, stable while rows are being added."""

    ordering = "-pk"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 1_000

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        """Return one page; 404 for a cursor whose place no row can have.

        What a place is made of depends on the order, so only the database tells.
        """
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, OverflowError, DjangoValidationError, DataError) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            raise exceptions.NotFound(self.invalid_cursor_message) from error


def route(pattern: str, view: Callable[..., Any], name: str) -> URLPattern:
    """Return a URL that answers with and without a slash at its end."""
    return re_path(rf"^{pattern}/?$", view, name=name)
