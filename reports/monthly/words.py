"""What a report says in sentences. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from lib.money import format_money, format_percent
from reports.monthly.figures import PlanAndSpend, YearOutlook

_BESIDE = {True: "over", False: "inside"}


@dataclass(frozen=True, slots=True)
class ReportWriter:
    """Writes amounts as the organization's reports have them."""

    currency: str
    locale: str

    def money(self, amount: Decimal) -> str:
        return format_money(amount, self.currency, self.locale)

    def share(self, share: Decimal) -> str:
        return format_percent(share, self.locale)


def sentence_of(
    title: str,
    month: str,
    total: PlanAndSpend,
    outlook: YearOutlook,
    writer: ReportWriter,
    *,
    is_over: bool,
) -> str:
    """Say the answer first: what the month came to, and where the year ends."""
    when = f"in {month}" if is_over else f"in {month} so far"
    return (
        f"{_month_words(title, when, total, writer)} {outlook_words(outlook, writer)}"
    )


def _month_words(
    title: str, when: str, total: PlanAndSpend, writer: ReportWriter
) -> str:
    spent = writer.money(total.spent)
    if not total.budgeted:
        return f"{title} spent {spent} {when}, and nothing was budgeted."
    budgeted = writer.money(total.budgeted)
    if not total.variance:
        return f"{title} spent {spent} {when}, exactly what was budgeted."
    away = writer.money(abs(total.variance))
    share = writer.share(abs(total.share or Decimal(0)))
    than = "more" if total.variance > 0 else "less"
    return (
        f"{title} spent {spent} {when}, {away} ({share}) {than} than the {budgeted} "
        "budgeted."
    )


def outlook_words(outlook: YearOutlook, writer: ReportWriter) -> str:
    """Say where the year ends, or why nobody can say."""
    if outlook.expected is None:
        return outlook.reason
    expected, budgeted = writer.money(outlook.expected), writer.money(outlook.budgeted)
    over = outlook.expected - outlook.budgeted
    beside = f"{writer.money(abs(over))} {_BESIDE[over > 0]} the {budgeted} budgeted"
    if outlook.between is None:
        return f"The year ended at {expected}, {beside}."
    lower, upper = (
        writer.money(outlook.between.lower),
        writer.money(outlook.between.upper),
    )
    sure = writer.share(outlook.between.level)
    return (
        f"The year is expected to end at {expected}, {beside}; with {sure} certainty "
        f"between {lower} and {upper}."
    )
