"""How channels, deliveries and attempts are shown: in words, shapes and colours."""

from urllib.parse import urlsplit

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

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
    ChannelType.APPRISE: "Teams, Discord, Telegram, Opsgenie and about 150 others.",
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

_SHAPES = {
    "OK": '<circle cx="6" cy="6" r="5"/>',
    "WARNING": '<path d="M6 1 11.5 11H.5z"/>',
    "CRITICAL": '<path d="M1 1h10v10H1z"/>',
    "NONE": '<path fill-rule="evenodd" d="M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1m0 2a3 3 0'
    ' 1 1 0 6 3 3 0 0 1 0-6"/>',
}


def badge(kind: str, word: str) -> SafeString:
    """Return a state as colour, shape and word; *kind* is OK, WARNING and so on."""
    return format_html(
        '<span class="co-status co-is-{}">'
        '<svg viewBox="0 0 12 12" aria-hidden="true">{}</svg>{}</span>',
        kind,
        mark_safe(_SHAPES[kind]),  # noqa: S308 - one of the four above
        word,
    )


def delivery_state(state: str, tries: int) -> tuple[str, str]:
    """Return how a delivery stands, for `badge`."""
    if state == DeliveryState.DELIVERED:
        return "OK", "delivered"
    if state == DeliveryState.FAILED:
        return "CRITICAL", "failed"
    return ("WARNING", "trying again") if tries else ("NONE", "waiting")


def channel_state(channel: Channel) -> SafeString:
    if channel.enabled:
        return badge("OK", "on")
    if not channel.disabled_reason:
        return badge("NONE", "off")
    return format_html(
        '{} <span class="co-note">{}</span>',
        badge("CRITICAL", "switched off"),
        channel.disabled_reason,
    )


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
        return badge("NONE", "has not ended")
    status = "" if attempt.status is None else f"{attempt.status} "
    if attempt.error:
        return format_html(
            '{} <span class="co-note">{}</span>',
            badge("CRITICAL", f"{status}failed"),
            attempt.error,
        )
    return badge("OK", f"{status}delivered")
