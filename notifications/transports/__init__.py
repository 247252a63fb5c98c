"""Ways to send: one module for each, all with one function, `send`."""

from collections.abc import Callable, Mapping

from notifications.models import ChannelType
from notifications.transports import (
    mail,
    pagerduty,
    service,
    slack,
    telephone,
    webhook,
)
from notifications.transports.base import Accepted, Parcel, TransportError

__all__ = ["TRANSPORTS", "Accepted", "Parcel", "TransportError"]

# Each sends a parcel or raises TransportError; none tries twice, for workers do.
TRANSPORTS: Mapping[str, Callable[[Parcel], Accepted]] = {
    ChannelType.EMAIL: mail.send,
    ChannelType.SLACK: slack.send,
    ChannelType.WEBHOOK: webhook.send,
    ChannelType.PAGERDUTY: pagerduty.send,
    ChannelType.SMS: telephone.send_text,
    ChannelType.PHONE: telephone.call,
    ChannelType.APPRISE: service.send,
}
