from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField(
            "organization",
            "identity_revision",
            models.PositiveSmallIntegerField(default=0, editable=False),
        )
    ]
