"""The picture of scenarios side by side, and the table behind it."""

from collections.abc import Sequence
from decimal import Decimal

from console.drawings import Picture
from lib.money import format_money
from reports.charts import ranges_chart
from reports.figures import Range

_AROUND = 60  # pixels of a picture beside its lines
_LINE = 30


def compared_picture(
    ranges: Sequence[Range], *, spent: Decimal, currency: str, locale: str
) -> Picture:
    """Draw what each scenario comes to, all on one scale."""

    def money(amount: Decimal | None) -> str:
        return "" if amount is None else format_money(amount, currency, locale)

    return Picture(
        name="co-scenarios",
        title="Side by side",
        words=(
            f"Spent so far: {money(spent)}. The point is what is expected by the end, "
            "the line where it ends 8 times of 10, the stroke what may be spent."
        ),
        spec=ranges_chart(ranges, currency=currency),
        height=_AROUND + _LINE * len(ranges),
        columns=("Scenario", "Expected", "At least", "At most", "Limit"),
        rows=[
            (
                one.name,
                *map(money, (one.middle, one.lower, one.upper, one.limit)),
            )
            for one in ranges
        ],
    )
