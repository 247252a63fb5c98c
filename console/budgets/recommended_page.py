"""Recommended amounts of a subtree: what is recommended and why, and applying it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import Organization
from accounts.tenants import person, tell_refusal
from accounts.versions import ChangedMeanwhile
from approvals.applying import Applied, Way, apply_amounts, ways_of
from approvals.models import How
from approvals.types import By
from budgets.models import Budget, Enforcement
from budgets.reallotment import NewAmount, versions_of
from budgets.status import present_positions
from console.asking import (
    Confirmation,
    Consequence,
    Consequences,
    confirmation_of,
    reason_in,
)
from console.budgets.form_page import outline_of, trail_to
from console.budgets.recommended_form import AmountsForm
from console.budgets.tree_page import organization_asked
from console.mailed_link_page import visit_of
from console.pages import Pages, budget_or_404
from forecasts.advice import Advice, Recommended, advise
from forecasts.reasons import NOUNS
from lib.errors import Refusal
from lib.humanize import locale_of
from lib.money import COUNTED, format_money
from lib.periods import Cadence

MOST_BOUND = 400  # budgets that have fields of their own
_MOST_KINDS = 3  # of currency and period, that the first sentence tells of
_MOST_NAMED = 5
_SALT = "recommended amounts"
# What the page is answered with; all else says what is asked for.
_ANSWERS = {"draft", "confirm", "reason", "apply", "again", "csrfmiddlewaretoken"}


def recommended_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the amounts of `?root=`, or of all; a POST asks before it applies them."""
    place = request.GET.get("root")
    root = None if place is None else budget_or_404(request, place)
    organization = root.organization if root else organization_asked(request)
    if organization is None:
        raise Http404("There is no organization yet.")
    data = request.POST if request.method == "POST" else request.GET
    form = AmountsForm(data, organization, root)
    advice = _advice(form)
    asked: Confirmation | None = None
    draft = ""
    if request.method == "POST" and "draft" in request.POST:
        answer = _confirmed(request, organization)
        if isinstance(answer, HttpResponse):
            return answer
        asked, draft = answer, request.POST["draft"]
    elif request.method == "POST" and "apply" in request.POST and form.is_valid():
        draft = _drafted(advice.lines)
        found = _asked(request, organization, _read(draft))
        if found.told:
            asked = Confirmation(found, "")
        else:
            messages.warning(request, _nothing_words(found))
    outline = outline_of(request, organization)
    context = pages.page(
        request,
        title="Recommended amounts",
        organization=organization,
        root=root,
        trail=trail_to(outline, root),
        form=form,
        lines=_rows(request, form, advice),
        advice=advice,
        sentence=_sentence(advice, locale_of(request)),
        has_fields=len(advice.lines) <= MOST_BOUND,
        most_bound=MOST_BOUND,
        confirmation=asked,
        draft=draft,
        sent=[(k, text) for k, text in data.items() if k not in _ANSWERS],
        here=request.get_full_path(),
        savings=_savings_of(organization, root),
    )
    return TemplateResponse(request, "console/budgets/recommended.html", context)


def _nothing_words(found: Consequences) -> str:
    words = "no amount differs" if not found.changes else "none is yours to change"
    return f"There is nothing to apply: {words}."


def _savings_of(organization: Organization, root: Budget | None) -> str:
    query = {"root": root.pk} if root else {"organization": organization.slug}
    return f"{reverse('admin:budgets_budget_savings')}?{urlencode(query)}"


def _advice(form: AmountsForm) -> Advice:
    """Return what is recommended; where it can't be, the usual: *form* says why."""
    now = timezone.now()
    try:
        return advise(form.question(), now=now)
    except Refusal as refusal:
        tell_refusal(form, refusal)
        usual = AmountsForm({}, form.organization, form.root)
        return advise(usual.question(), now=now)


@dataclass(frozen=True, slots=True)
class AmountRow:
    """One budget, its amount now, and the one that is recommended."""

    line: Recommended
    level: int
    root: str  # the address of its own recommendations
    floor: str  # as it was filled in
    cap: str
    wrong: frozenset[str]

    @property
    def change(self) -> str:
        return "+" if self.line.difference > 0 else ""


def _rows(request: HttpRequest, form: AmountsForm, advice: Advice) -> list[AmountRow]:
    return [
        AmountRow(
            line,
            level=min(line.depth + 1, 9),
            root=f"{request.path}?{urlencode({'root': line.budget.pk})}",
            floor=form.text("floor", line.budget.pk),
            cap=form.text("cap", line.budget.pk),
            wrong=frozenset(
                name
                for name in ("floor", "cap")
                if f"{name}.{line.budget.pk}" in form.wrong
            ),
        )
        for line in advice.lines
    ]


def _sentence(advice: Advice, locale: str) -> str:
    """Say what those at the top have and would get; of a few kinds at most."""
    tops: dict[tuple[str, str], list[Recommended]] = {}
    for line in advice.lines:
        if not line.depth:
            kind = line.budget.currency, line.budget.period
            tops.setdefault(kind, []).append(line)
    if len(tops) > _MOST_KINDS:
        return ""
    words = [_of_kind(*kind, lines, locale) for kind, lines in tops.items()]
    if advice.left:
        ((currency, _),) = tops
        left = format_money(advice.left, currency, locale)
        words.append(f"{left} of the total is needed by nobody.")
    return " ".join(words)


def _of_kind(
    currency: str, period: str, tops: Sequence[Recommended], locale: str
) -> str:
    """Say what the *tops* of one kind have, and would get, together."""
    has = sum((line.budget.amount for line in tops), Decimal(0))
    gets = sum((line.share.amount for line in tops), Decimal(0))
    whose = tops[0].budget.name if len(tops) == 1 else f"The {len(tops)} at the top"
    verb = "has" if len(tops) == 1 else "have"
    noun = NOUNS[Cadence(period)]
    now, then = (format_money(one, currency, locale) for one in (has, gets))
    is_ = "are" if currency in COUNTED else "is"
    return f"{whose} {verb} {now} a {noun}; {then} {is_} recommended."


# -- Applying them


def _drafted(lines: Iterable[Recommended]) -> str:
    """Return the amounts that differ, with the versions they are for, as one text."""
    changed = [line for line in lines if line.difference]
    versions = versions_of([line.budget.pk for line in changed])
    rows = [
        (line.budget.pk, str(line.share.amount), versions.get(line.budget.pk, "0"))
        for line in changed
    ]
    return signing.dumps(rows, salt=_SALT, compress=True)


def _read(draft: str) -> list[tuple[int, Decimal, str]]:
    """Return what `_drafted` made.

    Raises:
        Http404: it is none of ours.
    """
    try:
        rows = signing.loads(draft, salt=_SALT)
    except signing.BadSignature as error:
        raise Http404("These amounts are not from this page.") from error
    return [(pk, Decimal(amount), version) for pk, amount, version in rows]


def _wanted(
    organization: Organization, rows: Sequence[tuple[int, Decimal, str]]
) -> list[NewAmount]:
    """Return the budgets with their new amounts, in the order of *rows*. One query."""
    budgets = Budget.objects.filter(organization=organization).in_bulk(
        [pk for pk, _, _ in rows]
    )
    return [
        NewAmount(budgets[pk], amount, version)
        for pk, amount, version in rows
        if pk in budgets
    ]


def _asked(
    request: HttpRequest,
    organization: Organization,
    rows: Sequence[tuple[int, Decimal, str]],
) -> Consequences:
    wanted, locale = _wanted(organization, rows), locale_of(request)
    ways = ways_of(organization, wanted, person=person(request))
    return Consequences(
        [
            (
                one.budget.name,
                format_money(one.budget.amount, one.budget.currency, locale),
                format_money(one.amount, one.budget.currency, locale)
                + _WAYS[ways[one.budget.pk]],
            )
            for one in wanted
        ],
        [*_told(ways), *_passed(organization, wanted, ways)],
        needs_reason=True,
    )


_WAYS = {
    Way.CHANGE: "",
    Way.REQUEST: ", by a request",
    Way.ASKED: ", asked for already",
    Way.NOT_YOURS: ", not yours to change: it stays",
}


def _told(ways: Mapping[int, Way]) -> list[Consequence]:
    """Say how many amounts change, are asked for, or stay; nothing, if all do."""
    counts = {way: sum(one is way for one in ways.values()) for way in Way}
    changed, asked = counts[Way.CHANGE], counts[Way.REQUEST]
    stay = counts[Way.ASKED] + counts[Way.NOT_YOURS]
    found = []
    if not changed and not asked:
        return []
    if changed:
        verb = "changes" if changed == 1 else "change"
        found.append(f"{_amounts(changed)} {verb} at once, all or none.")
    if asked:
        is_ = "raise is" if asked == 1 else "raises are"
        found.append(
            f"{asked} {is_} put to those who decide, each as a request; until then "
            "those stay as they are."
        )
    if stay:
        found.append(f"{_amounts(stay)} {'stays' if stay == 1 else 'stay'} as now.")
    return [Consequence(words, words) for words in found]


def _passed(
    organization: Organization, wanted: Sequence[NewAmount], ways: Mapping[int, Way]
) -> Iterator[Consequence]:
    """Say which new amounts are used up already. Two queries at most."""
    less = [
        one
        for one in wanted
        if one.amount < one.budget.amount and ways[one.budget.pk] is Way.CHANGE
    ]
    budgets = [one.budget for one in less]
    at = present_positions(organization, budgets, timezone.now())
    soft: list[str] = []
    hard: list[str] = []
    for one in less:
        position = at.get(one.budget.pk)
        if position is None:
            continue
        limit = position.limit - one.budget.amount + one.amount
        if limit <= position.spent + position.reserved:
            is_hard = one.budget.enforcement == Enforcement.HARD
            (hard if is_hard else soft).append(one.budget.name)
    if hard:
        words = f"Used up already, so that calls are refused: {_listed(hard)}."
        yield Consequence(f"refused {sorted(hard)}", words)
    if soft:
        words = f"Used up already, so that people are told: {_listed(soft)}."
        yield Consequence(f"passed {sorted(soft)}", words)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


def _amounts(count: int) -> str:
    return "1 amount" if count == 1 else f"{count:,} amounts"


def _confirmed(
    request: HttpRequest, organization: Organization
) -> HttpResponse | Confirmation:
    """Apply the draft and lead on, or return what is to be asked first."""
    rows = _read(request.POST["draft"])
    asked = _asked(request, organization, rows)
    if (confirmation := confirmation_of(asked, request.POST)) is not None:
        return confirmation
    wanted, someone = _wanted(organization, rows), person(request)
    try:
        done = apply_amounts(
            organization,
            wanted,
            ways_of(organization, wanted, person=someone),
            by=By.someone(someone, How.SESSION, visit_of(request)),
            reason=reason_in(request.POST),
            now=timezone.now(),
        )
    except ChangedMeanwhile as refusal:
        messages.error(request, refusal.for_people)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _said(done))
        if done.requests and not done.changed:
            return redirect(reverse("admin:approvals_budgetrequest_changelist"))
    return redirect(request.get_full_path())


def _said(done: Applied) -> str:
    said = []
    if done.changed:
        said.append(f"{_amounts(done.changed)} changed.")
    if done.requests:
        raises = (
            "1 raise" if len(done.requests) == 1 else f"{len(done.requests)} raises"
        )
        said.append(f"Those who decide are asked for {raises}.")
    if done.left:
        said.append(f"{_amounts(done.left)} stay as now.")
    return " ".join(said)
