"""What all admins build on: a person sees the rows of their organizations, and changes
what their role there allows."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import (
    DecimalField,
    Field,
    ForeignKey,
    JSONField,
    Model,
    QuerySet,
)
from django.forms import ModelChoiceField
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
)
from django.shortcuts import redirect
from simple_history.admin import SimpleHistoryAdmin
from simple_history.models import DeletedObject
from simple_history.template_utils import HistoricalRecordContextHelper
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.access import organizations_of, roles_allow, roles_of, visible_to
from accounts.audit import giving
from accounts.columns import column_of, number_words, reached
from accounts.meanwhile import VersionedForm
from accounts.models import Organization, User
from accounts.scopes import Scope
from accounts.versions import ChangedMeanwhile, check_row, rows_like, seen_by
from lib.amounts import AmountField
from lib.errors import Invalid, Refusal
from lib.fields import ExactField
from lib.json_fields import PlainJSONField
from lib.web import id_of

_READING = ("GET", "HEAD")


def may(request: HttpRequest, scope: str, organization: Organization | None) -> bool:
    """Tell whether the person has *scope*; their roles are read once a request."""
    user = request.user  # the log-in page asks for strangers, too
    if not isinstance(user, User) or not user.is_active:
        return False
    if user.is_superuser:
        return user.runs(organization.pk if organization else None)
    return roles_allow(roles_of(user), scope, organization)


def person(request: HttpRequest) -> User:
    """Return who asks."""
    if isinstance(request.user, User):
        return request.user
    raise PermissionDenied  # the site lets nobody else in


class OrganizationFilter(DropdownFilter):
    """Offers only the organizations of the person, and is there if they are several."""

    title = "organization"
    parameter_name = "organization"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        mine = organizations_of(person(request)).values_list("pk", "slug", "name")
        self.ids = {slug: pk for pk, slug, _ in mine}
        return [(slug, name) for _, slug, name in mine]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        slug = self.value()
        if not slug:
            return queryset
        return queryset.filter(organization=self.ids.get(slug, 0))

    def has_output(self) -> bool:
        return len(self.ids) > 1


class AutocompleteInput(AutocompleteSelect):
    """Shows again what was chosen, unless it can be no id."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        ids = [one for one in value if id_of(str(one)) is not None]
        return super().optgroups(name, ids, attr)


class TenantModelAdmin(ModelAdmin):
    """Shows a person the rows of their organizations, and lets their role change them.

    `read_scope` and `write_scope` say what a role must allow; None: nobody writes.
    """

    form: type[forms.ModelForm[Any]] = VersionedForm
    organization_path: ClassVar[str] = "organization"
    currency_path: ClassVar[str] = "organization__currency"  # of a row's amounts
    read_scope: ClassVar[str] = Scope.BUDGETS_READ
    write_scope: ClassVar[str | None] = None
    may_delete: ClassVar[bool] = False
    asks_why: ClassVar[bool] = False  # a row is deleted: it moved money, or told people
    # Rows without an organization are for all: everybody sees them.
    has_common_rows: ClassVar[bool] = False
    keeps_history: ClassVar[bool] = False
    empty_words: ClassVar[str] = ""  # what a list is for, where it has no row yet
    list_per_page = 50
    list_filter_submit = True
    compressed_fields = True
    warn_unsaved_form = True
    # Unfold knows Django's own fields; without it amounts look as if they were fixed.
    formfield_overrides: ClassVar[dict[type[Field[Any, Any]], dict[str, Any]]] = {
        ExactField: {"widget": UnfoldAdminTextInputWidget({"inputmode": "decimal"})},
        DecimalField: {
            "form_class": AmountField,
            "shown_places": 0,
            "widget": UnfoldAdminTextInputWidget({"inputmode": "decimal"}),
        },
        JSONField: {"form_class": PlainJSONField},
    }
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        mine = visible_to(person(request), rows, path=self.organization_path)
        if self.has_common_rows and not person(request).sees_all:
            mine = mine | rows.filter(**{self.organization_path: None})
        return mine

    def organization_of(self, row: Any) -> Organization | None:
        found: Organization | None = reached(row, self.organization_path)
        return found

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        columns = {
            field.name: column_of(field, self.currency_path)
            for field in self.opts.fields
            if not hasattr(self, field.name)
        }
        self.columns = {name: column for name, column in columns.items() if column}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Write what is only read as all pages do: amounts, numbers, names."""
        fixed = set(self.get_readonly_fields(request, obj))
        read = {name: one for name, one in self.columns.items() if one in fixed}
        return [
            (title, {**parts, "fields": [read.get(one, one) for one in fields]})
            for title, parts in super().get_fieldsets(request, obj)
            for fields in [cast("Sequence[Any]", parts["fields"])]
        ]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out the columns: they stand in the places of their fields."""
        columns = set(self.columns.values())
        return [one for one in super().get_fields(request, obj) if one not in columns]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["show_history"] = self.keeps_history
        return super().render_change_form(request, context, *args, **kwargs)

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

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask, and delete the row as it was shown then."""
        reason = request.POST.get("reason", "").strip()
        shown = {**(extra_context or {}), "asks_why": self.asks_why}
        try:
            if self._lacks_reason(request, reason):
                raise Invalid("Say why. It is kept with the change.")
            with giving(reason):
                return super().delete_view(request, object_id, shown)
        except ChangedMeanwhile as refusal:
            messages.error(request, refusal.for_people)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        return redirect(request.get_full_path())

    def _lacks_reason(self, request: HttpRequest, reason: str) -> bool:
        is_asked = self.asks_why and self.has_delete_permission(request)
        return is_asked and request.method == "POST" and not reason

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete a row, unless it was changed since it was shown.

        Raises:
            Refusal: it stays.
        """
        self.hold_as_shown(request, obj)
        obj.delete()

    def hold_as_shown(self, request: HttpRequest, obj: Any) -> None:
        """Keep everybody else from a row until commit.

        Raises:
            ChangedMeanwhile: it was changed since it was shown.
        """
        held = rows_like(obj).select_for_update().first()
        check_row(held or obj, seen_by(request.POST))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row stays in its organization."""
        fixed = ("organization",) if obj and hasattr(obj, "organization") else ()
        is_read = obj and not self.has_change_permission(request, obj)
        columns = self.columns.values() if is_read else ()
        return (*super().get_readonly_fields(request, obj), *fixed, *columns)

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
            if not person(request).sees_all:
                kwargs["required"] = True  # what is for all is not theirs to make
                kwargs["help_text"] = ""
        else:
            if db_field.name in self.get_autocomplete_fields(request):
                kwargs["widget"] = AutocompleteInput(db_field, self.admin_site)
            declared = self.admin_site._registry.get(target)
            if isinstance(declared, TenantModelAdmin):
                kwargs["queryset"] = declared.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ServiceForm(VersionedForm):
    """Saves by a service; what that refuses stands at its field."""

    holds_row = False

    def serve(self) -> Model:
        """Do it, and return the row; a row there was is of the version `seen`."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # the hook ModelForm itself uses
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.instance = self.serve()
        except ChangedMeanwhile:
            self.look_again()
        except Refusal as refusal:
            tell_refusal(self, refusal)

    def save(self, commit: Any = True) -> Any:  # noqa: FBT002 - Django's signature
        return self.instance

    def _save_m2m(self) -> None:
        pass

    save_m2m = _save_m2m


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


class _Differences(HistoricalRecordContextHelper):
    """Writes what a change was from and to."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        if isinstance(value, DeletedObject) and value.pk is None:
            return ""  # nothing was chosen, so nothing was deleted
        if isinstance(value, Decimal):
            return number_words(value)
        return super().prepare_delta_change_value(change, value)


class TenantHistoryAdmin(SimpleHistoryAdmin, TenantModelAdmin):
    """One that tells who changed what: people, keys and commands alike."""

    keeps_history = True
    object_history_list_template = "accounts/history_list.html"

    def get_historical_record_context_helper(
        self, request: HttpRequest, historical_record: Any
    ) -> HistoricalRecordContextHelper:
        return _Differences(self.model, historical_record)

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if id_of(object_id) is None:  # the library asks the database for any text
            raise Http404(f"There is no such {self.opts.verbose_name}.")
        return super().history_view(request, object_id, extra_context)

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # what is past is read; changes go through the forms

    def history_form_view(
        self,
        request: HttpRequest,
        object_id: str,
        version_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a version, and refuse all but reading.

        Without a button to press the library still saves what is posted here, after it
        has asked for no more than leave to view.
        """
        if request.method not in _READING:
            return HttpResponseNotAllowed(_READING)
        if id_of(object_id) is None or id_of(version_id) is None:
            raise Http404("There is no such version.")
        return super().history_form_view(request, object_id, version_id, extra_context)


class ReadOnlyAdmin(TenantModelAdmin):
    """One whose rows nobody makes, changes or deletes here."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
