"""A statement to be laid out."""

from datetime import UTC, datetime
from decimal import Decimal

from reports.paper.statements import Statement, StatementColumn, StatementLine

STATEMENT = Statement(
    organization="Acme Corp",
    kind="Chargeback statement",
    title="Engineering",
    locale="en_GB",
    currency="EUR",
    zone="UTC",
    made_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
    sentence="Engineering owes €1,204.10 for October 2026.",
    columns=(StatementColumn("Project", 60),),
    amount_columns=(StatementColumn("Total", 40),),
    lines=(StatementLine(("Search",), (Decimal("1204.1"),), note="its own"),),
    totals=(StatementLine(("All",), (Decimal("1204.1"),)),),
    notes=("Rounded to cents.",),
    digest="ab" * 32,
)
