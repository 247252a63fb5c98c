"""Channels, deliveries and preferences in the admin."""

from notifications.admin.channels import ChannelAdmin
from notifications.admin.deliveries import DeliveryAdmin
from notifications.admin.preferences import PreferenceAdmin

__all__ = ["ChannelAdmin", "DeliveryAdmin", "PreferenceAdmin"]
