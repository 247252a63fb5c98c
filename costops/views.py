"""Views of the whole: is it well, and where to begin."""

from dataclasses import asdict

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from costops.health import readiness, work


@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Tell how all is: healthy, degraded (workers are late), or unhealthy with 503."""
    found = readiness()
    if not found.is_ready:
        return _told("unhealthy", asdict(found), status=503)
    now = timezone.now()
    waiting = work(now)
    word = "degraded" if waiting.is_late(now) else "healthy"
    return _told(word, asdict(found) | asdict(waiting))


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Tell whether requests can be answered: 503 while the database can't."""
    found = readiness()
    if found.is_ready:
        return _told("healthy", asdict(found))
    return _told("unhealthy", asdict(found), status=503)


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Tell that the process answers."""
    return _told("healthy", {})


def _told(word: str, parts: dict[str, object], *, status: int = 200) -> HttpResponse:
    body = {"status": word, "version": settings.VERSION} | parts
    return JsonResponse(body, status=status)
