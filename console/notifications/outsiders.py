"""Recipients outside the organization: the page that asks them, and who answers."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin, may, person
from console.mailed_link_page import MailedLinkPage
from console.pages import Pages, row_or_404
from lib.errors import Refusal
from notifications.mailed_links import BadLink
from notifications.models import MailedLink, Outsider
from notifications.outsiders import PURPOSE, confirm, refuse
from notifications.services import ask_again, ask_outsiders


class ConfirmPage(MailedLinkPage):
    """Shows who wants to mail its reader, and takes that they want it."""

    purpose = PURPOSE
    template_name = "console/notifications/confirm.html"

    def context_of(self, link: MailedLink, now: datetime) -> dict[str, Any]:
        outsider = _outsider_of(link)
        name = Organization.objects.get(pk=outsider.organization_id).name
        is_open = outsider.confirmed_at is None
        return {
            "title": f"Alerts of {name}" if is_open else "You get these alerts",
            "text": f"{name} would tell {outsider.address} when budgets for AI models "
            "run out. You get nothing unless you say so.",
            "standing": "" if is_open else "You are told from now on.",
            "is_open": is_open,
        }

    def act(self, link: MailedLink, form: QueryDict, now: datetime) -> None:
        """Let the organization's mail through."""
        confirm(_outsider_of(link), by=link.person, now=now)

    def burnt(self, link: MailedLink, now: datetime) -> None:
        refuse(_outsider_of(link), now=now)


def _outsider_of(link: MailedLink) -> Outsider:
    """Return whom *link* is for.

    Raises:
        BadLink: they are gone, or have refused.
    """
    rows = Outsider.objects.filter(organization=link.organization_id, refused_at=None)
    found = rows.filter(uid=link.subject).first()
    if found is None:
        raise BadLink
    return found


confirm_by_link = ConfirmPage.as_view()


@admin.register(Outsider)
class OutsiderAdmin(Pages, ReadOnlyAdmin):
    """Who is outside and was named; finance admins may answer for them."""

    empty_words = (
        "When a rule, a level or a channel names a mail address outside the "
        "organization's people, it is asked once by mail and stands here. Nothing else "
        "goes there before they confirm, or a finance admin answers for them."
    )
    list_display = ("address", "organization", "state", "asked_at", "confirmed_by")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization",)
    search_fields = ("address",)
    fields = (
        *("address", "organization", "state", "asked_at", "confirmed_at"),
        *("confirmed_by", "refused_at"),
    )
    change_form_before_template = "console/notifications/outsider_actions.html"

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("<int:outsider_id>/vouch/", vouch, "vouch"),
            self.url("<int:outsider_id>/ask/", ask, "ask"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        shown = {"may_vouch": found is not None and _may_vouch(request, found)}
        return super().change_view(request, object_id, form_url, shown)

    @admin.display(description="state")
    def state(self, obj: Outsider) -> str:
        if obj.refused_at:
            return "refused"
        if obj.confirmed_at is None:
            return "has not confirmed: nothing else is mailed"
        mine = obj.confirmed_by == obj.address
        return "confirmed" if mine else "confirmed by a finance admin"


def _may_vouch(request: HttpRequest, outsider: Outsider) -> bool:
    return may(request, Scope.ADMIN, outsider.organization)


def vouch(request: HttpRequest, pages: Pages, outsider_id: int) -> HttpResponse:
    """Take a finance admin's word that they want the mail, on POST; it is kept."""
    found = _answerable(request, pages, outsider_id)
    if request.method == "POST":
        if confirm(found, by=person(request).email, now=timezone.now()):
            messages.success(request, f"{found} is told from now on: you said so.")
        else:
            messages.error(request, f"{found} has answered before.")
    return redirect("admin:notifications_outsider_change", found.pk)


def ask(request: HttpRequest, pages: Pages, outsider_id: int) -> HttpResponse:
    """Mail the question once more, on POST."""
    found = _answerable(request, pages, outsider_id)
    if request.method == "POST":
        try:
            ask_again(found, now=timezone.now())
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{found} is asked once more.")
    return redirect("admin:notifications_outsider_change", found.pk)


def _answerable(request: HttpRequest, pages: Pages, outsider_id: int) -> Outsider:
    found: Outsider = row_or_404(
        pages.get_queryset(request), outsider_id, "outside recipient"
    )
    if not _may_vouch(request, found):
        raise PermissionDenied
    return found


def warn_of_outsiders(
    request: HttpRequest, organization_id: int, addresses: list[str]
) -> None:
    """Ask those of *addresses* that are outside, and say that they have to confirm."""
    waiting = ask_outsiders(organization_id, addresses, now=timezone.now())
    if waiting:
        messages.warning(
            request,
            f"{', '.join(waiting)}: outside the organization, and told nothing until "
            "they confirm by the link that was mailed to them. A finance admin may "
            "answer for them under “Outside recipients”.",
        )
