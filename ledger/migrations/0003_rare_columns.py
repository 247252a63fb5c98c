from django.db import migrations, models

import lib.fields


class Migration(migrations.Migration):
    """Give cost records what few of them have; those there are need none of it."""

    dependencies = [("ledger", "0002_spend_batch")]

    operations = [
        migrations.AddField("costrecord", "requests", models.IntegerField(db_default=1)),
        migrations.AddField(
            "costrecord", "unpriced", models.SmallIntegerField(db_default=0)
        ),
        migrations.AddField("costrecord", "quantities", models.JSONField(null=True)),
        migrations.AddField(
            "costrecord", "other_cost", lib.fields.MoneyField(null=True)
        ),
        migrations.AddField(
            "costrecord", "unpriced_kinds", models.JSONField(null=True)
        ),
        migrations.AddField("costrecord", "assumed_kinds", models.JSONField(null=True)),
        migrations.AddField("costrecord", "said", models.JSONField(null=True)),
        migrations.AddField(
            "costrecord",
            "response_id",
            models.CharField(blank=True, max_length=255, null=True),
        ),
    ]
