"""manage.py import_usage: load usage files."""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.scopes import Scope
from accounts.services import organization_for
from accounts.types import Caller
from costops.lib.errors import Refusal
from intake.files import BadRow, Columns, CutOff, read_usage
from intake.services import receive
from ledger.usage import Usage

BATCH = 5_000  # records in one transaction
_MOST_SHOWN = 20  # bad rows of one file


class Command(BaseCommand):
    help = (
        "Load usage from CSV or JSON lines, plain, .gz or .zst. Safe to repeat: what "
        "is there counts once. Example: import_usage trace.csv.gz --organization acme "
        "--map model=priced_as --set provider=openai"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--organization",
            metavar="SLUG",
            help="whose usage it is, made if unknown (default: as the rows say)",
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="take a field from a column of another name; may be repeated",
        )
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="give a field the same value in every row; may be repeated",
        )

    def handle(self, *, files: list[Path], **options: Any) -> None:
        try:
            columns = Columns(_pairs(options["map"]), _pairs(options["set"]))
            caller = _caller(options["organization"])
            faults = []
            for path in files:
                faults += self._load(path, columns, caller)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if faults:
            raise CommandError(" ".join(faults))

    def _load(self, path: Path, columns: Columns, caller: Caller) -> list[str]:
        """Load one file; return, in sentences, what was not loaded."""
        if not path.is_file():
            raise CommandError(f"{path} is not a file.")
        counts = {"accepted": 0, "duplicates": 0, "conflicts": 0}
        faults: list[str] = []
        bad = 0
        with tqdm(
            total=path.stat().st_size,
            unit="B",
            unit_scale=True,
            desc=path.name,
            disable=not sys.stderr.isatty(),
        ) as progress:
            rows = read_usage(
                path, columns, advance=lambda at: progress.update(at - progress.n)
            )
            cut_off: CutOff | None = None
            while cut_off is None:
                batch, cut_off = _next_batch(rows)
                if not batch and cut_off is None:
                    break
                bad += self._take(batch, counts, caller, shown=bad)
        if cut_off is not None:
            faults.append(f"{path.name}: {cut_off}")
        if bad:
            faults.append(f"{path.name}: {bad:,} rows are wrong and were left out.")
        self.stdout.write(
            f"{path.name}: {counts['accepted']:,} records loaded, "
            f"{counts['duplicates']:,} were there already"
            + (
                f", {counts['conflicts']:,} of them otherwise"
                if counts["conflicts"]
                else ""
            )
            + "."
        )
        return faults

    def _take(
        self,
        batch: list[Usage | BadRow],
        counts: dict[str, int],
        caller: Caller,
        *,
        shown: int,
    ) -> int:
        good = [row for row in batch if isinstance(row, Usage)]
        receipt = receive(good, [], caller=caller)
        counts["accepted"] += receipt.accepted
        counts["duplicates"] += receipt.duplicates
        counts["conflicts"] += sum(one.conflict for one in receipt.outcomes.values())
        wrong = [
            *(
                (f"line {row.line}", row.errors)
                for row in batch
                if isinstance(row, BadRow)
            ),
            *(
                (f"record {usage_id}", errors)
                for _, usage_id, errors in receipt.rejected
            ),
        ]
        for place, errors in wrong[: max(_MOST_SHOWN - shown, 0)]:
            said = "; ".join(f"{error.attr}: {error.detail}" for error in errors)
            self.stderr.write(f"  {place}: {said}")
        return len(wrong)


def _next_batch(
    rows: Iterator[Usage | BadRow],
) -> tuple[list[Usage | BadRow], CutOff | None]:
    batch: list[Usage | BadRow] = []
    try:
        batch.extend(islice(rows, BATCH))
    except CutOff as error:
        return batch, error
    return batch, None


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise CommandError(f"“{text}” must have the form FIELD=VALUE.")
        pairs[name] = value
    return pairs


def _caller(slug: str | None) -> Caller:
    """Return who loads: somebody at the keyboard, for one organization or for all."""
    organization = organization_for(slug) if slug else None
    return Caller(
        key_id=0,
        name="manage.py import_usage",
        organization_id=organization.pk if organization else None,
        organization_slug=organization.slug if organization else None,
        scopes=frozenset({Scope.USAGE_WRITE}),
        user_id=None,
        expires_at=None,
    )
