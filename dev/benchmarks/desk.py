"""The console over 1,000 budgets: 5,000,000 records on PostgreSQL, fewer on SQLite.

The ledger is filled past the pipeline, with the counters that belong to it: the
records of the last 60 days, of 9,000 attributions. What is measured is a request in
process, rendered to its last byte.
"""

import os
import time
from statistics import median

from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from tqdm import tqdm

from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from budgets.models import Budget
from dev.benchmarks import world
from dev.benchmarks.desk_rows import BUDGETS, fill
from dev.benchmarks.timing import Figure
from ledger.models import CostRecord

RECORDS = {
    "postgresql": (int(os.environ.get("BENCH_RECORDS", "5000000")),),
    "sqlite": (10_000, 100_000),
}
EXPLORE = "/admin/reports/spendview/explore/?organization={slug}"
BY_TEAM, BY_PROJECT = "by=team&compare=1", "by=project&across=model"
BY_HOUR = "by=model&span=today&across=hour"
# Each page: its address, and in how many milliseconds it has to be there.
PAGES = {
    "dashboard": ("/admin/", 300),
    "dashboard, movers loaded after it": ("/admin/?part=moved&by=project", None),
    "dashboard of a team lead": ("/admin/", 300),
    "explore: 30 days by team, compared": (f"{EXPLORE}&{BY_TEAM}", 300),
    "explore: the same, loaded after it": (f"{EXPLORE}&{BY_TEAM}&part=answer", None),
    "explore: 30 days by project across model": (f"{EXPLORE}&{BY_PROJECT}", 300),
    "explore: that one, loaded after it": (f"{EXPLORE}&{BY_PROJECT}&part=answer", None),
    "explore: one team by person": (f"{EXPLORE}&by=user&team=team-7", 300),
    "explore: today by model, across hours": (f"{EXPLORE}&{BY_HOUR}", 300),
    "explore: hours, loaded after it": (f"{EXPLORE}&{BY_HOUR}&part=answer", None),
    "tree": ("/admin/budgets/budget/tree/?organization={slug}", 300),
    "the topmost budget": ("/admin/budgets/budget/{budget}/page/", 300),
    "the topmost budget, loaded after it": (
        "/admin/budgets/budget/{budget}/behind/",
        None,
    ),
    "a cost record": ("/admin/ledger/costrecord/{record}/change/", 300),
    "search": ("/admin/search/?s=team-1&extended=1", 300),
}
_LEAD = "dashboard of a team lead"


def measure(rounds: int) -> list[Figure]:
    settings.ALLOWED_HOSTS = ["*"]
    figures = []
    for records in RECORDS[connection.vendor]:
        organization = fill(f"desk-{records}", records, timezone.now())
        world.vacuum()
        figures += _measured(organization, records, rounds)
    return figures


def _measured(organization: Organization, records: int, rounds: int) -> list[Figure]:
    browsers = {name: _browser(organization, name) for name in PAGES}
    mine = {"organization": organization}
    rows = {
        "slug": organization.slug,
        "budget": Budget.objects.get(**mine, parent=None).pk,
        "record": CostRecord.objects.filter(**mine).latest("pk").pk,
    }
    took: dict[str, list[float]] = {name: [] for name in PAGES}
    with tqdm(total=(rounds + 1) * len(PAGES), desc="desk", leave=False) as bar:
        for turn in range(rounds + 1):
            for name, (address, _) in PAGES.items():
                began = time.perf_counter()
                answer = browsers[name].get(address.format(**rows))
                length_ms = (time.perf_counter() - began) * 1e3
                assert answer.status_code == 200, answer.status_code
                if turn:  # the first one warms up
                    took[name].append(length_ms)
                bar.update()
    return [
        Figure(
            f"{name}: milliseconds, {BUDGETS:,} budgets, {records:,} records",
            median(took[name]),
            target,
            better="less",
            rate=f"{min(took[name]):,.0f} to {max(took[name]):,.0f} ms",
        )
        for name, (_, target) in PAGES.items()
    ]


def _browser(organization: Organization, page: str) -> Client:
    is_lead = page == _LEAD
    role = Role.BUDGET_OWNER if is_lead else Role.FINANCE_ADMIN
    email = f"{role}@{organization.slug}.example"
    person, is_new = User.objects.get_or_create(email=email)
    if is_new:
        Membership.objects.create(organization=organization, user=person, role=role)
    if is_lead:
        Budget.objects.filter(organization=organization, name="dept-3").update(
            owner=person
        )
    client = Client()
    client.force_login(person)
    return client
