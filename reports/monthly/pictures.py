"""The charts of a monthly report, and what each says in words."""

from decimal import Decimal

from django.utils.translation import gettext as _

from reports.charts import bridge_chart, deviations_chart, pace_chart, plan_chart
from reports.figures import BridgeStep, Deviation, PlanPoint, PlanWords
from reports.layers import Spec
from reports.monthly.figures import MonthlyFigures, MonthPoint
from reports.monthly.tables import largest
from reports.monthly.vocabulary import said
from reports.paper.sheets import Block, Drawing
from reports.paper.writers import PaperWriter
from reports.rendering import svg_of
from reports.themes import Theme

_WIDTH = 658  # pixels: as wide as the text of a page
_MOST = 10  # budgets that a chart shows
_HIGH, _LOW = 210, 125  # pixels
_ZERO = Decimal(0)


def _drawing(
    title: str, spec: Spec, words: str, *, height: int | None = None
) -> Drawing:
    spec = spec | ({"height": height} if height else {})
    return Drawing(title, svg_of(spec, Theme.PRINT, width=_WIDTH), words)


def _plan_words(writer: PaperWriter) -> PlanWords:
    return PlanWords(_("Budgeted"), _("Actual"), _("Forecast"), writer.currency)


def pace_drawing(figures: MonthlyFigures, writer: PaperWriter) -> Drawing:
    points = [
        PlanPoint(str(point.at.day), point.expected, point.spent, None, None, None, "")
        for point in figures.days
    ]
    return _drawing(
        _("Spent so far, beside the budget"),
        pace_chart(points, words=_plan_words(writer)),
        _(
            "A line of what was spent by each day. It ends at %(spent)s; by then "
            "%(budgeted)s was budgeted."
        )
        % {
            "spent": writer.money(figures.total.spent),
            "budgeted": writer.money(figures.total.budgeted),
        },
        height=_HIGH,
    )


def bridge_drawing(figures: MonthlyFigures, writer: PaperWriter) -> Drawing:
    """Draw what the variance is made of, cause by cause: beside the whole amounts the
    causes would be hairs."""
    bridge = figures.bridge
    steps, stands = [], _ZERO
    for cause in bridge.causes:
        steps.append(
            BridgeStep(
                writer.name(said(cause.name)),
                stands,
                stands + cause.amount,
                is_total=False,
                words="",
                label=writer.plain_change(cause.amount),
            )
        )
        stands += cause.amount
    steps.append(
        BridgeStep(
            _("Variance"),
            _ZERO,
            stands,
            is_total=True,
            words="",
            label=writer.plain_change(stands),
        )
    )
    return _drawing(
        _("What the variance is made of"),
        bridge_chart(steps, currency=writer.currency),
        _("From %(budgeted)s budgeted to %(spent)s spent: %(causes)s.")
        % {
            "budgeted": writer.money(bridge.budgeted),
            "spent": writer.money(bridge.spent),
            "causes": ", ".join(f"{step.name} {step.label}" for step in steps),
        },
    )


def deviations_drawing(
    figures: MonthlyFigures, writer: PaperWriter
) -> tuple[Block, ...]:
    """Return the chart of the largest variances; nothing where there are none."""
    rows = largest(figures.rows, _MOST)
    if not rows:
        return ()
    found = [
        Deviation(
            writer.name(row.path[-1]),
            row.month.variance,
            writer.plain_change(row.month.variance),
            "",
        )
        for row in rows
    ]
    told = ", ".join(f"{one.name} {one.label}" for one in found)
    return (
        _drawing(
            _("The largest variances"),
            deviations_chart(found, currency=writer.currency),
            _("Bars of the largest variances: %(budgets)s.") % {"budgets": told},
        ),
    )


def year_drawing(figures: MonthlyFigures, writer: PaperWriter) -> Drawing:
    points = [_plan_point(point, writer) for point in figures.year]
    told = ", ".join(_told(point, writer) for point in figures.year)
    return _drawing(
        _("Month by month"),
        plan_chart(points, words=_plan_words(writer)),
        _("Bars for each month of the year: %(months)s.") % {"months": told},
        height=_LOW,
    )


def _plan_point(point: MonthPoint, writer: PaperWriter) -> PlanPoint:
    between = point.between
    return PlanPoint(
        writer.month_short(point.month),
        point.budgeted,
        point.spent,
        point.expected,
        between.lower if between else None,
        between.upper if between else None,
        "",
    )


def _told(point: MonthPoint, writer: PaperWriter) -> str:
    parts = [_("budgeted %(amount)s") % {"amount": writer.plain(point.budgeted)}]
    if point.spent is not None:
        parts.append(_("actual %(amount)s") % {"amount": writer.plain(point.spent)})
    if point.expected is not None:
        parts.append(
            _("expected %(amount)s") % {"amount": writer.plain(point.expected)}
        )
    return f"{writer.month_short(point.month)} {', '.join(parts)}"
