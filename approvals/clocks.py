"""When those who are asked work: by the clocks that each of them named."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from accounts.models import Organization
from notifications.models import Preference
from notifications.steps import Hours, next_open

_WORKING_DAYS = range(5)  # Monday to Friday
_BEGINS, _ENDS = time(8), time(18)


def hours_in(timezone: str, holidays: Sequence[str] = ()) -> Hours:
    """Return a working week of the clocks of *timezone*; *holidays* are ISO dates."""
    return {
        "from": f"{_BEGINS:%H:%M}",
        "until": f"{_ENDS:%H:%M}",
        "days": list(_WORKING_DAYS),
        "timezone": timezone,
        "holidays": list(holidays),
    }


def hours_of(
    organization: Organization, people: Collection[str]
) -> Mapping[str, Hours]:
    """Return when each of *people*, mail addresses, works: by the clocks of their wish
    for mail, not on the holidays there; else those of the organization. One query."""
    wishes = Preference.objects.filter(
        organization=organization, recipient__in=[one.lower() for one in people]
    )
    hours = {one.recipient: hours_in(one.timezone, one.holidays) for one in wishes}
    usual = hours_in(organization.timezone)
    return {one: hours.get(one.lower(), usual) for one in people}


def is_open(moment: datetime, hours: Hours) -> bool:
    """Tell whether *moment* lies within *hours*."""
    return next_open(moment, hours) == moment


def day_of(moment: datetime, hours: Hours) -> datetime:
    """Return when the day of *moment* began by the clocks of *hours*."""
    local = moment.astimezone(ZoneInfo(hours["timezone"]))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)
