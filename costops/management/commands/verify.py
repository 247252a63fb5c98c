"""manage.py verify: recompute every promise that can be recomputed."""

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from tqdm import tqdm

from accounts.management.organizations import organizations_named
from accounts.models import Organization
from approvals import trail
from budgets import verification as budgets
from budgets.reservations import settlements
from ledger import fixed_charges
from ledger import verification as ledger
from lib.money import format_money
from lib.sql import see_one_moment
from reports.chargeback import services as statements
from reports.journals import verification as journals
from reports.monthly import verification as reports

_MOST_SHOWN = 100  # differences of one organization


class Command(BaseCommand):
    help = (
        "Recompute ledger and budgets from the cost records. "
        "Exit 1 with the differences when anything is off."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this one")

    def handle(self, *, organization: str | None, **options: Any) -> None:
        chosen = organizations_named(organization)
        off = 0
        for one in tqdm(
            list(chosen), unit="organization", disable=not sys.stderr.isatty()
        ):
            off += self._verify(one)
        if off:
            raise CommandError(f"{off:,} differences. See above.")
        records = "every promise holds"
        self.stdout.write(
            self.style.SUCCESS(f"Verified {chosen.count()} organizations: {records}.")
        )

    def _verify(self, organization: Organization) -> int:
        off = 0
        with _OneMoment():
            for off, difference in enumerate(_differences(organization), 1):
                if off <= _MOST_SHOWN:
                    self.stdout.write(f"{organization.slug}: {difference}")
            notes = list(_notes(organization))
        if off > _MOST_SHOWN:
            self.stdout.write(f"{organization.slug}: and {off - _MOST_SHOWN:,} more.")
        for note in notes:
            self.stdout.write(f"{organization.slug}: {note}")
        return off


def _differences(organization: Organization) -> Iterator[str]:
    yield from ledger.differences(organization)
    yield from fixed_charges.differences(organization)
    yield from budgets.differences(organization)
    yield from trail.differences(organization)
    yield from statements.differences(organization)
    yield from journals.differences(organization)
    yield from reports.differences(organization)


def _notes(organization: Organization) -> Iterator[str]:
    """Yield what is as it was promised, and still worth knowing."""
    if due := ledger.refiling_due(organization):
        yield (
            f"note: {due:,} combinations are filed as an older version understood "
            "their names. The worker files them anew, or manage.py refile at once."
        )
    for one in settlements.said_otherwise(organization):
        if one.without_leave:
            calls = "1 call" if one.records == 1 else f"{one.records:,} calls"
            cost = format_money(one.cost, organization.currency)
            yield f"note: {calls} ({cost}) went where they had no leave: {one.words}."


class _OneMoment(transaction.Atomic):
    """A transaction that sees the database as it was at its start throughout."""

    def __init__(self) -> None:
        super().__init__(using=None, savepoint=False, durable=False)

    def __enter__(self) -> None:
        super().__enter__()
        if not connection.savepoint_ids:
            see_one_moment()
