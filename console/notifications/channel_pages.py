"""The pages of channels beside their forms: the types, a test, a new secret."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.scopes import Scope
from accounts.tenants import may, person
from accounts.versions import ChangedMeanwhile, seen_by
from console.notifications.outcomes import SENT
from console.notifications.preview import preview_part
from console.notifications.wording import PURPOSES
from console.pages import Pages, row_or_404
from lib.errors import Refusal
from notifications import trials
from notifications.channels import Saved, rotate_secret
from notifications.models import Channel, ChannelType


def types_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Ask which type a new channel is of."""
    kinds = [(value, label, PURPOSES[value]) for value, label in ChannelType.choices]
    context = pages.page(request, title="Set up a channel", types=kinds)
    return TemplateResponse(request, "console/notifications/types.html", context)


def preview_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    if not may(request, Scope.ALERTS_WRITE, None):
        raise PermissionDenied
    return preview_part(request)


def send_test(request: HttpRequest, pages: Pages, channel_id: int) -> HttpResponse:
    """Have a test message sent, and show the page that waits for what becomes of it."""
    channel = _writable(request, pages, channel_id)
    place = reverse("admin:notifications_channel_change", args=[channel.pk])
    if request.method == "POST":
        try:
            sent = trials.send_test(channel, by=person(request).email)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            return redirect(f"{place}?{SENT}={sent[0].uid}" if sent else place)
    return redirect(place)


def rotate_page(request: HttpRequest, pages: Pages, channel_id: int) -> HttpResponse:
    """Ask before a new signing secret is made; then show it."""
    channel = _writable(request, pages, channel_id)
    if channel.type != ChannelType.WEBHOOK:
        raise Http404
    if request.method == "POST":
        try:
            saved = rotate_secret(
                channel, now=timezone.now(), seen=seen_by(request.POST)
            )
        except ChangedMeanwhile as refusal:
            messages.error(request, refusal.for_people)
            return redirect(request.path)
        return secret_page(request, pages, saved, "New signing secret")
    title = f"New signing secret for {channel}"
    context = pages.page(request, title=title, channel=channel)
    return TemplateResponse(request, "console/notifications/rotate.html", context)


def secret_page(
    request: HttpRequest, pages: Pages, saved: Saved, title: str
) -> HttpResponse:
    """Show a signing secret, this once, as the answer itself."""
    context = pages.page(
        request, title=title, channel=saved.channel, secret=saved.made_secret
    )
    page = TemplateResponse(request, "console/notifications/secret_made.html", context)
    page["Cache-Control"] = "no-store"
    return page


def _writable(request: HttpRequest, pages: Pages, channel_id: int) -> Channel:
    channel: Channel = row_or_404(pages.get_queryset(request), channel_id, "channel")
    if not pages.has_change_permission(request, channel):
        raise PermissionDenied
    return channel
