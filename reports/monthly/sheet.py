"""A monthly report as a document: which parts it has, in which order."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import override

from reports.monthly.event_tables import (
    alerts_table,
    approvals_table,
    late_table,
    overrides_table,
    sign_offs_table,
    unpriced_table,
)
from reports.monthly.figures import MonthlyFigures
from reports.monthly.pictures import (
    bridge_drawing,
    deviations_drawing,
    pace_drawing,
)
from reports.monthly.summary import summary_of
from reports.monthly.tables import (
    bridge_table,
    comments_table,
    drivers_table,
    variance_table,
    year_table,
)
from reports.paper.languages import language_of
from reports.paper.process import PaperKind
from reports.paper.sheets import (
    Attachment,
    Block,
    Bullet,
    Bullets,
    Contents,
    Heading,
    Part,
    Sheet,
    Sides,
    Text,
)
from reports.paper.writers import PaperWriter


@dataclass(frozen=True, slots=True)
class MonthlyPaper:
    """A report with the files that it carries."""

    figures: MonthlyFigures
    files: tuple[Attachment, ...]


_FEW = 8  # budgets whose year has room on the page of their month


@dataclass(frozen=True, slots=True)
class _Chapter:
    heading: Heading
    blocks: tuple[Block, ...]
    follows: bool = False


def sheet_of(paper: MonthlyPaper) -> Sheet:
    """Compose the report, in the language of its locale."""
    figures = paper.figures
    writer = PaperWriter(figures.locale, figures.currency, figures.zone)
    language = language_of(writer)
    with override(language):
        return _composed(paper, writer, language)


def _composed(paper: MonthlyPaper, writer: PaperWriter, language: str) -> Sheet:
    figures = paper.figures
    chapters = list(_chapters(figures, writer))
    month = writer.month(figures.month)
    draft = _("Draft") if figures.is_draft else ""
    as_of = _("Figures as of %(moment)s, %(zone)s") % {
        "moment": writer.moment(figures.cut_off),
        "zone": figures.zone.replace("_", " "),
    }
    title = _("LLM spend, %(month)s") % {"month": month}
    return Sheet(
        title=title,
        kind=_("%(organization)s · Monthly report")
        % {"organization": figures.organization},
        organization=figures.organization,
        subtitle=" · ".join(filter(None, (_subject(figures), as_of, draft))),
        language=language,
        page=writer.page,
        running=" · ".join(filter(None, (title, draft))),
        foot=as_of,
        page_of=_("Page {page} of {pages}"),
        made_at=figures.cut_off,
        watermark=draft,
        attachments=paper.files,
        blocks=(
            *summary_of(figures, writer),
            Contents(
                _("In this report"), tuple(chapter.heading for chapter in chapters)
            ),
            *(
                Part((chapter.heading, *chapter.blocks), follows=chapter.follows)
                for chapter in chapters
            ),
        ),
    )


def _subject(figures: MonthlyFigures) -> str:
    if figures.title == figures.organization:
        return _("All budgets")
    return figures.title


def _chapters(figures: MonthlyFigures, writer: PaperWriter) -> Iterator[_Chapter]:
    month = writer.month(figures.month)
    yield _Chapter(
        Heading(
            _("The month"),
            anchor="month",
            lead=_("How %(month)s came to what it cost.") % {"month": month},
        ),
        (
            pace_drawing(figures, writer),
            bridge_drawing(figures, writer),
            Sides(
                left=(
                    Heading(_("From budget to actual"), level=3),
                    bridge_table(figures, writer),
                ),
                right=(
                    Heading(_("What moved it"), level=3),
                    drivers_table(figures, writer),
                ),
            ),
        ),
    )
    yield from _budgets(figures, writer)
    yield from _events(figures, writer)
    yield from _grounds(figures, writer)


def _budgets(figures: MonthlyFigures, writer: PaperWriter) -> Iterator[_Chapter]:
    yield _Chapter(
        Heading(
            _("Variance by budget"),
            anchor="variance",
            lead=_variance_lead(figures, writer),
        ),
        (
            *deviations_drawing(figures, writer),
            variance_table(figures, writer),
        ),
    )
    yield _Chapter(
        Heading(
            _("The year by budget"),
            anchor="year",
            lead=_("What the year is expected to come to, beside its budget."),
        ),
        (year_table(figures, writer),),
        follows=len(figures.rows) <= _FEW,
    )
    yield _Chapter(
        Heading(
            _("Comments"),
            anchor="comments",
            lead=_("Why the marked budgets are off, and what comes of it."),
        ),
        (comments_table(figures, writer),),
    )


def _variance_lead(figures: MonthlyFigures, writer: PaperWriter) -> str:
    return _(
        "Amounts in %(currency)s. A variance is actual less budgeted: more is "
        "positive. ◆ marks what is off by more than %(amount)s and %(share)s."
    ) % {
        "currency": figures.currency,
        "amount": writer.money(figures.threshold),
        "share": writer.share(figures.threshold_share),
    }


def _events(figures: MonthlyFigures, writer: PaperWriter) -> Iterator[_Chapter]:
    yield _Chapter(
        Heading(_("Alerts"), anchor="alerts"), (alerts_table(figures, writer),)
    )
    yield _Chapter(
        Heading(_("Requests for money"), anchor="requests"),
        (approvals_table(figures, writer),),
        follows=True,
    )
    yield _Chapter(
        Heading(_("Exceptions"), anchor="overrides"),
        (overrides_table(figures, writer),),
        follows=True,
    )


def _grounds(figures: MonthlyFigures, writer: PaperWriter) -> Iterator[_Chapter]:
    yield _Chapter(
        Heading(
            _("What the figures rest on"),
            anchor="grounds",
            lead=_("What is in them, what came late, and what has no price."),
        ),
        (
            Bullets(tuple(Bullet(writer.words(note)) for note in figures.notes)),
            Text(_uncounted(figures, writer)),
            Heading(_("Came late"), level=3),
            late_table(figures, writer),
            Heading(_("Has no price"), level=3),
            unpriced_table(figures, writer),
        ),
    )
    yield _Chapter(
        Heading(_("Signatures"), anchor="signatures"),
        (sign_offs_table(figures, writer), Text(_trail(figures, writer), "small")),
        follows=True,
    )


def _uncounted(figures: MonthlyFigures, writer: PaperWriter) -> str:
    if figures.ledger is None:
        return ""
    return _(
        "The ledger has %(ledger)s in this month: %(total)s in the budgets of this "
        "report, and %(uncounted)s that no budget counts."
    ) % {
        "ledger": writer.money(figures.ledger),
        "total": writer.money(figures.total.spent),
        "uncounted": writer.money(figures.uncounted),
    }


def _trail(figures: MonthlyFigures, writer: PaperWriter) -> str:
    trail = figures.trail
    if not trail.digest:
        return ""
    return _(
        "The organization's trail of changes stood at entry %(number)s, with the "
        "digest %(digest)s: whoever keeps this page can tell whether it was changed "
        "afterwards."
    ) % {"number": trail.number, "digest": trail.digest}


PAPER = PaperKind(MonthlyPaper, sheet_of)
