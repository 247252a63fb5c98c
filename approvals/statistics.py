"""How requests fare: how long levels take, how old what is open is, by which policy."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import (
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Max,
    Min,
    Q,
    QuerySet,
    Window,
)
from django.db.models.functions import RowNumber

from accounts.models import Organization
from approvals.models import BudgetRequest, RequestState, Step, StepState

AGES = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
_TOOK = ExpressionWrapper(F("decided_at") - F("opened_at"), DurationField())
_DECIDED = (StepState.APPROVED, StepState.REJECTED)
_MOST = 200  # levels, and policies, that are told


class LevelTime(NamedTuple):
    """How long one level of a policy took, from being asked to its last decision."""

    policy: str  # "": none, or approvers who were named
    level: str
    decided: int
    median: timedelta
    slowest: timedelta


class Ages(NamedTuple):
    """How old is what waits for a decision."""

    counts: tuple[int, ...]  # younger than each of AGES, and then older
    oldest: datetime | None  # when it was asked; None: nothing waits


class PolicyCount(NamedTuple):
    """What became of what was asked by one policy."""

    policy: str
    open: int
    approved: int
    rejected: int
    other: int  # withdrawn or expired


def level_times(organization: Organization, since: datetime) -> list[LevelTime]:
    """Return how long levels took that were decided *since*, the slowest median first.
    One query."""
    rows = Step.objects.filter(
        organization=organization,
        state__in=_DECIDED,
        decided_at__gte=since,
        opened_at__isnull=False,
    ).annotate(took=_TOOK)
    same = [F("request__policy_name"), F("name")]
    numbered = rows.annotate(
        place=Window(RowNumber(), partition_by=same, order_by=[F("took"), F("pk")]),
        many=Window(Count("pk"), partition_by=same),
        slowest=Window(Max("took"), partition_by=same),
    )
    # The one in the middle, or the two of an even number.
    middle = numbered.filter(place__gte=F("many") / 2.0, place__lte=F("many") / 2.0 + 1)
    found = middle.order_by("request__policy_name", "name").values_list(
        "request__policy_name", "name", "many", "took", "slowest"
    )
    times = list(_medians(found[: 2 * _MOST]))
    return sorted(times, key=lambda one: one.median, reverse=True)


def _medians(
    rows: QuerySet[Step, tuple[str, str, int, timedelta, timedelta]],
) -> Iterator[LevelTime]:
    both: dict[tuple[str, str], LevelTime] = {}
    for policy, level, many, took, slowest in rows:
        known = both.get((policy, level))
        median = took if known is None else (known.median + took) / 2
        both[policy, level] = LevelTime(policy, level, many, median, slowest)
    yield from both.values()


def open_ages(organization: Organization, now: datetime) -> Ages:
    """Return how old is what waits for a decision. One query."""
    rows = BudgetRequest.objects.pending().filter(organization=organization)
    ends = [now - age for age in AGES]
    begins = [None, *ends]
    spans = {
        f"age{place}": Count("pk", filter=_between(begin, end))
        for place, (begin, end) in enumerate(zip(begins, [*ends, None], strict=True))
    }
    found = rows.aggregate(**spans, oldest=Min("submitted_at"))
    counts = tuple(found[name] for name in spans)
    return Ages(counts, found["oldest"])


def _between(before: datetime | None, since: datetime | None) -> Q:
    """Return the condition that a request was asked *since*, and *before*."""
    asked = Q()
    if before is not None:
        asked &= Q(submitted_at__lte=before)
    if since is not None:
        asked &= Q(submitted_at__gt=since)
    return asked


def by_policy(organization: Organization, since: datetime) -> list[PolicyCount]:
    """Return what became of what was asked *since*, by policy. One query."""
    rows = BudgetRequest.objects.filter(
        organization=organization, submitted_at__gte=since
    )
    open_states = [RequestState.PENDING, RequestState.CHANGES_REQUESTED]
    ended = [RequestState.WITHDRAWN, RequestState.EXPIRED]
    counted = rows.values("policy_name").annotate(
        opened=Count("pk", filter=Q(state__in=open_states)),
        approved=Count("pk", filter=Q(state=RequestState.APPROVED)),
        rejected=Count("pk", filter=Q(state=RequestState.REJECTED)),
        ended=Count("pk", filter=Q(state__in=ended)),
    )
    found = counted.order_by("policy_name").values_list(
        *("policy_name", "opened", "approved", "rejected", "ended")
    )
    return [PolicyCount(*row) for row in found[:_MOST]]
