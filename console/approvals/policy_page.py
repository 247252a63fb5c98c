"""The editor of an approval policy: levels as rows, the chain they make beside them,
and who would have to approve an amount by it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import Organization
from accounts.tenants import person
from accounts.versions import (
    ChangedMeanwhile,
    history_of,
    last_change,
    seen_by,
    version_of,
)
from approvals.models import How, Policy
from approvals.plans import LevelNow, chain_by, levels_now
from approvals.policies import MOST_LEVELS, save_policy
from approvals.types import By, LevelPlan, PolicyPlan
from budgets.models import Budget
from budgets.owners import path_of
from budgets.paths import ways_of, words_of_way
from console.approvals.chain import bands_of, stages_of_chain, stages_of_plan
from console.approvals.policy_forms import LevelForm, PolicyForm, TryForm
from console.approvals.trying import TrialAnswer, for_words, offers_of, try_form
from console.mailed_link_page import visit_of
from console.pages import Pages
from lib.errors import Refusal
from lib.humanize import locale_of
from lib.money import format_money
from lib.web import id_of

TRY = "try"  # prefix of the fields that only ask
_FIRST = LevelPlan(name="Owner", approvers=["budget_owner"])
_ASKING = {"more", "preview"}  # buttons that save nothing
_UP = "up"  # before the number of a level that is to come earlier


def policy_page(
    request: HttpRequest,
    pages: Pages,
    organization: Organization,
    plan: PolicyPlan,
    policy: Policy | None = None,
) -> HttpResponse:
    """Answer the editor of *policy*, which says *plan*; None: of a new one."""
    may_change = pages.has_change_permission(
        request, policy or Policy(organization=organization)
    )
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    data = request.POST if request.method == "POST" else None
    editor = _Editor(data, plan, organization)
    meanwhile = ""
    if data is not None and not _ASKING & set(data) and editor.is_whole():
        try:
            saved = _save(request, organization, editor.plan, policy)
        except ChangedMeanwhile:
            meanwhile = _changed(policy)
        except Refusal as refusal:
            editor.tell(refusal)
        else:
            messages.success(request, f"“{saved.name}” is saved.")
            return redirect("admin:approvals_policy_change", saved.pk)
    trying = try_form(data, organization, editor.plan.budget, prefix=TRY)
    context = pages.page(
        request,
        title=plan.name if policy else "New approval policy",
        policy=policy,
        place=place_of(organization, plan),
        form=editor.form,
        levels=editor.shown,
        has_room=len(editor.shown) < MOST_LEVELS,
        may_change=may_change,
        is_asking=data is not None and bool(_ASKING & set(data)),
        meanwhile=meanwhile,
        version=_version(data, policy),
        trying=trying,
        answer=_answer(request, organization, editor, trying),
        **_picture(organization, editor, locale_of(request)),
    )
    return TemplateResponse(request, "console/approvals/policy.html", context)


class _Editor:
    """What is filled in: the policy, and its levels in the order they stand in."""

    def __init__(self, data: Any, plan: PolicyPlan, organization: Organization) -> None:
        self.before = plan
        kept = Q(archived_at=None) | Q(approval_policies__isnull=False)
        rows = Budget.objects.filter(kept, organization=organization)
        rows = rows.distinct().order_by("tree_id", "lft")
        self.form = PolicyForm(data, plan=plan, budgets=rows, offers=offers_of(rows))
        levels = list(_level_forms(data, plan))
        self.kept = [one for one in levels if not one.is_removed]
        self.shown = levels if data is None or "more" not in data else self.kept
        if data is not None and "more" in data and len(self.kept) < MOST_LEVELS:
            last = max((_number(one.prefix) for one in levels), default=-1)
            self.shown = [*self.kept, LevelForm(prefix=f"level{last + 1}")]

    def is_whole(self) -> bool:
        """Tell whether it can be saved; else the forms say why not."""
        wrong = [n for n, one in enumerate(self.kept, 1) if not one.is_valid()]
        if self.form.is_valid() and wrong:
            names = ", ".join(map(str, wrong))
            need = "level {} needs" if len(wrong) == 1 else "levels {} need"
            said = f"Not saved: {need.format(names)} another look."
            self.form.add_error(None, said)
        return self.form.is_valid() and not wrong

    @property
    def plan(self) -> PolicyPlan:
        """Return what is filled in, as far as it is right."""
        if not self.form.is_bound:
            return self.before
        self.form.is_valid()
        said = self.form.cleaned_data
        return replace(
            self.before,
            name=said.get("name", self.before.name),
            budget=said.get("budget", self.before.budget),
            currency=said.get("currency", self.before.currency),
            self_approval_below=said.get("self_approval_below"),
            levels=[one.plan for one in self.kept if one.is_valid()],
        )

    def tell(self, refusal: Refusal) -> None:
        """Put what is refused at the field it is about."""
        for error in refusal.errors:
            path = error.attr.split(".")
            if path[0] == "levels" and len(path) == 3:
                field = "groups" if path[2] == "approvers" else path[2]
                self.kept[int(path[1])].add_error(field, error.detail)
            else:
                known = error.attr if error.attr in self.form.fields else None
                self.form.add_error(known, error.detail)
        if not refusal.errors:
            self.form.add_error(None, str(refusal))
        elif not self.form.errors:
            self.form.add_error(None, f"Not saved: {refusal}")


def _level_forms(data: Any, plan: PolicyPlan) -> Sequence[LevelForm]:
    """Return a form for each level that is sent, in the order they are sent in, or that
    *plan* has."""
    if data is None:
        return [
            LevelForm(prefix=f"level{number}", level=level)
            for number, level in enumerate(plan.levels or [_FIRST])
        ]
    names = (str(name) for name in data)
    sent = [name.removesuffix("-name") for name in names if name.endswith("-name")]
    prefixes = [one for one in sent if _number(one) >= 0][:MOST_LEVELS]
    if (up := str(data.get("preview", ""))).startswith(_UP):
        prefixes = _moved_up(prefixes, up.removeprefix(_UP))
    return [
        LevelForm(data, prefix=one, level=_level_at(plan, _number(one)))
        for one in prefixes
    ]


def _level_at(plan: PolicyPlan, number: int) -> LevelPlan | None:
    return plan.levels[number] if number < len(plan.levels) else None


def _number(prefix: str | None) -> int:
    found = id_of(str(prefix).removeprefix("level"))
    return -1 if found is None or not str(prefix).startswith("level") else found


def _moved_up(prefixes: Sequence[str], prefix: str) -> list[str]:
    moved = list(prefixes)
    if prefix in moved[1:]:
        place = moved.index(prefix)
        moved[place - 1 : place + 1] = [prefix, moved[place - 1]]
    return moved


def _save(
    request: HttpRequest,
    organization: Organization,
    plan: PolicyPlan,
    policy: Policy | None,
) -> Policy:
    """Save the policy, unless somebody else did since it was shown.

    Raises:
        Refusal: nothing is changed.
    """
    return save_policy(
        organization,
        plan,
        by=By.someone(person(request), How.SESSION, visit_of(request)),
        now=timezone.now(),
        policy=policy,
        seen=seen_by(request.POST) if policy else None,
    )


def _version(data: Any, policy: Policy | None) -> str:
    if data is not None and _ASKING & set(data):
        return str(data.get("version", ""))
    return version_of(policy) if policy else ""


def _changed(policy: Policy | None) -> str:
    last = last_change(history_of(policy)) if policy else None
    return last.words if last else "Changed"


def place_of(organization: Organization, plan: PolicyPlan) -> str:
    """Say for which budgets it is."""
    if plan.budget is None:
        return f"all budgets of {organization.name} that have none of their own"
    (way,) = ways_of([plan.budget]).values()
    return f"{words_of_way(way)} and what is below it"


def _picture(
    organization: Organization, editor: _Editor, locale: str
) -> Mapping[str, Any]:
    """Return the chain that is filled in, as far as it is right."""
    plan = editor.plan
    levels: list[LevelNow] = levels_now(organization, plan)
    unread = len(editor.kept) - len(plan.levels) if editor.form.is_bound else 0
    currency = _currency(organization, plan)
    alone = plan.self_approval_below
    return {
        "stages": stages_of_plan(levels, currency, locale),
        "bands": bands_of(levels, currency, locale),
        "unread": unread,
        "alone": format_money(alone, currency, locale) if alone else "",
    }


def _currency(organization: Organization, plan: PolicyPlan) -> str:
    return plan.currency or organization.currency


def _answer(
    request: HttpRequest, organization: Organization, editor: _Editor, trying: TryForm
) -> TrialAnswer | None:
    """Return who would have to approve what is tried, by what is filled in."""
    if not trying.is_bound or not trying.is_valid():
        return None
    said = trying.cleaned_data
    plan, amount = editor.plan, said["amount"]
    if amount is None or not plan.levels:
        return None
    budget = said["budget"] or plan.budget
    own = frozenset({said["requester"].pk} if said["requester"] else ())
    words = for_words(amount, _currency(organization, plan), budget, locale_of(request))
    try:
        chain = chain_by(organization, plan, budget, amount, own_ids=own)
    except Refusal as refusal:
        return TrialAnswer(words, fault=str(refusal))
    return TrialAnswer(words, stages_of_chain(chain, path_of(budget) if budget else ()))
