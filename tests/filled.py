"""An organization that has a row of most kinds."""

from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.models import Organization, User
from alerts.models import RuleType
from alerts.services import not_an_anomaly
from budgets.models import Budget
from controls.models import ControlRule, RuleAction
from forecasts.models import ScenarioSet
from ledger import prices
from ledger.fixed_charges import add_charge
from reports.feeds.planning import run_now
from reports.feeds.services import FeedPlan, add_feed
from reports.journals.services import post
from reports.journals.setups import set_mappings
from reports.models import (
    ExportState,
    SpendExport,
    SpendView,
)
from tests.alerts.factories import fire, make_policy, make_rule, silence
from tests.controls.factories import authorize
from tests.controls.guarding import given, guard
from tests.factories import NOON, make_api, make_budget, make_key, spend
from tests.reports.monthly.factories import keep_report


def keep_spend(organization: Organization, person: User) -> None:
    """Make what *person* keeps of Explore: a view for everybody, and a file."""
    SpendView.objects.create(
        organization=organization,
        owner=person,
        name=f"of {organization.slug}",
        query="by=team&span=7",
        is_shared=True,
    )
    SpendExport.objects.create(
        organization=organization,
        person=person,
        query="by=team&span=7",
        asked_on=NOON.date(),
        form="csv",
        state=ExportState.DONE,
        done=100,
        content=b"team\n",
        created_at=NOON,
    )


def fill(organization: Organization, budget: Budget | None = None) -> None:
    """Make a row of most kinds, those of budgets for *budget*, or for a new one."""
    budget = budget or make_budget(organization)
    make_rule(budget, message=f"of {organization.slug}")
    guard(budget, given(message=f"of {organization.slug}"))
    authorize(make_api(organization=organization), project_id=organization.slug)
    RuleAction.objects.create(
        organization=organization,
        budget=budget,
        rule=ControlRule.objects.filter(budget=budget).first(),
        summary=f"Always: block all calls of {organization.slug}.",
        period_starts_at=NOON,
        period_ends_at=NOON + timedelta(days=30),
        triggered_at=NOON,
        failure="Nobody owns the budget or looks after the money.",
    )
    make_policy(budget, name=f"of {organization.slug}")
    ScenarioSet.objects.create(
        organization=organization,
        budget=budget,
        name=f"of {organization.slug}",
        scenarios=[
            {
                "name": f"More of {organization.slug}",
                "assumptions": {"growth": 0.5, "cost_reduction": 0.1, "limit": "70"},
            }
        ],
    )
    silence(budget, reason=f"of {organization.slug}")
    not_an_anomaly(
        fire(budget, type=RuleType.ANOMALY), by=organization.slug, now=timezone.now()
    )
    spend(organization, "10", id=f"of-{organization.slug}")
    keep_report(organization, budget)
    make_key(organization=organization, name=f"key of {organization.slug}")
    post_january(organization)
    prices.add_price(
        organization=organization,
        provider="openai",
        model="own",
        quantities={"searches": "0.01"},
        note="a note",
    )
    add_charge(
        organization,
        name=f"Seats of {organization.slug}",
        kind="seat",
        provider="openai",
        amount=Decimal(31),
        interval="monthly",
        start_date=date(2025, 1, 1),
        reason="A contract",
    )
    feed = add_feed(
        organization,
        FeedPlan(
            name=f"of {organization.slug}",
            kind="budgets",
            every="week",
            target={"type": "mail", "recipients": [f"cfo@{organization.slug}.example"]},
        ),
        now=NOON,
    ).feed
    run_now(feed, by=organization.slug, now=NOON)
    prices.add_rate(
        organization=organization, base="USD", quote="KES", rate=129, date="2025-01-01"
    )


def post_january(organization: Organization) -> None:
    """Have the journal of a month that is over, of accounts that say whose they are."""
    accounts = {
        "scope": {},
        "expense_account": f"Usage of {organization.slug}",
        "liability_account": f"Owed by {organization.slug}",
    }
    set_mappings(organization, [accounts])
    spend(organization, "3", NOON, id=f"january-of-{organization.slug}")
    post(organization, date(2025, 1, 1), now=timezone.now())
