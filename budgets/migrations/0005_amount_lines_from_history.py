"""Derive the dated lines of amounts from the history of budgets.

What existing periods may spend stays as it is in their rows: where history says
something else, a line corrects it for the time of that period.
"""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

MOMENT = timedelta(microseconds=1)


def derive_lines(apps, schema_editor):
    Budget = apps.get_model("budgets", "Budget")
    AmountLine = apps.get_model("budgets", "AmountLine")
    for budget in Budget.objects.order_by("pk").iterator(chunk_size=1_000):
        lines = _planned(apps, budget)
        lines += _corrections(apps, budget, lines)
        lines += _carried(apps, budget)
        AmountLine.objects.bulk_create(lines, batch_size=1_000)


def _planned(apps, budget):
    """Return the first amount and each change, since it is in its present currency."""
    HistoricalBudget = apps.get_model("budgets", "HistoricalBudget")
    rows = HistoricalBudget.objects.filter(id=budget.pk)
    rows = list(rows.order_by("history_date", "history_id"))
    foreign = [place for place, row in enumerate(rows) if row.currency != budget.currency]
    rows = rows[foreign[-1] + 1 :] if foreign else rows
    if not rows:
        return [_line(apps, budget, "planned", budget.amount, budget.created_at)]
    first, *later = rows
    lines = [_line_of(apps, budget, "planned", first.amount, first)]
    amount = first.amount
    for row in later:
        if row.amount != amount:
            change = _line_of(apps, budget, "change", row.amount - amount, row)
            change.effective_from = row.history_date
            lines.append(change)
            amount = row.amount
    if budget.amount != amount:  # changed behind the history's back
        now = timezone.now()
        change = _line(apps, budget, "change", budget.amount - amount, now)
        change.effective_from = now
        lines.append(change)
    return lines


def _corrections(apps, budget, lines):
    BudgetPeriod = apps.get_model("budgets", "BudgetPeriod")
    now, found = timezone.now(), []
    for period in BudgetPeriod.objects.filter(budget=budget).order_by("starts_at"):
        last = period.ends_at - MOMENT
        said = sum(
            line.amount
            for line in lines
            if line.effective_from is None or line.effective_from <= last
        )
        if period.amount != said:
            line = _line(apps, budget, "correction", period.amount - said, now)
            line.effective_from = period.starts_at
            line.effective_to = period.ends_at
            line.reason = "As the period had it before amounts had dates"
            found.append(line)
    return found


def _carried(apps, budget):
    PeriodLine = apps.get_model("budgets", "PeriodLine")
    found = []
    rows = PeriodLine.objects.filter(period__budget=budget).select_related("period")
    for row in rows.order_by("pk"):
        line = _line(apps, budget, "rollover", row.amount, row.created_at)
        line.effective_from = row.period.starts_at
        line.effective_to = row.period.ends_at
        line.reason, line.actor = row.reason, row.actor
        found.append(line)
    return found


def _line_of(apps, budget, kind, amount, row):
    line = _line(apps, budget, kind, amount, row.history_date)
    line.reason, line.actor = row.history_change_reason or "", row.actor
    return line


def _line(apps, budget, kind, amount, at):
    return apps.get_model("budgets", "AmountLine")(
        organization_id=budget.organization_id,
        budget=budget,
        kind=kind,
        amount=amount,
        actor="manage.py migrate",
        made_at=at,
    )


def keep_rollover(apps, schema_editor):
    """Give the lines that carry over back to their periods."""
    AmountLine = apps.get_model("budgets", "AmountLine")
    BudgetPeriod = apps.get_model("budgets", "BudgetPeriod")
    PeriodLine = apps.get_model("budgets", "PeriodLine")
    rows = AmountLine.objects.filter(kind="rollover").order_by("pk")
    for line in rows.iterator(chunk_size=1_000):
        period = BudgetPeriod.objects.filter(
            organization=line.organization_id,
            budget=line.budget_id,
            starts_at=line.effective_from,
        ).first()
        if period is None:
            continue  # taken back when the periods were cut anew
        PeriodLine.objects.create(
            organization_id=line.organization_id,
            period=period,
            kind="rollover",
            amount=line.amount,
            reason=line.reason,
            actor=line.actor,
            created_at=line.made_at,
        )
    AmountLine.objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("budgets", "0004_amount_line")]

    operations = [migrations.RunPython(derive_lines, keep_rollover)]
