"""The API of approval policies and delegations: shapes in, services, shapes out."""

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named, visible_to
from accounts.api.base import IF_MATCH, ApiView, ApiViewSet, tagged
from accounts.idempotency import idempotent
from accounts.models import Organization
from accounts.scopes import Scope
from accounts.versions import version_of
from approvals import policies
from approvals.api.lookups import (
    budget_named,
    by_of,
    moment_in,
    one_or_404,
    organization_meant,
    person_named,
)
from approvals.api.policy_answers import (
    ApprovalPolicyOut,
    ApprovalPreviewOut,
    DelegationOut,
    delegation_out,
    policy_out,
    preview_out,
)
from approvals.api.schemas import ApprovalPolicyIn, ApprovalPreviewIn, DelegationIn
from approvals.delegations import delegate, end
from approvals.models import Delegation, Level, LevelApprover, Policy
from approvals.plans import plan_of
from approvals.types import By, LevelPlan, PolicyPlan
from lib.answers import Answered, PageOut, answers
from lib.errors import Invalid
from lib.query_params import truth

ORGANIZATION = OpenApiParameter(
    "organization_id", str, description="The organization's slug."
)
_AS_SENT = ("name", "currency", "self_approval_below")


class _ViewSet(ApiViewSet):
    """What policies and delegations have in common."""

    read_scope = Scope.BUDGETS_READ
    filter_backends = []
    lookup_field = "uid"
    lookup_value_regex = "[^/]+"

    @property
    def by(self) -> By:
        """Who acts; looked up anew."""
        return by_of(self.request, self.caller)

    def of_organization(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the *rows* that the query asks for."""
        if slug := self.request.query_params.get("organization_id"):
            organization = organization_named(slug, caller=self.caller)
            rows = rows.filter(organization=organization)
        return rows


class ApprovalPolicyViewSet(_ViewSet):
    """Policies: who has to approve how much."""

    write_scope = Scope.ADMIN
    queryset = Policy.objects.none()
    query_parameters = frozenset({"organization_id"})

    def get_queryset(self) -> QuerySet[Policy]:
        approvers = LevelApprover.objects.select_related("person").order_by("number")
        levels = Level.objects.order_by("number").prefetch_related(
            Prefetch("approvers", approvers)
        )
        rows = Policy.objects.select_related("organization", "budget")
        return visible_to(self.caller, rows).prefetch_related(
            Prefetch("levels", levels)
        )

    @answers(s200=PageOut[ApprovalPolicyOut])
    @extend_schema(parameters=[ORGANIZATION])
    def list(self, request: Request) -> Response:
        """List approval policies, newest first."""
        return self.listing(self.of_organization(self.get_queryset()), policy_out)

    @answers(s200=ApprovalPolicyOut)
    def retrieve(self, request: Request, uid: str) -> Response:
        """Return a policy with its levels."""
        return self._answer(self._policy(uid))

    @answers(s201=ApprovalPolicyOut)
    @extend_schema(request=ApprovalPolicyIn)
    @idempotent
    def create(self, request: Request) -> Response:
        """Make a policy. One that nobody could decide by is refused."""
        shape = ApprovalPolicyIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        organization = organization_meant(given, self.caller)
        plan = PolicyPlan(name=given["name"], levels=())
        self._set(plan, given, organization)
        made = policies.save_policy(organization, plan, by=self.by, now=timezone.now())
        return self._answer(self._policy(str(made.uid)), status=201)

    @answers(s200=ApprovalPolicyOut)
    @extend_schema(request=ApprovalPolicyIn, parameters=[IF_MATCH])
    def partial_update(self, request: Request, uid: str) -> Response:
        """Change a policy; what is left out stays. What runs keeps the one it has."""
        policy = self._policy(uid)
        shape = ApprovalPolicyIn(data=request.data, partial=True)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        organization = policy.organization
        if given.get("organization_id") not in {None, organization.slug}:
            detail = "A policy stays in its organization."
            raise Invalid.field("organization_id", detail)
        plan = plan_of(policy)
        self._set(plan, given, organization)
        policies.save_policy(
            organization,
            plan,
            by=self.by,
            now=timezone.now(),
            policy=policy,
            seen=self.seen(),
        )
        return self._answer(self._policy(uid))

    @answers(s204=None)
    def destroy(self, request: Request, uid: str) -> Response:
        """Delete a policy; what runs by it goes on by its copy."""
        policies.delete_policy(self._policy(uid), by=self.by, now=timezone.now())
        return Response(status=204)

    def _set(
        self, plan: PolicyPlan, given: dict[str, Any], organization: Organization
    ) -> None:
        for name in given.keys() & set(_AS_SENT):
            setattr(plan, name, given[name])
        if "budget" in given:
            plan.budget = budget_named(given, "budget", organization, self.caller)
        if "levels" in given:
            plan.levels = [LevelPlan(**level) for level in given["levels"]]

    def _policy(self, uid: str) -> Policy:
        found: Policy = one_or_404(self.get_queryset(), uid, "policy")
        return found

    def _answer(self, policy: Policy, *, status: int = 200) -> Response:
        body = Answered(policy_out(policy), status=status)
        return tagged(body, version_of(policy))


class ApprovalPreview(ApiView):
    """Who would have to approve an amount."""

    write_scope = Scope.BUDGETS_READ  # it changes nothing
    query_parameters = frozenset()

    @answers(s200=ApprovalPreviewOut)
    @extend_schema(request=ApprovalPreviewIn)
    def post(self, request: Request) -> Response:
        """Tell who would have to approve an amount, in which order."""
        shape = ApprovalPreviewIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        organization = organization_meant(given, self.caller)
        asker = given.get("requester")
        chain = policies.who_would_approve(
            organization,
            budget_named(given, "budget", organization, self.caller),
            given["amount"],
            given["currency"],
            now=timezone.now(),
            requester=person_named(asker, "requester", organization) if asker else None,
        )
        return Answered(preview_out(chain))


class DelegationViewSet(_ViewSet):
    """Delegations: who stands in for whom, and when."""

    write_scope = Scope.APPROVALS_WRITE
    queryset = Delegation.objects.none()
    query_parameters = frozenset({"organization_id", "mine"})

    def get_queryset(self) -> QuerySet[Delegation]:
        rows = Delegation.objects.select_related(
            "organization", "delegator", "delegate"
        )
        return visible_to(self.caller, rows)

    @answers(s200=PageOut[DelegationOut])
    @extend_schema(
        parameters=[
            ORGANIZATION,
            OpenApiParameter("mine", bool, description="By me, or to me."),
        ]
    )
    def list(self, request: Request) -> Response:
        """List who stands in for whom, newest first."""
        rows = self.of_organization(self.get_queryset())
        if truth(request.query_params.get("mine"), "mine"):
            me = self.by.person
            if me is None:
                raise Invalid.field("mine", "This API key belongs to no person.")
            rows = rows.filter(Q(delegator=me) | Q(delegate=me))
        return self.listing(rows, delegation_out)

    @answers(s200=DelegationOut)
    def retrieve(self, request: Request, uid: str) -> Response:
        """Return one delegation."""
        found = one_or_404(self.get_queryset(), uid, "delegation")
        return Answered(delegation_out(found))

    @answers(s201=DelegationOut)
    @extend_schema(request=DelegationIn)
    @idempotent
    def create(self, request: Request) -> Response:
        """Have somebody stand in: for oneself, or by a finance admin."""
        shape = DelegationIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        organization, by = organization_meant(given, self.caller), self.by
        now, zone = timezone.now(), organization.timezone
        whose = given.get("delegator") or by.name
        made = delegate(
            organization,
            person_named(whose, "delegator", organization),
            person_named(given["delegate"], "delegate", organization),
            starts_at=moment_in(given, "start_date", zone, is_end=False) or now,
            ends_at=moment_in(given, "end_date", zone) or now,
            limit=given.get("limit"),
            currency=given["currency"],
            reason=given["reason"],
            by=by,
            now=now,
        )
        return Answered(delegation_out(made), status=201)

    @answers(s204=None)
    def destroy(self, request: Request, uid: str) -> Response:
        """End a delegation early. What was decided by it stands."""
        found = one_or_404(self.get_queryset(), uid, "delegation")
        end(found, by=self.by, now=timezone.now())
        return Response(status=204)
