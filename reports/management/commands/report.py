"""manage.py report: the report of a month, as PDF."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.audit import acting_as
from accounts.models import Organization
from reports.monthly.exports import MONTHLY_REPORT


class Command(BaseCommand):
    help = (
        "Write the report of a month: the final one where there is one, else a draft. "
        "Example: report --organization acme --month 2025-01 --out report.pdf"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--organization", metavar="SLUG", help="needed where there are several"
        )
        parser.add_argument(
            "--month", metavar="YYYY-MM", help="default: the last one that is over"
        )
        parser.add_argument(
            "--budget", metavar="ID", help="of it and those below it; else of all"
        )
        parser.add_argument(
            "--out",
            type=Path,
            metavar="FILE",
            help="default: a file here; - is standard output",
        )

    def handle(self, *, month: str | None, **options: Any) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        known = {"organization", "budget", "out", "stdout", "stderr"}
        chosen = {name: value for name, value in given.items() if name in known}
        month = month or _last_month(options["organization"], timezone.now())
        with acting_as("manage.py report"):
            call_command("export", MONTHLY_REPORT.name, month=month, **chosen)


def _last_month(slug: str | None, now: datetime) -> str:
    """Return the last month that is over, by the organization's clocks."""
    found = Organization.objects.filter(slug=slug or "").first()
    found = found or Organization.objects.order_by("pk").first()
    zone = ZoneInfo(found.timezone if found else "UTC")
    last = now.astimezone(zone).replace(day=1) - timedelta(days=1)
    return f"{last:%Y-%m}"
