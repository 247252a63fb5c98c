"""manage.py sweep: everything periodic that is due, sending excepted, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.audit import acting_as
from costops.schedules import PERIODIC
from lib.errors import Refusal
from lib.query_params import moment_of


class Command(BaseCommand):
    help = "Do everything periodic that is due, but for sending, once. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at", metavar="TIME", help="act as of this moment (default: now)"
        )

    def handle(self, *, at: str | None, **options: Any) -> None:
        try:
            now = moment_of(at, "at") if at else timezone.now()
        except Refusal as refusal:
            raise CommandError(f"--at: {refusal}") from refusal
        with acting_as("manage.py sweep"):
            for periodic in PERIODIC:
                if not periodic.sends:
                    self.stdout.write(periodic.run(now))
