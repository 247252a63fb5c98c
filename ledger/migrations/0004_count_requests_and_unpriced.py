from django.db import migrations
from django.db.models import Exists, OuterRef


def fill(apps, schema_editor):
    """Write down what was counted so far: repricings add no request."""
    records = apps.get_model("ledger", "CostRecord").objects
    records.filter(correction__gt=0).update(requests=0)
    records.filter(correction=0, total_cost=None).update(unpriced=1)
    without_price = records.filter(
        organization=OuterRef("organization"),
        usage_id=OuterRef("usage_id"),
        correction=0,
        total_cost=None,
    )
    records.filter(Exists(without_price), correction=1).update(unpriced=-1)


def forget(apps, schema_editor):
    records = apps.get_model("ledger", "CostRecord").objects
    records.exclude(requests=1).update(requests=1)
    records.exclude(unpriced=0).update(unpriced=0)


class Migration(migrations.Migration):
    """Count requests and unpriced ones in the records' own columns."""

    dependencies = [("ledger", "0003_rare_columns")]

    operations = [migrations.RunPython(fill, forget)]
