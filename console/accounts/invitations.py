"""Inviting somebody, and the page behind the link that is mailed to them."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.admin import InvitationAdmin
from accounts.audit import current_actor, giving
from accounts.invitations import (
    LASTS,
    InvitationOver,
    accept,
    invite,
    needs_password,
    prolong,
    wants_password,
    withdraw,
)
from accounts.looking import runs_server
from accounts.models import Invitation, Organization
from accounts.scopes import Scope
from accounts.tenants import ServiceAdmin, ServiceForm, may
from console.mailed_link_page import MailedLinkPage
from console.pages import Pages, row_or_404
from lib.errors import Invalid, Refusal
from notifications.mailed_links import BadLink, issue, url_of, void
from notifications.models import ChannelType, MailedLink
from notifications.services import notify
from notifications.types import Link, Message, Target

PURPOSE = "join"


@transaction.atomic
def invite_by_mail(
    organization: Organization, email: str, role: str, *, by: str, now: datetime
) -> Invitation:
    """Invite somebody, and have the link mailed by which they accept.

    Raises:
        Refusal: as `accounts.invitations.invite` says; nothing is mailed.
    """
    invitation = invite(organization, email, role, by=by, now=now)
    _mail(invitation, f"invitation-{invitation.uid}", now)
    return invitation


@transaction.atomic
def mail_again(invitation: Invitation, *, now: datetime) -> None:
    """Mail a fresh link; those that were mailed before lead nowhere from then on.

    Raises:
        Refusal: as `accounts.invitations.prolong` says; nothing is mailed.
    """
    found = prolong(invitation, now=now)
    void(found.organization_id, purpose=PURPOSE, subject=found.uid, now=now)
    _mail(found, f"invitation-{found.uid}-{now.timestamp():.0f}", now)


@transaction.atomic
def link_to_hand_over(invitation: Invitation, *, now: datetime) -> str:
    """Return a link beside the mailed one, which somebody brings the person; that it
    was taken stands in the invitation's history.

    Raises:
        InvitationOver: nobody could accept by it.
    """
    found = Invitation.objects.open(now).filter(pk=invitation.pk).first()
    if found is None:
        raise InvitationOver("This invitation is over. Mail it again first.")
    with giving("Its link was shown, to be handed over."):
        found.save(update_fields=["mailed_at"])
    return _link(found)


def _mail(invitation: Invitation, key: str, now: datetime) -> None:
    notify(
        invitation.organization_id,
        [Target(ChannelType.EMAIL, recipient=invitation.email)],
        lambda _: _message(invitation),
        key=key,
        now=now,
    )


def _link(invitation: Invitation) -> str:
    token = issue(
        invitation.organization_id,
        purpose=PURPOSE,
        subject=invitation.uid,
        person=invitation.email,
        expires_at=invitation.expires_at,
    )
    return url_of("join", token)


def _message(invitation: Invitation) -> Message:
    organization = invitation.organization
    return Message(
        event="invited",
        subject=f"invitation-{invitation.uid}",
        severity="info",
        title=f"Join {organization.name} on CostOps",
        text=f"{invitation.invited_by} invites you to {organization.name} as "
        f"{invitation.get_role_display().lower()}.",
        links=(Link("See the invitation", _link(invitation)),),
        reason="You have no part in it until you accept; if you don't, do nothing.",
    )


class JoinPage(MailedLinkPage):
    """Shows an invitation, and takes that its reader accepts it."""

    purpose = PURPOSE
    template_name = "console/accounts/join.html"

    def context_of(self, link: MailedLink, now: datetime) -> dict[str, Any]:
        invitation = _invitation_of(link)
        is_open = invitation.accepted_at is None
        role = invitation.get_role_display().lower()
        name = invitation.organization.name
        return {
            "title": f"Join {name}" if is_open else f"You have joined {name}",
            "text": f"{invitation.invited_by} invites you to {name} as {role}.",
            "standing": "" if is_open else "You can log in now.",
            "is_open": is_open,
            "wants_password": is_open and wants_password(invitation),
            "needs_password": is_open and needs_password(invitation),
            "log_in_url": reverse("admin:index"),
        }

    def act(self, link: MailedLink, form: QueryDict, now: datetime) -> None:
        """Make the person a member, with the password they chose."""
        password = form.get("password", "")
        if password != form.get("again", ""):
            raise Invalid.field("again", "The two passwords differ.")
        accept(_invitation_of(link), password=password, now=now)


def _invitation_of(link: MailedLink) -> Invitation:
    """Return what *link* is good for.

    Raises:
        BadLink: it is gone or was withdrawn.
    """
    rows = Invitation.objects.select_related("organization")
    found = rows.filter(
        organization=link.organization_id, uid=link.subject, withdrawn_at=None
    ).first()
    if found is None:
        raise BadLink
    return found


join_by_link = JoinPage.as_view()


class InvitationForm(ServiceForm):
    class Meta:
        model = Invitation
        fields = ("organization", "email", "role")

    def serve(self) -> Invitation:
        given: dict[str, Any] = self.cleaned_data
        return invite_by_mail(**given, by=current_actor(), now=timezone.now())


@admin.register(Invitation)
class InvitationPages(Pages, ServiceAdmin, InvitationAdmin):
    form = InvitationForm

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        mine = self.writable_organizations(request).values_list("pk", flat=True)[:2]
        return initial | ({"organization": mine[0]} if len(mine) == 1 else {})

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("<int:invitation_id>/withdraw/", withdraw_view, "withdraw"),
            self.url("<int:invitation_id>/again/", again_view, "again"),
            self.url("<int:invitation_id>/link/", link_view, "link"),
            *super().get_urls(),
        ]

    def response_add(
        self, request: HttpRequest, obj: Invitation, post_url_continue: Any = None
    ) -> HttpResponse:
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        messages.success(
            request,
            f"{obj.email} is invited: the mail with the link is on its way. The link "
            f"is good for {LASTS.days} days.",
        )
        return redirect(place_of(obj.organization))


def place_of(organization: Organization) -> str:
    """Return the address of an organization's people and access."""
    place = reverse("admin:accounts_organization_people")
    return f"{place}?{urlencode({'organization': organization.slug})}"


def _found(request: HttpRequest, pages: Pages, invitation_id: int) -> Invitation:
    """Return an invitation that the person may withdraw or mail again.

    Raises:
        Http404: they see none with that id.
        PermissionDenied: it isn't theirs to change.
    """
    rows = pages.get_queryset(request)
    found: Invitation = row_or_404(rows, invitation_id, "invitation")
    if not may(request, Scope.ADMIN, found.organization):
        raise PermissionDenied
    return found


def withdraw_view(
    request: HttpRequest, pages: Pages, invitation_id: int
) -> HttpResponse:
    """Take an invitation back on POST; its page has the button."""
    found = _found(request, pages, invitation_id)
    if request.method != "POST":
        return redirect("admin:accounts_invitation_change", found.pk)
    now = timezone.now()
    try:
        with transaction.atomic():
            withdraw(found, now=now)
            void(found.organization_id, purpose=PURPOSE, subject=found.uid, now=now)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{found.email} can't join any more.")
    return redirect(place_of(found.organization))


def again_view(request: HttpRequest, pages: Pages, invitation_id: int) -> HttpResponse:
    """Mail an invitation once more, with a fresh link, on POST."""
    found = _found(request, pages, invitation_id)
    if request.method != "POST":
        return redirect("admin:accounts_invitation_change", found.pk)
    try:
        mail_again(found, now=timezone.now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request,
            f"{found.email} is mailed once more. The link of the mail before does not "
            "work any longer.",
        )
    return redirect(place_of(found.organization))


def link_view(request: HttpRequest, pages: Pages, invitation_id: int) -> HttpResponse:
    """Show a link to hand over, as the answer to a POST itself.

    Whoever has it becomes the person, with a password of their choice, in all
    organizations where they are invited later: so it is for who runs the server.
    """
    found = _found(request, pages, invitation_id)
    if not runs_server(request.user):
        raise PermissionDenied
    if request.method != "POST":
        return redirect("admin:accounts_invitation_change", found.pk)
    try:
        link = link_to_hand_over(found, now=timezone.now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("admin:accounts_invitation_change", found.pk)
    context = pages.page(
        request,
        title="Link to join",
        invitation=found,
        link=link,
        back=place_of(found.organization),
    )
    response = TemplateResponse(request, "console/accounts/join_link.html", context)
    response["Cache-Control"] = "no-store"
    return response
