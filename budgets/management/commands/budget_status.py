"""manage.py budget_status: the budget tree in the terminal."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import Organization
from budgets.api.trees import node_out
from budgets.terminal import lines_of
from budgets.tree import tree_of
from lib.answers import plain
from lib.errors import Refusal
from lib.query_params import moment_of


class Command(BaseCommand):
    help = "Print where every budget stands."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this one")
        parser.add_argument("--at", metavar="TIME", help="the period of this moment")
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="for programs"
        )

    def handle(
        self,
        *,
        organization: str | None = None,
        at: str | None = None,
        as_json: bool = False,
        **options: Any,
    ) -> None:
        chosen = Organization.objects.order_by("name")
        if organization:
            chosen = chosen.filter(slug=organization)
            if not chosen.exists():
                raise CommandError(f"There is no organization “{organization}”.")
        try:
            moment = moment_of(at, "at") if at else timezone.now()
        except Refusal as refusal:
            raise CommandError(f"--at: {refusal}") from refusal
        if as_json:
            self._print_json(chosen, moment)
            return
        for one in chosen:
            self._print_tree(one, moment)

    def _print_json(
        self, organizations: Iterable[Organization], moment: datetime
    ) -> None:
        trees = {
            one.slug: plain([node_out(root) for root in tree_of(one, at=moment)])
            for one in organizations
        }
        self.stdout.write(json.dumps(trees, indent=2))

    def _print_tree(self, organization: Organization, moment: datetime) -> None:
        roots = tree_of(organization, at=moment)
        if not roots:
            self.stdout.write(
                f"{organization} has no budgets yet. Make one in the admin, or POST it "
                "to /api/v1/budgets."
            )
        for line in lines_of(roots, color=self.stdout.isatty()):
            self.stdout.write(line)
