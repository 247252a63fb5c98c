"""What each unit used in a month, and what belonged to none."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from accounts.models import Organization
from ledger.analytics import TAG, Sums, lines_of
from ledger.closed_months import month_after
from ledger.costs import CostQuery
from ledger.models import Attribution
from ledger.types import Tags
from lib.errors import Invalid
from lib.periods import Window
from lib.texts import NO_ODD, ODD
from reports.chargeback.allocation import Unit
from reports.models import AllocationShare
from reports.models.chargeback import LONGEST_BY

DIMENSIONS = ("department", "team", "project")
TAGGED = "tag:"
_MOST_LOOKED_AT = 2_000  # attributions
_MOST_TAGS = 50  # to choose from


@dataclass(slots=True)
class _Used:
    """What one unit used."""

    sums: Sums = field(default_factory=Sums)
    persons: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class MonthUsed:
    """What units used in a month, and what belonged to none of them."""

    units: tuple[Unit, ...]
    shared: Decimal
    requests: int  # of all


def by_of(text: str) -> str:
    """Return what costs are told by: a dimension, or tag:<name>.

    Raises:
        Invalid: it is something else.
    """
    if ODD.search(text):
        raise Invalid.field("by", NO_ODD)
    is_tag = text.startswith(TAGGED) and len(text) > len(TAGGED)
    if text not in DIMENSIONS and not (is_tag and len(text) <= LONGEST_BY):
        known = ", ".join(DIMENSIONS)
        raise Invalid.field("by", f"Must be one of {known}, or tag:<name>.")
    return text


def used_in(organization: Organization, month: date, by: str) -> MonthUsed:
    """Return what was used in a month (of UTC). Two queries."""
    group = TAG if by.startswith(TAGGED) else by
    window = Window(_midnight(month), _midnight(month_after(month)))
    used: dict[str, _Used] = {}
    for line in lines_of(CostQuery(organization), (group, "user"), [window]):
        value, person = line.group
        one = used.setdefault(_name_in(value, by), _Used())
        one.sums.add(line.sums)
        if person and line.sums.requests > 0:
            one.persons.add(person)
    none = used.pop("", _Used())
    requests = sum((one.sums.requests for one in used.values()), none.sums.requests)
    return MonthUsed(_units(organization, by, used), none.sums.cost, requests)


def tags_of(organization: Organization) -> list[str]:
    """Return the names of tags that costs carry, of the newest few thousand
    attributions. One query."""
    rows = Attribution.objects.filter(organization=organization).order_by("-pk")
    names: set[str] = set()
    for tags in rows.values_list("tags", flat=True)[:_MOST_LOOKED_AT]:
        if isinstance(tags, dict):
            names.update(tags)
        else:
            names.update(one.partition(":")[0] for one in tags if ":" in one)
    return sorted(name for name in names if name)[:_MOST_TAGS]


def _units(
    organization: Organization, by: str, used: dict[str, _Used]
) -> tuple[Unit, ...]:
    rows = AllocationShare.objects.filter(organization=organization, by=by)
    set_by_hand = {row.name: row for row in rows}
    nothing = _Used()
    units = []
    for name in sorted(used.keys() | set_by_hand.keys()):
        one, row = used.get(name, nothing), set_by_hand.get(name)
        units.append(
            Unit(
                name,
                one.sums.cost,
                one.sums.requests,
                len(one.persons),
                None if row is None else row.share,
                None if row is None else row.heads,
            )
        )
    return tuple(units)


def _name_in(value: str | Tags, by: str) -> str:
    """Return the unit a cost belongs to; "": none."""
    if isinstance(value, str):
        return value
    tag = by.removeprefix(TAGGED)
    if isinstance(value, dict):
        return str(value.get(tag, ""))
    begun = f"{tag}:"
    return next((one[len(begun) :] for one in value if one.startswith(begun)), "")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def label_of(by: str) -> str:
    """Return what one unit is called: Department, or the tag's name."""
    if by.startswith(TAGGED):
        return by.removeprefix(TAGGED)
    return by.capitalize()
