"""Which usage a fixed charge pays for already: it counts nothing, and its price by
list is kept beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from accounts.models import Organization
from ledger.identity import ModelName, person_named, provider_named
from ledger.models import FixedCharge
from ledger.patterns import ModelSet
from ledger.types import OPEN_END, Dimensions
from lib.periods import start_of

_DAY = timedelta(days=1)
_SAME = ("department", "team", "project", "environment")


class PaidSpan(NamedTuple):
    """Around a moment: by which charge usage is paid for; None: by none."""

    charge_id: int | None
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """A charge that pays for usage of some models, and when."""

    charge_id: int
    start: datetime
    end: datetime
    wanted: tuple[tuple[str, str], ...]  # dimensions and what they have to be
    models: ModelSet

    @classmethod
    def of(cls, charge: FixedCharge, zone: ZoneInfo) -> Self:
        ends = charge.ends_before
        wanted = {name: getattr(charge, name) for name in _SAME}
        wanted["user"] = person_named(charge.user) if charge.user else ""
        wanted["provider"] = provider_named(charge.provider)
        return cls(
            charge.pk,
            start_of(charge.start_date, zone),
            OPEN_END if ends is None else start_of(ends, zone),
            tuple((name, value) for name, value in wanted.items() if value),
            ModelSet.of(charge.covers),
        )

    def pays_for(self, where: Dimensions) -> bool:
        """Tell whether usage of *where* is paid for, whenever."""
        return all(
            getattr(where, name) == value for name, value in self.wanted
        ) and self.models.reaches(ModelName(where.model, where.model_version))


def subscriptions_of(organization: Organization) -> Sequence[Subscription]:
    """Return the charges that pay for usage, the oldest first. One query."""
    rows = FixedCharge.objects.filter(organization=organization).exclude(covers=[])
    zone = ZoneInfo(organization.timezone)
    return [Subscription.of(one, zone) for one in rows.order_by("pk")]


def paid_at(
    subscriptions: Sequence[Subscription],
    where: Dimensions,
    span: PaidSpan,
    at: datetime,
) -> PaidSpan:
    """Return by which charge usage of *where* is paid for at a moment of *span*, and
    the part of it in which that stays so."""
    charge_id, start, end = span
    for one in subscriptions:
        if not one.pays_for(where):
            continue
        for edge in (one.start, one.end):
            if start < edge <= at:
                start = edge
            elif at < edge < end:
                end = edge
        if charge_id is None and one.start <= at < one.end:
            charge_id = one.charge_id
    return PaidSpan(charge_id, start, end)
