"""A strict reader of FOCUS files: what the specification asks of each value.

Written from the specification and not from what writes the files. FOCUS' own validator
lets pass what a database makes of a value: numbers with an exponent, times without a
zone or in another, objects within Tags, columns of one's own without x_, periods that
end before they begin.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from io import StringIO

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")  # as an integer it has another type
_TIME = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z")
_ENDS = ("Cost", "Quantity", "UnitPrice", "ExchangeRate")
_PERIODS = ("BillingPeriod", "ChargePeriod")
# Of the columns that FOCUS 1.2 and 1.3 have, those a file of usage has.
_DEFINED = frozenset(
    {
        "BilledCost",
        "BillingAccountId",
        "BillingAccountName",
        "BillingCurrency",
        "BillingPeriodEnd",
        "BillingPeriodStart",
        "ChargeCategory",
        "ChargeClass",
        "ChargeDescription",
        "ChargeFrequency",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "ConsumedQuantity",
        "ConsumedUnit",
        "ContractedCost",
        "ContractedUnitPrice",
        "EffectiveCost",
        "HostProviderName",
        "InvoiceId",
        "InvoiceIssuerName",
        "ListCost",
        "ListUnitPrice",
        "PricingCategory",
        "PricingCurrency",
        "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyEffectiveCost",
        "PricingCurrencyListUnitPrice",
        "PricingQuantity",
        "PricingUnit",
        "ProviderName",
        "PublisherName",
        "ServiceCategory",
        "ServiceName",
        "ServiceProviderName",
        "ServiceSubcategory",
        "SkuId",
        "SkuMeter",
        "SkuPriceDetails",
        "SkuPriceId",
        "SubAccountId",
        "SubAccountName",
        "Tags",
    }
)
_NEVER_NULL = frozenset(
    {
        "BilledCost",
        "BillingAccountId",
        "BillingCurrency",
        "BillingPeriodEnd",
        "BillingPeriodStart",
        "ChargeCategory",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "ContractedCost",
        "EffectiveCost",
        "ListCost",
        "ServiceCategory",
        "ServiceName",
    }
)

_ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
}


def faults_in(text: str) -> Iterator[str]:
    """Yield what is wrong with a file: `line: column: value`, or what it lacks."""
    lines = csv.reader(StringIO(text, newline=""), strict=True)
    names = next(lines)
    yield from _faults_of_names(names)
    for number, line in enumerate(lines, 2):
        row = dict(zip(names, line, strict=True))
        for name, value in row.items():
            if not _is_sound(name, value):
                yield f"{number}: {name}: {value}"
        for period in _PERIODS:
            if row[f"{period}Start"] >= row[f"{period}End"]:
                yield f"{number}: {period} ends before it begins"


def _faults_of_names(names: Sequence[str]) -> Iterator[str]:
    for name in _DEFINED - set(names):
        yield f"{name} is missing"
    for place, name in enumerate(names):
        if name not in _DEFINED and not name.startswith("x_"):
            yield f"{name} is not defined, and has no x_"
        if name in names[:place]:
            yield f"{name} is there twice"


def billed_in(text: str) -> Decimal:
    rows = csv.DictReader(StringIO(text, newline=""))
    return sum((Decimal(row["BilledCost"]) for row in rows), Decimal(0))


def _is_sound(name: str, value: str) -> bool:
    if not value:
        return name not in _NEVER_NULL
    if name in _ALLOWED:
        return value in _ALLOWED[name]
    if name.endswith(_ENDS):
        return bool(_NUMBER.fullmatch(value))
    if name.startswith(_PERIODS):
        return bool(_TIME.fullmatch(value))
    if name in ("Tags", "SkuPriceDetails"):
        return _is_flat(value)
    return True


def _is_flat(value: str) -> bool:
    try:
        found = json.loads(value)
    except ValueError:
        return False
    return isinstance(found, dict) and not any(
        isinstance(one, (dict, list)) for one in found.values()
    )
