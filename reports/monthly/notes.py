"""How figures were reckoned, a sentence each, in the language that is spoken. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from reports.paper.writers import PaperWriter


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


def notes_of(method: Reckoning, writer: PaperWriter) -> Iterator[str]:
    """Yield the notes, the most general ones first."""
    said = {
        "zone": method.zone.key,
        "cut_off": writer.moment(method.cut_off),
        "currency": method.currency,
        "day": writer.day(method.rates_of),
        "rates": ", ".join(method.rates),
    }
    for words in _told(method):
        yield words % said
    yield from _left_out(method)
    if method.has_forecast:
        yield _(
            "The full year is what was spent by now and the forecast of each budget's "
            "own days to come, so forecasts of children need not add up to their "
            "parent's. Budgets with fewer than three days of spend are told as they "
            "stand."
        )
    bridge = _(
        "The bridge holds prices and mix against the month before: price is what a "
        "token (a request, without tokens) of each model cost more, mix what dearer "
        "or cheaper models than then came to, currency what other rates than those "
        "of %(day)s did, and volume the rest."
    )
    yield bridge % said


def _told(method: Reckoning) -> Iterator[str]:
    """Yield what is told of all amounts, with places for what `notes_of` says."""
    yield _(
        "Months and the fiscal year are those of %(zone)s; all that was known at "
        "%(cut_off)s is in the figures."
    )
    yield _(
        "Spent is what the ledger has in %(currency)s, as it was booked; a parent has "
        "each cost of those below it once."
    )
    yield _(
        "Budgeted is the sum of the dated lines in force at the end of each period, "
        "temporary raises and transfers among them. What was carried over is left out, "
        "for it would count twice in a year; a grant counts in the month it begins in."
    )
    if method.has_longer_periods:
        yield _(
            "Of budgets whose periods are not months, a month has the part that its "
            "time has of each period's amount."
        )
    if method.has_other_zones:
        yield _(
            "Amounts of budgets in other time zones are those of their own months; "
            "what they spent is told by the organization's."
        )
    if method.rates:
        yield _(
            "Budgeted amounts in other currencies are at the rates of %(day)s: "
            "%(rates)s."
        )


def _left_out(method: Reckoning) -> Iterator[str]:
    if method.has_templates:
        yield _(
            "Budgets that a template made are told together, in the template's row."
        )
    if method.counted_otherwise:
        words = _(
            "Budgets that count tokens or requests, which can't be told in money: "
            "%(count)s."
        )
        yield words % {"count": method.counted_otherwise}
    if method.without_rate:
        names = ", ".join(method.without_rate)
        yield _("Left out for want of an exchange rate: %(names)s.") % {"names": names}
    if method.several_tops:
        yield _("The total has costs that several budgets at the top count only once.")
