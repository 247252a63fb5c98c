"""Have the database itself refuse to change a final report.

A deletion is let through: nothing deletes reports but whoever empties all tables.
"""

from django.db import migrations

POSTGRESQL = (
    """
    CREATE FUNCTION reports_final_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'a final report stays as it is'; END $$
    """,
    """
    CREATE TRIGGER reports_final_stays BEFORE UPDATE
    ON reports_report FOR EACH ROW WHEN (OLD.state = 'final')
    EXECUTE FUNCTION reports_final_stays()
    """,
)
SQLITE = (
    """
    CREATE TRIGGER reports_final_stays BEFORE UPDATE ON reports_report
    WHEN OLD.state = 'final'
    BEGIN SELECT RAISE(ABORT, 'a final report stays as it is'); END
    """,
)


def guard(apps, schema_editor):
    kind = schema_editor.connection.vendor
    for statement in POSTGRESQL if kind == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def unguard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER reports_final_stays ON reports_report")
        schema_editor.execute("DROP FUNCTION reports_final_stays()")
    else:
        schema_editor.execute("DROP TRIGGER reports_final_stays")


class Migration(migrations.Migration):
    dependencies = [("reports", "0003_monthly_reports")]

    operations = [migrations.RunPython(guard, unguard)]
