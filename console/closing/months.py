"""Which month a page is about."""

from datetime import date, timedelta

from django.http import Http404

from ledger.closed_months import month_of
from lib.errors import Invalid
from lib.humanize import month_words
from lib.query_params import month_of as window_of

MOST_MONTHS = 24  # to choose from


def last_month(today: date) -> date:
    """Return the first day of the month before that of *today*."""
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_asked(text: str, today: date) -> date:
    """Return the month that an address names, as 2025-01; the last whole one unless it
    names one.

    Raises:
        Http404: it names something else.
    """
    if not text:
        return last_month(today)
    try:
        return month_of(window_of(text, "month").start)
    except Invalid as refusal:
        raise Http404(str(refusal)) from refusal


def months_to_choose(chosen: date, today: date) -> list[tuple[str, str]]:
    """Return months for a chooser, this one first, and the chosen one."""
    months = [today.replace(day=1)]
    while len(months) < MOST_MONTHS:
        months.append(last_month(months[-1]))
    if chosen not in months:
        months.append(chosen)
    return [(f"{month:%Y-%m}", month_words(month)) for month in months]
