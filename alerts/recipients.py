"""Whom a step reaches, and what they are told of why."""

from collections.abc import Iterable

from alerts.models import Alert
from alerts.steps import AlertStep
from alerts.surroundings import Surroundings
from notifications.models import Channel, ChannelType
from notifications.outsiders import unconfirmed
from notifications.services import resolve
from notifications.types import Target

Address = tuple[str, str | int | None]
# Whose readers are people who can open a page; programs have the API.
READ_BY_PEOPLE = {
    ChannelType.EMAIL,
    ChannelType.SLACK,
    ChannelType.SMS,
    ChannelType.APPRISE,
}


def reached(
    around: Surroundings, step: AlertStep
) -> tuple[list[Target], tuple[str, ...]]:
    """Return whom *step* reaches, and the types that are not set up."""
    names = step["channels"]
    if not step["recipients"]:
        # Whoever is usually told is nobody: that is said, not that mail is not set up.
        names = [name for name in names if name != ChannelType.EMAIL]
    found = resolve(
        around.organization.pk, names, step["recipients"], lambda _: around.channels
    )
    return list(found.targets), found.missing


def unreached(step: AlertStep, targets: Iterable[Target]) -> list[str]:
    """Return the people of *step* that none of its channels leads to."""
    told = {target.recipient for target in targets}
    return [one for one in step["recipients"] if one.strip().lower() not in told]


def unheard(organization_id: int, targets: Iterable[Target]) -> set[Target]:
    """Return those of *targets* that are mailed nothing before they confirm."""
    mails = {one for one in targets if one.kind == ChannelType.EMAIL}
    waiting = unconfirmed(organization_id, [one.recipient for one in mails])
    return {one for one in mails if one.recipient in waiting}


def somebody(around: Surroundings, alert: Alert) -> list[Target]:
    """Return who is told when a step leads to nobody: better they than no one."""
    usual = around.usual(alert) or around.admins
    if not usual:
        return []
    mail = [ChannelType.EMAIL.value]
    return list(resolve(around.organization.pk, mail, usual).targets)


def address_of(target: Target) -> Address:
    """Return what tells targets apart: nobody is told twice at one address."""
    return target.kind, target.recipient or target.channel_id


def channel_names(targets: Iterable[Target]) -> dict[int, str]:
    """Return the names of the channels that are addresses themselves, by id."""
    ids = [one.channel_id for one in targets if one.channel_id and not one.recipient]
    if not ids:
        return {}
    return dict(Channel.objects.filter(pk__in=ids).values_list("pk", "name"))


def reason_of(alert: Alert, step: AlertStep) -> str:
    """Say why the readers of *step* are told."""
    name = alert.budget.name
    if step["level"]:
        return (
            f"You get this because level {step['level']} of the escalation of {name} "
            "names you. The budget's page says who is told when."
        )
    if step.get("usual"):
        return (
            f"You get this because you look after {name}. The alert rules on the "
            "budget's page say who is told instead."
        )
    return (
        f"You get this because an alert rule of {name} names you. The rules on the "
        "budget's page say who is told."
    )
