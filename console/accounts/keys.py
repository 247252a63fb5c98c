"""Making an API key, whose secret is shown once, and revoking one."""

import json
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from accounts.admin import ApiKeyAdmin
from accounts.keys import make_key, revoke
from accounts.models import ApiKey
from accounts.scopes import Scope
from console.budgets.first_steps import arrival_url, arrived


@admin.register(ApiKey)
class KeyPages(ApiKeyAdmin):
    change_form_before_template = "console/accounts/key_actions.html"
    change_form_after_template = "console/accounts/key_use.html"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        mine = self.writable_organizations(request).values_list("pk", flat=True)[:2]
        return initial | ({"organization": mine[0]} if len(mine) == 1 else {})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        call = first_request(found, "YOUR_KEY", site_of(request)) if found else ""
        shown = {"curl": call}
        return super().change_view(request, object_id, form_url, shown)

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: Any, change: Any
    ) -> None:
        made = make_key(
            obj.name,
            organization=obj.organization,
            user=obj.user,
            scopes=form.cleaned_data["scopes"],
            expires_at=obj.expires_at,
        )
        obj.pk = made.key_id
        obj.refresh_from_db()
        request.META["costops.secret"] = made.secret

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, which is kept nowhere, as the answer itself."""
        secret = request.META.pop("costops.secret")
        context = {
            **self.admin_site.each_context(request),
            "title": "API key made",
            "opts": self.opts,
            "key": obj,
            "allowed": self.allowed(obj),
            "secret": secret,
            "curl": first_request(obj, secret, site_of(request)),
            "arrival": arrival_of(obj),
        }
        response = TemplateResponse(request, "console/accounts/key_made.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def get_urls(self) -> list[URLPattern]:
        revoking = path(
            "<int:key_id>/revoke/",
            self.admin_site.admin_view(self.revoke_view),
            name="accounts_apikey_revoke",
        )
        return [revoking, *super().get_urls()]

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        key = get_object_or_404(self.get_queryset(request), pk=key_id)
        if not self._may(request, self.write_scope, key):
            raise PermissionDenied
        if request.method == "POST":
            revoke(key)
            self.message_user(request, f"“{key.name}” is revoked.", messages.SUCCESS)
            return redirect("admin:accounts_apikey_change", key.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revoke {key.name}",
            "opts": self.opts,
            "key": key,
        }
        return TemplateResponse(request, "console/accounts/key_revoke.html", context)


def arrival_of(key: ApiKey) -> str:
    """Return the address that says whether what *key* reports came in; "": it is not
    the first of its organization, or the key reports nothing.
    """
    if key.organization is None or Scope.USAGE_WRITE not in key.scopes:
        return ""
    return "" if arrived(key.organization) else arrival_url(key.organization)


def site_of(request: HttpRequest) -> str:
    """Return where the API is: as it is set, or where this page was asked for if that
    is elsewhere, such as on another port."""
    asked = f"{request.scheme}://{request.get_host()}"
    is_same = urlsplit(settings.SITE_URL).netloc == urlsplit(asked).netloc
    return str(settings.SITE_URL) if is_same else asked


def first_request(key: ApiKey, secret: str, site: str) -> str:
    """Return a command for a terminal that shows the key at what it is for."""
    call: dict[str, Any] = {"provider": "openai", "model": "gpt-4o"}
    if key.organization is None:
        call["organization_id"] = "ORGANIZATION"
    if Scope.CONTROLS_AUTHORIZE in key.scopes:
        call |= {"input_tokens": 1200, "max_output_tokens": 500}
        return _curl(f"{site}/api/v1/authorizations", secret, call)
    if Scope.USAGE_WRITE in key.scopes:
        moment = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
        tokens = {"input_tokens": 1200, "output_tokens": 350}
        return _curl(
            f"{site}/api/v1/usage",
            secret,
            {"id": "call-0001", "timestamp": moment} | call | tokens,
        )
    place = "budgets" if Scope.BUDGETS_READ in key.scopes else "health"
    place = "costs" if Scope.COSTS_READ in key.scopes else place
    return _curl(f"{site}/api/v1/{place}", secret, None)


def _curl(address: str, secret: str, body: dict[str, Any] | None) -> str:
    lines = [
        f"curl {address}",
        f'-H "Authorization: Bearer {secret}"',
    ]
    if body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(body)}'"]
    return " \\\n  ".join(lines)
