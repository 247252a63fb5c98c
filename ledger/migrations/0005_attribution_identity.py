from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_count_requests_and_unpriced")]

    operations = [
        migrations.AddField(
            "attribution",
            "model_version",
            models.CharField(blank=True, default="", max_length=500),
            preserve_default=False,
        ),
        *(
            migrations.AddField(
                "attribution",
                name,
                models.CharField(blank=blank, default="", max_length=200),
                preserve_default=False,
            )
            for name, blank in (
                ("sent_user", True),
                ("sent_provider", False),
                ("sent_model", False),
            )
        ),
        *(
            migrations.AlterField(
                "attribution", name, models.CharField(blank=blank, max_length=500)
            )
            for name, blank in (("user", True), ("provider", False), ("model", False))
        ),
    ]
