"""How a report's figures were reckoned, a sentence each. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from lib.humanize import clock, date_words


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What decides which notes a report has."""

    currency: str
    zone: ZoneInfo
    rates_of: date
    rates: Collection[str]  # "1 EUR = 1.08 USD"
    cut_off: datetime
    has_longer_periods: bool
    has_other_zones: bool
    has_templates: bool
    counted_otherwise: int  # budgets of tokens or requests
    without_rate: Collection[str]  # names
    has_forecast: bool
    several_tops: bool


def notes_of(method: Reckoning) -> Iterator[str]:
    """Yield the notes, the most general ones first."""
    yield (
        f"Months and the fiscal year are those of {method.zone.key}; all that was "
        f"known at {clock(method.cut_off, method.zone)} is in the figures."
    )
    yield (
        f"Spent is what the ledger has in {method.currency}, as it was booked; a "
        "parent has each cost of those below it once."
    )
    yield (
        "Budgeted is the sum of the dated lines in force at the end of each period, "
        "temporary raises and transfers among them. What was carried over is left out, "
        "for it would count twice in a year; a grant counts in the month it begins in."
    )
    if method.has_longer_periods:
        yield (
            "Of budgets whose periods are not months, a month has the part that its "
            "time has of each period's amount."
        )
    if method.has_other_zones:
        yield (
            "Amounts of budgets in other time zones are those of their own months; "
            "what they spent is told by the organization's."
        )
    if method.rates:
        yield (
            f"Budgeted amounts in other currencies are at the rates of "
            f"{date_words(method.rates_of)}: {', '.join(method.rates)}."
        )
    yield from _left_out(method)
    if method.has_forecast:
        yield (
            "The full year is what was spent by now and the forecast of each budget's "
            "own days to come, so forecasts of children need not add up to their "
            "parent's. Budgets with fewer than three days of spend are told as they "
            "stand."
        )
    yield (
        "The bridge holds prices and mix against the month before: price is what a "
        "token (a request, without tokens) of each model cost more, mix what dearer "
        "or cheaper models than then came to, currency what other rates than those "
        f"of {date_words(method.rates_of)} did, and volume the rest."
    )


def _left_out(method: Reckoning) -> Iterator[str]:
    if method.has_templates:
        yield ("Budgets that a template made are told together, in the template's row.")
    if method.counted_otherwise:
        some = method.counted_otherwise
        budgets = f"{some} budget{'' if some == 1 else 's'}"
        verb = "counts" if some == 1 else "count"
        yield f"{budgets} that {verb} tokens or requests can't be told in money."
    if method.without_rate:
        names = ", ".join(method.without_rate)
        yield f"Left out for want of an exchange rate: {names}."
    if method.several_tops:
        yield "The total has costs that several budgets at the top count only once."
