from django.db import migrations, models

OWNER = models.Index(fields=["organization"], name="spend_delta_owner")
ATTRIBUTION = models.Index(
    fields=["organization", "attribution"], name="spend_delta_attribution"
)


def replace(old, new):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            return  # a view there
        deltas = apps.get_model("ledger", "SpendDelta")
        schema_editor.remove_index(deltas, old)
        schema_editor.add_index(deltas, new)

    return run


class Migration(migrations.Migration):
    """Find what waits for an attribution without reading all that waits (SQLite)."""

    dependencies = [("ledger", "0020_closed_months")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunPython(
                    replace(OWNER, ATTRIBUTION), replace(ATTRIBUTION, OWNER)
                )
            ],
            [
                migrations.RemoveIndex("spenddelta", "spend_delta_owner"),
                migrations.AddIndex("spenddelta", ATTRIBUTION),
            ],
        )
    ]
