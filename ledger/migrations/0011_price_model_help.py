from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_corrections_of_usage")]

    operations = [
        migrations.AlterField(
            model,
            "model",
            models.CharField(
                max_length=200,
                help_text="Under all its names and versions; a version is that one, "
                "“gpt-4*” what goes on at a dash, “ft:gpt-4o” what is fine-tuned.",
            ),
        )
        for model in ("price", "historicalprice")
    ]
