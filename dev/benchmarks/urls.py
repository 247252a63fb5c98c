"""The product's URLs, and views that do a part of the work or nothing."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from dev.benchmarks.alone import decide_alone
from intake.api.usage import caller_of, decoded
from intake.services import parted
from ledger.usage import Rejected
from lib.bodies import JSON_TYPES, body_of


@csrf_exempt
def trivial(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b'{"status":"success"}', content_type="application/json")


@csrf_exempt
def decode(request: HttpRequest) -> HttpResponse:
    """Do all that the door for single records does before it books: nothing is kept."""
    caller = caller_of(request)
    record = decoded(body_of(request, JSON_TYPES))
    rejected: list[Rejected] = []
    parted([record], rejected, caller)
    assert not rejected
    return trivial(request)


urlpatterns = [
    path("bench/alone", decide_alone),
    path("bench/trivial", trivial),
    path("bench/decode", decode),
    path("", include("costops.urls")),
]
