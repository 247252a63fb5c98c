"""Setting up a budget's rules and escalation, all at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.locks import hold_alone, hold_trees
from accounts.models import Organization
from accounts.versions import Seen
from alerts.changes import check_seen, dropped, own_rules
from alerts.models import (
    WINDOWED,
    AlertRule,
    EscalationPolicy,
    RuleType,
    Severity,
)
from alerts.policies import Oversight, oversight_of
from alerts.reach import MAIL, missing, names_set_up, ready
from alerts.ruleset import effective_rules, of_budget, of_rule, severity_at
from alerts.schedule import judge_soon
from alerts.types import EffectiveRule, Origin
from budgets.models import Budget
from budgets.services import change_budget, plan_of
from budgets.thresholds import Basis, ShareWatched
from notifications.services import ask_outsiders, refuse_unknown

_FIELDS = (
    *("type", "threshold", "basis", "probability", "condition", "sensitivity"),
    *("window", "channels", "recipients", "message", "cooldown_s", "severity"),
    "enabled",
)


@transaction.atomic
def configure(
    budget: Budget, data: Mapping[str, Any], *, now: datetime, seen: Seen | None = None
) -> list[str]:
    """Give *budget* the rules and the escalation of *data*; say which rules are gone.

    *data* is what `ConfigurationIn` made of the wire. What it leaves out stays as it
    is; an escalation of None is taken away. Rules that stay keep their identity, and
    with it their open alerts.

    Raises:
        Invalid: a channel is unknown; each is named.
        IsArchived: the budget is no longer in use.
        ChangedMeanwhile: what watches it is none of the versions *seen*.
    """
    _check_names(budget.organization_id, data)
    hold_trees()
    hold_alone(budget.organization_id)
    budget = Budget.objects.select_related("organization").get(pk=budget.pk)
    check_seen(budget, seen)
    before = own_rules(budget)
    if "alerts" in data:
        budget = _watch(budget, data["alerts"], now=now)
        _replace_rules(budget, data["alerts"])
        judge_soon(budget.organization_id)
    if "escalation" in data:
        _replace_policy(budget, data["escalation"])
    levels = (data.get("escalation") or {}).get("levels", ())
    named = [one for rule in (*data.get("alerts", ()), *levels) for one in people(rule)]
    ask_outsiders(budget.organization_id, named, now=now)
    return dropped(before, budget)


def people(rule: Mapping[str, Any]) -> list[str]:
    """Return whom a rule, or a level, names."""
    return list(rule.get("recipients") or ())


def watch_thresholds(budget: Budget, *, gone: str = "", now: datetime) -> Budget:
    """Have charging watch exactly the shares that the budget's rules are about.

    They are kept in `Budget.alerts`: charging knows no rules. Those of a budget are
    watched on all below it as well, for they may inherit them.
    Call it when a threshold rule was added, changed or taken away on its own; *gone* is
    the key that its alerts had before.
    """
    rows = AlertRule.objects.filter(budget=budget, type=RuleType.THRESHOLD)
    rules = [of_rule(rule) for rule in rows]
    keys = {rule.key for rule in rules} | {gone}
    kept = [rule for rule in of_budget(budget) if rule.key not in keys]
    kept += [rule for rule in rules if rule.enabled]
    return _watched(budget, map(_watched_share, kept), now=now)


def watch_missing(organization: Organization, *, now: datetime) -> int:
    """Have charging watch rules whose shares it has lost; return of how many budgets.

    `Budget.alerts` may be written by itself, and so may a rule. One query where all is
    as it should be.
    """
    rules = AlertRule.objects.filter(
        organization=organization,
        type=RuleType.THRESHOLD,
        threshold__isnull=False,
        enabled=True,
        budget__archived_at=None,
    )
    lost = {
        rule.budget
        for rule in rules.select_related("budget").order_by("pk")
        if of_rule(rule).key not in {one.key for one in of_budget(rule.budget)}
    }
    for budget in sorted(lost, key=lambda budget: budget.pk):
        watch_thresholds(budget, now=now)
    return len(lost)


def configuration(budget: Budget) -> dict[str, Any]:
    """Return what watches *budget*, and who is told, in the shape `configure` takes.

    Beside it: what is inherited, and which named types are not set up.
    """
    oversight = oversight_of(budget)
    leads = ready(names_set_up(budget.organization_id), oversight)
    body: dict[str, Any] = {
        "budget": str(budget.uid),
        "alerts": _own_bodies(budget, leads),
        "inherited": _inherited_bodies(budget, oversight, leads),
        **_policy_bodies(budget, oversight, leads),
        "usual_recipients": list(oversight.usual),
    }
    body["not_set_up"] = sorted(_not_set_up(body))
    return body


_BUILT_IN = (Origin.WARNING, Origin.CRITICAL, Origin.EXCEEDED)


# -- Saving


def _check_names(organization_id: int, data: Mapping[str, Any]) -> None:
    refuse_unknown(organization_id, list(_named_channels(data)))


def _named_channels(data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield every channel that is named, with the path of its field."""
    escalation = data.get("escalation") or {}
    for path, entries in (
        ("alerts", data.get("alerts", ())),
        ("escalation.levels", escalation.get("levels", ())),
    ):
        for place, entry in enumerate(entries):
            for number, name in enumerate(entry.get("channels", ())):
                yield f"{path}.{place}.channels.{number}", name


def _watch(
    budget: Budget, rules: Sequence[Mapping[str, Any]], *, now: datetime
) -> Budget:
    watched = [
        ShareWatched(
            rule["threshold"],
            tuple(rule["channels"]),
            Basis(rule["basis"]),
            rule["probability"],
        )
        for rule in rules
        if rule["type"] == RuleType.THRESHOLD and rule["enabled"]
    ]
    return _watched(budget, watched, now=now)


def _watched_share(rule: EffectiveRule) -> ShareWatched:
    share = Decimal(1) if rule.threshold is None else rule.threshold
    return ShareWatched(share, rule.channels, rule.basis, rule.probability)


def _watched(
    budget: Budget, watched: Iterable[ShareWatched], *, now: datetime
) -> Budget:
    plan = plan_of(budget)
    alerts = [one.saved for one in sorted(watched, key=lambda one: one.share)]
    if alerts == plan.alerts and budget.archived_at is None:
        return budget
    plan.alerts = alerts
    return change_budget(budget, plan, now=now)


def _replace_rules(budget: Budget, rules: Sequence[Mapping[str, Any]]) -> None:
    there: dict[tuple[Any, ...], list[AlertRule]] = defaultdict(list)
    for rule in AlertRule.objects.filter(budget=budget).order_by("pk"):
        there[_identity({name: getattr(rule, name) for name in _FIELDS})].append(rule)
    kept: list[tuple[AlertRule | None, Mapping[str, Any]]] = []
    for given in rules:
        same = there[_identity(given)]
        kept.append((same.pop(0) if same else None, given))
    for gone in [rule for rules_left in there.values() for rule in rules_left]:
        gone.delete()
    for found, given in kept:
        rule = found or AlertRule(organization_id=budget.organization_id, budget=budget)
        _save_if_changed(
            rule, {**given, "severity": given["severity"] or _severity(budget, given)}
        )


def _identity(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    kind = rule["type"]
    if kind == RuleType.THRESHOLD:
        return kind, rule["threshold"], rule["basis"], rule["probability"]
    return (kind, rule["window"]) if kind in WINDOWED else (kind,)


def _severity(budget: Budget, given: Mapping[str, Any]) -> str:
    if given["type"] != RuleType.THRESHOLD:
        return Severity.WARNING
    grave = severity_at(budget, given["threshold"], Basis(given["basis"]))
    return Severity.WARNING if grave == Severity.INFO else grave


def _save_if_changed(rule: AlertRule, given: Mapping[str, Any]) -> None:
    changed = [name for name in _FIELDS if getattr(rule, name) != given[name]]
    for name in changed:
        setattr(rule, name, given[name])
    if changed or rule.pk is None:
        rule.save()


def _replace_policy(budget: Budget, given: Mapping[str, Any] | None) -> None:
    found = EscalationPolicy.objects.filter(budget=budget).first()
    if given is None:
        if found is not None:
            found.delete()
        return
    policy = found or EscalationPolicy(
        organization_id=budget.organization_id, budget=budget
    )
    policy.name = given.get("name") or policy.name
    policy.enabled = given["enabled"]
    policy.levels = sorted(
        (dict(level) for level in given["levels"]), key=lambda level: level["delay"]
    )
    policy.repeat = given["repeat"]
    policy.repeat_after_s = given["repeat_after"]
    policy.timezone = given.get("timezone") or budget.timezone
    policy.holidays = given["holidays"]
    policy.save()


# -- Showing


def _own_bodies(budget: Budget, leads: frozenset[str]) -> list[dict[str, Any]]:
    """Return the rules written down for *budget*, and then its own thresholds."""
    rules = AlertRule.objects.filter(budget=budget).order_by("pk")
    uids = {rule.pk: str(rule.uid) for rule in rules}
    own = [of_rule(rule) for rule in rules]
    written = {rule.key for rule in own}
    own += [rule for rule in of_budget(budget) if rule.key not in written]
    return [
        {"id": uids.get(rule.rule_id or 0), **_rule_body(rule, leads)} for rule in own
    ]


def _inherited_bodies(
    budget: Budget, oversight: Oversight, leads: frozenset[str]
) -> list[dict[str, Any]]:
    by_id = {one.pk: one for one in oversight.path}
    return [
        {
            **_rule_body(rule, leads),
            "origin": rule.origin.value,
            "from": _named(by_id[rule.budget_id]),
        }
        for rule in effective_rules(budget)
        if rule.is_inherited_by(budget.pk) or rule.origin in _BUILT_IN
    ]


def _policy_bodies(
    budget: Budget, oversight: Oversight, leads: frozenset[str]
) -> dict[str, dict[str, Any] | None]:
    """Return the policy in force as its own, or as inherited from where it is."""
    policy = oversight.policy
    if policy is None:
        return {"escalation": None, "inherited_escalation": None}
    body = _policy_body(policy, leads)
    if policy.budget_id == budget.pk:
        return {"escalation": body, "inherited_escalation": None}
    by_id = {one.pk: one for one in oversight.path}
    source = by_id.get(policy.budget_id or 0)
    body["from"] = _named(source) if source else None
    return {"escalation": None, "inherited_escalation": body}


def _rule_body(rule: EffectiveRule, leads: frozenset[str]) -> dict[str, Any]:
    return {
        "type": rule.type,
        "threshold": _threshold_body(rule),
        **_basis_body(rule),
        "condition": rule.condition,
        "sensitivity": rule.sensitivity or None,
        "window": rule.window or None,
        "channels": list(rule.channels),
        "recipients": list(rule.recipients),
        "message": rule.message,
        "cooldown": rule.cooldown_s,
        "severity": rule.severity,
        "enabled": rule.enabled,
        "not_set_up": missing(rule.channels or [MAIL], rule.recipients, leads),
    }


def _threshold_body(rule: EffectiveRule) -> float | str | None:
    """Return a share as a number, as budgets and alerts have it; all else as text."""
    if rule.threshold is None:
        return None
    if rule.type == RuleType.THRESHOLD:
        return float(rule.threshold)
    return f"{rule.threshold.normalize():f}"


def _basis_body(rule: EffectiveRule) -> dict[str, Any]:
    if rule.type != RuleType.THRESHOLD:
        return {"basis": None, "probability": None}
    likely = rule.probability
    return {
        "basis": rule.basis.value,
        "probability": None if likely is None else float(likely),
    }


def _policy_body(policy: EscalationPolicy, leads: frozenset[str]) -> dict[str, Any]:
    return {
        "name": policy.name,
        "enabled": policy.enabled,
        "levels": [
            {
                "delay": level["delay"],
                "recipients": level.get("recipients", []),
                "channels": level.get("channels", []),
                "hours": level.get("hours"),
                "not_set_up": missing(
                    level.get("channels", []), level.get("recipients", []), leads
                ),
            }
            for level in policy.levels
        ],
        "repeat": policy.repeat,
        "repeat_after": policy.repeat_after_s,
        "timezone": policy.timezone,
        "holidays": policy.holidays,
    }


def _not_set_up(body: Mapping[str, Any]) -> set[str]:
    rules = [*body["alerts"], *body["inherited"]]
    for policy in (body["escalation"], body["inherited_escalation"]):
        rules += policy["levels"] if policy else []
    return {name for rule in rules for name in rule["not_set_up"]}


def _named(budget: Budget) -> dict[str, str]:
    return {"id": str(budget.uid), "name": budget.name}
