"""How channels, deliveries and attempts are shown: in words, shapes and colours."""

from urllib.parse import urlsplit

from django.utils.safestring import SafeString

from console.templatetags.console import noted, status
from notifications.channels import service_trouble
from notifications.models import Attempt, Channel, ChannelType, DeliveryState

PURPOSES: dict[str, str] = {
    ChannelType.EMAIL: "Mail to a group of people who are told together.",
    ChannelType.SLACK: "A message to a Slack channel, by an incoming webhook.",
    ChannelType.WEBHOOK: "Signed JSON to a program of your own.",
    ChannelType.PAGERDUTY: "An incident that is acknowledged and resolved along with "
    "the alert.",
    ChannelType.SMS: "A text message, by the service the operator has set up.",
    ChannelType.PHONE: "A call that reads the alert out, by the service the operator "
    "has set up.",
    ChannelType.APPRISE: "Teams, Discord, Telegram, Opsgenie and about 80 others.",
}
_MAIL_NOTE = "Below it come the figures, what moved the cost, and links to act on it."
# What stands around the text of a message, template or not.
AROUND: dict[str, str] = {
    ChannelType.EMAIL: _MAIL_NOTE,
    ChannelType.SLACK: "Below it come buttons to act on it; without attachments of "
    "your own also the figures and what moved the cost.",
    ChannelType.WEBHOOK: "In the JSON this is `message`; all else is the same with a "
    "template or without.",
    ChannelType.PAGERDUTY: "The incident has this as a detail; its summary is the "
    "title.",
    ChannelType.SMS: "The main link follows it.",
    ChannelType.PHONE: "This is read out.",
    ChannelType.APPRISE: _MAIL_NOTE,
}


def delivery_state(state: str, tries: int) -> SafeString:
    """Say how a delivery stands."""
    if state == DeliveryState.DELIVERED:
        return status("OK", "delivered")
    if state == DeliveryState.FAILED:
        return status("CRITICAL", "failed")
    return status("WARNING", "trying again") if tries else status("NONE", "waiting")


def channel_state(channel: Channel) -> SafeString:
    if channel.enabled and (trouble := service_trouble(channel)):
        return noted(status("CRITICAL", "can't send"), trouble)
    if channel.enabled:
        return status("OK", "on")
    if not channel.disabled_reason:
        return status("NONE", "off")
    return noted(status("CRITICAL", "switched off"), channel.disabled_reason)


def destination(channel: Channel) -> str:
    """Say where a channel leads to, as far as that may be shown."""
    config = channel.config
    if people := config.get("recipients"):
        rest = len(people) - 2
        return ", ".join(people[:2]) + (f" and {rest} more" if rest > 0 else "")
    if channel.type == ChannelType.WEBHOOK:
        return urlsplit(str(config.get("url", ""))).netloc
    if channel.type == ChannelType.SLACK:
        return str(config.get("channel", "")) or "its own channel"
    return "a secret address"


def result_of(attempt: Attempt) -> SafeString:
    """Say how an attempt ended."""
    if attempt.duration_ms is None:
        return status("NONE", "has not ended")
    code = "" if attempt.status is None else f"{attempt.status} "
    if attempt.error:
        return noted(status("CRITICAL", f"{code}failed"), attempt.error)
    return status("OK", f"{code}delivered")
