"""Organizations, people and keys in the admin, and what all admins build on."""

from calendar import month_name
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, AuthenticationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
)

from accounts.access import organizations_of, user_may, visible_to
from accounts.keys import make_key, revoke
from accounts.models import ApiKey, Membership, Organization, User
from accounts.scopes import Scope
from accounts.services import person_for
from costops.lib.errors import Refusal
from costops.lib.reading import ago

Row = TypeVar("Row", bound=Model)


def may(request: HttpRequest, scope: str, organization: Organization | None) -> bool:
    """Tell whether the person has *scope*; asked once a request for each pair."""
    key = f"costops.may.{scope}.{organization.pk if organization else ''}"
    if key not in request.META:
        user = request.user  # the log-in page asks for strangers, too
        known = isinstance(user, User)
        request.META[key] = known and user_may(user, scope, organization)
    return bool(request.META[key])


def person(request: HttpRequest) -> User:
    """Return who asks."""
    assert isinstance(request.user, User)  # noqa: S101 - the site let them in
    return request.user


class LoginForm(AuthenticationForm):
    """Lets in everybody who has a role somewhere."""

    def confirm_login_allowed(self, user: User) -> None:
        if not (user.is_superuser or user.memberships.exists()):
            raise ValidationError(
                "You have no role in any organization yet. Ask its finance admin.",
                code="no_role",
            )


class TenantModelAdmin(ModelAdmin):
    """Shows a person the rows of their organizations, and lets their role change them.

    `read_scope` and `write_scope` say what a role must allow; None: nobody writes.
    """

    organization_path: ClassVar[str] = "organization"
    read_scope: ClassVar[str] = Scope.BUDGETS_READ
    write_scope: ClassVar[str | None] = None
    may_delete: ClassVar[bool] = False
    # Rows without an organization are for all: everybody sees them.
    has_common_rows: ClassVar[bool] = False
    list_per_page = 50
    list_filter_submit = True
    compressed_fields = True
    warn_unsaved_form = True
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        mine = visible_to(person(request), rows, path=self.organization_path)
        if self.has_common_rows and not person(request).is_superuser:
            mine = mine | rows.filter(**{self.organization_path: None})
        return mine

    def organization_of(self, row: Any) -> Organization | None:
        for name in self.organization_path.split("__"):
            row = getattr(row, name)
        return row  # type: ignore[no-any-return]

    def _may(self, request: HttpRequest, scope: str | None, row: Any) -> bool:
        if scope is None:
            return False
        if row is None:
            return may(request, scope, None)
        organization = self.organization_of(row)
        if organization is None:
            return self._may_common(request, scope)
        return may(request, scope, organization)

    def _may_common(self, request: HttpRequest, scope: str) -> bool:
        if person(request).is_superuser:
            return True
        return (
            self.has_common_rows
            and scope == self.read_scope
            and may(request, scope, None)
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.read_scope, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.write_scope, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.write_scope, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_delete and self._may(request, self.write_scope, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row stays in its organization."""
        fixed = ("organization",) if obj and hasattr(obj, "organization") else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def writable_organizations(self, request: HttpRequest) -> QuerySet[Organization]:
        scope = self.write_scope or ""
        mine = organizations_of(person(request))
        if person(request).is_superuser:
            return mine
        allowed = [one.pk for one in mine if may(request, scope, one)]
        return Organization.objects.filter(pk__in=allowed)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Offer only what the person may see."""
        target = db_field.remote_field.model
        if target is Organization:
            kwargs["queryset"] = self.writable_organizations(request)
            if not person(request).is_superuser:
                kwargs["required"] = True  # what is for all is not theirs to make
                kwargs["help_text"] = ""
        else:
            declared = self.admin_site._registry.get(target)  # noqa: SLF001 - no public way
            if isinstance(declared, TenantModelAdmin):
                kwargs["queryset"] = declared.get_queryset(request)
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field  # type: ignore[no-any-return]


class ServiceForm(forms.ModelForm[Any]):
    """Saves by a service; what that refuses stands at its field."""

    def serve(self) -> Model:
        """Do it, and return the row."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # the hook ModelForm itself uses
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.instance = self.serve()
        except Refusal as refusal:
            tell_refusal(self, refusal)

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        self.save_m2m = lambda: None
        return self.instance


def tell_refusal(form: forms.BaseForm, refusal: Refusal) -> None:
    """Put what a service refuses at the fields of *form* it is about."""
    for error in refusal.errors:
        if error.attr in form.fields:
            form.add_error(error.attr, error.detail)
        else:
            form.add_error(None, error.detail)
    if not refusal.errors:
        form.add_error(None, str(refusal))


class ServiceAdmin(TenantModelAdmin):
    """One whose `form` is a ServiceForm: by the time it is valid, it is saved."""

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        pass


class TenantHistoryAdmin(SimpleHistoryAdmin, TenantModelAdmin):
    """One that tells who changed what: people, keys and commands alike."""

    object_history_list_template = "accounts/history_list.html"

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # what is past is read; changes go through the forms


class ReadOnlyAdmin(TenantModelAdmin):
    """One whose rows nobody makes, changes or deletes here."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Organization)
class OrganizationAdmin(TenantHistoryAdmin):
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

    def save_model(
        self, request: HttpRequest, obj: Organization, form: Any, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        obj.touch()

    @admin.display(
        description="fiscal year begins in", ordering="fiscal_year_start_month"
    )
    def fiscal_year(self, obj: Organization) -> str:
        return month_name[obj.fiscal_year_start_month]

    @admin.display(description="unpriced usage", ordering="unpriced_policy")
    def unpriced(self, obj: Organization) -> str:
        return obj.get_unpriced_policy_display()


class MembershipForm(forms.ModelForm[Membership]):
    """Takes a person by their email address, so that nobody browses strangers."""

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
    list_filter = ("role", "organization")
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "user__first_name", "user__last_name")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = MembershipForm
        return super().get_form(request, obj, change=change, **kwargs)

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


class PersonCreationForm(AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget()

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class PersonAdmin(DjangoUserAdmin, TenantModelAdmin):  # type: ignore[type-arg]  # unfold's has no types
    """People; only superusers change accounts, since one may be in many places."""

    organization_path = "memberships__organization"
    read_scope = Scope.ADMIN
    form = UserChangeForm
    add_form = PersonCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "is_active", "last_login")
    list_filter = ("is_active",)
    search_fields = ("email", "first_name", "last_name")
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        everybody = User.objects.all()
        if person(request).is_superuser:
            return everybody
        members = Membership.objects.filter(
            organization__in=organizations_of(person(request))
        )
        return everybody.filter(pk__in=members.values("user"))

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
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        initial=list(Scope.values),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the key may be used for.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "organization", "user", "scopes", "expires_at")


@admin.register(ApiKey)
class ApiKeyAdmin(TenantHistoryAdmin):
    read_scope = Scope.ADMIN
    write_scope = Scope.ADMIN
    form = ApiKeyForm
    list_display = ("name", "key", "organization", "user", "state", "used")
    list_filter = ("organization",)
    list_select_related = ("organization", "user")
    search_fields = ("name", "prefix", "user__email")
    fields = ("name", "organization", "user", "scopes", "expires_at")
    readonly_fields = ()
    change_form_before_template = "accounts/key_actions.html"

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
        if field is not None and db_field.name == "user":
            # A key acts as its person, so nobody makes one for somebody else.
            if not person(request).is_superuser:
                field.queryset = User.objects.filter(pk=person(request).pk)
        return field

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
        context = {
            **self.admin_site.each_context(request),
            "title": "API key made",
            "opts": self.opts,
            "key": obj,
            "secret": request.META.pop("costops.secret"),
        }
        response = TemplateResponse(request, "accounts/key_made.html", context)
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
        return TemplateResponse(request, "accounts/key_revoke.html", context)

    @admin.display(description="key")
    def key(self, obj: ApiKey) -> str:
        return f"{obj.prefix}…"

    @admin.display(description="may")
    def allowed(self, obj: ApiKey) -> str:
        labels = dict(Scope.choices)
        return ", ".join(str(labels[scope]) for scope in obj.scopes)

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
            f"{obj.last_used_at:%Y-%m-%d %H:%M:%S} UTC",
            ago(obj.last_used_at, timezone.now()),
        )
