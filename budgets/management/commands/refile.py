"""manage.py refile: file what is there under what its names mean today."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from accounts.management.organizations import organizations_named
from accounts.models import Organization
from budgets.models import Backfill
from budgets.refiling import refile
from ledger.models import Attribution


class Command(BaseCommand):
    help = (
        "File usage under the one name of each provider, model and person, and charge "
        "budgets by it. The sweep does so where it is due; this does it at once, and "
        "again where it was done. Safe to repeat, and beside everything else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this one")

    def handle(self, *, organization: str | None, **options: Any) -> None:
        chosen = organizations_named(organization)
        for one in chosen:
            self._refile(one)

    def _refile(self, organization: Organization) -> None:
        total = Attribution.objects.filter(organization=organization).count()
        with tqdm(
            total=total, desc=organization.slug, unit=" names", disable=None
        ) as bar:
            moved = refile(organization, tell=bar.update)
        waiting = Backfill.objects.filter(organization=organization).exists()
        self.stdout.write(
            f"{organization.slug}: moved {moved:,} of {total:,} combinations."
            + (" A worker goes on charging budgets." if waiting else "")
        )
