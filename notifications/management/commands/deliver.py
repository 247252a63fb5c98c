"""manage.py deliver: send what is due in the outbox, once."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from notifications.outbox import deliver


class Command(BaseCommand):
    help = "Send what is due in the outbox, once. Safe to repeat, and beside workers."

    def handle(self, **options: Any) -> None:
        done = deliver(now=timezone.now())
        self.stdout.write(
            f"Delivered {done.delivered}, to be tried again {done.again}, "
            f"failed {done.failed}."
        )
