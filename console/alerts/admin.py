"""Alerts in the admin: the inbox, what raises them, who is told next."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from accounts.permissions import Action
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin, TenantHistoryAdmin
from accounts.versions import seen_by
from alerts.models import Alert, AlertRule, EscalationPolicy
from budgets.tenants import OfBudgetAdmin
from console.alerts.alert_page import alert_page
from console.alerts.answers import answer_alert
from console.alerts.budget_page import budget_page
from console.alerts.inbox_page import inbox_page
from console.alerts.policy_page import new_policy, place_of, policy_page
from console.alerts.rule_page import delete_rule, new_rule, rule_page
from console.alerts.rules_page import rules_page
from console.pages import Pages, row_or_404


@admin.register(Alert)
class AlertAdmin(Pages, ReadOnlyAdmin):
    """The inbox in place of a list, and the page of one alert."""

    def get_urls(self) -> list[URLPattern]:
        answer = self.url("<int:alert_id>/answer/", answer_alert, "answer")
        return [answer, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        self.let_in(request)
        return inbox_page(request, self)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        return alert_page(request, self, object_id)


@admin.register(AlertRule)
class AlertRuleAdmin(OfBudgetAdmin, Pages, TenantHistoryAdmin):
    """What watches each budget, and the form of a rule with its preview."""

    write_scope = Scope.ALERTS_WRITE
    write_action = Action.WATCH
    may_delete = True
    asks_why = True
    fields = (
        *("organization", "budget", "type", "threshold", "basis", "probability"),
        *("condition", "sensitivity"),
        *("window", "severity", "channels", "recipients", "message", "cooldown_s"),
        "enabled",
    )

    def get_urls(self) -> list[URLPattern]:
        page = self.url("budget/<int:budget_id>/", budget_page, "budget")
        return [page, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        return rules_page(request, self)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "budget" not in request.GET:
            return rules_page(request, self)  # a rule begins with its budget
        return rule_page(request, self, new_rule(request))

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        rules = self.get_queryset(request).select_related("budget", "organization")
        return rule_page(request, self, row_or_404(rules, object_id, "rule"))

    def delete_model(self, request: HttpRequest, obj: AlertRule) -> None:
        delete_rule(obj, seen=seen_by(request.POST))

    def response_delete(
        self, request: HttpRequest, obj_display: str, obj_id: int
    ) -> HttpResponse:
        notices.success(request, f"“{obj_display}” is deleted.")
        return redirect("admin:alerts_alertrule_changelist")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields  # a past version is read, whoever reads it


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(OfBudgetAdmin, Pages, TenantHistoryAdmin):
    write_scope = Scope.ALERTS_WRITE
    write_action = Action.WATCH
    may_delete = True
    asks_why = True
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
        policy = new_policy(request, self)
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
        policy = row_or_404(rows, object_id, "escalation")
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
