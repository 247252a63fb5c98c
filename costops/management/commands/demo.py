"""manage.py demo: an organization to look around in."""

import secrets
import sys
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from accounts.audit import acting_as
from accounts.models import Membership, Organization, User
from accounts.organizations import organization_for
from accounts.scopes import Role
from accounts.types import Caller
from budgets.closing import sweep_periods
from budgets.models import Budget
from budgets.phasing import by_percents, set_phasing
from budgets.runs import Runs
from budgets.services import BudgetPlan, create_budget
from controls.configuration import configure
from costops import demo, env
from forecasts.models import ScenarioSet
from forecasts.storing import store_due
from intake.outcomes import take_outcome
from intake.pipeline import take
from ledger.models import CostRecord, Price
from lib.money import to_units

EMAIL = "admin@acme.example"
_CALLER = Caller(0, "manage.py demo", None, None, frozenset(), None, None)


class Command(BaseCommand):
    help = (
        "Make the demo organization with 90 days of usage and today's, where it is "
        "missing, and print its budget tree. Safe to repeat."
    )

    def handle(self, **options: Any) -> None:
        with acting_as("manage.py demo"):
            organization = organization_for(demo.SLUG)
            login = _login(organization)  # somebody who is told of its alerts
            if not CostRecord.objects.filter(organization=organization).exists():
                self._make(organization)
        call_command("budget_status", organization=demo.SLUG, stdout=self.stdout)
        self.stdout.write("")
        self.stdout.write(f"Log in at {settings.SITE_URL}/admin/")
        self.stdout.write(login)

    def _make(self, organization: Organization) -> None:
        organization.name = "Acme Corp"
        organization.save()
        now = timezone.now()
        _set_price(organization)
        _make_budgets(organization, now)
        with tqdm(
            total=demo.DAYS + 1,
            unit="day",
            desc="Making usage",
            disable=not sys.stderr.isatty(),
        ) as progress:
            for usage in demo.usage_until(now):
                take(organization.pk, usage)
                progress.update()
        _make_more(organization, now)
        sweep_periods(now=now)
        store_due(now)


def _set_price(organization: Organization) -> None:
    """Give gpt-4 the price that the tutorial reckons with: 0.039 for 1,500 + 800."""
    Price.objects.get_or_create(
        organization=organization,
        provider="openai",
        model="gpt-4",
        effective_from=datetime(2023, 1, 1, tzinfo=UTC),
        defaults={
            "input_per_million": Decimal(10),
            "output_per_million": Decimal(30),
            "note": "Contract price",
        },
    )
    organization.touch()


def _make_budgets(organization: Organization, now: datetime) -> None:
    first_day = now.date() - timedelta(days=demo.DAYS)
    start = datetime.combine(first_day.replace(day=1), time(), UTC)
    made: dict[str, Budget] = {}
    for plan in (*demo.BUDGETS, *demo.MORE_BUDGETS):
        known = Budget.objects.filter(organization=organization, name=plan.name).first()
        made[plan.name] = known or create_budget(
            organization,
            BudgetPlan(
                name=plan.name,
                amount=demo.amount_of(plan),
                parent=made[plan.parent] if plan.parent else None,
                scope=plan.scope,
                starts_at=start,
                enforcement=plan.enforcement,
                **plan.said,
            ),
            now=now,
        )
        if plan.percents and not known:
            budget = made[plan.name]
            percents = [Decimal(percent) for percent in plan.percents]
            phases = by_percents(budget, percents)
            set_phasing(budget, phases, now=now, reason="As planned for the year")
        if plan.rules and not known:
            configure(made[plan.name], plan.rules)


@transaction.atomic
def _cap_run(organization: Organization, now: datetime) -> None:
    """Give yesterday's run a cap."""
    name = demo.run_of(now.date() - timedelta(days=1))
    runs = Runs.lock(organization.pk, {name: now - timedelta(days=1)})
    runs.cap(name, to_units(Decimal(300)))
    runs.write()


def _make_more(organization: Organization, now: datetime) -> None:
    _cap_run(organization, now)
    for report in demo.outcomes_until(now):
        take_outcome(report, caller=_CALLER)
    ScenarioSet.objects.create(
        organization=organization,
        budget=Budget.objects.get(organization=organization, name=demo.SCENARIOS_OF),
        name="What might come",
        scenarios=list(demo.SCENARIOS),
    )


def _login(organization: Organization) -> str:
    """Return how to log in; a person is made, with a password of this machine's own."""
    kept = Path(env.VAR_DIR) / "demo_password"
    person = User.objects.filter(email=EMAIL).first()
    if person is None:
        password = secrets.token_urlsafe(9)
        person = User.objects.create_user(EMAIL, password, is_staff=True)
        Membership.objects.get_or_create(
            organization=organization,
            user=person,
            defaults={"role": Role.FINANCE_ADMIN},
        )
        kept.parent.mkdir(exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(password)
    if kept.exists() and person.check_password(kept.read_text()):
        return f"as {EMAIL} with the password {kept.read_text()}"
    return f"as {EMAIL} (forgotten? manage.py changepassword {EMAIL})"
