"""The budget tree page: where an organization's budgets stand, at a glance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.access import organizations_of
from accounts.models import Organization, User
from accounts.permissions import Action
from accounts.tenants import person
from alerts.reach import unheard
from budgets.conflicts import conflicts_of
from budgets.permissions import may_somewhere
from console.alerts.wording import channel_words
from console.budgets.clashes import causes_of
from console.budgets.first_steps import steps_of
from console.budgets.lines import STATUS_WORDS, BudgetRow, TreeLine
from console.budgets.marks import marks_of
from console.budgets.rates import currencies_told
from console.budgets.sentence import budgets_word, sentence_of
from console.budgets.tree import Filters, Outline, total_of
from console.budgets.wishes import wishes_of, with_wishes
from console.pages import Pages, organization_or_404, organizations_to_choose
from ledger.models import CostRecord
from lib.humanize import ago, locale_of, stretch
from lib.periods import Cadence, day_of, start_of
from lib.web import id_of

MOST_FOUND = 100  # budgets a search shows
MOST_UNHEARD = 10  # budgets named whose alerts reach nobody
SPANS = (("this", "This month"), ("last", "Last month"), ("day", "Around a day"))
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TreeQuery:
    """What the page is asked for: whose budgets, around which moment."""

    organization: Organization
    at: datetime
    now: datetime
    span: str  # "this", "last" or "day"
    day: date
    filters: Filters
    archived: bool
    currency: str  # that all amounts are shown in; "": in each budget's own

    @classmethod
    def of(
        cls, query: QueryDict, organization: Organization, now: datetime
    ) -> "TreeQuery":
        zone = ZoneInfo(organization.timezone)
        today = day_of(now, zone)
        span, day = _day_asked(query, today)
        return cls(
            organization=organization,
            at=now
            if day == today
            else start_of(day + timedelta(days=1), zone) - _MOMENT,
            now=now,
            span=span,
            day=day,
            filters=Filters(
                q=query.get("q", "").strip()[:100],
                status=_known(query.get("status"), STATUS_WORDS),
                owner=query.get("owner", ""),
                period=_known(query.get("period"), {one.value: "" for one in Cadence}),
            ),
            archived=bool(query.get("archived")),
            currency=_known(query.get("currency"), {organization.currency: ""}),
        )

    def outline(self, locale: str) -> Outline:
        return Outline(
            self.organization,
            self.at,
            self.now,
            locale,
            archived=self.archived,
            currency=self.currency,
        )

    def query(self, **changes: object) -> str:
        """Return the query of a URL that asks the same, but for *changes*."""
        query = QueryDict(mutable=True)
        query["organization"] = self.organization.slug
        if self.span != "this":
            query["span"] = self.span
        if self.span == "day":
            query["day"] = self.day.isoformat()
        if self.archived:
            query["archived"] = "1"
        if self.currency:
            query["currency"] = self.currency
        for name, value in changes.items():
            query[name] = str(value)
        return query.urlencode()


def organization_asked(request: HttpRequest) -> Organization | None:
    """Return the organization a page is about; the first one that has budgets, if
    none is named; None when the person has none at all.

    Raises:
        Http404: it is named, and not the person's.
    """
    if slug := request.GET.get("organization"):
        return organization_or_404(request, slug)
    mine = organizations_of(person(request))
    with_budgets = mine.filter(budgets__isnull=False)
    return with_budgets.order_by("name").first() or mine.first()


def tree_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the whole page, or with `?children=ID` the lines of one family."""
    context = pages.page(request, title="Budget tree")
    organization = organization_asked(request)
    if organization is None:
        return TemplateResponse(request, "console/budgets/tree.html", context)
    asked = TreeQuery.of(request.GET, organization, timezone.now())
    outline = asked.outline(locale_of(request))
    root = id_of(request.GET.get("root"))
    if root is not None and root not in outline.leaves:
        raise Http404("There is no such budget.")
    if "children" in request.GET:
        return _family(request, asked, outline)
    return _page(request, context, asked, outline, root)


def conflicts_part(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer what does not fit together, and whose alerts reach nobody: that takes
    longer than the page itself."""
    organization = organization_asked(request)
    found = conflicts_of(organization, now=timezone.now()) if organization else []
    nobody = unheard(organization) if organization else []
    context = {
        "causes": with_wishes(person(request), organization, causes_of(found))
        if organization
        else [],
        "organization": organization,
        "nobody": [
            (one.budget, channel_words(one.names), len(one.names) > 1)
            for one in nobody[:MOST_UNHEARD]
        ],
        "nobody_count": len(nobody),
        "nobody_more": max(len(nobody) - MOST_UNHEARD, 0),
    }
    return TemplateResponse(request, "console/budgets/conflicts.html", context)


def _family(request: HttpRequest, asked: TreeQuery, outline: Outline) -> HttpResponse:
    parent = id_of(request.GET.get("children"))
    if parent not in outline.leaves:
        raise Http404("There is no such budget.")
    level = min(id_of(request.GET.get("level")) or 2, 50)
    after = id_of(request.GET.get("after")) or 0
    lines = _marked(request, outline.children(parent, level=level, after=after), asked)
    return TemplateResponse(
        request, "console/budgets/tree_lines.html", {"lines": lines, "asked": asked}
    )


def _marked(
    request: HttpRequest, lines: Sequence[TreeLine], asked: TreeQuery
) -> list[TreeLine]:
    """Return *lines* with what guards their budgets now, and what the person has to ask
    for. At most two queries, or none."""
    if asked.span != "this":
        return list(lines)
    marks = marks_of(asked.organization)
    rows = [line for line in lines if isinstance(line, BudgetRow)]
    wishes = wishes_of(person(request), asked.organization, rows)
    return [
        replace(
            line,
            mark=marks.get(line.place.id, line.mark),
            wish=wishes.get(line.place.id),
        )
        if isinstance(line, BudgetRow)
        else line
        for line in lines
    ]


def _page(
    request: HttpRequest,
    context: dict[str, Any],
    asked: TreeQuery,
    outline: Outline,
    root: int | None,
) -> HttpResponse:
    roots = outline.families.get(None, []) if root is None else [root]
    everything = [one for top in roots for one in outline.below(top)]
    kept, found = _kept(asked, outline, everything)
    lines = outline.lines(roots, outline.opened(roots), kept)
    rows = [line for line in lines if isinstance(line, BudgetRow)]
    tops = [row for row in rows if row.place.level == 1]
    total = total_of(tops) if kept is None and len(tops) == len(roots) else None
    last = _last_record(asked)
    of_one = asked.query() if root is None else asked.query(root=root)
    context |= _choices(request, asked) | _links(asked, root)
    context |= currencies_told(outline, everything)
    context |= {
        "asked": asked,
        "organization": asked.organization,
        "may_add": may_somewhere(person(request), Action.MAKE, asked.organization),
        "lines": _marked(request, lines, asked),
        "found": found,
        "is_filtered": kept is not None,
        "most_found": MOST_FOUND,
        "here": of_one,
        "trail": _trail(asked, outline, root),
        "root": outline.leaves.get(root) if root is not None else None,
        "sentence": sentence_of(outline, tops, total)
        if kept is None
        else _found_words(found, len(everything)),
        "troubles": _troubles(outline, everything, of_one),
        "all_well": f"All {len(everything)} within their thresholds",
        "total": total if len(tops) > 1 else None,
        "unpriced": sum(row.unpriced for row in tops),
        "last_record": last,
        "steps": None
        if asked.filters.any or (everything and last)
        else steps_of(request, asked.organization, has_budget=bool(everything)),
        "zone": asked.organization.timezone,
        "common": _common_words(outline, tops),
        "count": len(everything),
    }
    return TemplateResponse(request, "console/budgets/tree.html", context)


def _links(asked: TreeQuery, root: int | None) -> dict[str, str]:
    """Return where the page leads to, by what its template calls that."""
    amounts = _url_of("recommended", asked.organization)
    if root is not None:
        amounts = f"{reverse('admin:budgets_budget_recommended')}?root={root}"
    return {
        "amounts": amounts,
        "conflicts": _url_of("conflicts", asked.organization),
        "new_budget": _url_of("add", asked.organization),
    }


def _url_of(page: str, organization: Organization) -> str:
    mine = urlencode({"organization": organization.slug})
    return f"{reverse(f'admin:budgets_budget_{page}')}?{mine}"


def _kept(
    asked: TreeQuery, outline: Outline, everything: Sequence[int]
) -> tuple[set[int] | None, int]:
    """Return which budgets the filters leave, and how many; None: there are none."""
    if not asked.filters.any:
        return None, 0
    wanted = outline.found(asked.filters, everything)
    return set([one for one in everything if one in wanted][:MOST_FOUND]), len(wanted)


def _choices(request: HttpRequest, asked: TreeQuery) -> dict[str, Any]:
    """Return what the filters offer. Two queries."""
    return {
        "organizations": organizations_to_choose(request),
        "owners": _owners(asked.organization),
        "spans": SPANS,
        "statuses": STATUS_WORDS,
        "cadences": [(one.value, one.value.title()) for one in Cadence],
    }


def _found_words(found: int, of: int) -> str:
    """Say how many budgets a search has found."""
    return (
        f"{found} of {of} {budgets_word(of)} {'is' if found == 1 else 'are'} like that."
    )


def _trail(
    asked: TreeQuery, outline: Outline, root: int | None
) -> list[tuple[str, str]]:
    """Return what is above the root of the page: name and address."""
    if root is None:
        return []
    above = [(f"All of {asked.organization.name}", f"?{asked.query()}")]
    way = outline.path(root)[:-1]
    return above + [(leaf.name, f"?{asked.query(root=leaf.id)}") for leaf in way]


def _troubles(
    outline: Outline, among: list[int], here: str
) -> list[tuple[str, str, str]]:
    """Return the budgets past a threshold, the worst first: kind, words and address."""
    counted = outline.troubled(among)
    return [
        (
            kind,
            f"{counted[kind]} {STATUS_WORDS[kind].lower()}",
            f"?{here}&status={kind}",
        )
        for kind in ("EXCEEDED", "CRITICAL", "WARNING")
        if counted[kind]
    ]


def _owners(organization: Organization) -> list[tuple[int | str, str]]:
    owners = User.objects.filter(budgets__organization=organization).distinct()
    return [*((owner.pk, str(owner)) for owner in owners), ("none", "Nobody")]


def _common_words(outline: Outline, tops: list[BudgetRow]) -> str:
    if outline.common is None or not tops:
        return ""
    return stretch(outline.common, ZoneInfo(tops[0].budget.timezone))


def _last_record(asked: TreeQuery) -> dict[str, str] | None:
    rows = CostRecord.objects.filter(organization=asked.organization)
    moment = rows.order_by("-timestamp").values_list("timestamp", flat=True).first()
    if moment is None:
        return None
    return {
        "ago": ago(moment, asked.now),
        "at": f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
    }


def _day_asked(query: QueryDict, today: date) -> tuple[str, date]:
    span = query.get("span", "this")
    if span == "last":
        return span, today.replace(day=1) - timedelta(days=1)
    if span == "day":
        try:
            day = date.fromisoformat(query.get("day", ""))
        except ValueError:
            return "this", today
        if 2000 <= day.year < 2100:
            return span, day
    return "this", today


def _known(value: str | None, known: Mapping[str, str]) -> str:
    return value if value and value in known else ""
