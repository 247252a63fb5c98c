"""Who may write by which page: all there are stand here, or the walk fails."""

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.permissions import TABLE, Action, Relation
from accounts.scopes import SCOPES_OF_ROLE, Role, Scope
from console.asking import Consequence, Consequences
from console.controls.consequences import consequences_of
from console.controls.edits import Rules, given_of, own_rows, with_missing, with_rule
from console.controls.presets import PRESETS
from tests.controls.guarding import given
from tests.walking.world import (
    APPROVER,
    EVERYBODY,
    FINANCE,
    FOREIGN,
    NOBODY,
    PAT,
    ROOT,
    SAM,
    VIEWER,
    World,
)

Writers = frozenset[str]

_STANDING = {  # the role of who asks, and how they stand to Engineering
    FINANCE: (Role.FINANCE_ADMIN, Relation.ELSEWHERE),
    PAT: (Role.BUDGET_OWNER, Relation.OWN),
    SAM: (Role.BUDGET_OWNER, Relation.ELSEWHERE),
    APPROVER: (Role.APPROVER, Relation.ELSEWHERE),
    VIEWER: (Role.VIEWER, Relation.ELSEWHERE),
}


def by_action(action: Action) -> Writers:
    """Return who may do *action* to Engineering, as the table of roles says."""
    return frozenset({ROOT}) | {
        who
        for who, (role, relation) in _STANDING.items()
        if relation in TABLE[role].get(action, ())
    }


def by_scope(scope: Scope) -> Writers:
    """Return who has *scope* in acme."""
    return frozenset({ROOT}) | {
        who for who, (role, _) in _STANDING.items() if scope in SCOPES_OF_ROLE[role]
    }


_NOBODY: Writers = frozenset()
_ROOT = frozenset({ROOT})
_FINANCE = by_scope(Scope.ADMIN)
_ASK = by_scope(Scope.APPROVALS_WRITE)
_OWNERS = frozenset({ROOT, FINANCE, PAT, SAM})
_MEMBERS = frozenset(EVERYBODY) - {NOBODY}
_ANYBODY = frozenset(EVERYBODY)
_WATCH = by_action(Action.WATCH)

# Who adds, changes and deletes; a model that is registered stands here.
MODELS: dict[str, tuple[Writers, Writers, Writers]] = {
    "accounts_membership": (_ROOT, _FINANCE, _FINANCE),
    "accounts_user": (_ROOT, _ROOT, _NOBODY),
    "accounts_invitation": (_FINANCE, _NOBODY, _NOBODY),
    "accounts_apikey": (_FINANCE, _NOBODY, _NOBODY),
    "accounts_organization": (_ROOT, _FINANCE, _NOBODY),
    "alerts_alert": (_NOBODY, _NOBODY, _NOBODY),
    "alerts_alertrule": (_WATCH, _WATCH, _WATCH),
    "alerts_escalationpolicy": (_WATCH, _WATCH, _WATCH),
    "alerts_maintenancewindow": (_WATCH, _WATCH, _WATCH),
    "alerts_notananomaly": (_NOBODY, _NOBODY, by_action(Action.ANSWER)),
    "approvals_budgetrequest": (_NOBODY, _NOBODY, _NOBODY),
    "approvals_policy": (_FINANCE, _FINANCE, _FINANCE),
    "approvals_slackapp": (_FINANCE, _FINANCE, _FINANCE),
    "approvals_slackuser": (_FINANCE, _FINANCE, _FINANCE),
    "budgets_budget": (by_action(Action.MAKE), by_action(Action.CHANGE), _NOBODY),
    "budgets_budgetperiod": (_NOBODY, _NOBODY, _NOBODY),
    "budgets_backfill": (_NOBODY, _NOBODY, _NOBODY),
    "budgets_reservation": (_NOBODY, _NOBODY, _NOBODY),
    "budgets_run": (_NOBODY, _NOBODY, _NOBODY),
    "controls_controlrule": (
        by_action(Action.GUARD),
        by_action(Action.GUARD),
        _NOBODY,
    ),
    "bulk_bulkchange": (_NOBODY, _NOBODY, _NOBODY),
    "controls_ruleaction": (_NOBODY, _NOBODY, _NOBODY),
    "forecasts_scenarioset": (_ASK, _ASK, _ASK),
    "ledger_monthlock": (_NOBODY, _NOBODY, _NOBODY),
    "reports_chargebackstatement": (_NOBODY, _NOBODY, _NOBODY),
    "reports_journal": (_NOBODY, _NOBODY, _NOBODY),
    "reports_report": (_NOBODY, _NOBODY, _NOBODY),
    # One for each organization; acme has its own.
    "reports_reportsettings": (_NOBODY, _FINANCE, _NOBODY),
    "reports_journalsetup": (_NOBODY, _NOBODY, _NOBODY),
    "ledger_attribution": (_NOBODY, _NOBODY, _NOBODY),
    "ledger_costrecord": (_NOBODY, _NOBODY, _NOBODY),
    "ledger_dailyspend": (_NOBODY, _NOBODY, _NOBODY),
    "ledger_exchangerate": (_FINANCE, _NOBODY, _FINANCE),
    "ledger_fixedcharge": (_FINANCE, _NOBODY, _NOBODY),
    "ledger_price": (_FINANCE, _FINANCE, _FINANCE),
    "ledger_repricing": (_NOBODY, _NOBODY, _NOBODY),
    # Nobody's but the owner's own.
    "reports_spendview": (_NOBODY, frozenset({FINANCE}), frozenset({FINANCE})),
    "notifications_channel": (
        _OWNERS,
        by_action(Action.REWIRE),
        by_action(Action.REWIRE),
    ),
    "notifications_delivery": (_NOBODY, _NOBODY, _NOBODY),
    # Of the approver's mail a new one, of the viewer's what there is.
    "notifications_preference": (_FINANCE | {APPROVER}, _FINANCE, _FINANCE),
    "notifications_outsider": (_NOBODY, _NOBODY, _NOBODY),
    "reports_feed": (_FINANCE, _FINANCE, _FINANCE),
    "reports_feedrun": (_NOBODY, _NOBODY, _NOBODY),
    "django_q_schedule": (_NOBODY, _NOBODY, _NOBODY),
    "django_q_success": (_NOBODY, _NOBODY, _NOBODY),
    "django_q_failure": (_NOBODY, _NOBODY, _NOBODY),
    "django_q_ormq": (_NOBODY, _NOBODY, _NOBODY),
}
_STANDARD = ("add", "change", "delete")
_READ = ("changelist", "history", "simple_history")

# What other pages there are, and who writes there.
PAGES: dict[str, Writers] = {
    "accounts_organization_people": _NOBODY,
    "accounts_organization_roles": _NOBODY,
    "accounts_organization_look": _ROOT,
    "accounts_invitation_withdraw": _FINANCE,
    "accounts_invitation_again": _FINANCE,
    "accounts_invitation_link": _ROOT,
    "accounts_apikey_revoke": _FINANCE,
    "auth_user_password_change": _ROOT,
    "alerts_alert_answer": by_action(Action.ANSWER),
    "alerts_alertrule_budget": _NOBODY,
    "approvals_budgetrequest_ask": _ASK,
    "approvals_budgetrequest_answer": frozenset({APPROVER}),
    "approvals_budgetrequest_edit": frozenset({PAT}),
    "approvals_budgetrequest_remind": _FINANCE,
    "approvals_budgetrequest_statistics": _NOBODY,
    "budgets_budget_recommended": _NOBODY,
    "budgets_budget_savings": _NOBODY,
    "budgets_budget_tree": _NOBODY,
    "budgets_budget_arrival": _NOBODY,
    "budgets_budget_conflicts": _NOBODY,
    "budgets_budget_preview": _NOBODY,
    "budgets_budget_progress": _NOBODY,
    "budgets_budget_page": _NOBODY,
    "budgets_budget_behind": _NOBODY,
    "budgets_budget_forecast": _NOBODY,
    "budgets_budget_forecast_picture": _NOBODY,
    "budgets_budget_unit_cost": _NOBODY,
    "budgets_budget_spend": _NOBODY,
    "budgets_budget_variance": _NOBODY,
    "budgets_budget_move": by_action(Action.MOVE),
    "budgets_budget_archive": by_action(Action.ARCHIVE),
    "budgets_budget_amounts": _NOBODY,
    "budgets_budget_transfer": by_action(Action.CHANGE),
    # More for the top of one's own is a request.
    "budgets_budget_raise": by_action(Action.CHANGE) - {PAT},
    "budgets_budget_grant": by_action(Action.CHANGE) - {PAT},
    "budgets_budget_phase": by_action(Action.CHANGE),
    "budgets_budget_undo": by_action(Action.CHANGE),
    "budgets_reservation_release": by_action(Action.RELEASE),
    "controls_controlrule_budget": _NOBODY,
    "controls_ruleaction_answer": by_action(Action.GUARD),
    "controls_controlrule_rules": by_action(Action.GUARD),
    "controls_controlrule_switch": by_action(Action.SWITCH),
    "controls_controlrule_dry_run": _NOBODY,
    "controls_controlrule_of_budget": _NOBODY,
    "controls_controlrule_try": _NOBODY,
    "ledger_costrecord_unpriced": _NOBODY,
    "ledger_monthlock_changelist": _FINANCE,
    "reports_chargebackstatement_changelist": _FINANCE,
    "reports_chargebackstatement_file": _NOBODY,
    "reports_chargebackstatement_shares": _FINANCE,
    "reports_journal_month": _FINANCE,
    "reports_report_new": _OWNERS,
    "reports_report_comment": by_action(Action.CHANGE),
    "reports_report_again": _OWNERS,
    "reports_report_final": _FINANCE,
    "reports_report_pdf": _NOBODY,
    "reports_journal_file": _NOBODY,
    "reports_journalsetup_accounts": _FINANCE,
    "ledger_costrecord_reprice": _FINANCE,
    "ledger_fixedcharge_end": _FINANCE,
    "ledger_costrecord_undo": _FINANCE,
    "bulk_bulkchange_import": _FINANCE,
    "bulk_bulkchange_sheet": _NOBODY,
    "bulk_bulkchange_copy": _FINANCE,
    "bulk_bulkchange_edit": _FINANCE,
    "bulk_bulkchange_page": _FINANCE,
    "bulk_bulkchange_part": _NOBODY,
    "reports_spendview_explore": _NOBODY,
    "reports_spendview_file": _NOBODY,
    "reports_spendview_save": _MEMBERS - {FOREIGN},
    "reports_spendview_export": _NOBODY,
    "reports_spendview_export_file": _NOBODY,
    "notifications_channel_preview": _NOBODY,
    "notifications_channel_test": by_action(Action.REWIRE),
    "notifications_channel_rotate": by_action(Action.REWIRE),
    "notifications_outsider_ask": _FINANCE,
    "notifications_outsider_vouch": _FINANCE,
    "notifications_delivery_redeliver": by_action(Action.ANSWER),
    "notifications_delivery_outcome": _NOBODY,
    "reports_feed_run": _FINANCE,
    "reports_feedrun_redeliver": _FINANCE,
    "reports_feedrun_file": _NOBODY,
    "reports_feedrun_outcome": _NOBODY,
    "admin_password_reset": _ANYBODY,
    "password_reset_done": _NOBODY,
    "password_reset_confirm": _NOBODY,  # its GET leads on to the page that does
    "password_reset_complete": _NOBODY,
    "password_change": _MEMBERS,
    "password_change_done": _NOBODY,
    "start": _NOBODY,
    "index": _NOBODY,
    "search": _NOBODY,
    "login": _ANYBODY,
    "logout": _MEMBERS,
    "autocomplete": _NOBODY,
    "jsi18n": _NOBODY,
    "view_on_site": _NOBODY,
    "app_list": _NOBODY,
    "health": _NOBODY,
    "health-live": _NOBODY,
    "health-ready": _NOBODY,
    # The link is the proof, whoever is logged in beside it.
    "answer-alert": _ANYBODY,
    "decide-by-link": _ANYBODY,
    "join": _ANYBODY,
    "stop-digest": _ANYBODY,
    "confirm-slack": _ANYBODY,
    "slack-press": _NOBODY,  # it takes what Slack has signed
    "confirm-recipient": _ANYBODY,
    "file-by-link": _NOBODY,
    "stop-feed": _ANYBODY,
}


def writers_of(name: str) -> Writers:
    """Return who may write by the page of that name.

    Raises:
        LookupError: nobody has said so.
    """
    if name in PAGES:
        return PAGES[name]
    if name.startswith("unnamed:admin/"):
        return _NOBODY  # leads on to another
    model, page = _parted(name)
    if page in _READ:
        MODELS[model]
        return _NOBODY
    return dict(zip(_STANDARD, MODELS[model], strict=True))[page]


def _parted(name: str) -> tuple[str, str]:
    for model in MODELS:
        if name.startswith(f"{model}_"):
            return model, name.removeprefix(f"{model}_")
    raise LookupError(f"Nobody says who may write at {name}.")


def sent(name: str, who: str, world: World) -> dict[str, Any]:
    """Return what is filled in beside what the form of that page comes with."""
    found = _FILLED.get(name, {})
    return found(who, world) if callable(found) else found


_PASSWORD = "correct-horse-9"
_NEW_PASSWORDS = {"new_password1": _PASSWORD, "new_password2": _PASSWORD}
_EMAIL = "new2@acme.example"
_HOURS = {
    "starts_at_0": "2030-01-01",
    "starts_at_1": "10:00",
    "ends_at_0": "2030-01-01",
    "ends_at_1": "11:00",
}
_WHY = {"reason": "So"}


def _sure(world: World, change: Callable[[Rules], Rules]) -> dict[str, str]:
    """Return the yes to what a page asks before it changes Engineering's rules."""
    budget = world.budgets["engineering"]
    before = [given_of(row) for row in own_rows(budget)]
    asked = consequences_of(budget, before, change(before), timezone.now())
    return {**_WHY, "confirm": asked.token}


def _said(*abouts: str) -> dict[str, str]:
    """Return the yes to what a page asks before it changes an amount."""
    told = [Consequence(about, "") for about in abouts]
    return {**_WHY, "confirm": Consequences(told=told).token}


def _all_presets(rules: Rules) -> Rules:
    return with_missing(rules, [preset.given for preset in PRESETS.values()])


_FILLED: dict[str, dict[str, Any] | Callable[[str, World], dict[str, Any]]] = {
    "admin_password_reset": {"email": "viewer@acme.example"},
    "login": {"username": "viewer@acme.example", "password": "secret"},
    "password_change": {"old_password": "secret", **_NEW_PASSWORDS},
    "auth_user_password_change": {"password1": _PASSWORD, "password2": _PASSWORD},
    "accounts_user_add": {
        "email": _EMAIL,
        "password1": _PASSWORD,
        "password2": _PASSWORD,
    },
    "accounts_membership_add": lambda _, world: {
        "organization": world.acme.pk,
        "email": "gus@globex.example",
    },
    "accounts_invitation_add": {"email": _EMAIL},
    "accounts_organization_add": {"name": "New", "slug": "new"},
    "accounts_apikey_add": lambda _, world: {
        "name": "new",
        "organization": world.acme.pk,
        "use": "read",
    },
    "alerts_maintenancewindow_add": lambda _, world: {
        "organization": world.acme.pk,
        "budget": world.budgets["engineering"].pk,
        "reason": "So",
        **_HOURS,
    },
    "budgets_budget_add": lambda _, world: {
        "name": "New",
        "amount": "1",
        "parent": world.budgets["engineering"].pk,
        "scope.departments": "engineering",
        "scope.teams": "new",
    },
    "budgets_budget_change": {"note": "Other"},
    "bulk_bulkchange_import": lambda *_: {
        "organization": "acme",
        "file": SimpleUploadedFile("plan.csv", b"name,amount\nNew,1\n"),
    },
    "bulk_bulkchange_edit": lambda _, world: {
        "organization": "acme",
        "budgets": str(world.budgets["engineering"].uid),
        "percent": "5",
    },
    "bulk_bulkchange_page": _WHY,
    "alerts_alertrule_delete": _WHY,
    "alerts_escalationpolicy_delete": _WHY,
    "ledger_fixedcharge_add": lambda _, world: {
        "organization": world.acme.pk,
        "name": "New seats",
        "kind": "seat",
        "provider": "openai",
        "amount": "31",
        "interval": "monthly",
        "start_date": "2030-01-01",
        **_WHY,
    },
    "ledger_fixedcharge_end": {"from_date": "2030-01-01", **_WHY},
    "ledger_price_change": {"per_request": "0.5", **_WHY},
    "ledger_price_delete": _WHY,
    "ledger_costrecord_undo": _WHY,
    "ledger_exchangerate_delete": _WHY,
    "alerts_alert_answer": {"what": "acknowledge"},
    "approvals_budgetrequest_ask": {
        "amount": "5",
        "until": "2099-01-01",
        "justification": "A launch",
    },
    "approvals_budgetrequest_answer": {"answer": "approve", "seen": "1"},
    "approvals_budgetrequest_edit": {
        "name": "Of acme",
        "amount": "4",
        "justification": "A launch",
        "seen": "1",
    },
    "decide-by-link": {"answer": "approve"},
    "stop-digest": {"answer": "stop"},
    "approvals_slackapp_add": lambda _, world: {
        "organization": world.acme.pk,
        "team": "T0000NEW",
        "signing_secret": "f" * 32,
    },
    "approvals_slackapp_change": {"team": "T0000NEW"},
    "approvals_slackuser_add": lambda _, world: {
        "organization": world.acme.pk,
        "person": world.people[APPROVER].pk,
        "slack_id": "U0000NEW",
    },
    "approvals_slackuser_change": {"slack_id": "U0000NEW"},
    "budgets_budget_move": lambda _, world: {
        **dict.fromkeys(("parent", "seen"), world.budgets["sales"].pk),
        "reason": "So",
    },
    "budgets_budget_transfer": lambda _, world: {
        "to": world.budgets["ml"].pk,
        "amount": "1",
        **_said(f"transfer 1 to {world.budgets['ml'].pk}", "until its end"),
    },
    "budgets_budget_raise": {
        "amount": "1",
        "until": "2099-01-01",
        **_said("raise 1 until 2099-01-01"),
    },
    "budgets_budget_grant": {
        "amount": "1",
        "until": "2099-01-01",
        **_said("grant 1 until 2099-01-01", "expires"),
    },
    "budgets_budget_phase": {
        "kind": "none",
        **_said("phase []"),
    },
    "budgets_budget_undo": _said("undo 5", "for good"),
    "controls_controlrule_change": {"message": "Other"},
    "controls_controlrule_add": lambda _, world: _sure(
        world, lambda rules: with_rule(rules, given("block", "budget_percentage >= 1"))
    ),
    "controls_controlrule_rules": lambda _, world: _sure(world, _all_presets),
    "controls_controlrule_switch": _WHY,
    "controls_ruleaction_answer": {"answer": "reset"},
    "forecasts_scenarioset_add": {"name": "New"},
    "ledger_monthlock_changelist": {
        "action": "close",
        "force": "on",
        "reason": "The books are closed.",
    },
    "reports_chargebackstatement_shares": {
        "shares-TOTAL_FORMS": "1",
        "shares-INITIAL_FORMS": "0",
        "shares-0-name": "ml",
        "shares-0-heads": "2",
        "reason": "As agreed.",
    },
    "reports_report_new": lambda _, world: {
        "month": "2025-01-01",
        "about": f"organization-{world.acme.pk}",
    },
    "reports_report_comment": lambda _, world: {
        f"row-{world.budgets['engineering'].pk}-text": "Other"
    },
    "reports_report_final": {
        "confirm": Consequences(told=[Consequence("final", "")]).token
    },
    "reports_reportsettings_change": {"threshold": "5"},
    "reports_spendview_save": {"name": "New"},
    "reports_spendview_change": {"name": "Other"},
    "forecasts_scenarioset_change": {"name": "Other"},
    "ledger_exchangerate_add": lambda _, world: {
        "organization": world.acme.pk,
        "base": "USD",
        "quote": "EUR",
        "rate": "0.9",
        "date": "2026-01-01",
    },
    "ledger_price_add": lambda _, world: {
        "organization": world.acme.pk,
        "provider": "openai",
        "model": "new",
        "input_per_million": "1",
        "output_per_million": "1",
        "effective_from_0": "2026-01-01",
        "effective_from_1": "00:00",
    },
    "notifications_channel_add": {"name": "New", "recipients": "ops@acme.example"},
    "notifications_channel_change": {"name": "Other"},
    "reports_feed_add": {
        "name": "New",
        "file": "budgets.xlsx",
        "every": "week",
        "day": "1",
        "hour": "6",
        "recipients": "ops@acme.example",
    },
    "reports_feed_change": {"name": "Other"},
    "notifications_preference_add": lambda _, world: {
        "organization": world.acme.pk,
        "recipient": "approver@acme.example",
    },
    "join": {"password": _PASSWORD, "again": _PASSWORD},
}
# What some pages want in their address.
QUERIES: dict[str, str] = {
    "bulk_bulkchange_copy": "?budget={budget}",
    "bulk_bulkchange_sheet": "?organization=acme&kind=budgets&form=csv",
    "alerts_alertrule_add": "?budget={budget}&type=velocity",
    "alerts_escalationpolicy_add": "?budget={below}",
    "approvals_budgetrequest_remind": "?whose=all",
    "approvals_policy_add": "?budget={budget}",
    "autocomplete": "?app_label=ledger&model_name=price&field_name=organization",
    "approvals_budgetrequest_ask": "?budget={budget}&kind=increase",
    "budgets_budget_arrival": "?organization=acme",
    "budgets_budget_preview": "?budget={budget}",
    "budgets_budget_page": "?usage=of-acme",
    "controls_controlrule_add": "?budget={budget}&action=block",
    "forecasts_scenarioset_add": "?budget={budget}",
    "reports_journal_month": "?organization=acme&month=2025-02",
    "reports_chargebackstatement_file": "?organization=acme&month=2025-01&format=csv",
    "ledger_monthlock_changelist": "?organization=acme&month=2025-01",
    "reports_chargebackstatement_changelist": "?organization=acme&month=2025-01",
    "reports_chargebackstatement_shares": "?organization=acme&by=team",
    "reports_journal_file": "?system=xero",
    "reports_journalsetup_accounts": "?organization=acme",
    "ledger_costrecord_reprice": "?organization=acme&provider=nobody&model=own",
    "notifications_channel_add": "?type=email",
    "reports_feed_add": "?target=mail",
}
