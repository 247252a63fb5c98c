"""Keeping fixed charges, and whether what is booked of them is what they say."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from accounts.audit import MOST_REASON, TOO_LONG
from accounts.models import Organization
from ledger.amortization import ChargeInterval
from ledger.costs import LONGEST_VALUE
from ledger.models import ChargeKind, CostRecord, FixedCharge
from ledger.models.fixed_charges import LONGEST_CHARGE_NAME
from ledger.rates import currency_named
from ledger.usage import MOST_COST, parse_tags
from lib.errors import Conflict, Invalid
from lib.money import to_units, wire
from lib.texts import NO_ODD, ODD

EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)
_DAY = timedelta(days=1)
_TEXTS = ("name", "provider", "department", "team", "project", "environment", "user")


class ChargeCancelled(Conflict):
    """The charge is cancelled already."""

    code = "charge_cancelled"


@transaction.atomic
def add_charge(organization: Organization, **values: Any) -> FixedCharge:
    """Keep a new fixed charge and return it; its days are booked as they begin.

    Those that have begun already are booked by the next sweep.

    Raises:
        Invalid: something of it can't be.
    """
    values.setdefault("currency", organization.currency)
    charge = FixedCharge(organization=organization, **values)
    for name in _TEXTS:
        setattr(charge, name, getattr(charge, name).strip())
    charge.booked_to = charge.start_date
    if charge.interval == ChargeInterval.ONCE and charge.last_day is None:
        charge.last_day = charge.start_date
    _check(charge)
    charge.save(force_insert=True)
    if charge.covers:
        organization.touch()
    return charge


def reason_of(text: str) -> str:
    """Return why a charge is made or cancelled, as it is kept.

    Raises:
        Invalid: there is none, or it is too long.
    """
    reason = text.strip()
    if not reason:
        detail = "Say why: it stands beside the money."
        raise Invalid.field("reason", detail, code="required")
    if ODD.search(reason):
        raise Invalid.field("reason", NO_ODD)
    if len(reason) > MOST_REASON:
        raise Invalid.field("reason", TOO_LONG)
    return reason


def differences(organization: Organization) -> Iterator[str]:
    """Yield, in sentences, which fixed charges are not booked as they say. Two
    queries."""
    booked = _booked(organization)
    for charge in FixedCharge.objects.filter(organization=organization):
        due, found = charge.booked, booked.pop(charge.pk, Decimal(0))
        if due != found:
            yield (
                f"Fixed charge “{charge.name}”: {wire(found)} {charge.currency} is "
                f"booked, its days until {charge.booked_to} come to {wire(due)}."
            )
    for pk in sorted(booked):
        yield f"Cost records are of the fixed charge {pk}, which is not there."


def _booked(organization: Organization) -> dict[int, Decimal]:
    """Return what is booked of each charge, in its own currency."""
    rows = CostRecord.objects.filter(
        organization=organization, charge__isnull=False, requests=0
    )
    own = Coalesce(F("source_cost"), F("total_cost"))
    sums = rows.order_by().values("charge").annotate(sum=Sum(own))
    return dict(sums.values_list("charge", "sum"))


def _check(charge: FixedCharge) -> None:
    charge.reason = reason_of(charge.reason)
    _check_texts(charge)
    _check_amount(charge)
    _check_days(charge)
    _check_tags(charge)


def _check_texts(charge: FixedCharge) -> None:
    for name in _TEXTS:
        text = getattr(charge, name)
        most = LONGEST_CHARGE_NAME if name == "name" else LONGEST_VALUE
        if ODD.search(text):
            raise Invalid.field(name, NO_ODD)
        if len(text) > most:
            raise Invalid.field(name, f"At most {most} characters.")
    for name in ("name", "provider"):
        if not getattr(charge, name):
            raise Invalid.field(name, f"{name} is required.", code="required")
    if charge.kind not in ChargeKind.values:
        known = ", ".join(ChargeKind.values)
        raise Invalid.field("kind", f"Must be one of {known}.")


def _check_amount(charge: FixedCharge) -> None:
    try:
        fits = 0 < charge.amount <= MOST_COST
        to_units(charge.amount)
    except (ArithmeticError, ValueError):
        fits = False
    if not fits:
        detail = f"Must be above 0, up to {MOST_COST:,}, with ten decimal places."
        raise Invalid.field("amount", detail)
    code = currency_named(charge.currency)
    if code is None:
        detail = "Unknown currency; use an ISO 4217 code such as USD."
        raise Invalid.field("currency", detail, code="unknown_currency")
    charge.currency = code


def _check_days(charge: FixedCharge) -> None:
    if charge.interval not in set(ChargeInterval):
        known = ", ".join(ChargeInterval)
        raise Invalid.field("interval", f"Must be one of {known}.")
    if not EARLIEST <= charge.start_date <= LATEST:
        detail = "Must lie between the years 2000 and 2099."
        raise Invalid.field("start_date", detail)
    last = charge.last_day
    if last is not None and not charge.start_date <= last <= LATEST:
        detail = "Must not be before start_date, nor after 2099: it is the last day."
        raise Invalid.field("end_date", detail)


def _check_tags(charge: FixedCharge) -> None:
    try:
        charge.tags = parse_tags(msgspec.json.encode(charge.tags))
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid.field("tags", str(error) or "Must be an object.") from error
    if not isinstance(charge.covers, list) or any(
        not isinstance(one, str)
        or not one
        or len(one) > LONGEST_VALUE
        or ODD.search(one)
        for one in charge.covers
    ):
        raise Invalid.field("covers", "Must be a list of names of models.")
