"""Let the database add up what a period may spend.

PostgreSQL writes the table anew for it, which nobody can read or write meanwhile: some
seconds for 300,000 periods. It has one row for each budget and period, not for usage.
"""

from django.db import migrations, models
from django.db.models import F

import lib.fields


class Migration(migrations.Migration):
    dependencies = [("budgets", "0007_budget_hard_stop")]

    operations = [
        migrations.AddField(
            model_name="budgetperiod",
            name="limit",
            field=models.GeneratedField(
                expression=F("amount") + F("carried_over") + F("adjusted"),
                output_field=lib.fields.MoneyField(db_column="limit"),
                db_persist=True,
            ),
        ),
    ]
