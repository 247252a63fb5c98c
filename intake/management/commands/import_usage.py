"""manage.py import_usage: load usage files."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.audit import acting_as
from accounts.organizations import organization_for
from accounts.scopes import Scope
from accounts.types import Caller
from intake.booking import booked_elsewhere
from intake.columns import Columns
from intake.corrections import LONGEST_REASON, correct_repeats
from intake.faults import Faults
from intake.files import BadRow, Unused, read_usage
from intake.formats import FORMATS, Format
from intake.services import receive
from ledger.usage import Usage, is_rounded
from lib.errors import Invalid, Refusal

BATCH = 5_000  # records in one transaction
Row = Usage | BadRow | Unused
_MOST_NAMED = 20  # ids in conflict of one file


@dataclass(slots=True)
class _Tally:
    """What became of the rows of one file."""

    accepted: int = 0
    duplicates: int = 0
    otherwise: int = 0  # of the duplicates: with other content
    corrected: int = 0
    unused: int = 0  # rows that say of no usage
    elsewhere: Counter[str] = field(default_factory=Counter)  # of closed months
    rounded: int = 0  # costs that had more decimals than money has
    conflicts: dict[str, None] = field(default_factory=dict)  # ids, in order
    faults: Faults = field(default_factory=Faults)


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
            "--format",
            choices=sorted(FORMATS),
            help="which other tool wrote the files (default: rows are usage records)",
        )
        _add_repeated(
            parser, "map", "FIELD=COLUMN", "take a field from a column of another name"
        )
        _add_repeated(
            parser, "set", "FIELD=VALUE", "give a field the same value in every row"
        )
        _add_repeated(
            parser,
            "ignore-column",
            "NAME",
            "leave out a column that is not understood, or by NAME* all that begin so",
        )

        parser.add_argument(
            "--correct",
            action="store_true",
            help="have ids that are there with other content count with this one: the "
            "last row of each; needs --reason",
        )
        parser.add_argument(
            "--reason", default="", help="why it is corrected, for the audit trail"
        )

    def handle(self, *, files: list[Path], **options: Any) -> None:
        reason = _reason(options["reason"], is_needed=options["correct"])
        try:
            columns = Columns(
                _pairs(options["map"]), _pairs(options["set"]), options["ignore_column"]
            )
            door = _Door(_caller(options["organization"]), reason)
            form = FORMATS.get(options["format"])
            with acting_as(door.caller.name):
                wrong = [
                    sentence
                    for path in files
                    for sentence in self._load(path, columns, door, form)
                ]
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if wrong:
            raise CommandError(" ".join(wrong))

    def _load(
        self, path: Path, columns: Columns, door: "_Door", form: Format | None
    ) -> list[str]:
        """Load one file; return, in sentences, what was not loaded."""
        if not path.is_file():
            raise CommandError(f"{path} is not a file.")
        tally = _Tally()
        with tqdm(
            total=path.stat().st_size,
            unit="B",
            unit_scale=True,
            desc=path.name,
            disable=not sys.stderr.isatty(),
        ) as progress:
            rows = read_usage(
                path,
                columns,
                form=form,
                advance=lambda at: progress.update(at - progress.n),
            )
            unread: Invalid | None = None
            while unread is None:
                batch, unread = _next_batch(rows)
                if not batch and unread is None:
                    break
                door.take(batch, tally)
        for sentence in tally.faults.told():
            self.stderr.write(f"  {path.name}: {sentence}")
        self.stdout.write(f"{path.name}: {_summary(tally)}.")
        found = [str(unread)] if unread is not None else []
        return [f"{path.name}: {each}" for each in (*found, *_not_loaded(tally))]


def _add_repeated(parser: CommandParser, name: str, metavar: str, what: str) -> None:
    parser.add_argument(
        f"--{name}",
        action="append",
        default=[],
        metavar=metavar,
        help=f"{what}; may be repeated",
    )


@dataclass(frozen=True, slots=True)
class _Door:
    """Takes rows for somebody; with a *reason* the last row of an id holds."""

    caller: Caller
    reason: str

    def take(self, batch: list[Row], tally: _Tally) -> None:
        good = [row for row in batch if isinstance(row, Usage)]
        receipt = receive(good, [], caller=self.caller)
        tally.accepted += receipt.accepted
        tally.duplicates += receipt.duplicates
        tally.rounded += sum(map(is_rounded, good))
        tally.elsewhere.update(
            month
            for place, one in receipt.outcomes.items()
            if not one.duplicate and (month := booked_elsewhere(good[place], one))
        )
        for row in batch:
            if isinstance(row, BadRow):
                tally.faults.add(f"line {row.line}", row.errors)
            tally.unused += isinstance(row, Unused)
        for _, usage_id, errors in receipt.rejected:
            tally.faults.add(f"record {usage_id}", errors)
        if self.reason:
            tally.corrected += correct_repeats(
                good, receipt, caller=self.caller, reason=self.reason
            )
            return
        others = [place for place, one in receipt.outcomes.items() if one.conflict]
        tally.otherwise += len(others)
        tally.conflicts |= dict.fromkeys(good[place].id for place in others)


def _reason(text: str, *, is_needed: bool) -> str:
    text = text.strip()
    if bool(text) != is_needed or len(text) > LONGEST_REASON:
        raise CommandError(
            "--correct and --reason go together, the reason of 1 to 500 characters."
        )
    return text


def _summary(tally: _Tally) -> str:
    said = f"{tally.accepted:,} records loaded, {tally.duplicates:,} were there already"
    if tally.conflicts:
        said += f", {tally.otherwise:,} of them otherwise"
    if tally.corrected:
        said += f", {tally.corrected:,} ids corrected"
    if tally.rounded:
        said += f", {tally.rounded:,} costs rounded to ten decimals"
    for month, count in sorted(tally.elsewhere.items()):
        said += f", {count:,} of closed months booked in {month}"
    if tally.unused:
        said += f", {tally.unused:,} rows used nothing"
    return said


def _not_loaded(tally: _Tally) -> Iterator[str]:
    if count := tally.faults.rows:
        yield (
            f"{count:,} {'row is' if count == 1 else 'rows are'} wrong and "
            f"{'was' if count == 1 else 'were'} left out."
        )
    if count := len(tally.conflicts):
        named = ", ".join(islice(tally.conflicts, _MOST_NAMED))
        more = f" and {count - _MOST_NAMED:,} more" if count > _MOST_NAMED else ""
        yield (
            f"{count:,} {'id is' if count == 1 else 'ids are'} there already with "
            f"other content, and the first stands: {named}{more}."
        )


def _next_batch(rows: Iterator[Row]) -> tuple[list[Row], Invalid | None]:
    """Return rows, and why what follows them can't be read."""
    batch: list[Row] = []
    try:
        batch.extend(islice(rows, BATCH))
    except Invalid as error:
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
