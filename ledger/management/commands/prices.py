"""manage.py prices --check: tell what was used and has no price."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.organizations import organizations_named
from ledger.gaps import Gap, gaps_of

_HEADS = ("model", "service tier", "kinds", "records", "last used", "what to do")


class Command(BaseCommand):
    help = (
        "List the models and kinds that were used without a price, and the prices that "
        "stood in for one. Exit 1 when anything is unpriced."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", required=True, help="list what is missing"
        )
        parser.add_argument("--organization", metavar="SLUG", help="only this one")

    def handle(self, *, organization: str | None, **options: Any) -> None:
        chosen = organizations_named(organization)
        unpriced = 0
        for one in chosen:
            gaps = list(gaps_of(one))
            if gaps:
                self.stdout.write(f"{one.slug}\n{_table(gaps)}\n")
            unpriced += sum(gap.records for gap in gaps if not gap.assumed)
        if unpriced:
            raise CommandError(f"{unpriced:,} records have no price. See above.")
        self.stdout.write(self.style.SUCCESS("Everything that was used has a price."))


def _table(gaps: list[Gap]) -> str:
    rows = [_HEADS, *map(_cells, gaps)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows
    )


def _cells(gap: Gap) -> tuple[str, ...]:
    return (
        f"{gap.provider}/{gap.model}",
        gap.service_tier or "-",
        ", ".join(gap.kinds) or "all of it",
        f"{gap.records:,}",
        f"{gap.last_used_at:%Y-%m-%d}",
        _remedy(gap),
    )


def _remedy(gap: Gap) -> str:
    if gap.filled:
        return "priced by now: manage.py reprice"
    if gap.kinds == ("requests",):
        return "priced by the mean of many requests: report them one by one"
    if gap.assumed:
        return "priced at full price, for want of one: set one if it is less"
    return "set a price: POST /pricing, or in the admin"
