"""The API of feeds: shapes in, services, shapes out."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Max, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named, require, visible_to
from accounts.api.base import IF_MATCH, ApiViewSet, tagged
from accounts.idempotency import idempotent
from accounts.scopes import Scope
from accounts.versions import tag_of, version_of
from lib.answers import Answered, PageOut, answers, plain
from lib.errors import Invalid
from lib.lookups import row_or_404
from notifications.api.sealing import sealed, unsealed
from reports import exports
from reports.api.feed_answers import FeedOut, FeedRunOut, feed_out, run_out
from reports.api.feed_schemas import FeedIn, FeedRunIn
from reports.feeds import services
from reports.feeds.downloads import downloaded
from reports.feeds.planning import run_now
from reports.feeds.services import FeedPlan, FeedSaved
from reports.models.feeds import Feed, FeedRun

ORGANIZATION = OpenApiParameter(
    "organization_id", str, description="The organization's slug."
)
RUN = OpenApiParameter("run_uid", str, OpenApiParameter.PATH, description="A run's id.")
# Of all files that there are.
CONTENT_TYPES = sorted(
    {
        format.content_type.partition(";")[0]
        for kind in exports.KINDS.values()
        for format in kind.formats.values()
    }
)
_ONE_RUN = "runs/(?P<run_uid>[^/]+)"


@extend_schema_view(
    list=extend_schema(summary="List feeds", parameters=[ORGANIZATION]),
    retrieve=extend_schema(summary="Show a feed"),
    destroy=extend_schema(
        summary="Delete a feed",
        description="What it brought stays on record; what is on its way ends.",
        parameters=[IF_MATCH],
    ),
)
@extend_schema(tags=["reports"])
class FeedViewSet(ApiViewSet):
    """Feeds: files that leave on a schedule."""

    write_scope = Scope.ADMIN
    queryset = Feed.objects.none()
    query_parameters = frozenset({"organization_id"})
    filter_backends = []
    lookup_field = "uid"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Feed]:
        rows = Feed.objects.select_related("organization").order_by("-pk")
        if slug := self.request.query_params.get("organization_id"):
            rows = rows.filter(
                organization=organization_named(slug, caller=self.caller)
            )
        return visible_to(self.caller, rows)

    def feed(self, uid: str) -> Feed:
        return row_or_404(self.get_queryset(), uid, missing="There is no such feed.")

    def runs_of(self, feed: Feed) -> QuerySet[FeedRun]:
        rows = FeedRun.objects.filter(organization=feed.organization_id, feed=feed)
        return rows.select_related("feed").prefetch_related("attempts").order_by("-pk")

    def run_of(self, uid: str, run_uid: str) -> FeedRun:
        rows = self.runs_of(self.feed(uid))
        return row_or_404(rows, run_uid, missing="There is no such run.")

    @answers(s200=PageOut[FeedOut])
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        last = _latest(page)
        return self.get_paginated_response(
            plain([feed_out(one, last.get(one.pk)) for one in page])
        )

    @answers(s200=FeedOut)
    def retrieve(self, request: Request, uid: str) -> Response:
        return _tagged(self.feed(uid))

    @answers(s201=FeedOut)
    @extend_schema(
        summary="Set a feed up",
        description=(
            "It is due for the first time after this. A webhook without a `secret` "
            "gets one; `target.secret` of this answer is where it is shown, once."
        ),
        request=FeedIn,
    )
    def create(self, request: Request) -> HttpResponse:
        return unsealed(self._create(request), "target")

    @idempotent
    def _create(self, request: Request) -> Response:
        shape = FeedIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given = dict(shape.validated_data)
        slug = given.pop("organization_id", None)
        organization = organization_named(slug, caller=self.caller)
        self._check_kind(given)
        saved = services.add_feed(organization, _plan_of(given), now=timezone.now())
        return Response(_sealed(saved), status=201)

    @answers(s200=FeedOut)
    @extend_schema(
        summary="Change a feed",
        description=(
            "Keys of the target that are left out stay as they are, secrets included; "
            "null takes one away. Another `type` begins with a target anew. `enabled: "
            "true` switches on again what was off; what was missed is left out."
        ),
        request=FeedIn,
        parameters=[IF_MATCH],
    )
    def partial_update(self, request: Request, uid: str) -> HttpResponse:
        feed = self.feed(uid)
        shape = FeedIn(data=request.data, partial=True)
        shape.is_valid(raise_exception=True)
        given = dict(shape.validated_data)
        if given.pop("organization_id", None) not in (None, feed.organization.slug):
            raise Invalid.field("organization_id", "Never changes; make another feed.")
        self._check_kind(given)
        saved = services.change_feed(
            feed, _plan_of(given), now=timezone.now(), seen=self.seen()
        )
        answer = unsealed(Response(_sealed(saved)), "target")
        answer["ETag"] = tag_of(version_of(saved.feed))
        return answer

    @answers(s204=None)
    def destroy(self, request: Request, uid: str) -> Response:
        services.delete_feed(self.feed(uid), now=timezone.now(), seen=self.seen())
        return Response(status=204)

    @answers(s200=PageOut[FeedRunOut])
    @extend_schema(
        operation_id="feeds_runs_list",
        summary="List the runs of a feed",
        description="The newest first.",
    )
    @action(detail=True, methods=["get"])
    def runs(self, request: Request, uid: str) -> Response:
        return self.listing(self.runs_of(self.feed(uid)), run_out)

    @answers(s200=FeedRunOut)
    @extend_schema(summary="Show a run of a feed", parameters=[RUN])
    @action(detail=True, methods=["get"], url_path=_ONE_RUN)
    def one_run(self, request: Request, uid: str, run_uid: str) -> Response:
        return Answered(run_out(self.run_of(uid, run_uid)))

    @extend_schema(
        summary="Download the file of a run",
        parameters=[RUN],
        responses={(200, kind): OpenApiTypes.BINARY for kind in CONTENT_TYPES},
    )
    @action(detail=True, methods=["get"], url_path=f"{_ONE_RUN}/file")
    def file(self, request: Request, uid: str, run_uid: str) -> StreamingHttpResponse:
        return downloaded(self.run_of(uid, run_uid))

    @answers(s202=FeedRunOut)
    @extend_schema(
        summary="Have a feed run now",
        description=(
            "Of the last days that are over, or of those around `start_date`. A file "
            "that there was is made anew, and goes again under its name."
        ),
        request=FeedRunIn,
    )
    @action(detail=True, methods=["post"])
    def run(self, request: Request, uid: str) -> Response:
        return self._run(request, uid)

    @idempotent
    def _run(self, request: Request, uid: str) -> Response:
        shape = FeedRunIn(data=request.data)
        shape.is_valid(raise_exception=True)
        run = run_now(
            self.feed(uid),
            by=self.caller.name,
            now=timezone.now(),
            day=shape.validated_data.get("start_date"),
        )
        return Response(plain(run_out(self.run_of(uid, str(run.uid)))), status=202)

    @answers(s202=FeedRunOut)
    @extend_schema(
        summary="Have the file of a run go once more",
        description="As it was made; anew where it is not kept any longer. Of mails "
        "those that have failed, or all of them where none has.",
        parameters=[RUN],
        request=None,
    )
    @action(detail=True, methods=["post"], url_path=f"{_ONE_RUN}/redeliver")
    def redeliver(self, request: Request, uid: str, run_uid: str) -> Response:
        return self._redeliver(request, uid, run_uid)

    @idempotent
    def _redeliver(self, request: Request, uid: str, run_uid: str) -> Response:
        services.redeliver(self.run_of(uid, run_uid), now=timezone.now())
        return Response(plain(run_out(self.run_of(uid, run_uid))), status=202)

    def _check_kind(self, given: dict[str, Any]) -> None:
        """Refuse a kind that the caller's key may not export."""
        kind = exports.KINDS.get(given.get("kind", ""))
        if kind is not None:
            require(self.caller, kind.scope)


def _plan_of(given: dict[str, Any]) -> FeedPlan:
    schedule = given.pop("schedule", {})
    return FeedPlan(**given, **schedule)


def _latest(feeds: Sequence[Feed]) -> dict[int | None, FeedRun]:
    """Return the latest run of each of *feeds* that has one, by the feed's id. One
    query."""
    last = FeedRun.objects.filter(feed__in=feeds).order_by().values("feed")
    rows = FeedRun.objects.filter(pk__in=last.annotate(last=Max("pk")).values("last"))
    return {run.feed_id: run for run in rows}


def _tagged(feed: Feed) -> Response:
    last = FeedRun.objects.filter(feed=feed).order_by("-pk").first()
    return tagged(Answered(feed_out(feed, last)), version_of(feed))


def _sealed(saved: FeedSaved) -> dict[str, Any]:
    """Return the answer as it may be kept for a repeat."""
    return sealed(plain(feed_out(saved.feed)), saved.made_secret)
