"""Usage that has no price yet: by model, and what to do about it."""

from dataclasses import dataclass, field
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import may
from console.budgets.tree_page import organization_asked
from console.costs.links import records_of_model, reprice_of_model
from console.costs.suggestions import PriceSuggestion, Suggestions
from console.pages import Pages, organizations_to_choose
from ledger.gaps import Gap, gaps_of
from lib.humanize import locale_of


@dataclass(slots=True)
class UnpricedModel:
    """What was used of one model and has no price; *is_priced*: one is known by now."""

    organization: Organization
    provider: str
    model: str
    records: int = 0
    tokens: int = 0
    first_used_at: datetime | None = None
    last_used_at: datetime | None = None
    kinds: set[str] = field(default_factory=set)  # empty: all of it
    is_priced: bool = True
    gaps: list[Gap] = field(default_factory=list)
    suggestions: list[PriceSuggestion] = field(default_factory=list)

    def add(self, gap: Gap) -> None:
        first, last = self.first_used_at, self.last_used_at
        self.records += gap.records
        self.tokens += gap.tokens
        self.first_used_at = min(first or gap.first_used_at, gap.first_used_at)
        self.last_used_at = max(last or gap.last_used_at, gap.last_used_at)
        self.gaps.append(gap)
        self.kinds.update(gap.kinds)
        self.is_priced = self.is_priced and gap.filled

    @property
    def input_tokens(self) -> int:
        return sum(gap.input_tokens for gap in self.gaps)

    @property
    def output_tokens(self) -> int:
        return sum(gap.output_tokens for gap in self.gaps)

    @property
    def lacking(self) -> str:
        return ", ".join(sorted(self.kinds)) or "all of it"

    @property
    def records_url(self) -> str:
        return records_of_model(self.organization, self.provider, self.model)

    @property
    def reprice_url(self) -> str:
        return reprice_of_model(self.organization, self.provider, self.model)

    @property
    def price_url(self) -> str:
        """Return the form of a new price, with what is known filled in."""
        return self._price_url()

    def suggested(self) -> list[tuple[PriceSuggestion, str]]:
        """Return what is suggested, each with the form that is filled in with it."""
        return [
            (
                one,
                self._price_url(
                    **one.prices,
                    currency=one.currency,
                    provisional="on",
                    note=f"As {one.name}: {one.why}",
                ),
            )
            for one in self.suggestions
        ]

    def _price_url(self, **filled: str) -> str:
        first = self.first_used_at
        known: dict[str, str | int] = {
            "organization": self.organization.pk,
            "provider": self.provider,
            "model": self.model,
            "effective_from": first.date().isoformat() if first else "",
            "then": "reprice",
            **filled,
        }
        return f"{reverse('admin:ledger_price_add')}?{urlencode(known)}"


def unpriced_models(
    organization: Organization, locale: str = "en_US"
) -> list[UnpricedModel]:
    """Return what has no price, by model, the most used first. A query, and those of
    two price books."""
    found: dict[tuple[str, str], UnpricedModel] = {}
    for gap in gaps_of(organization, assumed=False):
        key = gap.provider, gap.model
        found.setdefault(key, UnpricedModel(organization, *key)).add(gap)
    if found:
        suggestions = Suggestions(organization, locale)
        for one in found.values():
            if not one.is_priced:
                one.suggestions = suggestions.of(one.gaps)
    return sorted(found.values(), key=lambda one: -one.records)


def unpriced_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    organization = organization_asked(request)
    locale = locale_of(request)
    models = unpriced_models(organization, locale) if organization else []
    context = pages.page(
        request,
        title="Unpriced usage",
        opts=None,
        organization=organization,
        organizations=organizations_to_choose(request),
        models=models,
        records=sum(one.records for one in models),
        tokens=sum(one.tokens for one in models),
        may_price=may(request, Scope.ADMIN, organization),
    )
    return TemplateResponse(request, "console/costs/unpriced.html", context)
