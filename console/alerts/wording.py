"""Words that the pages of alerts share: severities, and whom a step tells."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from accounts.models import User
from alerts.models import Severity
from notifications.models import ChannelType

_CHANNELS = {kind.value: str(kind.label) for kind in ChannelType} | {
    ChannelType.EMAIL.value: "email",
    ChannelType.WEBHOOK.value: "webhook",
    ChannelType.PHONE.value: "phone call",
}
_KINDS = {
    Severity.INFO.value: ("NONE", "Information"),
    Severity.WARNING.value: ("WARNING", "Warning"),
    Severity.CRITICAL.value: ("CRITICAL", "Critical"),
}


def kind_of_severity(severity: str) -> tuple[str, str]:
    """Return the symbol and the word of a severity."""
    return _KINDS[severity]


def told_of(step: Mapping[str, Any], user: User | None = None) -> str:
    """Say whom a step of the ladder tells: people, or the channels without any."""
    people = [
        "you" if user and one == user.email else one
        for one in step.get("recipients") or ()
    ]
    return ", ".join(people) or channel_words(step.get("channels") or ()) or "nobody"


def channel_words(names: Iterable[str], missing: Collection[str] = ()) -> str:
    """Say channels, types by their labels; of those in *missing* that they are."""
    return ", ".join(
        _CHANNELS.get(name, name) + (" (not set up)" if name in missing else "")
        for name in names
    )


def step_words(
    step: Mapping[str, Any],
    user: User | None = None,
    missing: Collection[str] = (),
) -> str:
    """Say whom a step tells, and by what; types in *missing* are not set up."""
    by = channel_words(step["channels"], missing)
    return f"{told_of(step, user)} by {by}" if step["recipients"] else by or "nobody"
