"""Have the database itself refuse to change or delete what stands in the trail.

On SQLite a deletion is let through, for emptying all tables is one there: it is found
by `manage.py verify`, as everywhere.
"""

from django.db import migrations

POSTGRESQL = (
    """
    CREATE FUNCTION approvals_trail_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the trail is append-only'; END $$
    """,
    """
    CREATE TRIGGER approvals_trail_stays BEFORE UPDATE OR DELETE
    ON approvals_trailentry FOR EACH ROW EXECUTE FUNCTION approvals_trail_stays()
    """,
)
SQLITE = (
    """
    CREATE TRIGGER approvals_trail_stays BEFORE UPDATE ON approvals_trailentry
    BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END
    """,
)


def guard(apps, schema_editor):
    kind = schema_editor.connection.vendor
    for statement in POSTGRESQL if kind == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def unguard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "DROP TRIGGER approvals_trail_stays ON approvals_trailentry"
        )
        schema_editor.execute("DROP FUNCTION approvals_trail_stays()")
    else:
        schema_editor.execute("DROP TRIGGER approvals_trail_stays")


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]

    operations = [migrations.RunPython(guard, unguard)]
