from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("alerts", "0003_delete_acknowledge_link")]

    operations = [
        migrations.RenameModel(old_name="Judged", new_name="EvaluatedState"),
    ]
