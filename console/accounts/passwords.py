"""Pages for who can't log in: the password is forgotten, or was wrong too often."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from axes.helpers import get_cool_off
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.tokens import default_token_generator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse, reverse_lazy
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.views.generic import TemplateView
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget

from accounts.models import User
from lib.queue import enqueue
from notifications.transports import Parcel, mail
from notifications.types import Link, Message

MAILED_EVERY = timedelta(minutes=10)  # to one account, however often it is asked for
MAIL = "console.accounts.passwords.mail_link"


class ForgottenForm(forms.Form):
    """Takes an address, and tells nobody whether there is an account for it."""

    email = forms.EmailField(
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(
            attrs={"autocomplete": "email", "autofocus": True}
        ),
    )

    def save(self, **options: Any) -> None:
        """Have a link mailed to the person, unless one was a moment ago."""
        now = timezone.now()
        long_ago = Q(reset_mailed_at=None) | Q(reset_mailed_at__lt=now - MAILED_EVERY)
        asked = User.objects.filter(
            long_ago, email=self.cleaned_data["email"].lower(), is_active=True
        )
        for person in asked.values_list("pk", flat=True):
            # Of several at once, one mails.
            if asked.filter(pk=person).update(reset_mailed_at=now):
                enqueue(MAIL, person)


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # has it in stubs only
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = UnfoldAdminPasswordWidget(
                attrs={"autocomplete": "new-password"}
            )


class _Page(views.PasswordContextMixin, TemplateView):
    """What these pages share with those of the admin: its name and its look."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return admin.site.each_context(self.request) | context


class ForgottenPage(_Page, views.PasswordResetView):
    template_name = "console/accounts/forgotten.html"
    form_class = ForgottenForm  # type: ignore[assignment]  # it has what the view calls
    success_url = reverse_lazy("password_reset_done")


class SentPage(_Page, views.PasswordResetDoneView):
    template_name = "console/accounts/forgotten_sent.html"


class NewPasswordPage(_Page, views.PasswordResetConfirmView):
    template_name = "console/accounts/new_password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("password_reset_complete")


class SetPage(_Page, views.PasswordResetCompleteView):
    template_name = "console/accounts/new_password_set.html"


def urls() -> list[URLPattern]:
    """Return the addresses of these pages; the names are those the theme looks for."""
    return [
        path("password_reset/", ForgottenPage.as_view(), name="admin_password_reset"),
        path("password_reset/done/", SentPage.as_view(), name="password_reset_done"),
        path(
            "reset/<uidb64>/<token>/",
            NewPasswordPage.as_view(),
            name="password_reset_confirm",
        ),
        path("reset/done/", SetPage.as_view(), name="password_reset_complete"),
    ]


def mail_link(person_id: int) -> str:
    """Mail a person the link by which they set a password; say to whom.

    Not through the outbox: there colleagues see what was sent, and try it again.

    Raises:
        TransportError: no mail server took it; the queue tries again.
    """
    person = User.objects.filter(pk=person_id, is_active=True).first()
    if person is None:
        return "That person is no more."
    uid = str(uuid4())
    mail.send(
        Parcel(uid, uid, timezone.now(), (_message(person),), recipient=person.email)
    )
    return f"Mailed {person.email} a link to a new password."


def _message(person: User) -> Message:
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    token = default_token_generator.make_token(person)
    page = reverse("password_reset_confirm", args=[uid, token])
    return Message(
        event="password",
        subject=f"password-{person.pk}",
        severity="info",
        title="A new password for CostOps",
        text="Somebody, most likely you, said that they forgot their password. "
        "The link is good once, for an hour.",
        links=(Link("Set a new password", f"{settings.SITE_URL}{page}"),),
        reason="If it wasn't you, do nothing: your password stays as it is.",
    )


def throttled(
    request: HttpRequest, response: HttpResponse | None, credentials: Any
) -> HttpResponse:
    """Answer a log-in that came after too many wrong ones."""
    wait = get_cool_off(request) or timedelta()
    context = {
        **admin.site.each_context(request),
        "title": "Too many tries",
        "minutes": int(wait.total_seconds() // 60),
    }
    page = render(request, "console/accounts/throttled.html", context, status=429)
    page["Retry-After"] = str(int(wait.total_seconds()))
    return page
