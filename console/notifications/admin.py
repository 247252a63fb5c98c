"""Channels and deliveries in the admin."""

from console.notifications.channels import ChannelAdmin
from console.notifications.deliveries import DeliveryAdmin

__all__ = ["ChannelAdmin", "DeliveryAdmin"]
