"""manage.py qcluster: the worker, which brings its schedules along."""

import signal
from typing import Any

from django_q.management.commands.qcluster import Command as ClusterCommand
from django_q.signals import post_spawn

from costops.schedules import install
from lib import processes

GRACE_S = 60  # how long a process that is told to end may go on with its task


class Command(ClusterCommand):  # type: ignore[misc]  # the library has no types
    def handle(self, *args: Any, **options: Any) -> None:
        install()
        processes.children_die_with_parents()
        processes.children_leave_sigterm_to_their_parent()
        post_spawn.connect(_may_be_ended)
        processes.leave_to_stay()
        super().handle(*args, **options)  # returns once it has started
        for number in (signal.SIGTERM, signal.SIGINT):
            _tell_all_at(number)


def _may_be_ended(**_: object) -> None:
    """Have a process that works take SIGTERM again: a task may take too long."""
    processes.end_within(GRACE_S)


def _tell_all_at(number: int) -> None:
    """Tell all processes that they are to stop before the cluster waits for them."""
    stop: Any = signal.getsignal(number)

    def tell(*received: Any) -> None:
        processes.ask_to_stop()
        stop(*received)

    signal.signal(number, tell)
