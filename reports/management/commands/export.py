"""manage.py export: files of the books."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from accounts.management.organizations import organizations_named
from accounts.models import Organization
from lib.errors import Refusal
from reports.exports import KINDS, file_name, file_of, order_of
from reports.types import YES_NO, ExportKind, ExportOrder, Option

STDOUT = Path("-")


class Command(BaseCommand):
    help = (
        "Write a file of the books. Example: export focus --organization acme "
        "--month 2025-01 --out focus.parquet"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=sorted(KINDS))
        parser.add_argument(
            "--organization", metavar="SLUG", help="needed where there are several"
        )
        parser.add_argument("--month", metavar="YYYY-MM", help="a whole month")
        parser.add_argument(
            "--from", dest="start_date", metavar="TIME", help="a date, or a time"
        )
        parser.add_argument(
            "--to",
            dest="end_date",
            metavar="TIME",
            help="before this time; a date includes that whole day",
        )
        parser.add_argument(
            "--out",
            type=Path,
            metavar="FILE",
            help="- is the standard output (default: a file here, named after what it "
            "is); what it ends in is the format",
        )
        parser.add_argument(
            "--format", help="default: what the file's name ends in, or csv"
        )
        options = {
            option.name: option for kind in KINDS.values() for option in kind.options
        }
        for option in options.values():
            _add_option(parser, option)

    def handle(self, *, kind: str, out: Path | None = None, **options: Any) -> None:
        chosen = KINDS[kind]
        given = {name: str(value) for name, value in options.items() if value}
        _check_options(chosen, given)
        try:
            organization = _organization(options["organization"])
            order = order_of(chosen, organization, given, now=timezone.now())
            self._write(chosen, order, out, options["format"])
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal

    def _write(
        self, kind: ExportKind, order: ExportOrder, out: Path | None, format: str | None
    ) -> None:
        usual = next(iter(kind.formats))
        named = out.suffix.lower().lstrip(".") if out else ""
        extension = format or (named if named in kind.formats else usual)
        path = out or Path(file_name(kind, order, extension))
        counts = kind.counts(order)
        with _bar(path) as tell:
            pieces = file_of(kind, replace(order, tell=tell), extension)
            size = _write_out(path, pieces)
        told = self.stderr if path == STDOUT else self.stdout
        told.write(f"{path}: {size:,} bytes.{_not_in_it(counts)}", lambda text: text)


def _add_option(parser: CommandParser, option: Option) -> None:
    flag = f"--{option.name.replace('_', '-')}"
    if option.choices == YES_NO:
        parser.add_argument(
            flag, dest=option.name, action="store_const", const="true", help=option.help
        )
        return
    parser.add_argument(
        flag,
        dest=option.name,
        choices=option.choices or None,
        metavar=None if option.choices else option.name.upper(),
        help=option.help,
    )


def _check_options(kind: ExportKind, given: Mapping[str, str]) -> None:
    of_all = {one.name for other in KINDS.values() for one in other.options}
    own = {one.name for one in kind.options}
    if other := sorted(of_all.intersection(given) - own):
        flag = other[0].replace("_", "-")
        raise CommandError(f"“{kind.name}” takes no --{flag}.", returncode=2)


def _organization(slug: str | None) -> Organization:
    found = list(organizations_named(slug)[:2])
    if len(found) != 1:
        raise CommandError("Name the organization with --organization.")
    return found[0]


@contextmanager
def _bar(path: Path) -> Iterator[Any]:
    with tqdm(
        total=1.0,
        desc=path.name,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}",
        disable=not sys.stderr.isatty(),
    ) as progress:
        yield lambda share: progress.update(share - progress.n)


def _write_out(path: Path, pieces: Iterator[bytes]) -> int:
    """Write the file whole or not at all; return how many bytes it has."""
    if path == STDOUT:
        return _write_pieces(sys.stdout.buffer, pieces)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            size = _write_pieces(file, pieces)
        part.replace(path)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    return size


def _write_pieces(file: BinaryIO, pieces: Iterator[bytes]) -> int:
    size = 0
    for piece in pieces:
        size += file.write(piece)
    return size


def _not_in_it(counts: Mapping[str, int]) -> str:
    told = [f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()]
    return f" Not in it: {', '.join(told)}." if told else ""
