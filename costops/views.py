"""Views of the whole: is it well, and where to begin."""

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Tell whether the product can do its work: 503 when the database is away."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return JsonResponse(
            {
                "status": "unhealthy",
                "version": settings.VERSION,
                "database": "unreachable",
            },
            status=503,
        )
    return JsonResponse(
        {"status": "healthy", "version": settings.VERSION, "database": "connected"}
    )


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Tell that the process answers."""
    return JsonResponse({"status": "healthy", "version": settings.VERSION})
