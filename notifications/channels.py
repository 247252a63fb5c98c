"""Setting channels up, changing them, and what of them may be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organization
from accounts.versions import Seen, check_seen, history_of
from lib.errors import Conflict, FieldError, Invalid, NotFound
from notifications.configs import (
    Setup,
    new_signing_secret,
    read_setup,
    rotated,
    secret_names,
)
from notifications.known_services import check_service
from notifications.models import Channel, ChannelType
from notifications.services import ask_outsiders
from notifications.templating import read_template

_LONGEST_NAME = 100


class ChannelNameTaken(Conflict):
    """The organization has a channel of that name."""

    code = "channel_name_taken"


@dataclass(frozen=True, slots=True)
class Saved:
    """A channel, and the signing secret if one was just made: it is shown this once."""

    channel: Channel
    made_secret: str = ""


@transaction.atomic
def add_channel(
    organization: Organization,
    *,
    type: str,
    name: str,
    config: Mapping[str, Any],
    template: Any = None,
    enabled: bool = True,
) -> Saved:
    """Set a channel up; a webhook without a secret gets one.

    The template may stand inside *config*.

    Raises:
        Invalid: the type is unknown, or keys of the config or the template are wrong.
        ChannelNameTaken: there is one of that name.
    """
    if type not in ChannelType.values:
        known = ", ".join(ChannelType.values)
        raise Invalid.field("type", f"Unknown; there are {known}.")
    config, template = _apart(config, template)
    setup = read_setup(type, config)
    held, made = setup.secrets, ""
    if type == ChannelType.WEBHOOK and "secret" not in held:
        made = new_signing_secret()
        held = {"secret": made}
    channel = Channel(
        organization=organization,
        type=type,
        name=_read_name(name, type),
        config=setup.config,
        secrets=held,
        template=_read_template(template),
        enabled=enabled,
    )
    _save(channel)
    _ask_outsiders(channel)
    return Saved(channel, made)


def _ask_outsiders(channel: Channel) -> None:
    """Mail whom a channel of mail names from outside that they confirm it."""
    if channel.type == ChannelType.EMAIL:
        people = channel.config.get("recipients", [])
        ask_outsiders(channel.organization_id, people, now=timezone.now())


@transaction.atomic
def change_channel(
    channel: Channel,
    *,
    now: datetime,
    seen: Seen | None = None,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    template: Any = None,
    enabled: bool | None = None,
) -> Channel:
    """Change what is given; the rest stays as it is, keys of the config included.

    To switch a channel on forgets why it was off. `{}` takes the template away.

    Raises:
        Invalid, ChannelNameTaken: as `add_channel`.
        NotFound: it was deleted meanwhile.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    held = _held(channel)
    check_seen(history_of(held), seen)
    changed: set[str] = set()
    if name is not None:
        held.name = _read_name(name, held.type)
        changed |= {"name"}
    if config is not None:
        config, template = _apart(config, template)
        _set_up(held, config, now)
        changed |= {"config", "secrets"}
    if template is not None:
        held.template = _read_template(template)
        changed |= {"template"}
    if enabled is not None:
        held.enabled = enabled
        held.disabled_reason = "" if enabled else held.disabled_reason
        changed |= {"enabled", "disabled_reason"}
    if changed:
        _save(held, only=changed)
    if config is not None:
        _ask_outsiders(held)
    return held


def _set_up(channel: Channel, config: Mapping[str, Any], now: datetime) -> None:
    before = Setup(channel.config, channel.secrets)
    setup = read_setup(channel.type, config, kept=before)
    channel.config, channel.secrets = setup.config, setup.secrets
    if channel.type != ChannelType.WEBHOOK:
        return
    given = setup.secrets.get("secret")
    if given is None:
        detail = "Can't be taken away; rotate it to get another one."
        raise Invalid.field("config.secret", detail, code="required")
    channel.secrets = rotated(before.secrets, given, now=now)


@transaction.atomic
def rotate_secret(
    channel: Channel, *, now: datetime, seen: Seen | None = None
) -> Saved:
    """Make a webhook's next signing secret; the one before signs for a day more.

    Raises:
        Invalid: this type of channel signs nothing.
        NotFound: it was deleted meanwhile.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    held = _held(channel)
    check_seen(history_of(held), seen)
    if held.type != ChannelType.WEBHOOK:
        raise Invalid("Only webhooks have a signing secret.")
    made = new_signing_secret()
    held.secrets = rotated(held.secrets, made, now=now)
    _save(held, only={"secrets"})
    return Saved(held, made)


@transaction.atomic
def delete_channel(channel: Channel, *, seen: Seen | None = None) -> None:
    """Delete a channel; what was sent through it stays on record.

    Raises:
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    if seen is not None:
        check_seen(history_of(_held(channel)), seen)
    channel.delete()


def secrets_set(channel: Channel) -> list[str]:
    """Return which secrets are kept, by name."""
    return sorted(secret_names(channel.type) & channel.secrets.keys())


def service_trouble(channel: Channel) -> str:
    """Say why what is sent through *channel* can't arrive any more; "": nothing known.

    A service that was used once may not be any more: see `known_services`.
    """
    if channel.type != ChannelType.APPRISE:
        return ""
    try:
        check_service(str(channel.secrets.get("url", "")))
    except Invalid as refusal:
        return str(refusal)
    return ""


def _apart(config: Mapping[str, Any], template: Any) -> tuple[Mapping[str, Any], Any]:
    """Take the template out of the config, where it may stand too."""
    if "template" not in config:
        return config, template
    inner = config["template"]
    if template is not None and template != inner:
        raise Invalid.field("template", "Differs from config.template; send one.")
    rest = {name: value for name, value in config.items() if name != "template"}
    return rest, {} if inner is None else inner


def _read_template(given: Any) -> dict[str, Any]:
    return read_template({"text": given} if isinstance(given, str) and given else given)


def _held(channel: Channel) -> Channel:
    """Return the channel as it is now; others who change it wait until it is saved."""
    rows = Channel.objects.select_for_update(of=("self",))
    found = rows.select_related("organization").filter(pk=channel.pk).first()
    if found is None:
        raise NotFound("There is no such channel any more.")
    return found


def _read_name(name: str, kind: str) -> str:
    wanted = name.strip()
    if not 1 <= len(wanted) <= _LONGEST_NAME:
        raise Invalid.field("name", f"Use 1 to {_LONGEST_NAME} characters.")
    if wanted.lower() in ChannelType.values and wanted.lower() != kind:
        detail = f"“{wanted}” is a type of channel. Use another name."
        raise Invalid.field("name", detail)
    return wanted


def _save(channel: Channel, *, only: set[str] | None = None) -> None:
    try:
        with transaction.atomic():
            channel.save(update_fields=only)
    except IntegrityError as error:
        detail = f"There is a channel “{channel.name}” already."
        raise ChannelNameTaken(
            detail, errors=(FieldError("name", ChannelNameTaken.code, detail),)
        ) from error
