"""The API of channels, of what was sent through them, and of who wants mail when."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named, visible_to
from accounts.api.base import IF_MATCH, ApiViewSet, tagged
from accounts.idempotency import idempotent
from accounts.scopes import Scope
from accounts.versions import version_of
from lib.answers import Answered, PageOut, answers, plain
from lib.errors import Invalid
from lib.lookups import row_or_404, uuid_of
from lib.query_params import known_words, listed, range_of
from lib.tables import CsvRenderer
from notifications import channels, preferences, services, trials
from notifications.api.answers import (
    ChannelOut,
    DeliveryOut,
    PreferenceOut,
    TrialOut,
    channel_out,
    delivery_out,
    preference_out,
    trial_out,
)
from notifications.api.schemas import ChannelIn, PreferenceIn
from notifications.api.sealing import sealed, unsealed
from notifications.models import (
    Channel,
    ChannelType,
    Delivery,
    DeliveryState,
    Preference,
)
from notifications.permissions import (
    require_preference,
    require_rewire,
    require_set_up,
)

ORGANIZATION = OpenApiParameter(
    "organization_id", str, description="The organization's slug."
)
FORMAT = OpenApiParameter("format", enum=["json", "csv"])
_SEVERAL = "Several are separated by commas."
_OWN_ONLY = (
    "An organization's key that lacks the scope `admin` may do so for its own person "
    "only."
)


class NotificationsViewSet(ApiViewSet):
    """What the three collections have in common."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.ALERTS_WRITE
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    lookup_field = "uid"
    lookup_value_regex = "[^/]+"
    missing = "There is no such thing."

    def rows(self, request: Request) -> QuerySet[Any]:
        """Return what a list is asked for; an organization named must be the key's."""
        rows = self.get_queryset()
        if slug := request.query_params.get("organization_id"):
            rows = rows.filter(
                organization=organization_named(slug, caller=self.caller)
            )
        return rows

    def row(self, uid: str) -> Any:
        return row_or_404(self.get_queryset(), uid, missing=self.missing)


@extend_schema_view(
    list=extend_schema(
        summary="List channels",
        parameters=[
            ORGANIZATION,
            OpenApiParameter("type", description=_SEVERAL),
            FORMAT,
        ],
    ),
    retrieve=extend_schema(summary="Show a channel"),
    destroy=extend_schema(summary="Delete a channel", parameters=[IF_MATCH]),
)
@extend_schema(tags=["notifications"])
class ChannelViewSet(NotificationsViewSet):
    """Channels: ways to reach people and programs."""

    queryset = Channel.objects.select_related("organization")
    query_parameters = frozenset({"organization_id", "type"})
    missing = "There is no such channel."

    def get_queryset(self) -> QuerySet[Channel]:
        rows = Channel.objects.select_related("organization").order_by("-pk")
        return visible_to(self.caller, rows)

    def mine(self, uid: str) -> Channel:
        """Return the channel *uid*, to be changed.

        Raises:
            NotYourChannel: that is not for the caller.
        """
        channel: Channel = self.row(uid)
        require_rewire(self.caller, channel)
        return channel

    @answers(s200=PageOut[ChannelOut])
    def list(self, request: Request) -> Response:
        rows = self.rows(request)
        if kinds := listed(request.query_params.get("type")):
            rows = rows.filter(type__in=known_words(kinds, ChannelType.values, "type"))
        return self.listing(rows, channel_out)

    @answers(s200=ChannelOut)
    def retrieve(self, request: Request, uid: str) -> Response:
        return _tagged(self.row(uid))

    @answers(s201=ChannelOut)
    @extend_schema(
        summary="Set a channel up",
        description=(
            "A webhook without a `secret` gets one; `config.secret` of this answer is "
            "the only place it is ever shown."
        ),
        request=ChannelIn,
    )
    def create(self, request: Request) -> HttpResponse:
        return unsealed(self._create(request), "config")

    @idempotent
    def _create(self, request: Request) -> Response:
        shape = ChannelIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given = dict(shape.validated_data)
        slug = given.pop("organization_id", None)
        organization = organization_named(slug, caller=self.caller)
        require_set_up(self.caller, organization)
        return Response(
            _sealed(channels.add_channel(organization, **given)), status=201
        )

    @answers(s200=ChannelOut)
    @extend_schema(
        summary="Change a channel",
        description=(
            "Keys of the config that are left out stay as they are, secrets included; "
            "null takes one away. When a webhook's `secret` is changed, the one before "
            "signs for a day more. `enabled: true` switches on again what was off."
        ),
        request=ChannelIn,
        parameters=[IF_MATCH],
    )
    def partial_update(self, request: Request, uid: str) -> Response:
        channel = self.mine(uid)
        shape = ChannelIn(data=request.data, partial=True)
        shape.is_valid(raise_exception=True)
        given = dict(shape.validated_data)
        fixed = {"type": channel.type, "organization_id": channel.organization.slug}
        for name, value in fixed.items():
            if given.pop(name, value) not in (None, value):
                raise Invalid.field(name, "Never changes; make another channel.")
        if "template" in given and given["template"] is None:
            given["template"] = {}
        return _tagged(
            channels.change_channel(
                channel, now=timezone.now(), seen=self.seen(), **given
            )
        )

    @answers(s204=None)
    def destroy(self, request: Request, uid: str) -> Response:
        channels.delete_channel(self.mine(uid), seen=self.seen())
        return Response(status=204)

    @answers(s200=ChannelOut)
    @extend_schema(
        summary="Make a webhook's next signing secret",
        description=(
            "It is shown in this answer only, as `config.secret`. For 24 hours the one "
            "before signs along."
        ),
        request=None,
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, uid: str) -> HttpResponse:
        return unsealed(self._rotate(request, uid), "config")

    @idempotent
    def _rotate(self, request: Request, uid: str) -> Response:
        saved = channels.rotate_secret(self.mine(uid), now=timezone.now())
        return Response(_sealed(saved))

    @answers(s200=TrialOut)
    @extend_schema(
        summary="Send a test message",
        description=(
            "To every address of the channel, once each and at once. The answer comes "
            "when it is known what became of it, or after ten seconds: then its state "
            "is pending, and the deliveries tell what becomes of them."
        ),
        request=None,
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, uid: str) -> Response:
        channel = self.mine(uid)
        again = request.headers.get("Idempotency-Key", "")
        mark = f"{self.caller.key_id}:{again}" if again else ""
        sent = trials.send_test(channel, by=self.caller.name, mark=mark)
        return Answered(trial_out(trials.outcome(trials.wait_for(sent))))


@extend_schema_view(
    list=extend_schema(
        summary="List deliveries",
        description="Every message to every address, newest first.",
        parameters=[
            ORGANIZATION,
            OpenApiParameter(
                "state", description=f"pending, delivered, failed. {_SEVERAL}"
            ),
            OpenApiParameter("channel", description="A channel's id."),
            OpenApiParameter("alert", description="An alert's id."),
            OpenApiParameter("type", description=f"A type of channel. {_SEVERAL}"),
            OpenApiParameter("recipient", description="A mail address or number."),
            OpenApiParameter("start_date", OpenApiTypes.DATETIME),
            OpenApiParameter("end_date", OpenApiTypes.DATETIME),
            FORMAT,
        ],
    ),
    retrieve=extend_schema(summary="Show a delivery"),
)
@extend_schema(tags=["notifications"])
class DeliveryViewSet(NotificationsViewSet):
    """Deliveries: what was sent to whom, and how that ended."""

    queryset = Delivery.objects.none()
    query_parameters = frozenset(
        {"organization_id", "state", "channel", "alert", "type", "recipient"}
        | {"start_date", "end_date"}
    )
    missing = "There is no such delivery."

    def get_queryset(self) -> QuerySet[Delivery]:
        rows = Delivery.objects.select_related("organization", "channel")
        rows = rows.prefetch_related("attempts").order_by("-pk")
        return visible_to(self.caller, rows)

    @answers(s200=PageOut[DeliveryOut])
    def list(self, request: Request) -> Response:
        rows = self.rows(request).filter(self._asked(request))
        return self.listing(rows, delivery_out)

    @answers(s200=DeliveryOut)
    def retrieve(self, request: Request, uid: str) -> Response:
        return Answered(delivery_out(self.row(uid)))

    @answers(s200=DeliveryOut)
    @extend_schema(
        summary="Send it again",
        description=(
            "As a new attempt, at once; the answer tells how it ended, or after ten "
            "seconds that it is pending."
        ),
        request=None,
    )
    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, uid: str) -> Response:
        self._redeliver(request, uid)
        trials.wait_for([self.row(uid)])
        return Answered(delivery_out(self.row(uid)))

    @idempotent
    def _redeliver(self, request: Request, uid: str) -> Response:
        services.redeliver(self.row(uid), now=timezone.now())
        return Response({})

    def _asked(self, request: Request) -> Q:
        query = request.query_params
        asked = Q()
        if states := listed(query.get("state")):
            asked &= Q(state__in=known_words(states, DeliveryState.values, "state"))
        if kinds := listed(query.get("type")):
            asked &= Q(type__in=known_words(kinds, ChannelType.values, "type"))
        if channel := query.get("channel"):
            asked &= Q(channel__uid=_uid(channel, "channel"))
        if alert := query.get("alert"):
            asked &= Q(subject=alert)
        if recipient := query.get("recipient"):
            asked &= Q(recipient__iexact=recipient)
        start, end = range_of(query)
        if start:
            asked &= Q(created_at__gte=start)
        if end:
            asked &= Q(created_at__lt=end)
        return asked


@extend_schema(tags=["notifications"])
class PreferenceViewSet(NotificationsViewSet):
    """When people want mail: quiet hours, several in one."""

    queryset = Preference.objects.none()
    query_parameters = frozenset({"organization_id"})
    lookup_field = "recipient"
    lookup_value_regex = "[^/]+@[^/]+"

    def get_queryset(self) -> QuerySet[Preference]:
        rows = Preference.objects.select_related("organization").order_by("-pk")
        return visible_to(self.caller, rows)

    @answers(s200=PageOut[PreferenceOut])
    @extend_schema(summary="List preferences", parameters=[ORGANIZATION, FORMAT])
    def list(self, request: Request) -> Response:
        return self.listing(self.rows(request), preference_out)

    @answers(s200=PreferenceOut)
    @extend_schema(
        summary="Show a person's preferences",
        description="The defaults, where nothing was set.",
        parameters=[ORGANIZATION],
    )
    def retrieve(self, request: Request, recipient: str) -> Response:
        found = preferences.preference_of(self.organization(), recipient)
        return Answered(preference_out(found))

    @answers(s200=PreferenceOut)
    @extend_schema(
        summary="Set a person's preferences",
        request=PreferenceIn,
        description=f"What is left out gets its default. {_OWN_ONLY}",
        parameters=[ORGANIZATION],
    )
    def update(self, request: Request, recipient: str) -> Response:
        organization = self.organization()
        require_preference(self.caller, organization, recipient)
        shape = PreferenceIn(data=request.data)
        shape.is_valid(raise_exception=True)
        saved = preferences.set_preference(
            organization, recipient, **shape.validated_data
        )
        return Answered(preference_out(saved))

    @answers(s204=None)
    @extend_schema(
        summary="Go back to the default preferences",
        description=_OWN_ONLY,
        parameters=[ORGANIZATION],
    )
    def destroy(self, request: Request, recipient: str) -> Response:
        organization = self.organization()
        require_preference(self.caller, organization, recipient)
        preferences.forget_preference(organization, recipient)
        return Response(status=204)


def _uid(text: str, attr: str) -> UUID:
    found = uuid_of(text)
    if found is None:
        raise Invalid.field(attr, "Must be an id.")
    return found


def _tagged(channel: Channel) -> Response:
    return tagged(Answered(channel_out(channel)), version_of(channel))


def _sealed(saved: channels.Saved) -> dict[str, Any]:
    """Return the answer as it may be kept for a repeat."""
    return sealed(plain(channel_out(saved.channel)), saved.made_secret)
