"""Views of the whole: is it well, and where to begin."""

from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from msgspec import UNSET, UnsetType

from costops.health import Readiness, readiness, work
from lib.answers import Moment, Operation, Out, described, note
from lib.bodies import json_response
from lib.web import only


class HealthOut(Out, frozen=True):
    """Whether the product is well, as far as was asked."""

    status: Annotated[
        Literal["healthy", "degraded", "unhealthy"],
        note("degraded: workers are late; unhealthy: requests can't be answered."),
    ]
    version: str
    database: Literal["connected", "unreachable"] | UnsetType = UNSET
    schema: Literal["current", "behind", "unknown"] | UnsetType = UNSET
    writes: Literal["possible", "impossible", "unknown"] | UnsetType = UNSET
    worker: Literal["running", "away", "not started"] | UnsetType = UNSET
    last_sweep_at: Moment | UnsetType | None = UNSET
    oldest_due_message_at: Annotated[
        Moment | UnsetType | None, note("Null: nothing waits.")
    ] = UNSET


def _asks(name: str, summary: str) -> Operation:
    """Return what a view does that asks the database."""
    answered = {200: HealthOut, 503: HealthOut}
    return Operation(name, summary, "health", answered, method="get", is_open=True)


@described(_asks("health_retrieve", "Tell how all is"))
@never_cache
@only("GET", "HEAD")
def health(request: HttpRequest) -> HttpResponse:
    """Tell how all is: healthy, degraded (workers are late), or unhealthy with 503."""
    return _health()


@described(_asks("api_health_retrieve", "Tell how all is"))
@never_cache
@only("GET", "HEAD")
def api_health(request: HttpRequest) -> HttpResponse:
    """Tell how all is, likewise."""
    return _health()


@described(_asks("health_ready_retrieve", "Tell whether requests can be answered"))
@never_cache
@only("GET", "HEAD")
def ready(request: HttpRequest) -> HttpResponse:
    """Tell whether requests can be answered: 503 while the database can't."""
    found = readiness()
    return _told("healthy", found) if found.is_ready else _unhealthy(found)


@described(
    Operation(
        "health_live_retrieve",
        "Tell that the process answers",
        "health",
        {200: HealthOut},
        method="get",
        is_open=True,
    )
)
@never_cache
@only("GET", "HEAD")
def live(request: HttpRequest) -> HttpResponse:
    """Tell that the process answers."""
    return json_response(HealthOut("healthy", settings.VERSION))


def _health() -> HttpResponse:
    found = readiness()
    if not found.is_ready:
        return _unhealthy(found)
    now = timezone.now()
    waiting = work(now)
    return _told(
        "degraded" if waiting.is_late(now) else "healthy",
        found,
        worker=waiting.worker,
        last_sweep_at=waiting.last_sweep_at,
        oldest_due_message_at=waiting.oldest_due_message_at,
    )


def _unhealthy(found: Readiness) -> HttpResponse:
    return _told("unhealthy", found, answer_status=503)


def _told(
    word: Literal["healthy", "degraded", "unhealthy"],
    found: Readiness,
    *,
    answer_status: int = 200,
    **waiting: Any,
) -> HttpResponse:
    parts: dict[str, Any] = {
        "database": found.database,
        "schema": found.schema,
        "writes": found.writes,
        **waiting,
    }
    answer = HealthOut(word, settings.VERSION, **parts)
    return json_response(answer, status=answer_status)
