"""manage.py sweep: everything periodic that is due, sending excepted, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.audit import acting_as
from costops.schedules import PERIODIC
from lib.errors import Refusal
from lib.periods import DAY
from lib.query_params import moment_of


class Command(BaseCommand):
    help = "Do everything periodic that is due, but for sending, once. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at", metavar="TIME", help="act as of this moment (default: now)"
        )
        parser.add_argument(
            "--really",
            action="store_true",
            help="act even if TIME is over a day ahead: reservations that lapse and "
            "alerts that end by then are gone for good",
        )

    def handle(self, *, at: str | None, really: bool, **options: Any) -> None:
        try:
            now = moment_of(at, "at") if at else timezone.now()
        except Refusal as refusal:
            raise CommandError(f"--at: {refusal}") from refusal
        if now > timezone.now() + DAY and not really:
            raise CommandError(
                "--at lies more than a day ahead: reservations would be freed and "
                "alerts ended for good. Add --really if that is meant."
            )
        with acting_as("manage.py sweep"):
            for periodic in PERIODIC:
                if not periodic.sends:
                    self.stdout.write(periodic.run(now))
