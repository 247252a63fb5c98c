"""Channels, deliveries and preferences in the admin."""

from console.notifications.channels import ChannelAdmin
from console.notifications.deliveries import DeliveryAdmin
from console.notifications.preferences import PreferenceAdmin

__all__ = ["ChannelAdmin", "DeliveryAdmin", "PreferenceAdmin"]
