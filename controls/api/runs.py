"""The API of runs: what each has spent, and its cap."""

from typing import Annotated, Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import visible_to
from accounts.api.base import ApiViewSet
from accounts.scopes import Scope
from budgets.models import Reservation, Run
from controls.api.answers import AuthorizationStateOut, state_out
from lib.answers import Answered, Moment, Money, Out, PageOut, answers, note
from lib.errors import NotFound
from lib.money import wire
from lib.tables import CsvRenderer
from lib.texts import ODD

MOST_CALLS = 100  # told of one run

ORGANIZATION = OpenApiParameter(
    "organization_id", str, description="The organization's slug."
)


class RunOut(Out, frozen=True):
    """One run of an agent or a job, and what it has spent."""

    run_id: str
    organization_id: str
    cap: Annotated[Money | None, note("Null: none was named.")]
    spent: Annotated[Money, note("By the usage records that name it.")]
    reserved: Annotated[Money, note("Set aside for its calls, not yet spent.")]
    remaining: Annotated[
        Money | None, note("Of the cap; negative: it is passed. Null: there is none.")
    ]
    utilization_percent: Annotated[
        float | None, note("Spent and reserved, of the cap. Null: there is none.")
    ]
    currency: str
    requests: Annotated[int, note("Of its usage records.")]
    first_at: Moment
    last_at: Annotated[Moment, note("Its last call or usage.")]


class RunDetailOut(RunOut, frozen=True):
    """One run, with the calls that were allowed it."""

    authorizations: Annotated[
        list[AuthorizationStateOut],
        note(
            f"The last {MOST_CALLS} calls that were allowed, newest first. Its usage: "
            "GET /costs?run_id=."
        ),
    ]


class RunViewSet(ApiViewSet):
    """Runs: what calls that belong together have spent."""

    read_scope = Scope.COSTS_READ
    write_scope = Scope.COSTS_READ
    queryset = Run.objects.none()
    renderer_classes = [JSONRenderer, CsvRenderer]
    query_parameters = frozenset({"organization_id", "run_id"})
    filter_backends = []

    @answers(s200=PageOut[RunOut])
    @extend_schema(
        operation_id="runs_list",
        tags=["controls"],
        parameters=[
            ORGANIZATION,
            OpenApiParameter("run_id", str, description="Part of the name."),
        ],
    )
    def list(self, request: Request) -> Response:
        """List runs, the newest first."""
        rows = self._runs()
        if part := request.query_params.get("run_id"):
            rows = rows.filter(run_id__icontains=part)
        return self.listing(rows, run_out)

    @answers(s200=RunDetailOut)
    @extend_schema(
        operation_id="runs_retrieve", tags=["controls"], parameters=[ORGANIZATION]
    )
    def retrieve(self, request: Request, run_id: str) -> Response:
        """Tell what one run has spent, and which calls it was allowed."""
        # No database that is asked for a NUL answers.
        run = None if ODD.search(run_id) else self._runs().filter(run_id=run_id).first()
        if run is None:
            raise NotFound("There is no such run.")
        return Answered(run_detail_out(run))

    def _runs(self) -> QuerySet[Run]:
        rows = visible_to(self.caller, Run.objects.select_related("organization"))
        if self.request.query_params.get("organization_id"):
            rows = rows.filter(organization=self.organization())
        return rows


def run_out(run: Run) -> RunOut:
    return RunOut(**_told(run))


def _told(run: Run) -> dict[str, Any]:
    used = run.used_share
    return {
        "run_id": run.run_id,
        "organization_id": run.organization.slug,
        "cap": wire(run.cap),
        "spent": wire(run.spent),
        "reserved": wire(run.reserved),
        "remaining": wire(run.left),
        "utilization_percent": None if used is None else float(used * 100),
        "currency": run.organization.currency,
        "requests": run.requests,
        "first_at": run.first_at,
        "last_at": run.last_at,
    }


def run_detail_out(run: Run) -> RunDetailOut:
    """Return a run with its calls. One query."""
    calls = Reservation.objects.filter(
        organization=run.organization_id, run_id=run.run_id
    ).order_by("-pk")[:MOST_CALLS]
    return RunDetailOut(
        **_told(run),
        authorizations=[state_out(one, run.organization.currency) for one in calls],
    )
