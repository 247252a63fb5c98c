"""How requests fare: time to decision by level, what is open by age, by policy."""

from datetime import datetime, timedelta
from itertools import pairwise

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.access import organizations_of
from accounts.models import Organization
from accounts.tenants import person
from approvals.statistics import (
    AGES,
    Ages,
    LevelTime,
    by_policy,
    level_times,
    open_ages,
)
from console.pages import Pages, organization_or_404, organizations_to_choose
from lib.humanize import lasting

SPANS = {"30": "30 days", "90": "90 days", "365": "365 days"}
_USUAL = "90"
_WHOLE = 100.0


def statistics_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the figures of one organization. Three queries beside those of all pages,
    and one or two for its organizations."""
    organization = _organization(request)
    span = request.GET.get("days", _USUAL)
    span = span if span in SPANS else _USUAL
    now = timezone.now()
    since = now - timedelta(days=int(span))
    times = level_times(organization, since)
    ages = open_ages(organization, now)
    context = pages.page(
        request,
        title="How requests fare",
        organization=organization,
        organizations=organizations_to_choose(request),
        spans=list(SPANS.items()),
        span=span,
        sentence=sentence_of(times, ages, now, SPANS[span]),
        levels=[_written(one) for one in times],
        ages=ages_of(ages),
        policies=by_policy(organization, since),
    )
    return TemplateResponse(request, "console/approvals/statistics.html", context)


def _organization(request: HttpRequest) -> Organization:
    if slug := request.GET.get("organization"):
        return organization_or_404(request, slug)
    found = organizations_of(person(request)).first()
    if found is None:
        raise Http404("There is no organization yet.")
    return found


def _written(one: LevelTime) -> dict[str, object]:
    return {
        "level": one.level,
        "policy": one.policy or "No policy",
        "decided": one.decided,
        "median": lasting(one.median),
        "slowest": lasting(one.slowest),
    }


def sentence_of(times: list[LevelTime], ages: Ages, now: datetime, span: str) -> str:
    """Say the answer first: what takes longest, and how much waits."""
    count = sum(ages.counts)
    waits = "1 request waits" if count == 1 else f"{count} requests wait"
    oldest = f", the oldest for {lasting(now - ages.oldest)}" if ages.oldest else ""
    said = f"{waits}{oldest}."
    if not times:
        return f"{said} Nothing was decided in the last {span}."
    slowest = times[0]
    return (
        f"{said} “{slowest.level}” takes longest: in the last {span} half of its "
        f"decisions took more than {lasting(slowest.median)}."
    )


def ages_of(ages: Ages) -> list[tuple[str, int, float]]:
    """Return how many are how old, each with its length in percent of the most."""
    steps = [lasting(age) if age.days > 1 else "1 day" for age in AGES]
    words = [
        f"less than {steps[0]}",
        *(f"{one} to {other}" for one, other in pairwise(steps)),
        f"{steps[-1]} and more",
    ]
    most = max(ages.counts) or 1
    return [
        (word, count, round(count / most * _WHOLE, 2))
        for word, count in zip(words, ages.counts, strict=True)
    ]
