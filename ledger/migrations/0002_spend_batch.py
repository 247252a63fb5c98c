import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import lib.fields

ARRAYS = (
    "attribution_ids",
    "starts_at",
    "currency",
    "requests",
    "unpriced",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "cost",
)
COLUMNS = ", ".join(ARRAYS).replace("attribution_ids", "attribution_id")
SIZE = 5_000  # deltas in one row, of those there are already

PACK = f"""
INSERT INTO ledger_spendbatch (organization_id, {", ".join(ARRAYS)})
SELECT organization_id, {", ".join(f"array_agg({name})" for name in COLUMNS.split(", "))}
FROM ledger_spenddelta GROUP BY organization_id, id / {SIZE}
"""  # noqa: S608 - constants
UNPACK = f"""
INSERT INTO ledger_spenddelta (organization_id, {COLUMNS})
SELECT organization_id, {COLUMNS} FROM spend_deltas
"""  # noqa: S608 - constants
# A batch has at most a few ten thousand deltas.
VIEW = f"""
CREATE VIEW ledger_spenddelta AS
SELECT batch.id * 1000000 + delta.place AS id, batch.organization_id,
    {", ".join(f"delta.{name}" for name in COLUMNS.split(", "))}
FROM ledger_spendbatch AS batch
CROSS JOIN LATERAL unnest({", ".join(f"batch.{name}" for name in ARRAYS)})
    WITH ORDINALITY AS delta ({COLUMNS}, place)
"""  # noqa: S608 - constants


def pack(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for name in ARRAYS:
        # Compressing them would take longer than all the rest of inserting them.
        schema_editor.execute(
            f"ALTER TABLE ledger_spendbatch ALTER COLUMN {name} SET STORAGE EXTERNAL"
        )
    schema_editor.execute(PACK)
    schema_editor.delete_model(apps.get_model("ledger", "SpendDelta"))
    schema_editor.execute(VIEW)


def unpack(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("ALTER VIEW ledger_spenddelta RENAME TO spend_deltas")
    schema_editor.create_model(apps.get_model("ledger", "SpendDelta"))
    schema_editor.execute(UNPACK)
    schema_editor.execute("DROP VIEW spend_deltas")


def array(field):
    return django.contrib.postgres.fields.ArrayField(base_field=field, size=None)


class Migration(migrations.Migration):
    """Keep a batch's spend deltas in one row on PostgreSQL; what waits is kept."""

    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="SpendBatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("attribution_ids", array(models.BigIntegerField())),
                ("starts_at", array(models.DateTimeField())),
                ("currency", array(models.CharField(blank=True, max_length=3))),
                ("requests", array(models.IntegerField())),
                ("unpriced", array(models.IntegerField())),
                ("input_tokens", array(models.BigIntegerField())),
                ("cached_tokens", array(models.BigIntegerField())),
                ("output_tokens", array(models.BigIntegerField())),
                ("cost", array(lib.fields.MoneyField())),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={"required_db_vendor": "postgresql"},
        ),
        migrations.RunPython(pack, unpack),
    ]
