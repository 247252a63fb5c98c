"""Views that are kept: one's own, and those that are shared."""

from dataclasses import dataclass
from datetime import UTC

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import Organization, User
from accounts.scopes import Scope
from accounts.tenants import may, person
from console.pages import Pages, organization_or_404
from lib.errors import Invalid
from reports.models import SpendView
from reports.models.spending import VIEW_NAME_TAKEN
from reports.spending.questions import LONGEST_QUERY, question_of


@dataclass(frozen=True, slots=True)
class KeptView:
    """A view that the reader may open."""

    view: SpendView
    url: str
    is_own: bool


def views_of(user: User, organization: Organization) -> list[KeptView]:
    """Return the views somebody may open, their own first. One query."""
    rows = SpendView.objects.filter(organization=organization).seen_by(user)
    found = [
        KeptView(view, address_of(view, organization.slug), view.owner_id == user.pk)
        for view in rows.select_related("owner")
    ]
    return sorted(found, key=lambda one: (not one.is_own, one.view.name))


def address_of(view: SpendView, slug: str) -> str:
    place = reverse("admin:reports_spendview_explore")
    named = urlencode({"organization": slug, "view": str(view.pk)})
    return f"{place}?{named}&{view.query}"


class SavingForm(forms.Form):
    name = forms.CharField(max_length=100)
    is_shared = forms.BooleanField(required=False)
    query = forms.CharField(max_length=LONGEST_QUERY)


def save_view(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Keep what is asked under a new name; whoever may change budgets may share it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    organization = organization_or_404(request, request.POST.get("organization", ""))
    form = SavingForm(request.POST)
    back = f"{reverse('admin:reports_spendview_explore')}?"
    back += urlencode({"organization": organization.slug})
    if not form.is_valid():
        messages.error(request, "Give the view a name of up to 100 characters.")
        return redirect(back)
    wanted = form.cleaned_data
    try:
        asked = question_of(
            QueryDict(wanted["query"]), timezone.now().astimezone(UTC).date()
        )
    except Invalid as refusal:
        messages.error(request, str(refusal))
        return redirect(back)
    back += f"&{asked.query()}"
    shares = wanted["is_shared"] and may(request, Scope.BUDGETS_WRITE, organization)
    try:
        with transaction.atomic():
            SpendView.objects.create(
                organization=organization,
                owner=person(request),
                name=wanted["name"],
                query=asked.query(),
                is_shared=shares,
            )
    except IntegrityError:
        messages.error(request, VIEW_NAME_TAKEN)
        return redirect(back)
    who = "everybody here sees it" if shares else "only you see it"
    messages.success(request, f"“{wanted['name']}” is kept; {who}.")
    return redirect(back)
