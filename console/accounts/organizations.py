"""Making and changing an organization, under the same rules as over the API, and the
pages of who has a part in it."""

from calendar import month_name
from typing import Any

from django import forms
from django.contrib import admin
from django.urls import URLPattern
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin import OrganizationAdmin
from accounts.models import Organization
from accounts.organizations import make_organization
from accounts.tenants import ServiceAdmin, ServiceForm
from budgets.organizations import change_organization
from console.accounts.looking import look
from console.accounts.people_page import people_page
from console.accounts.roles_page import roles_page
from console.pages import Pages


class OrganizationForm(ServiceForm):
    fiscal_year_start_month = forms.TypedChoiceField(
        label="Fiscal year begins in",
        choices=list(enumerate(month_name))[1:],
        coerce=int,
        initial=1,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Organization
        exclude = ()

    def serve(self) -> Organization:
        values: dict[str, Any] = self.cleaned_data
        if self.instance.pk is None:
            return make_organization(**values)
        return change_organization(self.instance, values, seen=self.seen)


@admin.register(Organization)
class OrganizationPages(Pages, ServiceAdmin, OrganizationAdmin):
    form = OrganizationForm
    change_form_before_template = "console/accounts/organization_top.html"

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("people/", people_page, "people"),
            self.url("roles/", roles_page, "roles"),
            self.url("look/", look, "look"),
            *super().get_urls(),
        ]
