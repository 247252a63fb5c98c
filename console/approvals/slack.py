"""Slack in the admin: the app whose buttons are believed, and who is who there."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import Organization, User
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ServiceForm, person
from approvals.models import How, SlackApp, SlackUser
from approvals.slack import (
    PRESSES,
    PURPOSE,
    confirm_user,
    forget_user,
    name_user,
    set_up_app,
    take_down_app,
)
from approvals.types import By
from console.mailed_link_page import MailedLinkPage, visit_of
from console.notifications.forms import WriteOnlyInput
from notifications.admin import PrefilledAdmin
from notifications.mailed_links import BadLink
from notifications.models import MailedLink


class _SlackForm(ServiceForm):
    by: ClassVar[By]  # set by the page that makes the form

    def organization(self) -> Organization:
        found: Organization = (
            self.cleaned_data.get("organization") or self.instance.organization
        )
        return found


class _SlackAdmin(PrefilledAdmin):
    """Finance admins alone see it and change it; who deletes leaves a trace."""

    read_scope = Scope.ADMIN
    write_scope = Scope.ADMIN
    may_delete = True
    list_filter = (OrganizationFilter,)

    def get_form(
        self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, *args, **kwargs)
        form.by = By.someone(person(request), How.SESSION, visit_of(request))
        return form


class SlackAppForm(_SlackForm):
    signing_secret = forms.CharField(
        required=False,
        widget=WriteOnlyInput(),
        help_text="In Slack: your app, Basic Information, App Credentials. Kept "
        "encrypted and never shown again; leave it empty to keep the present one.",
    )

    class Meta:
        model = SlackApp
        fields = ("organization", "team")
        help_texts: ClassVar = {
            "team": "The workspace's id, T012AB3CD: in Slack's address in a browser."
        }

    def validate_unique(self) -> None:
        """Leave it to the service: where there is an app, that one is changed."""

    def serve(self) -> SlackApp:
        return set_up_app(
            self.organization(),
            team=self.cleaned_data["team"],
            signing_secret=self.cleaned_data["signing_secret"],
            by=self.by,
            now=timezone.now(),
        )


@admin.register(SlackApp)
class SlackAppAdmin(_SlackAdmin):
    empty_words = (
        "Channels tell Slack of requests, with a link. With the signing secret of your "
        "app the messages have buttons too, and who is named under “People in Slack” "
        "decides by them."
    )
    form = SlackAppForm
    list_display = ("organization", "team")
    list_select_related = ("organization",)
    readonly_fields = ("address",)
    fields = ("organization", "team", "signing_secret", "address")

    @admin.display(description="request URL")
    def address(self, obj: SlackApp) -> str | SafeString:
        """Where Slack is to send what is pressed."""
        if obj.pk is None:
            return "Save it first."
        return format_html(
            "<code>{}</code> In Slack: your app, Interactivity &amp; Shortcuts.",
            f"{settings.SITE_URL}{reverse(PRESSES, args=[obj.organization.slug])}",
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.hold_as_shown(request, obj)
        by = By.someone(person(request), How.SESSION, visit_of(request))
        take_down_app(obj, by=by, now=timezone.now())


class SlackUserForm(_SlackForm):
    class Meta:
        model = SlackUser
        fields = ("organization", "person", "slack_id")
        help_texts: ClassVar = {
            "slack_id": "In Slack: their profile, More, Copy member ID."
        }

    def serve(self) -> SlackUser:
        whom: User = self.cleaned_data.get("person") or self.instance.person
        return name_user(
            self.organization(),
            whom,
            self.cleaned_data["slack_id"],
            by=self.by,
            now=timezone.now(),
        )


@admin.register(SlackUser)
class SlackUserAdmin(_SlackAdmin):
    empty_words = (
        "Who decides by buttons in Slack is named here, with their member id. They are "
        "mailed, and have to confirm that it is them."
    )
    form = SlackUserForm
    list_display = ("person", "slack_id", "organization", "state")
    list_select_related = ("organization", "person")
    search_fields = ("person__email", "slack_id")
    fields = ("organization", "person", "slack_id")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ("person",) if obj else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.hold_as_shown(request, obj)
        by = By.someone(person(request), How.SESSION, visit_of(request))
        forget_user(obj, by=by, now=timezone.now())

    @admin.display(description="state")
    def state(self, obj: SlackUser) -> str:
        return "confirmed" if obj.confirmed_at else "has not confirmed: decides nothing"


class ConfirmSlackPage(MailedLinkPage):
    """Shows which member of Slack its reader is said to be, and takes that they are."""

    purpose = PURPOSE
    template_name = "console/approvals/confirm_slack.html"

    def context_of(self, link: MailedLink, now: datetime) -> dict[str, Any]:
        named = _named_by(link)
        is_open = named.confirmed_at is None
        return {
            "title": f"Is {named.slack_id} in Slack you?",
            "text": f"{named.named_by} says that the member {named.slack_id} of "
            f"{named.organization}'s Slack is {link.person}. What that member presses "
            "under a request for money is then decided in your name.",
            "standing": "" if is_open else "You said so: it is you.",
            "is_open": is_open,
        }

    def act(self, link: MailedLink, form: QueryDict, now: datetime) -> None:
        named = _named_by(link)
        by = By.someone(named.person, How.LINK, visit_of(self.request))
        confirm_user(named, by=by, now=now)

    def burnt(self, link: MailedLink, now: datetime) -> None:
        """Take it back: whoever is mailed says that it is not them."""
        by = By("whoever held the link", How.LINK, visit=visit_of(self.request))
        forget_user(_named_by(link), by=by, now=now)


def _named_by(link: MailedLink) -> SlackUser:
    """Return what *link* asks about.

    Raises:
        BadLink: it was taken back, or their address is another by now.
    """
    rows = SlackUser.objects.filter(
        organization=link.organization_id, uid=link.subject, person__email=link.person
    )
    found = rows.select_related("organization", "person").first()
    if found is None:
        raise BadLink
    return found


confirm_slack = ConfirmSlackPage.as_view()
