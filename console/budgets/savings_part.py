"""What use would have cost otherwise last month, below the recommended amounts."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.scopes import Scope
from accounts.tenants import may
from console.budgets.tree_page import organization_asked
from console.pages import Pages, budget_or_404
from forecasts.optimizations import (
    Certainty,
    HintKind,
    HintQuestion,
    hints_of,
    month_before,
)

MOST_HINTS = 50  # shown: those that save most
KINDS = {
    HintKind.BATCH: "Batch prices",
    HintKind.CACHING: "Caching",
    HintKind.SMALLER_MODEL: "A smaller model",
}
# Shape and colour of a state, and its word.
CERTAINTIES = {
    Certainty.CERTAIN: ("OK", "Certain, if calls can wait"),
    Certainty.ASSUMED: ("NONE", "As assumed"),
    Certainty.NEEDS_TRYING: ("WARNING", "Needs trying"),
}


def savings_part(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the hints about `?root=`, or about everything: that reads the records of a
    month, and takes longer than the page itself."""
    root = (
        budget_or_404(request, request.GET["root"]) if "root" in request.GET else None
    )
    organization = root.organization if root else organization_asked(request)
    if organization is None:
        raise Http404("There is no organization yet.")
    context: dict[str, Any] = {"organization": organization, "may_see": False}
    if may(request, Scope.COSTS_READ, organization):
        window = month_before(organization, timezone.now())
        found = hints_of(HintQuestion(organization, window, root))
        context |= {
            "may_see": True,
            "window": window,
            "found": found,
            "hints": [
                (hint, KINDS[hint.kind], CERTAINTIES[hint.certainty])
                for hint in found.hints[:MOST_HINTS]
            ],
            "more": max(len(found.hints) - MOST_HINTS, 0),
        }
    return TemplateResponse(request, "console/budgets/savings.html", context)
