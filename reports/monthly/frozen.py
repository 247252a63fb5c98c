"""Figures as they are kept, and with what people wrote to them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import override

from reports.monthly.figures import (
    Comment,
    DecisionNeeded,
    MonthlyFigures,
    ReportRow,
    SignOff,
    TrailEnd,
)
from reports.paper.languages import language_of
from reports.paper.writers import PaperWriter

_MOST_NAMED = 5  # rows that a sentence names


def frozen(figures: MonthlyFigures) -> str:
    """Return *figures* as text, amounts exact."""
    return msgspec.json.encode(figures).decode()


def thawed(text: str) -> MonthlyFigures:
    """Return the figures that `frozen` made *text* of."""
    return msgspec.json.decode(text, type=MonthlyFigures)


def commented(
    figures: MonthlyFigures, comments: Mapping[UUID, Comment], link: str
) -> MonthlyFigures:
    """Return a draft with the comments written so far; those that are missing are a
    decision that is needed, at *link*."""
    rows = tuple(replace(row, comment=comments.get(row.budget)) for row in figures.rows)
    decisions = figures.decisions
    if missing := uncommented(rows):
        writer = PaperWriter(figures.locale, figures.currency, figures.zone)
        with override(language_of(writer)):
            words = missing_words(missing)
        decisions = (DecisionNeeded(words, link), *decisions)
    return replace(figures, rows=rows, decisions=decisions)


def uncommented(rows: Sequence[ReportRow]) -> list[ReportRow]:
    """Return the rows that need a comment and have none."""
    return [row for row in rows if row.is_material and row.comment is None]


def missing_words(missing: Sequence[ReportRow]) -> str:
    """Say which rows need a comment."""
    names = ", ".join(f"“{row.path[-1]}”" for row in missing[:_MOST_NAMED])
    if (more := len(missing) - _MOST_NAMED) > 0:
        names += _(" and %(count)s more") % {"count": more}
    words = (
        _("%(names)s needs a comment: the variance is beyond the threshold.")
        if len(missing) == 1
        else _("%(names)s need a comment: the variance is beyond the threshold.")
    )
    return words % {"names": names}


def signed(
    figures: MonthlyFigures, name: str, at: datetime, trail: TrailEnd
) -> MonthlyFigures:
    """Return the final report: signed by *name*, with the *trail* as it ends then."""
    prepared = [one for one in figures.sign_offs if one.name]
    return replace(
        figures,
        is_draft=False,
        sign_offs=(*prepared, SignOff("Approved by", name, at)),
        trail=trail,
    )
