"""Organizations, people and keys in the admin."""

from calendar import month_name
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.forms import AdminPasswordChangeForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.access import organizations_of
from accounts.models import ApiKey, Invitation, Membership, Organization, User
from accounts.people import person_for
from accounts.person_forms import PersonCreationForm, PersonForm
from accounts.scopes import SCOPES_OF_USE, KeyUse, Scope
from accounts.tenants import (
    OrganizationFilter,
    TenantHistoryAdmin,
    TenantModelAdmin,
    may,
    person,
)
from lib.humanize import ago, exact_clock


class OrganizationAdmin(TenantHistoryAdmin):
    """Registered by console.accounts.organizations, which knows what rests on one."""

    empty_words = (
        "Budgets, costs and people belong to an organization. One is made when its "
        "first usage comes in, or here."
    )
    write_scope = Scope.ADMIN
    list_display = ("name", "slug", "currency", "timezone", "fiscal_year", "unpriced")
    search_fields = ("name", "slug")
    list_filter = ("currency",)
    fieldsets = (
        (None, {"fields": ("name", "slug")}),
        (
            "Money and time",
            {"fields": ("currency", "timezone", "fiscal_year_start_month")},
        ),
        ("Usage without a known price", {"fields": ("unpriced_policy",)}),
        ("Usage that is reported twice", {"fields": ("response_ids",)}),
        ("Usage of closed months", {"fields": ("late_records",)}),
        ("Requests for money", {"fields": ("links_decide_up_to",)}),
        ("Forecasts", {"fields": ("holiday_calendar",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        return organizations_of(person(request))

    def organization_of(self, row: Any) -> Organization | None:
        if isinstance(row, Organization):
            return row
        return None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Senders and links know the slug; what is booked is in the currency."""
        return ("slug", "currency") if obj else ()

    @admin.display(
        description="fiscal year begins in", ordering="fiscal_year_start_month"
    )
    def fiscal_year(self, obj: Organization) -> str:
        return month_name[obj.fiscal_year_start_month]

    @admin.display(description="unpriced usage", ordering="unpriced_policy")
    def unpriced(self, obj: Organization) -> str:
        return obj.get_unpriced_policy_display()


class MembershipForm(forms.ModelForm[Membership]):
    """Takes a person by their email address; for superusers, who need not ask them."""

    email = forms.EmailField(
        label="Email address",
        widget=UnfoldAdminEmailInputWidget,
        help_text="A person who is new here gets an account without a password.",
    )

    class Meta:
        model = Membership
        fields = ("organization", "role")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        organization = cleaned.get("organization")
        address = cleaned.get("email", "").lower()
        if Membership.objects.filter(
            organization=organization, user__email=address
        ).exists():
            self.add_error("email", "Has a role in this organization already.")
        return cleaned


@admin.register(Membership)
class MembershipAdmin(TenantHistoryAdmin):
    write_scope = Scope.ADMIN
    may_delete = True
    list_display = ("who", "role", "organization")
    list_display_links = ("who",)
    list_filter = ("role", OrganizationFilter)
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "user__first_name", "user__last_name")
    list_before_template = "console/accounts/members_top.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Others invite: a person has a say in where they belong."""
        return bool(getattr(request.user, "is_superuser", False))

    def get_form(
        self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = MembershipForm
        return super().get_form(request, obj, *args, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        who = "user" if obj else "email"
        return ("organization", who, "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("organization", "user") if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Membership, form: Any, change: Any
    ) -> None:
        if not change:
            obj.user = person_for(form.cleaned_data["email"])
        super().save_model(request, obj, form, change)

    @admin.display(description="person", ordering="user__email")
    def who(self, obj: Membership) -> str:
        name = obj.user.get_full_name()
        return f"{name}, {obj.user.email}" if name else obj.user.email


class InvitationAdmin(TenantHistoryAdmin):
    """Registered by console.accounts.invitations, which mails them."""

    empty_words = (
        "Whoever is to see costs or answer alerts is invited by mail. They have no "
        "part in the organization until they accept."
    )
    read_scope = Scope.ADMIN
    write_scope = Scope.ADMIN
    list_display = ("email", "role", "organization", "invited_by", "state")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization",)
    search_fields = ("email",)
    change_form_before_template = "console/accounts/invitation_actions.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # one is mailed and withdrawn, nothing between

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("organization", "email", "role")
        return (
            *("organization", "email", "role", "state"),
            *("invited_by", "mailed_at", "expires_at"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    @admin.display(description="state")
    def state(self, obj: Invitation) -> str:
        if obj.accepted_at:
            return "accepted"
        if obj.withdrawn_at:
            return "withdrawn"
        return "over" if obj.expires_at <= timezone.now() else "open"


@admin.register(User)
class PersonAdmin(DjangoUserAdmin, TenantModelAdmin):  # type: ignore[type-arg]  # unfold's has no types
    """People; only superusers change accounts, since one may be in many places."""

    organization_path = "memberships__organization"
    empty_words = "Whoever accepts an invitation stands here."
    read_scope = Scope.ADMIN
    form = PersonForm
    add_form = PersonCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "is_active", "last_login")
    list_filter = ("is_active",)
    search_fields = ("email", "first_name", "last_name")
    filter_horizontal = ()
    readonly_fields = ("password_said", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password_said")}),
        ("Name", {"fields": ("first_name", "last_name")}),
        (
            "What they may do",
            {
                "fields": ("is_active", "is_superuser"),
                "description": "Roles are given per organization, under Members.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "usable_password", "password1", "password2")}),
    )

    @admin.display(description="password")
    def password_said(self, obj: User) -> str:
        is_set = obj.has_usable_password()
        return format_html(
            '{} <a href="{}">{}</a>',
            "Is set." if is_set else "None: they can't log in with one.",
            reverse("admin:auth_user_password_change", args=[obj.pk]),
            "Set another one" if is_set else "Set one",
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        everybody = User.objects.all()
        if person(request).sees_all:
            return everybody
        members = Membership.objects.filter(
            organization__in=organizations_of(person(request))
        )
        return everybody.filter(pk__in=members.values("user"))

    def get_list_display(self, request: HttpRequest) -> Any:
        if person(request).is_superuser:
            return self.list_display
        return ("email", "first_name", "last_name", "is_active")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        if obj and not person(request).is_superuser:
            return [(None, {"fields": ("email", "first_name", "last_name")})]
        return shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and not self.get_queryset(request).filter(pk=obj.pk):
            return False
        return may(request, Scope.ADMIN, None)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    has_change_permission = has_add_permission


class ApiKeyForm(forms.ModelForm[ApiKey]):
    use = forms.ChoiceField(
        label="What is it for?",
        choices=KeyUse.choices,
        required=False,
        widget=UnfoldAdminRadioSelectWidget,
    )
    may_ask = forms.BooleanField(
        label="May ask for more money",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="A call that a budget refuses can ask people for money. A key of a "
        "person also decides in their name: a program's has no user.",
    )
    scopes = forms.MultipleChoiceField(
        label="Allow besides",
        choices=Scope.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Only where the key needs more than its use above.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "organization", "user", "scopes", "expires_at")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        by_use = SCOPES_OF_USE.get(cleaned.get("use") or "", frozenset())
        if cleaned.get("may_ask"):
            by_use |= {Scope.APPROVALS_WRITE}
        cleaned["scopes"] = sorted(by_use.union(cleaned.get("scopes") or ()))
        if not cleaned["scopes"]:
            self.add_error("use", "Say what the key is for.")
        return cleaned


class ApiKeyAdmin(TenantHistoryAdmin):
    """Registered by console.accounts.keys, with the pages that make and revoke one."""

    empty_words = (
        "Programs report usage, and ask before they call a model, with a key. Make "
        "one, and send the first usage: it shows in the budget tree within a second."
    )
    read_scope = Scope.ADMIN
    write_scope = Scope.ADMIN
    form = ApiKeyForm
    list_display = ("name", "allowed", "organization", "user", "state", "used")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization", "user")
    search_fields = ("name", "prefix", "user__email")
    fields = (
        *("name", "organization", "use", "may_ask", "user", "scopes"),
        "expires_at",
    )
    readonly_fields = ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a key is made and revoked, nothing between

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fields
        return (
            *("name", "key", "organization", "user", "allowed", "state"),
            *("created_at", "expires_at", "used", "revoked_at"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        someone = person(request)
        if field and db_field.name == "user" and not someone.is_superuser:
            # A key acts as its person, so nobody makes one for somebody else.
            field.queryset = User.objects.filter(pk=someone.pk)
        return field

    @admin.display(description="key")
    def key(self, obj: ApiKey) -> str:
        return f"{obj.prefix}…"

    @admin.display(description="may")
    def allowed(self, obj: ApiKey) -> str:
        return obj.may_words

    @admin.display(description="state", ordering="revoked_at")
    def state(self, obj: ApiKey) -> str:
        if obj.revoked_at:
            return "revoked"
        if obj.expires_at and obj.expires_at <= timezone.now():
            return "expired"
        return "active"

    @admin.display(description="last used", ordering="last_used_at")
    def used(self, obj: ApiKey) -> str:
        if obj.last_used_at is None:
            return "never"
        return format_html(
            '<span title="{}">{}</span>',
            f"{exact_clock(obj.last_used_at, ZoneInfo('UTC'))} UTC",
            ago(obj.last_used_at, timezone.now()),
        )
