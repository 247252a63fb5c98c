"""manage.py reprice: charge booked usage at the prices and rates known today."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.audit import acting_as
from accounts.models import Organization
from intake.repricing import RepricingOutcome, body_of, preview, reprice
from intake.undoing import preview_undo
from intake.undoing import undo as take_back
from ledger.models import Repricing
from ledger.repricing import Selection, records_of
from lib.errors import Refusal
from lib.query_params import range_of


class Command(BaseCommand):
    help = (
        "Correct what booked usage is charged at by what is known of prices and "
        "exchange rates today. Reported costs stay. Safe to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", required=True)
        parser.add_argument("--provider", default="", help="default: any")
        parser.add_argument(
            "--model", default="", help="exact, or with * at its end (default: any)"
        )
        parser.add_argument(
            "--from", dest="start", default="", metavar="TIME", help="used since then"
        )
        parser.add_argument(
            "--to",
            dest="end",
            default="",
            metavar="TIME",
            help="used before then; a bare date includes that day",
        )
        parser.add_argument(
            "--unpriced", action="store_true", help="only what has no price so far"
        )
        parser.add_argument(
            "--undo",
            type=int,
            metavar="ID",
            help="take this repricing back instead, as far as nothing came since",
        )
        parser.add_argument("--reason", required=True, help="why, for the audit trail")
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would change, change none"
        )

    def handle(self, *, organization: str, reason: str, **options: Any) -> None:
        found = Organization.objects.filter(slug=organization).first()
        if found is None:
            raise CommandError(f"There is no organization “{organization}”.")
        if not reason.strip() or len(reason) > 500:
            raise CommandError("The reason must have 1 to 500 characters.")
        try:
            selection = _selection(options)
            with acting_as("manage.py reprice"):
                if options["undo"] is not None:
                    outcome = self._undo(found, reason, **options)
                elif options["dry_run"]:
                    outcome = preview(found, selection)
                else:
                    outcome = self._reprice(found, selection, reason)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self._tell(outcome, dry_run=options["dry_run"])

    def _reprice(
        self, organization: Organization, selection: Selection, reason: str
    ) -> RepricingOutcome:
        total = records_of(organization, selection).count()
        with tqdm(total=total, unit=" records", disable=None) as bar:
            return reprice(organization, selection, reason=reason, tell=bar.update)

    def _undo(
        self,
        organization: Organization,
        reason: str,
        *,
        undo: int,
        dry_run: bool,
        **_: Any,
    ) -> RepricingOutcome:
        rows = Repricing.objects.filter(organization=organization)
        repricing = rows.select_related("organization").filter(pk=undo).first()
        if repricing is None:
            raise CommandError(f"There is no repricing {undo}.")
        if dry_run:
            return preview_undo(repricing)
        with tqdm(total=repricing.records, unit=" records", disable=None) as bar:
            return take_back(repricing, reason=reason, tell=bar.update)

    def _tell(self, outcome: RepricingOutcome, *, dry_run: bool) -> None:
        body = body_of(outcome)
        self.stdout.write(
            f"{outcome.records} records {'would be' if dry_run else 'were'} corrected "
            f"by {body['difference']} {body['currency']} in all; {outcome.priced} of "
            f"them had no price. {outcome.unpriced} still have none."
        )
        for period in body["budgets"]:
            self.stdout.write(
                f"  {period['name']}, period from {period['period_start']:%Y-%m-%d}: "
                f"{period['old']} -> {period['new']} {period['currency']}"
            )


def _selection(options: dict[str, Any]) -> Selection:
    start, end = range_of({"start_date": options["start"], "end_date": options["end"]})
    return Selection(
        provider=options["provider"],
        model=options["model"],
        start=start,
        end=end,
        only_unpriced=options["unpriced"],
    )
