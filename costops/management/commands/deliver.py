"""manage.py deliver: send what is due in the outbox and bring away files, once."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from notifications.outbox import deliver
from reports.feeds.tasks import carry_out_due
from reports.feeds.work import follow_mails


class Command(BaseCommand):
    help = "Send what is due in the outbox, once. Safe to repeat, and beside workers."

    def handle(self, **options: Any) -> None:
        carried = carry_out_due()  # first, for what it writes is sent then
        done = deliver(now=timezone.now())
        follow_mails(timezone.now())
        self.stdout.write(
            f"Delivered {done.delivered}, to be tried again {done.again}, "
            f"failed {done.failed}."
        )
        if carried:
            self.stdout.write(f"Carried out {carried} runs of feeds.")
