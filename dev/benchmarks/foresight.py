"""The sweep that stores forecasts, and the page of one: 10,000 budgets of 90 days.

Filled by SQL, past the pipeline, as in `sweep`: spend at six hours of each weekday.
"""

import time
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Any

import time_machine
from django.test import Client

from accounts.models import User
from budgets.models import Budget
from dev.benchmarks import world
from dev.benchmarks.sweep import NOW, fill_hours, organization_of
from dev.benchmarks.timing import Figure
from forecasts.models import StoredForecast
from forecasts.storing import store_due

BUDGETS, DAYS = 10_000, 90
FEW = 1_000  # budgets, whose memory the others' is compared with
_SWEEP_S, _PAGE_MS = 45, 150
_PAGE = "/admin/budgets/budget/{}/forecast/"
_TREE = "/admin/budgets/budget/tree/?organization=few"
_MB = 2**10  # kilobytes, in which the system counts


def measure(rounds: int) -> list[Figure]:
    few = organization_of("few", FEW)
    many = organization_of("foreseen", BUDGETS)
    for organization in (few, many):
        fill_hours(organization, days=DAYS)
    world.vacuum()
    Budget.objects.exclude(organization=few).update(archived_at=NOW)
    swept_few = store_due(NOW)
    before = getrusage(RUSAGE_SELF).ru_maxrss
    Budget.objects.filter(organization=many).update(archived_at=None)
    began, worked = time.perf_counter(), time.process_time()
    swept = store_due(NOW)
    took, work = time.perf_counter() - began, time.process_time() - worked
    memory = getrusage(RUSAGE_SELF).ru_maxrss
    assert (swept_few, swept) == (FEW, BUDGETS)
    assert StoredForecast.objects.exclude(expected=None).count() == FEW + BUDGETS
    began = time.perf_counter()
    assert store_due(NOW) == 0
    again = time.perf_counter() - began
    return [
        Figure(
            f"forecasts of {BUDGETS:,} budgets of {DAYS} days stored, in seconds",
            took,
            _SWEEP_S,
            better="less",
            rate=f"{work:,.1f} s of them in Python; {again:.2f} s to find none due",
        ),
        Figure(
            f"memory after {BUDGETS:,} budgets / after {FEW:,}",
            memory / before,
            1.1,
            better="less",
            rate=f"{memory / _MB:,.0f} MB",
        ),
        *_pages(many.pk, rounds),
    ]


def _pages(organization_id: int, rounds: int) -> list[Figure]:
    budget = Budget.objects.filter(organization=organization_id).order_by("pk")[1]
    person = User.objects.create_user("bench@example.com", "x", is_superuser=True)
    with time_machine.travel(NOW, tick=True):
        browser = Client(HTTP_HOST="localhost")
        browser.force_login(person)
        page, work = _ms(
            browser, f"/admin/budgets/budget/{budget.pk}/forecast/", rounds
        )
        tree, _ = _ms(browser, _TREE, rounds)
        StoredForecast.objects.all().delete()
        bare, _ = _ms(browser, _TREE, rounds)
    return [
        Figure(
            "a forecast's page, in ms",
            page,
            _PAGE_MS,
            better="less",
            rate=f"{work:,.0f} ms of CPU",
        ),
        Figure("a forecast's page / the tree page of 1,000 budgets", page / tree),
        Figure(
            "the tree page without stored forecasts / with them",
            bare / tree,
            rate=f"{bare:,.0f} ms against {tree:,.0f}",
        ),
    ]


def _ms(browser: Any, path: str, rounds: int) -> tuple[float, float]:
    """Return how long a page takes, and how much of it this process works."""
    took, worked = [], []
    for _ in range(rounds + 2):
        began, work = time.perf_counter(), time.process_time()
        assert browser.get(path).status_code == 200
        worked.append((time.process_time() - work) * 1e3)
        took.append((time.perf_counter() - began) * 1e3)
    return median(took[2:]), median(worked[2:])
