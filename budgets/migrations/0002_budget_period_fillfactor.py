"""Leave half of each page of periods free, so that counting rewrites no index.

Every batch updates the rows of the budgets it charges. A new version that fits on the
page of the old one is "heap-only": no index has to learn of it, and the dead one goes
when the page is next read.
"""

from django.db import migrations


def _set(storage):
    def change(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ALTER TABLE budgets_budgetperiod {storage}")

    return change


class Migration(migrations.Migration):
    dependencies = [("budgets", "0001_initial")]

    operations = [
        migrations.RunPython(
            _set("SET (fillfactor = 50)"), _set("RESET (fillfactor)"), elidable=False
        )
    ]
