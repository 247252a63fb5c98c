"""What a report says in sentences, in the language that is spoken. Pure."""

from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from reports.monthly.figures import PlanAndSpend, YearOutlook
from reports.paper.writers import PaperWriter


def sentence_of(
    title: str,
    month: date,
    total: PlanAndSpend,
    outlook: YearOutlook,
    writer: PaperWriter,
    *,
    is_over: bool,
) -> str:
    """Say the answer first: what the month came to, and where the year ends."""
    when = _("in %(month)s") if is_over else _("in %(month)s so far")
    said = _month_words(title, when % {"month": writer.month(month)}, total, writer)
    return f"{said} {outlook_words(outlook, writer)}"


def _month_words(
    title: str, when: str, total: PlanAndSpend, writer: PaperWriter
) -> str:
    said = {
        "title": title,
        "when": when,
        "spent": writer.money(total.spent),
        "budgeted": writer.money(total.budgeted),
        "away": writer.money(abs(total.variance)),
        "share": writer.share(abs(total.share or Decimal(0))),
    }
    if not total.budgeted:
        return _("%(title)s spent %(spent)s %(when)s, and nothing was budgeted.") % said
    if not total.variance:
        words = _("%(title)s spent %(spent)s %(when)s, exactly what was budgeted.")
        return words % said
    if total.variance > 0:
        return (
            _(
                "%(title)s spent %(spent)s %(when)s, %(away)s (%(share)s) more than "
                "the %(budgeted)s budgeted."
            )
            % said
        )
    return (
        _(
            "%(title)s spent %(spent)s %(when)s, %(away)s (%(share)s) less than "
            "the %(budgeted)s budgeted."
        )
        % said
    )


def outlook_words(outlook: YearOutlook, writer: PaperWriter) -> str:
    """Say where the year ends, or why nobody can say."""
    if outlook.expected is None:
        return outlook.reason
    over = outlook.expected - outlook.budgeted
    beside = (
        _("%(away)s over the %(budgeted)s budgeted")
        if over > 0
        else _("%(away)s inside the %(budgeted)s budgeted")
    )
    said = {
        "expected": writer.money(outlook.expected),
        "beside": beside
        % {
            "away": writer.money(abs(over)),
            "budgeted": writer.money(outlook.budgeted),
        },
    }
    if outlook.between is None:
        return _("The year ended at %(expected)s, %(beside)s.") % said
    said |= {
        "sure": writer.share(outlook.between.level),
        "lower": writer.money(outlook.between.lower),
        "upper": writer.money(outlook.between.upper),
    }
    return (
        _(
            "The year is expected to end at %(expected)s, %(beside)s; with %(sure)s "
            "certainty between %(lower)s and %(upper)s."
        )
        % said
    )
