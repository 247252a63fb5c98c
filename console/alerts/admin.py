"""Alerts in the admin: the inbox, what raises them, who is told next, silences."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.contrib import messages as notices
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone

from accounts.scopes import Scope
from accounts.tenants import (
    OrganizationFilter,
    ReadOnlyAdmin,
    TenantHistoryAdmin,
)
from alerts.models import (
    Alert,
    AlertRule,
    EscalationPolicy,
    MaintenanceWindow,
    NotAnAnomaly,
)
from console.alerts.alert_page import alert_page
from console.alerts.inbox_page import answer_view, inbox_page
from console.alerts.policy_page import new_policy, place_of, policy_page
from console.alerts.rules_page import (
    budget_page,
    delete_rule,
    new_rule,
    rule_page,
    rules_page,
)
from lib.humanize import clock, lasting, locale_of
from lib.money import format_money


class _Pages:
    """Pages of its own in place of a model's list and form."""

    admin_site: Any

    def page(self, request: HttpRequest, **context: Any) -> dict[str, Any]:
        shown: dict[str, Any] = self.admin_site.each_context(request)
        return shown | {"opts": self.opts} | context  # type: ignore[attr-defined]  # ModelAdmin's

    def url(self, route: str, view: Any, name: str) -> URLPattern:
        wrapped = self.admin_site.admin_view(view)
        pattern: URLPattern = path(route, wrapped, name=name)
        return pattern


@admin.register(Alert)
class AlertAdmin(_Pages, ReadOnlyAdmin):
    """The inbox in place of a list, and the page of one alert."""

    def get_urls(self) -> list[URLPattern]:
        answer = self.url("<int:alert_id>/answer/", self.answer, "alerts_alert_answer")
        return [answer, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        self._let_in(request)
        return inbox_page(request, self)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self._let_in(request)
        return alert_page(request, self, object_id)

    def answer(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        self._let_in(request)
        return answer_view(request, self, alert_id)

    def _let_in(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


@admin.register(AlertRule)
class AlertRuleAdmin(_Pages, TenantHistoryAdmin):
    """What watches each budget, and the form of a rule with its preview."""

    write_scope = Scope.ALERTS_WRITE
    may_delete = True
    fields = (
        *("organization", "budget", "type", "threshold", "condition", "sensitivity"),
        *("window", "severity", "channels", "recipients", "message", "cooldown_s"),
        "enabled",
    )

    def get_urls(self) -> list[URLPattern]:
        name = "alerts_alertrule_budget"
        page = self.url("budget/<int:budget_id>/", self.of_budget, name)
        return [page, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        return rules_page(request, self)

    def of_budget(self, request: HttpRequest, budget_id: int) -> HttpResponse:
        return budget_page(request, self, budget_id)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "budget" not in request.GET:
            return rules_page(request, self)  # a rule begins with its budget
        return rule_page(request, self, new_rule(request))

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        rules = self.get_queryset(request).select_related("budget", "organization")
        rule = get_object_or_404(rules, pk=object_id)
        return rule_page(request, self, rule)

    def delete_model(self, request: HttpRequest, obj: AlertRule) -> None:
        delete_rule(obj)

    def response_delete(
        self, request: HttpRequest, obj_display: str, obj_id: int
    ) -> HttpResponse:
        notices.success(request, f"“{obj_display}” is deleted.")
        return redirect("admin:alerts_alertrule_changelist")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields  # a past version is read, whoever reads it


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(_Pages, TenantHistoryAdmin):
    write_scope = Scope.ALERTS_WRITE
    may_delete = True
    list_before_template = "console/alerts/no_policies.html"
    list_display = ("name", "place", "ladder", "enabled")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization", "budget")
    search_fields = ("name", "budget__name")
    ordering = ("organization", "name")
    fields = (
        *("organization", "budget", "name", "enabled", "levels", "repeat"),
        *("repeat_after_s", "timezone", "holidays"),
    )

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        policy = new_policy(request)
        same = EscalationPolicy.objects.filter(
            organization=policy.organization, budget=policy.budget
        )
        if there := same.first():
            return redirect("admin:alerts_escalationpolicy_change", there.pk)
        return policy_page(request, self, policy)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        rows = self.get_queryset(request).select_related("budget", "organization")
        policy = get_object_or_404(rows, pk=object_id)
        return policy_page(request, self, policy)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    class Media:
        css: ClassVar = {"all": ["console/alerts.css"]}

    @admin.display(description="for")
    def place(self, obj: EscalationPolicy) -> str:
        return place_of(obj)

    @admin.display(description="levels")
    def ladder(self, obj: EscalationPolicy) -> str:
        return f"{len(obj.levels)} level{'s' if len(obj.levels) != 1 else ''}"


class MaintenanceForm(forms.ModelForm[MaintenanceWindow]):
    class Meta:
        model = MaintenanceWindow
        fields = ("organization", "budget", "starts_at", "ends_at", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", "Must be after it starts.")
        budget = cleaned.get("budget")
        organization = cleaned.get("organization") or self.instance.organization
        if budget is not None and budget.organization_id != organization.pk:
            self.add_error("budget", f"Must be a budget of {organization}.")
        return cleaned


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(TenantHistoryAdmin):
    write_scope = Scope.ALERTS_WRITE
    may_delete = True
    form = MaintenanceForm
    list_display = ("reason", "whom", "begins", "ends", "state", "created_by")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization", "budget")
    search_fields = ("reason", "budget__name")
    autocomplete_fields = ("budget",)
    fieldsets = (
        (
            None,
            {
                "fields": ("organization", "budget", "starts_at", "ends_at", "reason"),
                "description": "While it lasts nobody is told anything of these "
                "budgets, by any step: alerts fire, and wait in the inbox. "
                "Times are UTC.",
            },
        ),
    )

    @admin.display(description="silences", ordering="budget__name")
    def whom(self, obj: MaintenanceWindow) -> str:
        return str(obj.budget or f"All of {obj.organization}")

    @admin.display(description="from (UTC)", ordering="starts_at")
    def begins(self, obj: MaintenanceWindow) -> str:
        return clock(obj.starts_at, ZoneInfo("UTC"))

    @admin.display(description="until (UTC)", ordering="ends_at")
    def ends(self, obj: MaintenanceWindow) -> str:
        return clock(obj.ends_at, ZoneInfo("UTC"))

    @admin.display(description="state", ordering="ends_at")
    def state(self, obj: MaintenanceWindow) -> str:
        now = timezone.now()
        if obj.ends_at <= now:
            return "over"
        if obj.starts_at > now:
            return f"begins in {lasting(obj.starts_at - now)}"
        return f"silent for another {lasting(obj.ends_at - now)}"


@admin.register(NotAnAnomaly)
class NotAnAnomalyAdmin(ReadOnlyAdmin):
    """Days that somebody said were fine; taken back by deleting them."""

    write_scope = Scope.ALERTS_WRITE
    may_delete = True
    list_filter = (OrganizationFilter,)
    list_select_related = ("budget",)
    search_fields = ("budget__name", "said_by")
    ordering = ("-day", "-pk")
    fields = ("budget", "day", "amount", "said_by", "said_at")

    def get_list_display(self, request: HttpRequest) -> Any:
        locale = locale_of(request)

        @admin.display(description="amount", ordering="amount")
        def amount(row: NotAnAnomaly) -> str:
            return format_money(row.amount, row.budget.currency, locale)

        return ("budget", "day", amount, "said_by", "said_at")
