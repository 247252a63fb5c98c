"""The tables of a monthly report that tell what happened, and what figures rest on."""

from django.utils.translation import gettext as _

from reports.monthly.figures import ApprovalLine, MonthlyFigures, ReportedAlert
from reports.monthly.tables import amount_line, in_currency
from reports.monthly.vocabulary import said
from reports.paper.sheets import Column, SheetCell, SheetLine, Table, Tone
from reports.paper.writers import PaperWriter

_BAD = {"critical", "exceeded"}


# -- What happened


def alerts_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    return Table(
        caption=_("Alerts of the month"),
        columns=(
            Column(_("Fired"), 19),
            Column(_("Budget"), 27),
            Column(_("Why"), 32),
            Column(_("State"), 22),
        ),
        lines=tuple(_alert_line(alert, writer) for alert in figures.alerts),
        empty=_("No alert fired in this month."),
    )


def _alert_line(alert: ReportedAlert, writer: PaperWriter) -> SheetLine:
    ended = (
        _("ended %(moment)s") % {"moment": writer.moment(alert.ended_at)}
        if alert.ended_at
        else ""
    )
    answered = writer.name(alert.answered_by)
    return SheetLine(
        (
            SheetCell(writer.moment(alert.fired_at)),
            SheetCell(writer.path(alert.path)),
            SheetCell(
                writer.words(alert.words),
                note=writer.words(said(alert.severity)),
                tone=Tone.BAD if alert.severity in _BAD else Tone.WATCH,
            ),
            SheetCell(
                writer.words(said(alert.state)),
                note="\n".join(filter(None, (answered, ended))),
            ),
        )
    )


def approvals_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    return Table(
        caption=_("Requests for money, decided or asked for in the month"),
        columns=(
            Column(_("Asked"), 19),
            Column(_("Budget"), 27),
            Column(_("Amount"), 18, is_number=True),
            Column(_("By"), 16),
            Column(_("State"), 20),
        ),
        lines=tuple(_approval_line(one, writer) for one in figures.approvals),
        empty=_("Nobody asked for money in this month."),
    )


def _approval_line(one: ApprovalLine, writer: PaperWriter) -> SheetLine:
    decided = [writer.name(name) for name in one.decided_by]
    if one.decided_at:
        decided.append(writer.moment(one.decided_at))
    return SheetLine(
        (
            SheetCell(writer.moment(one.asked_at)),
            SheetCell(
                writer.path(one.path) or _("A new budget"),
                note=writer.words(said(one.kind)),
            ),
            SheetCell(writer.money_in(one.currency, one.amount)),
            SheetCell(writer.name(one.requester)),
            SheetCell(writer.words(said(one.state)), note="\n".join(decided)),
        )
    )


def overrides_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    return Table(
        caption=_("What was done past the rules"),
        columns=(
            Column(_("When"), 19),
            Column(_("Who"), 20),
            Column(_("What"), 36),
            Column(_("Reason"), 25),
        ),
        lines=tuple(
            SheetLine(
                (
                    SheetCell(writer.moment(one.at)),
                    SheetCell(writer.name(one.actor)),
                    SheetCell(writer.words(one.words)),
                    SheetCell(writer.words(one.reason)),
                )
            )
            for one in figures.overrides
        ),
        empty=_("Nobody went past the rules in this month."),
    )


# -- What the figures rest on


def late_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    return Table(
        caption=_("Usage that came after its period had ended, in %(currency)s")
        % in_currency(figures),
        columns=(
            Column(_("Budget"), 70),
            Column(_("Amount"), 30, is_number=True),
        ),
        lines=tuple(
            amount_line(writer.path(one.path), writer.plain(one.amount))
            for one in figures.late
        ),
        empty=_("Nothing came late."),
    )


def unpriced_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    return Table(
        caption=_("Usage whose price nobody knows: it counts as nothing"),
        columns=(
            Column(_("Model"), 46),
            Column(_("Kinds"), 34),
            Column(_("Records"), 20, is_number=True),
        ),
        lines=tuple(
            SheetLine(
                (
                    SheetCell(writer.name(one.model), note=writer.name(one.provider)),
                    SheetCell(writer.words(", ".join(one.kinds)) or _("all of it")),
                    SheetCell(writer.count(one.records)),
                )
            )
            for one in figures.unpriced
        ),
        empty=_("All usage has a price."),
    )


def sign_offs_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    return Table(
        caption=_("Who stands for this report"),
        columns=(
            Column(_("Role"), 26),
            Column(_("Name"), 44),
            Column(_("Signed"), 30),
        ),
        lines=tuple(
            SheetLine(
                (
                    SheetCell(writer.words(said(one.role))),
                    SheetCell(writer.name(one.name) or _("not signed yet")),
                    SheetCell(writer.moment(one.at) if one.at else ""),
                )
            )
            for one in figures.sign_offs
        ),
    )
