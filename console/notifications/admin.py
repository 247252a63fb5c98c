"""Channels and deliveries in the admin."""

from console.notifications.channels import ChannelAdmin
from console.notifications.deliveries import DeliveryAdmin
from console.notifications.outsiders import OutsiderAdmin

__all__ = ["ChannelAdmin", "DeliveryAdmin", "OutsiderAdmin"]
