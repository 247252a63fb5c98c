"""Have the database itself refuse to change or delete what was posted.

On SQLite a deletion is let through, for emptying all tables is one there: `manage.py
verify` finds it.
"""

from django.db import migrations

_TABLES = ("reports_journal", "reports_journalline")
_FUNCTION = """
CREATE FUNCTION reports_journals_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'journals are append-only'; END $$
"""


def guard(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    if is_postgresql:
        schema_editor.execute(_FUNCTION)
    for table in _TABLES:
        when, does = (
            ("UPDATE OR DELETE", "FOR EACH ROW EXECUTE FUNCTION reports_journals_stay()")
            if is_postgresql
            else ("UPDATE", "BEGIN SELECT RAISE(ABORT, 'journals are append-only'); END")
        )
        schema_editor.execute(
            f"CREATE TRIGGER {table}_stays BEFORE {when} ON {table} {does}"
        )


def unguard(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for table in _TABLES:
        on = f" ON {table}" if is_postgresql else ""
        schema_editor.execute(f"DROP TRIGGER {table}_stays{on}")
    if is_postgresql:
        schema_editor.execute("DROP FUNCTION reports_journals_stay()")


class Migration(migrations.Migration):
    dependencies = [("reports", "0005_journals")]

    operations = [migrations.RunPython(guard, unguard)]
