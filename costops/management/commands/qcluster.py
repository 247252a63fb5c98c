"""manage.py qcluster: the worker, which brings its schedules along."""

from typing import Any

from django_q.management.commands.qcluster import Command as ClusterCommand

from costops.schedules import install
from lib.processes import children_die_with_parents


class Command(ClusterCommand):  # type: ignore[misc]  # the library has no types
    def handle(self, *args: Any, **options: Any) -> None:
        install()
        children_die_with_parents()
        super().handle(*args, **options)
