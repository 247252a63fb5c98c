"""Cost records, with the budgets they are charged to and what they lack; prices."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern

from accounts.versions import seen_by
from budgets.organizations import delete_rate
from console.costs.filters import ChargedFilter
from console.costs.links import reprice_of_model
from console.costs.price_form import ReasonedPriceForm
from console.costs.record_page import RecordPages, record_page
from console.costs.records_top import top_of
from console.costs.reprice_page import reprice_page
from console.costs.undo_page import undo_page
from console.costs.unpriced_page import unpriced_page
from ledger.admin import CostRecordAdmin, ExchangeRateAdmin, PriceAdmin
from ledger.models import CostRecord, ExchangeRate, Price


@admin.register(ExchangeRate)
class NeededRateAdmin(ExchangeRateAdmin):
    """One that keeps a rate which a budget in another currency can't do without."""

    def delete_model(self, request: HttpRequest, obj: ExchangeRate) -> None:
        delete_rate(obj, seen=seen_by(request.POST))


@admin.register(Price)
class ReasonedPriceAdmin(PriceAdmin):
    """One whose changes say why, and whose long requests are rows."""

    form = ReasonedPriceForm
    change_form_outer_before_template = "console/costs/price_links.html"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        price, shown = self.get_object(request, object_id), {**(extra_context or {})}
        if price is not None and self.has_change_permission(request, price):
            shown["reprice_url"] = price.organization and reprice_of_model(
                price.organization, price.provider, price.model, all="1"
            )
        return super().change_view(request, object_id, form_url, shown)

    def get_fieldsets(self, request: HttpRequest, obj: Price | None = None) -> Any:
        parts = super().get_fieldsets(request, obj)
        if obj is None or not self.has_change_permission(request, obj):
            return parts
        return [*parts, ("Why it is changed", {"fields": ("reason",)})]


@admin.register(CostRecord)
class ChargedRecordAdmin(RecordPages):
    list_filter = (*CostRecordAdmin.list_filter, ChargedFilter)
    list_before_template = "console/costs/records_top.html"

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("unpriced/", unpriced_page, "unpriced"),
            self.url("reprice/", reprice_page, "reprice"),
            self.url("undo/<int:repricing_id>/", undo_page, "undo"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        if isinstance(answer, TemplateResponse) and answer.context_data:
            listed = answer.context_data.get("cl")
            answer.context_data["top"] = listed and top_of(request, listed)
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return record_page(request, self, object_id)
