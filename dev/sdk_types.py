"""Write the SDK's types of answers anew, from the structs that the server answers with.

python -m dev.sdk_types; tests.checks says when they are stale. What an answer can't do
without is required (ESSENTIAL), and comes first; all else has a default, so that what
another version of the server says can be read.
"""

import os
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import django
import msgspec
from msgspec import Meta, UnsetType

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "sdk" / "llm_cost_ops" / "answers"
_WIDTH = 88
_HEAD = '''"""{title}

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Optional
'''
# Without these an answer of the kind is none; they come first, in this order.
ESSENTIAL = {
    "Alert": "id type severity state budget message fired_at",
    "AlertConfiguration": "alerts",
    "AlertStep": "kind at",
    "ApprovalDecision": "decision approver",
    "ApprovalLevel": "name approvers required",
    "ApprovalPolicy": "id name levels",
    "ApprovalPreview": "levels",
    "ApprovalStep": "id name state",
    "Asked": "person",
    "Attempt": "id at",
    "Authorization": "decision model",
    "AuthorizationState": "id state",
    "Backfill": "state done",
    "BatchReceipt": "accepted duplicates rejected",
    "Budget": "id name amount currency period",
    "BudgetConflict": "type message",
    "BudgetFigures": "id name currency spent limit",
    "BudgetLine": "at effective_from amount kind",
    "BudgetPeriod": "start end amount spent reserved status",
    "BudgetRequest": "id kind state amount currency",
    "BudgetStatus": "budget status currency limit total_spend remaining_budget "
    "period_start period_end",
    "CallNames": "provider",
    "Channel": "id type name enabled",
    "Conflicting": "index id",
    "Controls": "rules",
    "CostRecord": "id usage_id organization_id provider model timestamp currency "
    "input_tokens output_tokens total_cost priced",
    "Delegation": "id delegator delegate start_date end_date",
    "Delivery": "id type state",
    "Difference": "field",
    "ExchangeRate": "id base quote rate date",
    "FieldProblem": "attr code detail",
    "Confidence": "lower upper level",
    "DaysUntil": "level",
    "Forecast": "currency days_ahead data daily",
    "Accuracy": "count held_80 held_95 forecasts",
    "ForecastAccuracy": "budget currency backtest stored",
    "PastForecast": "made_on days expected lower_80 upper_80 lower_95 upper_95 "
    "actual held_80 held_95",
    "ForecastData": "days enough",
    "ForecastDay": "date",
    "Health": "status",
    "IgnoredFields": "index id fields",
    "Impact": "at amount currency lines",
    "ImpactLine": "budget name role currency",
    "KillSwitch": "active",
    "LeaseGrant": "mode granted currency ttl_s names",
    "ModelNames": "asked model",
    "ModelSwap": "model to",
    "Named": "id name",
    "Organization": "slug",
    "Phase": "start end amount",
    "Phasing": "budget currency amounts",
    "OutcomeReceipt": "id name count",
    "PlannedLevel": "name approvers required",
    "Preference": "recipient",
    "Price": "id provider model currency",
    "Reason": "message",
    "RolloverPreview": "budget currency mode carries",
    "Rejected": "index id errors",
    "RepeatedResponse": "index id duplicate_of",
    "Replay": "budget start end currency message calls spent would_spend saved stopped "
    "downgraded limited",
    "ReplayTotal": "calls cost saved",
    "RepricedPeriod": "budget name currency period_start period_end old new difference",
    "ResolvedPrice": "provider model currency source",
    "Recommendation": "budget name currency recommended_amount reason",
    "Optimization": "kind certainty provider model saved assumption",
    "ReturnedLease": "id state",
    "RuleAction": "id state",
    "RuleTerms": "id budget action trigger",
    "Scenario": "name currency",
    "Scenarios": "currency scenarios",
    "Run": "run_id spent currency",
    "RunDetail": "run_id spent currency",
    "Settled": "id known",
    "SettledPlace": "index authorization",
    "TrailEntry": "number at event",
    "Trial": "state",
    "UnitCostPoint": "start cost count",
    "UnitCosts": "budget per currency total points",
    "UnpricedModel": "provider model requests",
    "UnpricedRecord": "index id unpriced_kinds",
    "UsageReceipt": "id cost currency",
    "WrittenLines": "lines",
    "Variance": "budget currency expected_spend actual_spend absolute_variance "
    "variance_category",
}
# Where what is missing does not mean nothing, or no.
DEFAULTS = {
    "Authorization.priced": "True",
    "Budget.enforcement": '"soft"',
    "Budget.priority": '"normal"',
    "Budget.timezone": '"UTC"',
    "BudgetFigures.enforcement": '"soft"',
    "BudgetFigures.rate": "Decimal(1)",
    "BudgetFigures.timezone": '"UTC"',
    "BudgetRequest.duration": '"monthly"',
    "BudgetRequest.mode": '"parallel"',
    "BudgetRequest.revision": "1",
    "CostRecord.requests": "1",
    "LeaseGrant.refresh_s": "15",
    "LeaseGrant.unpriced_policy": '"allow"',
    "ModelPrice.currency": '""',
    "ModelPrice.priced": "True",
    "Organization.currency": '"USD"',
    "Organization.fiscal_year_start_month": "1",
    "Organization.response_ids": '"once"',
    "Organization.timezone": '"UTC"',
    "Organization.unpriced_policy": '"allow"',
    "Preference.critical_at_once": "True",
    "Preference.daily_requests": "True",
    "ReturnedLease.returned": "Decimal(0)",
    "UsageReceipt.corrected": "None",
    "UsageReceipt.priced": "True",
}
# Parts that can be sent back as they came: they stay dicts.
AS_SENT = (
    *("Scope", "Threshold", "Rollover", "Template", "OwnRule"),
    "InheritedAlertRule",
    *("Escalation", "InheritedEscalation", "ControlRule", "InheritedRule"),
    *("InheritedSwitch", "LongRequestPrice", "ResolvedTier"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a dataclass as it is written."""

    name: str
    type: str
    default: str  # "": it is required
    note: str


# What each module of the SDK is about, and the structs it has, by where they are.
MODULES: dict[str, tuple[str, dict[str, str]]] = {
    "alerts": (
        "Alerts, and the rules that raise them.",
        {"alerts.api.answers": "AlertStep Alert AlertConfiguration"},
    ),
    "approvals": (
        "Requests for money, and who decides them.",
        {
            "approvals.api.answers": "ImpactLine Impact Asked ApprovalStep "
            "ApprovalDecision TrailEntry BudgetRequest BudgetRequestDetail",
            "approvals.api.policy_answers": "ApprovalLevel ApprovalPolicy PlannedLevel "
            "ApprovalPreview Delegation",
        },
    ),
    "budgets": (
        "Budgets, and where they stand.",
        {
            "lib.answers": "Named",
            "budgets.api.answers": "Backfill Budget BudgetStatus BudgetPeriod",
            "budgets.api.conflict_answers": "BudgetConflict",
            "forecasts.api.answers": "Confidence DaysUntil ForecastData ForecastDay "
            "Forecast PastForecast Accuracy ForecastAccuracy",
            "forecasts.api.advice_answers": "Recommendation LeftOut Recommendations",
            "forecasts.api.scenario_answers": "ModelSwap Scenario Scenarios",
            "budgets.api.trees": "BudgetNode",
            "forecasts.api.optimizations": "Optimization Unjudged Optimizations",
            "budgets.api.amount_answers": "BudgetLine WrittenLines Phase Phasing "
            "RolloverPreview",
            "budgets.api.variances": "Driver VarianceParts Variance",
            "budgets.api.unit_costs": "UnitCostTotal UnitCostPoint UnitCosts",
        },
    ),
    "controls": (
        "Decisions before the money is spent: authorizations, leases, rules.",
        {
            "controls.api.answers": "Reason Authorization AuthorizationState "
            "ReturnedLease KillSwitch Controls ReplayTotal ReplayEffect Replay",
            "controls.api.actions": "RuleAction",
            "controls.api.runs": "Run RunDetail",
            "controls.api.lease_answers": "BudgetFigures RuleTerms TokenPrices "
            "PriceTier ModelPrice ModelNames CallNames LeaseGrant",
        },
    ),
    "notifications": (
        "Channels, and what was sent through them.",
        {"notifications.api.answers": "Channel Attempt Delivery Trial Preference"},
    ),
    "platform": (
        "Organizations, and whether the server is well.",
        {"accounts.api.organizations": "Organization", "costops.views": "Health"},
    ),
    "prices": (
        "Prices, exchange rates, and what a repricing changes.",
        {
            "ledger.api.answers": "Price MadePrice ResolvedPrice ExchangeRate",
            "intake.api.answers": "RepricedPeriod",
        },
    ),
    "usage": (
        "Usage that was reported, and what it cost.",
        {
            "lib.answers": "FieldProblem",
            "intake.api.answers": "Difference Settled SettledPlace UsageReceipt "
            "Rejected Conflicting RepeatedResponse UnpricedRecord IgnoredFields "
            "BatchReceipt",
            "intake.api.outcomes": "OutcomeReceipt",
            "ledger.api.answers": "CostRecord UnpricedModel",
        },
    ),
}


def written() -> dict[Path, str]:
    """Return what each module of the SDK should be."""
    return {
        FOLDER / f"{name}.py": _module(title, _structs(places))
        for name, (title, places) in MODULES.items()
    }


def _structs(places: Mapping[str, str]) -> Iterator[Any]:
    for module, names in places.items():
        for name in names.split():
            yield _struct(module, name)


def _struct(module: str, name: str) -> Any:
    return getattr(import_module(module), f"{name}Out")


def _module(title: str, structs: Iterable[Any]) -> str:
    text = "\n\n".join([_HEAD.format(title=title), *map(_class, structs)])
    for command in (["check", "--fix", "--select", "F401,I"], ["format"]):
        done = subprocess.run(  # noqa: S603 - our own linter
            [sys.executable, "-m", "ruff", *command, "-q", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout
    return text


def _class(struct: Any) -> str:
    name, base = _name(struct), _base_of(struct)
    lines = [
        "@dataclass(frozen=True)",
        f"class {name}{f'({_name(base)})' if base else ''}:",
    ]
    lines += _docstring(struct)
    lines += [line for part in _parts(struct, base) for line in _line(part)]
    return "\n".join(lines) + "\n"


def _name(struct: Any) -> str:
    return str(struct.__name__).removesuffix("Out")


def _base_of(struct: Any) -> Any:
    if _name(struct) == "ModelPrice":  # of which the server may leave parts out
        return _struct("controls.api.lease_answers", "TokenPrices")
    (base,) = struct.__bases__
    return None if base.__name__ == "Out" else base


def _docstring(struct: Any) -> Iterator[str]:
    paragraphs = (struct.__doc__ or "").strip().split("\n\n")
    folded = [" ".join(each.split()) for each in paragraphs]
    if len(folded) == 1 and len(folded[0]) < _WIDTH - 10:
        yield f'    """{folded[0]}"""\n'
        return
    wrapped = "\n\n".join(textwrap.fill(each, _WIDTH - 7) for each in folded)
    yield textwrap.indent(f'"""{wrapped}\n"""', "    ") + "\n"


def _parts(struct: Any, base: Any) -> list[Part]:
    """Return the fields that *base* has not, required ones first."""
    hints = get_type_hints(struct, include_extras=True)
    inherited = set(base.__struct_fields__) if base else set()
    names = {field.name: field.encode_name for field in msgspec.structs.fields(struct)}
    essential = ESSENTIAL.get(_name(struct), "").split() if not base else []
    order = [*essential, *(one for one in names if one not in essential)]
    return [
        _part(struct, name, hints[name], is_required=name in essential)
        for name in order
        if name not in inherited
    ]


def _part(struct: Any, name: str, hint: Any, *, is_required: bool) -> Part:
    kind, empty = _written(hint)
    default = DEFAULTS.get(f"{_name(struct)}.{name}", empty)
    if not is_required:
        plain = kind.removeprefix("Optional[").removesuffix("]")
        if default != "None" and kind == f"Optional[{plain}]":
            kind = plain
        elif default == "None" and kind not in {"Any", f"Optional[{plain}]"}:
            kind = f"Optional[{kind}]"
    return Part(name, kind, "" if is_required else default, _notes(hint))


def _notes(hint: Any) -> str:
    """Return in words what a field means."""
    said = [
        each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Meta)
    ]
    text = " ".join(each.description for each in said if each.description)
    words = list(get_args(hint)) if get_origin(hint) is Literal else []
    for each in said:
        words += (each.extra_json_schema or {}).get("enum", ())
    listed = ", ".join(str(word) for word in words if word is not None)
    return text.replace("Null:", "None:").replace("null:", "None:") or listed


def _written(hint: Any) -> tuple[str, str]:
    """Return a type as the SDK writes it, and its empty value."""
    if hasattr(hint, "__metadata__"):
        return _of_annotated(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _of_union(inner)
    if origin is Literal:
        return "str", '""'
    if origin is dict:
        return f"dict[str, {_written(inner[1])[0]}]", "field(default_factory=dict)"
    if origin is not None:  # a sequence
        return f"tuple[{_written(inner[0])[0]}, ...]", "()"
    return _of_plain(hint)


def _of_annotated(hint: Any) -> tuple[str, str]:
    extra = [each.extra_json_schema or {} for each in hint.__metadata__]
    if hint.__origin__ is str and any(one.get("format") == "decimal" for one in extra):
        return "Decimal", "Decimal(0)"
    return _written(hint.__origin__)


def _of_union(inner: Sequence[Any]) -> tuple[str, str]:
    left = [one for one in inner if one not in {type(None), UnsetType}]
    found = {_written(one)[0]: _written(one)[1] for one in left}
    if len(found) > 1:
        return "Any", "None"
    ((kind, empty),) = found.items()
    if type(None) not in inner and (empty in {"()", "False"} or "dict" in empty):
        return kind, empty  # what is left out is empty
    return f"Optional[{kind}]", "None"


def _of_plain(hint: Any) -> tuple[str, str]:
    known = {
        str: ("str", '""'),
        bool: ("bool", "False"),
        int: ("int", "0"),
        float: ("Decimal", "Decimal(0)"),
        datetime: ("datetime", "None"),
        date: ("date", "None"),
        Any: ("Any", "None"),
    }
    if hint in known:
        return known[hint]
    name = _name(hint)
    if name in AS_SENT:
        return "dict[str, Any]", "field(default_factory=dict)"
    return name, "None"


def _line(part: Part) -> Iterator[str]:
    line = f"    {part.name}: {part.type}"
    line += f" = {part.default}" if part.default else ""
    if part.note and len(line) + len(part.note) + 4 <= _WIDTH:
        yield f"{line}  # {part.note}"
        return
    if part.note:
        yield textwrap.fill(
            part.note, _WIDTH, initial_indent="    # ", subsequent_indent="    # "
        )
    yield line


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "costops.settings"
    django.setup()
    for path, text in written().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
