"""Requests for money: pages among 10,000 of them, a decision, reminders of 1,000.

One request of each kind is made as people make it, and copied as often as is needed,
with its steps, its trail, its mails and their links.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from statistics import median
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from approvals import trail
from approvals.decisions import decide
from approvals.models import (
    Assignment,
    BudgetRequest,
    Decision,
    How,
    Outcome,
    Step,
    TrailEntry,
)
from approvals.reminders import remind_due
from approvals.services import ask_for
from approvals.trail import Note
from approvals.types import SYSTEM, Ask, By
from budgets.models import Budget
from dev.benchmarks import world
from dev.benchmarks.timing import Contender, Figure, take_turns
from notifications.models import Delivery, MailedLink

MANY, OPEN, DECIDED = 10_000, 1_000, 20  # requests; still open; decided in each round
TEAMS = 20
PLACE = "/admin/approvals/budgetrequest/"
MOST_MS, MOST_DECISION_MS, MOST_SWEEP_S = 150, 50, 5
_SINCE = timedelta(days=6)  # a step opened: one reminder is due, whatever the weekday
_APART = timedelta(days=30)  # of one round from the next


def measure(rounds: int) -> list[Figure]:
    organization = Organization.objects.create(slug="acme", name="Acme")
    pm, lead = _person(organization, "pm"), _person(organization, "lead")
    tree: list[tuple[str, dict[str, Any], str | None]] = [("Company", {}, None)]
    tree += [(f"team {number}", {}, "Company") for number in range(TEAMS)]
    world.plant(organization, tree)
    team = Budget.objects.get(organization=organization, name="team 0")
    ended = _asked(team, pm, lead)
    decide(ended, Outcome.APPROVED, by=_by(lead), now=timezone.now())
    _copy(BudgetRequest.objects.get(pk=ended.pk), MANY - OPEN)
    waiting = _asked(team, pm, lead)
    _copy(BudgetRequest.objects.get(pk=waiting.pk), OPEN + (rounds + 1) * DECIDED)
    world.vacuum()
    browser = Client(headers={"host": "localhost"})
    browser.force_login(lead)
    return [
        *_pages(browser, waiting, rounds),
        *_decisions(lead, rounds),
        *_sweep(rounds),
    ]


def _pages(browser: Client, waiting: BudgetRequest, rounds: int) -> Iterator[Figure]:
    people = ("requester", "on_behalf_of", "budget", "parent", "source", "organization")
    rows = BudgetRequest.objects.select_related(*people).order_by("-created_at", "-pk")

    cpu_s: dict[str, list[float]] = defaultdict(list)

    def get(name: str, address: str) -> Callable[[object], object]:
        def shown(_: object) -> None:
            began = time.process_time()
            answer = browser.get(f"{PLACE}{address}")
            cpu_s[name].append(time.process_time() - began)
            assert answer.status_code == 200, answer.status_code
            assert b"more for team 0" in answer.content

        return shown

    fetches: dict[str, Callable[[object], object]] = {
        "inbox": lambda _: list(rows.pending()[:50]),
        "everybody's": lambda _: list(rows[:50]),
        "page": lambda _: _fetched(waiting),
    }
    pages = {
        "inbox": get("inbox", ""),
        "everybody's": get("everybody's", "?whose=all&state="),
        "page": get("page", f"{waiting.pk}/change/"),
    }
    runs = {
        **{f"{name} fetch": Contender(_nothing, run) for name, run in fetches.items()},
        **{name: Contender(_nothing, run) for name, run in pages.items()},
    }
    rates = take_turns(runs, rounds=rounds * 3, label="pages")
    for name in pages:
        took_ms = 1e3 / rates.median(name)
        ratio = rates.ratio(f"{name} fetch", name)
        yield Figure(
            f"{name} of requests, {MANY:,} of them, in ms",
            took_ms,
            MOST_MS,
            better="less",
            rate=f"least {1e3 / max(rates.by_name[name]):,.0f} ms, "
            f"{median(cpu_s[name]) * 1e3:,.0f} ms of our CPU; "
            f"{ratio:,.0f} times a plain fetch of its rows",
        )


def _fetched(request: BudgetRequest) -> list[Any]:
    """Fetch what the page of one request shows, row by row."""
    steps = list(Step.objects.filter(request=request))
    return [
        BudgetRequest.objects.select_related("budget").get(pk=request.pk),
        *steps,
        *Assignment.objects.filter(step__in=steps).select_related("person"),
        *Decision.objects.filter(step__in=steps),
        *TrailEntry.objects.filter(
            organization=request.organization_id, subject=request.uid
        ),
    ]


def _decisions(lead: User, rounds: int) -> Iterator[Figure]:
    rows = list(BudgetRequest.objects.pending().order_by("-pk")[: rounds * DECIDED])
    took, fetched, counts = [], [], []
    for request in rows:
        with _in_database() as spent:
            _fetched(request)
        fetched.append(sum(spent))
        with _in_database() as spent:
            decide(request, Outcome.APPROVED, by=_by(lead), now=timezone.now())
        took.append(sum(spent))
        counts.append(len(spent))
    pairs = zip(took, fetched, strict=True)
    ratio = median(mine / plain for mine, plain in pairs)
    yield Figure(
        "a decision that raises a budget, in ms of the database",
        median(took) * 1e3,
        MOST_DECISION_MS,
        better="less",
        rate=f"least {min(took) * 1e3:,.1f} ms, {median(counts):.0f} statements, "
        f"{ratio:,.0f} times a plain fetch",
    )


def _sweep(rounds: int) -> Iterator[Figure]:
    due = list(Step.objects.open().order_by("pk").values_list("pk", flat=True)[:OPEN])
    steps = Step.objects.filter(pk__in=due)
    cpu_s: list[float] = []

    start = timezone.now()
    moments = (start + number * _APART for number in count())

    def sweep(now: datetime) -> None:
        began = time.process_time()
        _remind_all(now)
        cpu_s.append(time.process_time() - began)

    rates = take_turns(
        {
            "fetch": Contender(_nothing, lambda _: list(steps.select_related())),
            "sweep": Contender(lambda: _made_due(steps, next(moments)), sweep),
        },
        rounds=rounds,
        label="reminders",
    )
    yield Figure(
        f"reminders of {OPEN:,} open requests, in seconds",
        1 / rates.median("sweep"),
        MOST_SWEEP_S,
        better="less",
        rate=f"least {1 / max(rates.by_name['sweep']):,.1f} s, "
        f"{median(cpu_s):,.1f} s of our CPU; "
        f"{rates.ratio('fetch', 'sweep'):,.0f} times a plain fetch of their rows",
    )


def _made_due(steps: Any, now: datetime) -> datetime:
    """Have *steps* be opened since they were reminded of, and one reminder be due."""
    Step.objects.open().exclude(due_at=None).update(due_at=None)
    steps.update(due_at=now, opened_at=now - _SINCE)
    return now


def _remind_all(now: datetime) -> None:
    told = 0
    while some := remind_due(now):
        told += some
    assert told == OPEN, told


def _nothing() -> None:
    pass


@contextmanager
def _in_database() -> Iterator[list[float]]:
    """Yield the seconds that each statement took within."""
    spent: list[float] = []

    def timed(execute: Any, *args: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*args)
        finally:
            spent.append(time.perf_counter() - began)

    with connection.execute_wrapper(timed):
        yield spent


def _person(organization: Organization, name: str) -> User:
    role = Role.BUDGET_OWNER if name == "pm" else Role.FINANCE_ADMIN
    person = User.objects.create(email=f"{name}@acme.example")
    Membership.objects.create(organization=organization, user=person, role=role)
    return person


def _by(person: User) -> By:
    return By.someone(person, How.SESSION)


def _asked(team: Budget, pm: User, lead: User) -> BudgetRequest:
    wanted = Ask(
        kind="increase",
        amount=Decimal(200),
        requester=pm,
        budget=team,
        justification="The launch is three weeks early.",
        approvers=[lead.email],
    )
    return ask_for(team.organization, wanted, by=_by(pm), now=timezone.now())


def _copy(request: BudgetRequest, count: int) -> None:
    """Make *count* requests more like *request*, each a minute older."""
    step = Step.objects.get(request=request)
    assignment = Assignment.objects.get(step=step)
    requests = _copies(request, count)
    for number, one in enumerate(requests, 1):
        one.created_at = request.created_at - timedelta(minutes=number)
    BudgetRequest.objects.bulk_create(requests, batch_size=500)
    steps = _copies(step, count)
    for one, mine in zip(steps, requests, strict=True):
        one.request = mine
    Step.objects.bulk_create(steps, batch_size=500)
    assignments = _copies(assignment, count)
    for one, of in zip(assignments, steps, strict=True):
        one.step = of
    Assignment.objects.bulk_create(assignments, batch_size=500)
    _copy_decision(step, steps, assignments)
    _copy_mail(request, step, steps)
    _copy_trail(request, requests)


def _copies(row: Any, count: int) -> list[Any]:
    columns = [one.attname for one in row._meta.concrete_fields if not one.primary_key]
    values = {name: getattr(row, name) for name in columns}
    made = [type(row)(**values) for _ in range(count)]
    if "uid" in columns:
        for one in made:
            one.uid = uuid4()
    return made


def _copy_decision(step: Step, steps: list[Any], assignments: list[Any]) -> None:
    decision = Decision.objects.filter(step=step).first()
    if decision is None:
        return
    decisions = _copies(decision, len(steps))
    for one, of, assignment in zip(decisions, steps, assignments, strict=True):
        one.step, one.assignment = of, assignment
    Decision.objects.bulk_create(decisions, batch_size=500)


def _copy_mail(request: BudgetRequest, step: Step, steps: list[Any]) -> None:
    link = MailedLink.objects.get(subject=step.uid)
    links = _copies(link, len(steps))
    for one, of in zip(links, steps, strict=True):
        one.subject, one.digest = of.uid, uuid4().bytes
    MailedLink.objects.bulk_create(links, batch_size=500)
    mail = Delivery.objects.filter(subject=str(request.uid)).order_by("pk")[0]
    mails = _copies(mail, len(steps))
    for one, of in zip(mails, steps, strict=True):
        one.key, one.subject = f"approval:{of.uid}:1", str(of.request.uid)
    Delivery.objects.bulk_create(mails, batch_size=500)


def _copy_trail(request: BudgetRequest, requests: list[Any]) -> None:
    entries = TrailEntry.objects.filter(subject=request.uid).order_by("number")
    told = [(entry.event, entry.details) for entry in entries]
    for start in range(0, len(requests), 500):
        notes = [
            Note(event, one.uid, details)
            for one in requests[start : start + 500]
            for event, details in told
        ]
        trail.append(request.organization_id, *notes, by=SYSTEM, now=timezone.now())
