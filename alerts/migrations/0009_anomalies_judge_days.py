"""Rules about anomalies judged days, whatever window stood in their rows."""

from typing import Any

from django.db import migrations


def judge_days(apps: Any, schema_editor: Any) -> None:
    for name in ("AlertRule", "HistoricalAlertRule"):
        rules = apps.get_model("alerts", name).objects.using(
            schema_editor.connection.alias
        )
        rules.filter(type="anomaly").update(window="daily")


class Migration(migrations.Migration):
    dependencies = [("alerts", "0008_alert_basis")]

    operations = [migrations.RunPython(judge_days, migrations.RunPython.noop)]
