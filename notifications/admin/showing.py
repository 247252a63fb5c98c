"""What the admins of channels and deliveries show alike."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from costops.lib.reading import ago
from notifications.models import DeliveryState


def when_shown(moment: datetime) -> SafeString:
    return format_html(
        '<span class="co-when" title="{}">{}</span>',
        f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        ago(moment, timezone.now()),
    )


def tell(
    request: HttpRequest, found: dict[str, Any], *, what: str = "The test message"
) -> None:
    """Tell the person what became of what was just sent."""
    error = found["error"]
    if found["state"] == DeliveryState.DELIVERED:
        messages.success(request, f"{what} was delivered. {error}".strip())
    elif found["state"] == DeliveryState.FAILED:
        messages.error(request, f"{what} did not arrive. {error}".strip())
    elif error:
        messages.warning(request, f"{what} did not arrive yet. {error}")
    else:
        messages.info(request, f"{what} is on its way.")
