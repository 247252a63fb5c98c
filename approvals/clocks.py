"""When those who are asked work: by the clocks that each of them named."""

from collections.abc import Collection, Mapping
from datetime import datetime, time
from zoneinfo import ZoneInfo

from accounts.models import Organization
from notifications.models import Preference
from notifications.steps import Hours, next_open

_WORKING_DAYS = range(5)  # Monday to Friday
_BEGINS, _ENDS = time(8), time(18)


def hours_in(timezone: str) -> Hours:
    """Return a working week of the clocks of *timezone*."""
    return {
        "from": f"{_BEGINS:%H:%M}",
        "until": f"{_ENDS:%H:%M}",
        "days": list(_WORKING_DAYS),
        "timezone": timezone,
        "holidays": [],
    }


def hours_of(
    organization: Organization, people: Collection[str]
) -> Mapping[str, Hours]:
    """Return when each of *people*, mail addresses, works: by the clocks of their wish
    for mail, else of the organization. One query."""
    wishes = Preference.objects.filter(
        organization=organization, recipient__in=[one.lower() for one in people]
    )
    zones = dict(wishes.values_list("recipient", "timezone"))
    usual = organization.timezone
    return {one: hours_in(zones.get(one.lower(), usual)) for one in people}


def is_open(moment: datetime, hours: Hours) -> bool:
    """Tell whether *moment* lies within *hours*."""
    return next_open(moment, hours) == moment


def day_of(moment: datetime, hours: Hours) -> datetime:
    """Return when the day of *moment* began by the clocks of *hours*."""
    local = moment.astimezone(ZoneInfo(hours["timezone"]))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)
