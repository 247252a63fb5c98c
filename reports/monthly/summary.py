"""The first page of a monthly report: all that somebody without time has to know."""

from decimal import Decimal

from django.utils.translation import gettext as _

from reports.monthly.figures import MonthlyFigures, PlanAndSpend
from reports.monthly.pictures import year_drawing
from reports.monthly.tables import drivers_table, tone_of
from reports.paper.sheets import (
    Block,
    Bullet,
    Bullets,
    Heading,
    Key,
    Keys,
    Sides,
    Text,
    Tone,
)
from reports.paper.writers import PaperWriter

_TOP = 3  # drivers


def summary_of(figures: MonthlyFigures, writer: PaperWriter) -> tuple[Block, ...]:
    return (
        Text(writer.words(figures.sentence), "lead"),
        _keys(figures, writer),
        year_drawing(figures, writer),
        Sides(
            left=(
                Heading(_("What moved it"), is_small=True),
                drivers_table(figures, writer, most=_TOP),
            ),
            right=(
                Heading(_("What has to be decided"), is_small=True),
                *_decisions(figures, writer),
            ),
        ),
    )


def _keys(figures: MonthlyFigures, writer: PaperWriter) -> Keys:
    outlook = figures.outlook
    return Keys(
        (
            Key(
                _("Actual"),
                writer.money(figures.total.spent),
                _("of %(amount)s budgeted")
                % {"amount": writer.money(figures.total.budgeted)},
            ),
            _variance_key(_("Variance"), figures.total, writer),
            _variance_key(
                _("Variance, year to date"), figures.total_year_to_date, writer
            ),
            Key(
                _("Expected by the year's end"),
                writer.money(outlook.expected),
                _("of %(amount)s budgeted")
                % {"amount": writer.money(outlook.budgeted)},
                _outlook_tone(outlook.expected, outlook.budgeted),
            ),
        )
    )


def _variance_key(name: str, one: PlanAndSpend, writer: PaperWriter) -> Key:
    if not one.variance:
        return Key(name, writer.money(one.variance), _("as budgeted"))
    share = writer.share(abs(one.share)) if one.share is not None else ""
    words = _("%(share)s over budget") if one.variance > 0 else _("%(share)s below")
    return Key(
        name,
        writer.change(one.variance),
        (words % {"share": share}).strip(),
        tone_of(one),
    )


def _outlook_tone(expected: Decimal | None, budgeted: Decimal) -> Tone:
    if expected is None:
        return Tone.PLAIN
    return Tone.BAD if expected > budgeted else Tone.GOOD


def _decisions(figures: MonthlyFigures, writer: PaperWriter) -> tuple[Block, ...]:
    if not figures.decisions:
        return (Text(_("Nothing is waiting for a decision.")),)
    bullets = (
        Bullet(writer.words(one.words), link=one.link) for one in figures.decisions
    )
    return (Bullets(tuple(bullets)),)
