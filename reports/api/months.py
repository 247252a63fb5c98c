"""Months, as questions name them."""

from datetime import date

from drf_spectacular.utils import OpenApiParameter

from lib.errors import Invalid
from lib.query_params import month_of

MONTH_OF_UTC = OpenApiParameter(
    "month", required=True, description="A month of UTC, such as 2025-01."
)


def month_in(text: str) -> date:
    """Return the first day of a month (of UTC).

    Raises:
        Invalid: it is none, or left out.
    """
    if not text:
        raise Invalid.field(
            "month", "Name the month, such as 2025-01.", code="required"
        )
    return month_of(text, "month").start.date()
