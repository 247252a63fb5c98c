"""Columns and filters of the ledger's lists, which may be millions of rows long."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.access import organizations_of
from accounts.columns import Column, labelled, money_words, number_words
from accounts.tenants import OrganizationFilter, person
from ledger.addresses import records_address
from ledger.models import DIMENSIONS, Attribution
from ledger.sql import elements_of
from lib.periods import Window

WHEN = {
    "1": "Last 24 hours",
    "7": "Last 7 days",
    "30": "Last 30 days",
    "90": "Last 90 days",
    "all": "Any time",
}
USUAL = "7"
_NO_PRICE = "no price yet"


def spend_column() -> Column:
    """Return the cost of days; what has no price yet is not nothing."""

    def column(row: Any) -> str:
        if row.unpriced and not row.cost:
            return format_html('<span class="co-num co-muted">{}</span>', _NO_PRICE)
        cost = money_words(row.cost, row.organization.currency)
        shown = format_html('<a href="{}">{}</a>', _records_of(row), cost)
        if row.unpriced:
            rest = f"{number_words(row.unpriced)} without a price yet"
            words = '<span class="co-num">{} <span class="co-note">{}</span></span>'
            return format_html(words, shown, rest)
        return format_html('<span class="co-num">{}</span>', shown)

    return labelled(column, "cost", "Cost")


def _records_of(row: Any) -> str:
    """Return the list of the records that made a row of daily spend."""
    start = datetime.combine(row.day, time.min, UTC)
    window = Window(start, start + timedelta(days=1))
    slug = row.organization.slug
    return records_address(slug, window, attribution=row.attribution_id)


class OneOrganizationFilter(OrganizationFilter):
    """One organization at a time: only so does an index serve the list's order."""

    all_option = None

    def value(self) -> str | None:
        """Return the slug that is asked for, or the first there is."""
        asked = super().value()
        return asked if asked in self.ids else next(iter(self.ids), None)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(organization=self.ids.get(self.value() or "", 0))


class TimeForm(forms.Form):
    when = forms.ChoiceField(
        label="When", choices=list(WHEN.items()), widget=UnfoldAdminSelectWidget
    )
    since = forms.CharField(label="From (UTC)", widget=UnfoldAdminTextInputWidget)
    until = forms.CharField(
        label="Until (UTC, exclusive)", widget=UnfoldAdminTextInputWidget
    )


class TimeFilter(admin.SimpleListFilter):
    """The last days, unless others are asked for; a search looks at all times."""

    title = "time"
    parameter_name = "when"
    template = "unfold/filters/filters_field.html"
    field: ClassVar[str] = "timestamp"
    usual: ClassVar[str] = USUAL

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: Any,
        model_admin: Any,
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in ("since", "until"):
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]
        self.is_search = bool(request.GET.get("q"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(WHEN.items())

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return ["when", "since", "until"]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        since, until = (
            moment_of(self.used_parameters.get(name)) for name in ("since", "until")
        )
        if since is None and until is None:
            when = self.value() or ("all" if self.is_search else self.usual)
            if when.isdigit() and when in WHEN:
                since = timezone.now() - timedelta(days=int(when))
        return self.between(queryset, since, until)

    def between(
        self, rows: Any, since: datetime | None, until: datetime | None
    ) -> QuerySet[Any]:
        found: QuerySet[Any] = rows.during(since, until)
        return found

    def choices(self, changelist: Any) -> Iterator[Any]:
        shown = {
            "when": self.value() or self.usual,
            "since": self.used_parameters.get("since", ""),
            "until": self.used_parameters.get("until", ""),
        }
        yield {"form": TimeForm(initial=shown)}


class DayFilter(TimeFilter):
    usual = "30"

    def between(
        self, rows: Any, since: datetime | None, until: datetime | None
    ) -> QuerySet[Any]:
        found: QuerySet[Any] = rows.during(
            since and since.date(), until and until.date()
        )
        return found


def moment_of(text: Any) -> datetime | None:
    """Return the moment that *text* means, in UTC unless it says more; None: none."""
    try:
        moment = datetime.fromisoformat(str(text or ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class DimensionsForm(forms.Form):
    """One value of each dimension; empty: any."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in DIMENSIONS:
            self.fields[name] = forms.CharField(
                label=name.capitalize(), widget=UnfoldAdminTextInputWidget
            )


class DimensionsFilter(admin.SimpleListFilter):
    """What belongs to one team, model, person and so on, under all its names."""

    title = "what it was for"
    parameter_name = DIMENSIONS[0]
    template = "unfold/filters/filters_field.html"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: Any,
        model_admin: Any,
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in DIMENSIONS[1:]:
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]
        self.mine = organizations_of(person(request))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(DIMENSIONS)

    @property
    def asked(self) -> dict[str, str]:
        """What is asked for: the value of each dimension that is named."""
        used = self.used_parameters
        return {name: str(used[name]) for name in DIMENSIONS if used.get(name)}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.asked:
            return queryset
        found = Attribution.objects.filter(organization__in=self.mine)
        for name, value in self.asked.items():
            found = found.of(name, [value])
        ids = list(found.values_list("pk", flat=True))
        return queryset.filter(attribution_id__in=elements_of(ids))

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield {"form": DimensionsForm(initial=self.asked)}


class PricedFilter(DropdownFilter):
    title = "price"
    parameter_name = "priced"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Unpriced so far"), ("reported", "Named by the sender")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        found: QuerySet[Any] = queryset
        if self.value() == "no":
            found = queryset.unpriced()
        elif self.value() == "reported":
            found = queryset.filter(reported=True)
        return found


def sent_as(attribution: Attribution) -> str:
    """Return the words of a sender for what is filed under one name."""
    sent = attribution.sent_provider, attribution.sent_model, attribution.sent_user
    return " / ".join(filter(None, sent))


def of_kinds(kinds: list[str] | None) -> str:
    return f" for {', '.join(kinds)}" if kinds else ""
