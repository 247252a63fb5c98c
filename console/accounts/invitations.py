"""Inviting somebody, and the page behind the link that is mailed to them."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.admin import InvitationAdmin
from accounts.audit import current_actor
from accounts.invitations import (
    accept,
    invite,
    needs_password,
    wants_password,
    withdraw,
)
from accounts.models import Invitation, Organization
from accounts.tenants import ServiceAdmin, ServiceForm
from console.mailed_link_page import MailedLinkPage
from console.pages import row_or_404
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
    notify(
        organization.pk,
        [Target(ChannelType.EMAIL, recipient=invitation.email)],
        lambda _: _message(invitation),
        key=f"invitation-{invitation.uid}",
        now=now,
    )
    return invitation


def _message(invitation: Invitation) -> Message:
    organization = invitation.organization
    token = issue(
        organization.pk,
        purpose=PURPOSE,
        subject=invitation.uid,
        person=invitation.email,
        expires_at=invitation.expires_at,
    )
    return Message(
        event="invited",
        subject=f"invitation-{invitation.uid}",
        severity="info",
        title=f"Join {organization.name} on CostOps",
        text=f"{invitation.invited_by} invites you to {organization.name} as "
        f"{invitation.get_role_display().lower()}.",
        links=(Link("See the invitation", url_of("join", token)),),
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
class InvitationPages(ServiceAdmin, InvitationAdmin):
    form = InvitationForm

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        mine = self.writable_organizations(request).values_list("pk", flat=True)[:2]
        return initial | ({"organization": mine[0]} if len(mine) == 1 else {})

    def get_urls(self) -> list[URLPattern]:
        withdrawing = path(
            "<int:invitation_id>/withdraw/",
            self.admin_site.admin_view(self.withdraw_view),
            name="accounts_invitation_withdraw",
        )
        return [withdrawing, *super().get_urls()]

    def withdraw_view(self, request: HttpRequest, invitation_id: int) -> HttpResponse:
        """Take an invitation back on POST; its page has the button."""
        found: Invitation = row_or_404(
            self.get_queryset(request), invitation_id, "invitation"
        )
        if not self._may(request, self.write_scope, found):
            raise PermissionDenied
        if request.method == "POST":
            now = timezone.now()
            try:
                with transaction.atomic():
                    withdraw(found, now=now)
                    void(
                        found.organization_id,
                        purpose=PURPOSE,
                        subject=found.uid,
                        now=now,
                    )
            except Refusal as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(request, f"{found.email} can't join any more.")
        return redirect("admin:accounts_invitation_change", found.pk)
