"""Everything else there is a service for, by way of apprise: Teams, Telegram, ..."""

import logging
import sys
from typing import Any

import apprise
import requests
from apprise.exception import AppriseException

from lib import http
from notifications.templating import worded
from notifications.transports.base import (
    Accepted,
    Parcel,
    TransportError,
    not_answered,
    plain_text,
    turned_down,
)

# Its lines carry hosts, numbers and, when debugging, addresses with their tokens.
logging.getLogger("apprise").setLevel(logging.CRITICAL)

_TYPES = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
}
# These read files whose names an address may carry, or open sockets of their own.
_LEFT_OUT = {"fcm", "vapid", "nostr"}


def send(parcel: Parcel) -> Accepted:
    """Send the message to the service whose address the channel has."""
    wording = worded(parcel.message, parcel.template)
    body = plain_text(parcel.message, wording.text)
    return notify(str(parcel.setup.get("url", "")), parcel, body, note=wording.problem)


def notify(url: str, parcel: Parcel, body: str, *, note: str = "") -> Accepted:
    """Send *body* to the service at *url*, an apprise address.

    Raises:
        TransportError: the address is no good, or the service did not take it.
    """
    plugin = _opened(url)
    message = parcel.message
    kind = "success" if message.event == "resolved" else message.severity
    with http.guarded() as watched:
        try:
            taken = plugin.notify(
                title=message.title,
                body=body,
                notify_type=_TYPES.get(kind, apprise.NotifyType.SUCCESS),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except (AppriseException, requests.RequestException) as error:
            reason = watched.problem or http.NoAnswer("The service could not be used.")
            raise not_answered(reason) from error
    status = watched.answers[-1].status if watched.answers else None
    if taken:
        return Accepted(status, note)
    raise _failure(watched)


def _failure(watched: http.Watched) -> TransportError:
    if watched.problem is not None:
        return not_answered(watched.problem)
    turned = [each for each in watched.answers if not 200 <= each.status < 300]
    if turned:
        return turned_down(turned[-1])
    return TransportError("The service did not take it.")


def _opened(url: str) -> Any:
    asset = apprise.AppriseAsset(
        app_id="CostOps",
        app_desc="CostOps",
        http_redirects=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    try:
        plugin = apprise.Apprise.instantiate(url, asset=asset)
    except AppriseException:
        plugin = None
    if plugin is None:
        raise TransportError(
            "The address is not one of a known service.", permanent=True
        )
    if not is_guarded(plugin):
        raise TransportError("This kind of service can't be used here.", permanent=True)
    return plugin


def is_guarded(plugin: Any) -> bool:
    """Tell whether *plugin* sends by the one library that is guarded, and only so."""
    names = [kind.__module__ for kind in type(plugin).__mro__]
    own = [name for name in names if name.startswith("apprise.plugins.")]
    if any(part in _LEFT_OUT for name in own for part in name.split(".")):
        return False
    return any("requests" in vars(sys.modules[name]) for name in own)
