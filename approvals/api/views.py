"""The API of requests for money: shapes in, services, shapes out."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named
from accounts.api.base import IF_MATCH, ApiViewSet, tagged
from accounts.idempotency import idempotent
from accounts.models import User
from accounts.scopes import Scope
from accounts.versions import ChangedMeanwhile
from approvals import decisions, services
from approvals.api.answers import (
    BudgetRequestDetailOut,
    BudgetRequestOut,
    detail_out,
    request_out,
)
from approvals.api.asking import changed_ask, new_ask
from approvals.api.lookups import (
    by_of,
    organization_meant,
    person_named,
    request_or_404,
    requests_of,
    step_named,
)
from approvals.api.schemas import (
    ApprovalDecisionIn,
    BudgetRequestEditIn,
    BudgetRequestIn,
    ReassignmentIn,
    VersionedIn,
    WithdrawalIn,
)
from approvals.api.waiting import LONGEST_S, wait_for
from approvals.errors import ChangedSince, NotAsked
from approvals.models import (
    BudgetRequest,
    Outcome,
    RequestKind,
    RequestState,
    Step,
)
from approvals.types import By
from approvals.voices import waiting_for
from budgets.api.lookups import budget_or_404
from lib.answers import Answered, PageOut, answers
from lib.errors import Forbidden, Invalid
from lib.query_params import known_words, listed, truth, whole_number
from lib.tables import CsvRenderer

_WAIT = OpenApiParameter(
    "wait",
    int,
    description=f"Answer as soon as it is decided, or after so many seconds, 1 to "
    f"{LONGEST_S}. Where too many wait: at once, with Retry-After.",
)


class BudgetRequestViewSet(ApiViewSet):
    """Requests for money: who asks for how much, who decides, what became of it."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.APPROVALS_WRITE
    queryset = BudgetRequest.objects.none()
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    lookup_field = "uid"
    lookup_value_regex = "[^/]+"

    def known_parameters(self) -> frozenset[str] | None:
        if self.action == "list":
            filters = {"organization_id", "state", "kind", "requester", "budget"}
            return frozenset({*filters, "mine", "waiting", "limit", "cursor", "format"})
        return frozenset({"wait", "format"})

    def check_permissions(self, request: Request) -> None:
        """Let who may ask see what has become of it, too."""
        if request.method != "GET" or self.write_scope not in self.caller.scopes:
            super().check_permissions(request)

    @property
    def by(self) -> By:
        """Who acts; looked up anew."""
        return by_of(self.request, self.caller)

    @answers(s200=PageOut[BudgetRequestOut])
    @extend_schema(
        parameters=[
            OpenApiParameter("organization_id", str),
            OpenApiParameter("state", str, description="One or more, with commas."),
            OpenApiParameter("kind", str, description="One or more, with commas."),
            OpenApiParameter("requester", str, description="A mail address."),
            OpenApiParameter("budget", str, description="About it or one below it."),
            OpenApiParameter("mine", bool, description="My own requests."),
            OpenApiParameter("waiting", bool, description="Those I can decide now."),
        ]
    )
    def list(self, request: Request) -> Response:
        """List requests for money, newest first."""
        return self.listing(self._filtered(request), request_out)

    @answers(s200=BudgetRequestDetailOut)
    @extend_schema(parameters=[_WAIT])
    def retrieve(self, request: Request, uid: str) -> Response:
        """Return a request with its impact, its steps, and all that happened."""
        found, has_place = self._request(uid), True
        if (text := request.query_params.get("wait")) is not None:
            seconds = whole_number(text, "wait", least=1, most=LONGEST_S)
            has_place = wait_for(found, seconds)
            found = self._request(uid)
        response = self._answer(found)
        if not has_place:
            response["Retry-After"] = "1"
        return response

    @answers(s201=BudgetRequestDetailOut)
    @extend_schema(request=BudgetRequestIn)
    @idempotent
    def create(self, request: Request) -> Response:
        """Ask for money: those who decide are told at once, unless it is a draft."""
        shape = BudgetRequestIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        organization, by = organization_meant(given, self.caller), self.by
        ask = new_ask(given, organization, by, self.caller)
        write = services.draft if given["draft"] else services.ask_for
        made = write(organization, ask, by=by, now=timezone.now())
        return self._answer(made, status=201)

    @answers(s200=BudgetRequestDetailOut)
    @extend_schema(request=BudgetRequestEditIn, parameters=[IF_MATCH])
    def partial_update(self, request: Request, uid: str) -> Response:
        """Change an open request.

        Approvals given are void when the amount rises or leaves its band, or when
        anything of its scope changes. One that was sent back waits for `submit`.
        """
        found = self._request(uid)
        shape = BudgetRequestEditIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given = dict(shape.validated_data)
        revision = self._revision(found, given.pop("revision", None))
        ask = changed_ask(given, found, self.caller)
        now = timezone.now()
        if revision is None:
            revision = found.revision
        edited = services.edit(found, ask, by=self.by, now=now, revision=revision)
        return self._answer(edited.request)

    @answers(s200=BudgetRequestDetailOut)
    @extend_schema(request=VersionedIn, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, uid: str) -> Response:
        """Ask those who decide: of a draft, or anew of what was sent back."""
        found = self._request(uid)
        shape = VersionedIn(data=request.data)
        shape.is_valid(raise_exception=True)
        revision = self._revision(found, shape.validated_data.get("revision"))
        submitted = services.submit(
            found, by=self.by, now=timezone.now(), revision=revision
        )
        return self._answer(submitted)

    @answers(s201=BudgetRequestDetailOut)
    @extend_schema(request=ApprovalDecisionIn, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    @idempotent
    def decisions(self, request: Request, uid: str) -> Response:
        """Decide as the key's person. The last approval needed carries it out."""
        found = self._request(uid)
        shape = ApprovalDecisionIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        by = self.by
        _require_person(by, given.get("approver"))
        decided = decisions.decide(
            found,
            Outcome(given["decision"]),
            by=by,
            now=timezone.now(),
            revision=self._revision(found, given.get("revision")),
            step=step_named(given.get("step"), found),
            amount=given.get("amount"),
            comments=given["comments"],
        )
        return self._answer(decided.request, status=201)

    @answers(s200=BudgetRequestDetailOut)
    @extend_schema(request=WithdrawalIn)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, uid: str) -> Response:
        """Take a request back."""
        found = self._request(uid)
        shape = WithdrawalIn(data=request.data)
        shape.is_valid(raise_exception=True)
        reason: str = shape.validated_data["reason"]
        now = timezone.now()
        return self._answer(
            services.withdraw(found, by=self.by, now=now, reason=reason)
        )

    @answers(s200=BudgetRequestDetailOut)
    @extend_schema(request=ReassignmentIn)
    @action(detail=True, methods=["post"])
    def reassign(self, request: Request, uid: str) -> Response:
        """Have somebody else asked in a person's place; for finance admins."""
        found = self._request(uid)
        shape = ReassignmentIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        from_ = person_named(given["from"], "from", found.organization)
        to = person_named(given["to"], "to", found.organization)
        step = step_named(given.get("step"), found) or _step_that_asks(found, from_)
        step.request = found
        changed = decisions.reassign(
            step, from_, to, by=self.by, now=timezone.now(), reason=given["reason"]
        )
        return self._answer(changed)

    def _request(self, uid: str) -> BudgetRequest:
        return request_or_404(uid, self.caller)

    def _answer(self, request: BudgetRequest, *, status: int = 200) -> Response:
        body = detail_out(request, timezone.now())
        return tagged(Answered(body, status=status), str(request.revision))

    def _revision(self, found: BudgetRequest, said: int | None) -> int | None:
        """Return the revision that a change is meant for; None: any.

        Raises:
            ChangedMeanwhile: If-Match names others than the present one.
            ChangedSince: the body does.
        """
        seen = self.seen()
        if seen is not None and str(found.revision) not in seen:
            raise ChangedMeanwhile(
                f"The request is at revision {found.revision} since you read it. Read "
                "it again, and send your change with the new ETag."
            )
        if said not in {None, found.revision}:
            raise ChangedSince(
                f"The request is at revision {found.revision}, not {said}. Read it "
                "again."
            )
        return said if seen is None else found.revision

    def _filtered(self, request: Request) -> QuerySet[BudgetRequest]:
        query = request.query_params
        rows: QuerySet[BudgetRequest] = requests_of(self.caller)
        if slug := query.get("organization_id"):
            organization = organization_named(slug, caller=self.caller)
            rows = rows.filter(organization=organization)
        for name, known in (
            ("state", RequestState.values),
            ("kind", RequestKind.values),
        ):
            if wanted := listed(query.get(name)):
                rows = rows.filter(**{f"{name}__in": known_words(wanted, known, name)})
        if email := query.get("requester"):
            rows = rows.filter(requester__email=email.lower())
        if uid := query.get("budget"):
            budget = budget_or_404(uid, self.caller)
            below = budget.get_descendants(include_self=True).order_by().values("pk")
            rows = rows.filter(Q(budget__in=below) | Q(parent__in=below))
        if truth(query.get("mine"), "mine"):
            rows = rows.filter(requester=self._person("mine"))
        if truth(query.get("waiting"), "waiting"):
            mine = waiting_for(self._person("waiting"), timezone.now())
            rows = rows.filter(pk__in=mine.order_by().values("pk"))
        return rows

    def _person(self, attr: str) -> User:
        if self.caller.user_id is None:
            raise Invalid.field(attr, "This API key belongs to no person.")
        return User.objects.get(pk=self.caller.user_id)


def _require_person(by: By, approver: str | None) -> None:
    """Refuse who is not whom the body takes them for; it decides nothing itself."""
    if by.person is None:
        raise NotAsked("A person decides: send the API key of the one who is asked.")
    if approver and approver.strip().lower() != by.person.email:
        raise Forbidden(f"This API key is {by.person}'s, not {approver}'s.")


def _step_that_asks(request: BudgetRequest, person: User) -> Step:
    """Return the present step that asks *person*, an open one first.

    Raises:
        Invalid: there is none.
    """
    steps = Step.objects.filter(
        request=request,
        revision=request.chain_revision,
        assignments__person=person,
        assignments__removed_at=None,
    ).order_by("number")
    found = steps.open().first() or steps.first()
    if found is None:
        raise Invalid.field("from", f"{person} is not asked about this request.")
    return found
