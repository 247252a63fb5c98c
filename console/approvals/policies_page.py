"""Which approval policies there are, and who would have to approve what by them."""

from collections.abc import Iterator

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.access import organizations_of
from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import may, person
from approvals.models import Policy
from approvals.plans import plan_of
from approvals.policies import who_would_approve
from approvals.types import PolicyPlan
from budgets.owners import path_of
from budgets.paths import ways_of, words_of_way
from console.approvals.chain import stages_of_chain
from console.approvals.policy_forms import TryForm
from console.approvals.policy_page import policy_page
from console.approvals.trying import TrialAnswer, for_words, try_form
from console.pages import (
    Pages,
    budget_or_404,
    budgets_of,
    organization_or_404,
    organizations_to_choose,
    row_or_404,
    search_of,
)
from lib.errors import Refusal
from lib.humanize import locale_of

_MOST = 200  # policies that are listed


def policies_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer which policies there are, and `?amount=&budget=`: who would approve it."""
    organization = _organization(request)
    asked = request.GET if "amount" in request.GET else None
    trying = try_form(asked, organization, None) if organization else None
    context = pages.page(
        request,
        title="Approval policies",
        lines=list(_lines(request)),
        organization=organization,
        organizations=organizations_to_choose(request),
        trying=trying,
        answer=_answer(request, organization, trying)
        if organization and trying
        else None,
        may_add=may(request, Scope.ADMIN, None),
    )
    return TemplateResponse(request, "console/approvals/policies.html", context)


def _organization(request: HttpRequest) -> Organization | None:
    """Return the organization that is asked about, or the person's first."""
    if slug := request.GET.get("organization"):
        return organization_or_404(request, slug)
    return organizations_of(person(request)).first()


def _lines(request: HttpRequest) -> Iterator[tuple[Policy, str, int]]:
    """Yield the policies of the person's organizations: where, and how many levels."""
    rows = Policy.objects.filter(organization__in=organizations_of(person(request)))
    rows = rows.select_related("organization", "budget").annotate(count=Count("levels"))
    found = list(
        rows.order_by("organization", "budget__tree_id", "budget__lft")[:_MOST]
    )
    ways = ways_of([one.budget for one in found if one.budget])
    for one in found:
        where = words_of_way(ways[one.budget_id]) if one.budget_id else ""
        yield one, where or f"All of {one.organization.name}", one.count


def _answer(
    request: HttpRequest, organization: Organization | None, trying: TryForm | None
) -> TrialAnswer | None:
    """Return who would have to approve what is asked about, by what is saved."""
    if organization is None or trying is None or not trying.is_bound:
        return None
    if not trying.is_valid():
        return None
    said = trying.cleaned_data
    budget, amount = said["budget"], said["amount"]
    if amount is None:
        return None
    currency = budget.currency if budget else organization.currency
    words = for_words(amount, currency, budget, locale_of(request))
    try:
        chain = who_would_approve(
            organization,
            budget,
            amount,
            currency,
            now=timezone.now(),
            requester=said["requester"],
        )
    except Refusal as refusal:
        return TrialAnswer(words, fault=str(refusal))
    stages = stages_of_chain(chain, path_of(budget) if budget else ())
    return TrialAnswer(words, stages, policy=chain.policy_name)


def new_policy_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the editor of a new policy: `?budget=ID`, `?organization=SLUG`, or first
    where it is to hold. Where there is one, lead to it."""
    if "budget" in request.GET:
        budget = budget_or_404(request, request.GET["budget"])
        organization, name = budget.organization, f"Approvals of {budget.name}"
    elif slug := request.GET.get("organization"):
        budget, organization = None, organization_or_404(request, slug)
        name = f"Approvals of {organization.name}"
    else:
        return _where_page(request, pages)
    if not may(request, Scope.ADMIN, organization):
        raise PermissionDenied
    there = Policy.objects.filter(organization=organization, budget=budget).first()
    if there is not None:
        return redirect("admin:approvals_policy_change", there.pk)
    plan = PolicyPlan(
        name=name[:200], levels=(), budget=budget, currency=organization.currency
    )
    return policy_page(request, pages, organization, plan)


def _where_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    if not may(request, Scope.ADMIN, None):
        raise PermissionDenied
    writable = [
        one
        for one in organizations_of(person(request))
        if may(request, Scope.ADMIN, one)
    ]
    rows = budgets_of(request).filter(archived_at=None, organization__in=writable)
    context = pages.page(
        request,
        title="New approval policy",
        organizations=[(one.slug, one.name) for one in writable],
        search=search_of(request, rows, Q(approval_policies__isnull=False)),
    )
    return TemplateResponse(request, "console/approvals/policy_where.html", context)


def old_policy_page(request: HttpRequest, pages: Pages, policy_id: str) -> HttpResponse:
    """Answer the editor of a policy.

    Raises:
        Http404: the person has none with that id.
    """
    rows = pages.get_queryset(request).select_related("budget", "organization")
    found: Policy = row_or_404(
        rows.prefetch_related("levels__approvers__person"), policy_id, "policy"
    )
    return policy_page(request, pages, found.organization, plan_of(found), found)
