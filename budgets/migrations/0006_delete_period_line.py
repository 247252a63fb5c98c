from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("budgets", "0005_amount_lines_from_history")]

    operations = [migrations.DeleteModel(name="PeriodLine")]
