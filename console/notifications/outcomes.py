"""What became of messages that somebody has just sent, for who sent them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from notifications.models import DeliveryState


def tell_outcome(
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
