"""What the admins of channels and deliveries show alike."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.tenants import ServiceAdmin
from lib.humanize import ago
from notifications.models import DeliveryState


class PrefilledAdmin(ServiceAdmin):
    """One that does not ask for the organization where there is only one."""

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        mine = self.writable_organizations(request).values_list("pk", flat=True)[:2]
        return initial | ({"organization": mine[0]} if len(mine) == 1 else {})


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
