"""Make limits hard at which a rule stops all calls, for budgets that have such rules.

What was set aside before holds nothing on them; it is settled as before.
"""

from django.db import migrations
from django.db.models import F
from django.utils import timezone

from controls.expressions import read
from controls.stops import stops_at_the_amount
from lib.errors import Invalid

REASON = "a rule stops calls: "


def harden(apps, schema_editor):
    ControlRule = apps.get_model("controls", "ControlRule")
    rules = ControlRule.objects.filter(action="block").select_related("budget")
    done = set()  # budgets: of several such rules the first one is noted
    for rule in rules.order_by("budget", "position", "pk").iterator(chunk_size=1_000):
        budget = rule.budget
        if budget.archived_at is not None or not _is_stop(rule.trigger):
            continue
        was_soft = budget.enforcement == "soft"
        ControlRule.objects.filter(pk=rule.pk).update(hardens=was_soft)
        if budget.pk not in done:
            done.add(budget.pk)
            budget.hard_stop, budget.enforcement = rule.trigger, "hard"
            _written(apps, budget, is_change=was_soft)


def soften(apps, schema_editor):
    Budget = apps.get_model("budgets", "Budget")
    ControlRule = apps.get_model("controls", "ControlRule")
    ids = ControlRule.objects.filter(hardens=True).values_list("budget", flat=True)
    for budget in Budget.objects.filter(pk__in=list(ids)).order_by("pk"):
        budget.hard_stop, budget.enforcement = "", "soft"
        _written(apps, budget, is_change=True)
    Budget.objects.exclude(hard_stop="").update(hard_stop="")


def _is_stop(trigger):
    try:
        return stops_at_the_amount(read(trigger))
    except Invalid:  # of an older language: it can't hold
        return False


def _written(apps, budget, *, is_change):
    Budget = apps.get_model("budgets", "Budget")
    Budget.objects.filter(pk=budget.pk).update(
        hard_stop=budget.hard_stop, enforcement=budget.enforcement
    )
    if is_change:
        _noted(apps, budget)
    Organization = apps.get_model("accounts", "Organization")
    organizations = Organization.objects.filter(pk=budget.organization_id)
    organizations.update(revision=F("revision") + 1)


def _noted(apps, budget):
    """Keep the change in the budget's history, as a save of it does."""
    HistoricalBudget = apps.get_model("budgets", "HistoricalBudget")
    own = {field.attname for field in budget._meta.concrete_fields}
    kept = {field.attname for field in HistoricalBudget._meta.concrete_fields}
    HistoricalBudget.objects.create(
        **{name: getattr(budget, name) for name in own & kept},
        history_date=timezone.now(),
        history_type="~",
        history_change_reason=f"{REASON}{budget.hard_stop}"[:100],
        actor="manage.py migrate",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("budgets", "0007_budget_hard_stop"),
        ("controls", "0002_rule_hardens"),
    ]

    operations = [migrations.RunPython(harden, soften)]
