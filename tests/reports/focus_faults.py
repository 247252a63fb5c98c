"""Faults as exporters make them, each put into a sound FOCUS file."""

import csv
from collections.abc import Callable, Mapping
from io import StringIO

_Table = list[list[str]]  # the names, then the lines


def spoilt(text: str, fault: str) -> str:
    """Return a file with one of FAULTS in it."""
    table = list(csv.reader(StringIO(text, newline="")))
    FAULTS[fault](table)
    out = StringIO(newline="")
    csv.writer(out).writerows(table)
    return out.getvalue()


def _with(name: str, change: Callable[[str], str]) -> Callable[[_Table], None]:
    """Change the first value of a column."""

    def spoil(table: _Table) -> None:
        place = table[0].index(name)
        table[1][place] = change(table[1][place])

    return spoil


def _as(name: str, value: str) -> Callable[[_Table], None]:
    return _with(name, lambda _: value)


def _without(name: str) -> Callable[[_Table], None]:
    def spoil(table: _Table) -> None:
        place = table[0].index(name)
        for line in table:
            del line[place]

    return spoil


def _swapped(table: _Table) -> None:
    start, end = (table[0].index(f"ChargePeriod{one}") for one in ("Start", "End"))
    first = table[1]
    first[start], first[end] = first[end], first[start]


def _renamed(table: _Table) -> None:
    table[0][table[0].index("x_Team")] = "Team"


# FOCUS' validator finds these, ...
FOUND_BY_VALIDATOR: Mapping[str, Callable[[_Table], None]] = {
    "a currency in small letters": _as("BillingCurrency", "usd"),
    "an unknown service category": _as("ServiceCategory", "Artificial Intelligence"),
    "an unknown service subcategory": _as("ServiceSubcategory", "Chat"),
    "a comma in a cost": _as("BilledCost", "12,34"),
    "a sign of a currency in a cost": _as("BilledCost", "$12.34"),
    "tags that are no JSON": _as("Tags", "team=ml"),
    "a list cost that is null": _as("ListCost", ""),
    "a service name that is null": _as("ServiceName", ""),
    "a missing list cost": _without("ListCost"),
    "a missing pricing unit": _without("PricingUnit"),
}
# ... and lets these pass.
FOUND_BY_READER: Mapping[str, Callable[[_Table], None]] = {
    "a charge category in small letters": _as("ChargeCategory", "usage"),
    "an exponent": _as("ConsumedQuantity", "1.2E+7"),
    "a time without T and Z": _as("ChargePeriodStart", "2025-01-15 00:00:00"),
    "a time of another zone": _with(
        "ChargePeriodStart", lambda text: text.replace("Z", "+02:00")
    ),
    "objects within tags": _as("Tags", '{"team": {"name": "ml"}}'),
    "a column of one's own without x_": _renamed,
    "a period that ends before it begins": _swapped,
}
FAULTS = {**FOUND_BY_VALIDATOR, **FOUND_BY_READER}
