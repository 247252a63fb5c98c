from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0004_rename_judged")]

    operations = [
        migrations.CreateModel(
            name="Turn",
            fields=[
                (
                    "name",
                    models.CharField(max_length=32, primary_key=True, serialize=False),
                ),
                ("holder", models.UUIDField(null=True)),
                ("until", models.DateTimeField()),
                ("again", models.BooleanField(default=False)),
            ],
        ),
    ]
