"""Organizations and rates, with what is booked and planned by them."""

from typing import Any

from django.db import transaction

from accounts import organizations
from accounts.models import LateRecords, Organization
from accounts.versions import Seen
from budgets.models import Budget
from ledger import months, prices
from ledger.models import CostRecord, ExchangeRate
from ledger.pricing import PriceBook
from lib.errors import Conflict
from lib.money import COUNTED
from lib.periods import Cadence

BY_FISCAL_YEAR = (Cadence.QUARTERLY.value, Cadence.ANNUAL.value)


class CurrencyInUse(Conflict):
    """Costs are booked in the organization's currency."""

    code = "currency_in_use"


class FiscalYearInUse(Conflict):
    """Budgets run by the organization's fiscal year."""

    code = "fiscal_year_in_use"


class RateNeeded(Conflict):
    """A budget could no longer be charged: nothing says what its currency is worth."""

    code = "rate_needed"


@transaction.atomic
def change_organization(
    organization: Organization, changes: dict[str, Any], *, seen: Seen | None = None
) -> Organization:
    """Change an organization, and return it, unless something rests on how it was.

    Raises:
        NotFound: it is gone.
        ChangedMeanwhile: it is none of the versions *seen*.
        CurrencyInUse, RateNeeded, FiscalYearInUse: nothing is changed.
    """
    changed, names = organizations.change_organization(organization, changes, seen=seen)
    if "currency" in names:
        refuse_if_booked(changed)
        require_rates(changed)
    if "fiscal_year_start_month" in names:
        refuse_if_planned(changed)
    if "late_records" in names and changed.late_records == LateRecords.OPEN_MONTH:
        months.note_sums(changed)
    return changed


@transaction.atomic
def delete_rate(rate: ExchangeRate, *, seen: Seen | None = None) -> None:
    """Delete a rate set by hand, unless a budget can't do without it.

    Raises:
        RateNeeded: nothing is changed.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    concerned = Organization.objects.all()
    if rate.organization_id is not None:
        concerned = concerned.filter(pk=rate.organization_id)
    prices.delete_rate(rate, seen=seen)
    currencies = {rate.base, rate.quote}
    for organization in concerned.filter(
        budgets__currency__in=currencies, currency__in=currencies
    ).distinct():
        require_rates(organization)


def refuse_if_booked(organization: Organization) -> None:
    """Refuse another currency where amounts are kept in the present one.

    Raises:
        CurrencyInUse: there are cost records.
    """
    if CostRecord.objects.filter(organization=organization).exists():
        raise CurrencyInUse(
            "The currency can't be changed any more: costs are booked in it. "
            "Make another organization for the other currency."
        )


def require_rates(organization: Organization) -> None:
    """See that every budget in a foreign currency can be charged.

    Raises:
        RateNeeded: there is no rate for one of them.
    """
    budgets = Budget.objects.filter(organization=organization)
    known = PriceBook(organization.pk)
    for currency in set(budgets.values_list("currency", flat=True)):
        if currency == organization.currency or currency in COUNTED:
            continue
        try:
            known.first_rate(organization.currency, currency)
        except LookupError as error:
            raise RateNeeded(
                f"There are budgets in {currency}, and no exchange rate would be "
                f"known from {organization.currency}: set one first."
            ) from error


def refuse_if_planned(organization: Organization) -> None:
    """Refuse another fiscal year while budgets run by it.

    Archived ones count too: late usage is still charged to their periods.

    Raises:
        FiscalYearInUse: there is one.
    """
    budgets = Budget.objects.filter(organization=organization)
    if (first := budgets.filter(period__in=BY_FISCAL_YEAR).first()) is not None:
        raise FiscalYearInUse(
            f"The fiscal year can't be moved: budget “{first}” is {first.period}, and "
            "its periods would begin at other times."
        )
    if (first := budgets.exclude(phasing=[]).first()) is not None:
        raise FiscalYearInUse(
            f"The fiscal year can't be moved: the amounts of budget “{first}” are "
            "phased, and its months would have those of others. End its phasing first."
        )
