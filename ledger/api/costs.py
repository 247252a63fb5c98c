"""Cost records and their sums: /costs and /analytics."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Min, Sum
from django.http import QueryDict, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from ledger.analytics import (
    INTERVALS,
    groups_of,
    summary_of,
    timeseries_of,
    unpriced_of,
)
from ledger.api.answers import (
    CostRecordOut,
    CostSummaryOut,
    TimePointOut,
    TimeseriesOut,
    UnpricedModelOut,
)
from ledger.api.questions import FILTER_PARAMETERS, GROUP_BY
from ledger.costs import (
    FILTERS,
    OF_RECORDS,
    CostQuery,
    Cursor,
    View,
    csv_stream,
    cursor_of,
    json_stream,
    pages_of,
    place_of,
    records_of,
)
from lib.answers import Answered, PageOut, answers
from lib.errors import Invalid
from lib.query_params import listed, whole_number
from lib.tables import CsvRenderer
from lib.zones import zone_names

MOST_ON_A_PAGE = 10_000  # records
UNPRICED = "X-Unpriced-Records"
_INCLUDE = "include"
DEFAULT_GROUPS = ["provider", "model", "project"]


class CostsView(ApiView):
    """Cost records, by time."""

    query_parameters = (
        FILTERS | OF_RECORDS | {"limit", "cursor", "unpriced", "corrections"}
    )
    renderer_classes = [JSONRenderer, CsvRenderer]

    @answers(s200=Sequence[CostRecordOut])
    @extend_schema(
        operation_id="costs_list",
        tags=["costs"],
        summary="List cost records",
        description=(
            "A plain array of all usage that matches, each once, as it stands now: "
            "corrected and repriced. Ordered by time and streamed. With `limit` it is "
            'a page, and a `Link` header with `rel="next"` leads to the next one '
            "while there is one. Usage that no price is known for is left out, and "
            f"counted in `{UNPRICED}`, unless `unpriced=include`; its `total_cost` is "
            "then null. `corrections=include` lists all there ever was of each: as "
            "first booked, and as it stood after each correction and repricing."
        ),
        parameters=[
            *FILTER_PARAMETERS,
            OpenApiParameter("limit", int, description=f"1 to {MOST_ON_A_PAGE:,}."),
            OpenApiParameter("cursor", description="Where a page left off."),
            OpenApiParameter("unpriced", enum=[_INCLUDE]),
            OpenApiParameter("corrections", enum=[_INCLUDE]),
            OpenApiParameter("format", enum=["json", "csv"]),
            OpenApiParameter(
                UNPRICED,
                int,
                location=OpenApiParameter.HEADER,
                response=[200],
                description="How many records that match have no known price.",
            ),
        ],
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        query = request.query_params
        question = CostQuery.of(query, self.organization())
        after = place_of(query["cursor"]) if query.get("cursor") else None
        view = View(
            unpriced=_is_included(query, "unpriced"),
            corrections=_is_included(query, "corrections"),
        )
        unpriced = unpriced_of(question)
        if "limit" in query:
            limit = whole_number(query["limit"], "limit", least=1, most=MOST_ON_A_PAGE)
            pages = pages_of(question, after=after, size=limit + 1, view=view)
            found = next(pages)
            pages = iter([found[:limit]])
        else:
            limit, found = 0, []
            pages = pages_of(question, after=after, view=view)
            # The first page is read before the answer begins: what fails is an error,
            # not an answer that breaks off.
            pages = chain([next(pages)], pages)
        response = _streamed(pages, request.accepted_renderer.format)
        response[UNPRICED] = str(unpriced)
        if len(found) > limit:
            response["Link"] = self._link_after(found[limit - 1])
        return response

    def _link_after(self, record: dict[str, Any]) -> str:
        query = self.request.query_params.copy()
        query["cursor"] = cursor_of(Cursor(record["timestamp"], record["id"]))
        path = f"{self.request.path}?{query.urlencode()}"
        return f'<{self.request.build_absolute_uri(path)}>; rel="next"'


def _is_included(query: QueryDict, name: str) -> bool:
    value = query.get(name) or ""
    if value not in {"", _INCLUDE}:
        raise Invalid.field(name, f"Must be “{_INCLUDE}”, or left out.")
    return value == _INCLUDE


def _streamed(
    pages: Iterator[list[dict[str, Any]]], format_name: str
) -> StreamingHttpResponse:
    if format_name == "csv":
        response = StreamingHttpResponse(csv_stream(pages), content_type="text/csv")
        response["Content-Disposition"] = 'attachment; filename="costs.csv"'
        return response
    return StreamingHttpResponse(json_stream(pages), content_type="application/json")


class UnpricedView(ApiView):
    """What was used without a known price."""

    query_parameters = FILTERS
    renderer_classes = [JSONRenderer, CsvRenderer]

    @answers(s200=PageOut[UnpricedModelOut])
    @extend_schema(
        operation_id="costs_unpriced_list",
        tags=["costs"],
        summary="List usage without a price",
        description=(
            "Models whose usage could not be priced, most requests first. Add a price "
            "(`POST /pricing`), then reprice (`POST /repricings`)."
        ),
        parameters=FILTER_PARAMETERS,
    )
    def get(self, request: Request) -> Response:
        question = CostQuery.of(request.query_params, self.organization())
        names = {
            name: f"attribution__{name}" for name in ("provider", "model", "sent_model")
        }
        rows = (
            records_of(question)
            .unpriced()
            .values("service_tier", *names.values())
            .annotate(
                requests=Count("id"),
                input_total=Sum("input_tokens"),
                output_total=Sum("output_tokens"),
                first_seen=Min("timestamp"),
                last_seen=Max("timestamp"),
            )
            .order_by("-requests", *names.values(), "service_tier")
        )
        results = [
            UnpricedModelOut(
                **{name: row[field] for name, field in names.items()},
                service_tier=row["service_tier"],
                requests=row["requests"],
                input_tokens=row["input_total"],
                output_tokens=row["output_total"],
                first_seen=row["first_seen"],
                last_seen=row["last_seen"],
            )
            for row in rows
        ]
        return Answered(PageOut(None, None, results))


class SummaryView(ApiView):
    """Totals, and what each provider, model, project and so on had of them."""

    query_parameters = FILTERS | {"group_by"}

    @answers(s200=CostSummaryOut)
    @extend_schema(
        operation_id="analytics_summary",
        tags=["analytics"],
        summary="Sum costs up",
        description=(
            "Exact totals of the cost records that match, and the cost by each group "
            "(by_provider, by_model and by_project unless group_by says otherwise), "
            "dearest first. What has no value stands under an empty name; by_tag "
            "counts a record under each of its tags."
        ),
        parameters=[*FILTER_PARAMETERS, GROUP_BY],
    )
    def get(self, request: Request) -> Response:
        question = CostQuery.of(request.query_params, self.organization())
        names = listed(request.query_params.get("group_by")) or DEFAULT_GROUPS
        return Answered(CostSummaryOut(**summary_of(question, groups_of(names))))


class TimeseriesView(ApiView):
    """Sums over time."""

    query_parameters = FILTERS | {"group_by", "interval", "timezone"}
    renderer_classes = [JSONRenderer, CsvRenderer]

    @answers(s200=TimeseriesOut)
    @extend_schema(
        operation_id="analytics_timeseries",
        tags=["analytics"],
        summary="Sum costs up over time",
        description=(
            "One point an hour, day, week (from Monday) or month of the time zone's "
            "clocks; with groups, one for each that has any spend in it. Hours are "
            "told for at most 31 days. An open range begins and ends where the spend "
            "does."
        ),
        parameters=[
            *FILTER_PARAMETERS,
            GROUP_BY,
            OpenApiParameter("interval", enum=list(INTERVALS), default="day"),
            OpenApiParameter(
                "timezone", description="Such as Europe/Berlin; the organization's."
            ),
            OpenApiParameter("format", enum=["json", "csv"]),
        ],
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        organization = self.organization()
        question = CostQuery.of(query, organization)
        interval = query.get("interval") or "day"
        if interval not in INTERVALS:
            detail = f"Unknown interval; known are {', '.join(INTERVALS)}."
            raise Invalid.field("interval", detail)
        zone = query.get("timezone") or organization.timezone
        if zone not in zone_names():
            detail = "Not a time zone; use a name such as Europe/Berlin."
            raise Invalid.field("timezone", detail, code="unknown_timezone")
        groups = groups_of(listed(query.get("group_by")))
        points = timeseries_of(question, interval, ZoneInfo(zone), groups)
        if request.accepted_renderer.format == "csv":
            return Response(points)
        told = [TimePointOut(**point) for point in points]
        return Answered(TimeseriesOut(interval, zone, organization.currency, told))
