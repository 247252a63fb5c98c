"""What workers do for notifications."""

from datetime import datetime

from django.utils import timezone

from lib.queue import enqueue
from notifications import attachments, mailed_links, outbox

STAY_S = 15  # a worker waits this long for what failed first to be due again
MOST_S = 240  # well below what a task may take


def deliver() -> str:
    """Send what is due; what is left when the time is up is another task's."""
    done = outbox.deliver(now=timezone.now(), stay_s=STAY_S, most_s=MOST_S)
    if outbox.due_within(timezone.now(), 0):
        enqueue("notifications.tasks.deliver")
    return (
        f"Delivered {done.delivered}, to be tried again {done.again}, "
        f"failed {done.failed}."
    )


def forget_links_at(now: datetime) -> str:
    """Delete mailed links and attachments that ended long ago; say how many."""
    links, files = mailed_links.forget(now), attachments.forget(now)
    return f"Forgot {links} mailed links and {files} attachments that ended long ago."
