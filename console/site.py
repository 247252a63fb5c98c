"""The admin site: who may enter, its look, and what its side bar shows."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from accounts.models import User
from console.accounts.looking import looking_of
from console.alerts.inbox import waiting as alerts_waiting
from console.approvals.inbox import waiting as requests_waiting
from console.dashboard.page import dashboard_page
from console.palette import Hit, palette_part
from console.queue import PAGES
from lib.humanize import locale_of


class LoginForm(AuthenticationForm):
    """Lets in everybody who has a role somewhere."""

    def get_invalid_login_error(self) -> ValidationError:
        return ValidationError(
            "This address and this password don't go together. Upper and lower case "
            "matter in the password.",
            code="invalid_login",
        )

    def confirm_login_allowed(self, user: User) -> None:
        if not (user.is_superuser or user.memberships.exists()):
            raise ValidationError(
                "You have no role in any organization yet. Ask its finance admin.",
                code="no_role",
            )


class CostOpsSite(UnfoldAdminSite):
    """The admin in the house's look; everybody with a role somewhere may enter."""

    login_form = LoginForm
    login_template = "console/accounts/log_in.html"

    def has_permission(self, request: HttpRequest) -> bool:
        allowed = self._may_enter(request)
        if allowed and isinstance(request.user, User):
            # Django's word for it; the theme shows its search to nobody else.
            request.user.is_staff = True
        return allowed

    def _may_enter(self, request: HttpRequest) -> bool:
        user = request.user
        if not user.is_active or user.is_anonymous:
            return False
        if user.is_superuser:
            return True
        known = request.META.get("costops.member")
        if known is None:
            known = user.memberships.exists()
            request.META["costops.member"] = known
        return bool(known)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {
            "styles": [static("console/admin.css")],
            "scripts": [static("console/theme.js")],
            "locale": locale_of(request),
            "looking": looking_of(request),
            "site_favicons": [{"href": static("console/icon.svg"), "rel": "icon"}],
        }

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # The theme's form does not pass on where to go, so the address must say it.
        if request.method == "GET" and "next" not in request.GET:
            return redirect(
                f"{request.path}?{urlencode({'next': reverse('admin:index')})}"
            )
        return super().login(request, extra_context)

    def index(  # type: ignore[override]  # one of our own
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return dashboard_page(request, self)

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return palette_part(request, self, lambda: _pages(request))


def adapt_foreign_models(site: CostOpsSite) -> None:
    """Show the queue by pages of our own; hide what has no meaning here."""
    for model in list(site._registry):
        if pages := PAGES.get(model):
            site.unregister(model)
            site.register(model, pages)
        elif model._meta.app_label == "auth":
            site.unregister(model)  # roles say what people may do, groups nothing
    apps.get_app_config("django_q").verbose_name = "System"


# Group, then what is in it: title, symbol, model or URL name, query.
_NAVIGATION: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "Budgets",
        (
            ("Budget tree", "account_tree", "budgets_budget_tree", ""),
            ("Budget periods", "date_range", "budgets_budgetperiod", ""),
            ("Scenarios", "alt_route", "forecasts_scenarioset", ""),
            ("Bulk changes", "table_rows", "bulk_bulkchange", ""),
            ("Import and export", "upload_file", "bulk_bulkchange_import", ""),
            ("Requests", "price_check", "approvals_budgetrequest", ""),
            ("Approval policies", "approval", "approvals_policy", ""),
            ("Backfills", "history_toggle_off", "budgets_backfill", ""),
        ),
    ),
    (
        "Alerts",
        (
            ("Alerts", "notifications_active", "alerts_alert", ""),
            ("Alert rules", "rule", "alerts_alertrule", ""),
            ("Escalation policies", "stairs", "alerts_escalationpolicy", ""),
            (
                "Maintenance windows",
                "notifications_off",
                "alerts_maintenancewindow",
                "",
            ),
            ("Usual days", "event_available", "alerts_notananomaly", ""),
        ),
    ),
    (
        "Guardrails",
        (
            ("Guardrails", "shield", "controls_controlrule", ""),
            ("Actions", "gavel", "controls_ruleaction", ""),
            ("Reservations", "lock_clock", "budgets_reservation", ""),
            ("Runs", "smart_toy", "budgets_run", ""),
        ),
    ),
    (
        "Costs",
        (
            ("Explore", "query_stats", "reports_spendview_explore", ""),
            ("Saved views", "bookmark", "reports_spendview", ""),
            ("Cost records", "receipt_long", "ledger_costrecord", ""),
            ("Unpriced usage", "help", "ledger_costrecord_unpriced", ""),
            ("Fixed charges", "event_repeat", "ledger_fixedcharge", ""),
            ("Daily spend", "calendar_month", "ledger_dailyspend", ""),
            ("Attributions", "category", "ledger_attribution", ""),
        ),
    ),
    (
        "Month end",
        (
            ("Reports", "summarize", "reports_report", ""),
            ("Report settings", "tune", "reports_reportsettings", ""),
            ("Month close", "event_available", "ledger_monthlock", ""),
            ("Chargeback", "call_split", "reports_chargebackstatement", ""),
            ("Journals", "menu_book", "reports_journal", ""),
            ("Journal setups", "account_balance", "reports_journalsetup", ""),
        ),
    ),
    (
        "Prices and rates",
        (
            ("Prices", "sell", "ledger_price", ""),
            ("Exchange rates", "currency_exchange", "ledger_exchangerate", ""),
            ("Corrections", "published_with_changes", "ledger_repricing", ""),
        ),
    ),
    (
        "Notifications",
        (
            ("Channels", "campaign", "notifications_channel", ""),
            ("Slack apps", "tag", "approvals_slackapp", ""),
            ("People in Slack", "alternate_email", "approvals_slackuser", ""),
            ("Deliveries", "outbox", "notifications_delivery", ""),
            ("Outside recipients", "forward_to_inbox", "notifications_outsider", ""),
            ("Quiet hours and digests", "bedtime", "notifications_preference", ""),
        ),
    ),
    (
        "Reports",
        (
            ("Feeds", "rss_feed", "reports_feed", ""),
            ("Runs of feeds", "conveyor_belt", "reports_feedrun", ""),
        ),
    ),
    (
        "People and keys",
        (
            ("People and access", "groups", "accounts_organization_people", ""),
            ("Roles", "admin_panel_settings", "accounts_organization_roles", ""),
            ("Organizations", "domain", "accounts_organization", ""),
            ("Members", "badge", "accounts_membership", ""),
            ("Invitations", "mail", "accounts_invitation", ""),
            ("People", "person", "accounts_user", ""),
            ("API keys", "key", "accounts_apikey", ""),
        ),
    ),
    (
        "System",
        (
            ("Scheduled tasks", "schedule", "django_q_schedule", ""),
            ("Queued tasks", "low_priority", "django_q_ormq", ""),
            ("Successful tasks", "task_alt", "django_q_success", ""),
            ("Failed tasks", "error", "django_q_failure", ""),
        ),
    ),
)


# Those that are no list of a model.
_PAGES = ("_tree", "_unpriced", "_explore", "_import", "_people", "_roles")
# Pages below those of a model that have an entry of their own.
_BESIDE = {
    "ledger_costrecord": ("unpriced/", "reprice/"),
    "reports_spendview": ("explore/",),
    "bulk_bulkchange": ("import/",),
    "accounts_organization": ("people/", "roles/"),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the side bar for one person: only what they may see."""
    visible = _visible_models(request)
    groups: list[dict[str, Any]] = [{"items": [_dashboard_item(request)]}]
    for title, entries in _NAVIGATION:
        items = list(_items(request, entries, visible))
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def _dashboard_item(request: HttpRequest) -> dict[str, Any]:
    place = reverse("admin:index")
    here = request.path == place
    return {"title": "Dashboard", "icon": "dashboard", "link": place, "active": here}


def _visible_models(request: HttpRequest) -> set[str]:
    return {
        f"{model._meta.app_label}_{model._meta.model_name}"
        for model, declared in admin.site._registry.items()
        if declared.has_view_permission(request)
    }


def _items(
    request: HttpRequest,
    entries: Iterable[tuple[str, str, str, str]],
    visible: set[str],
) -> Iterable[dict[str, Any]]:
    for title, symbol, name, query in entries:
        if _model_of(name) not in visible:
            continue
        place = _place_of(name)
        home = place.removesuffix("tree/")
        here = request.path.startswith(home)
        if name in _BESIDE:
            here = here and not request.path.startswith(_BESIDE[name], len(home))
        item = {"title": title, "icon": symbol, "link": place + query, "active": here}
        yield item | _badge(request, name)


def _pages(request: HttpRequest) -> Iterator[Hit]:
    """Yield the pages that the side bar leads to. No query."""
    visible = _visible_models(request)
    yield Hit("Dashboard", "Page", reverse("admin:index"), "dashboard")
    for group, entries in _NAVIGATION:
        for title, symbol, name, query in entries:
            if _model_of(name) in visible:
                yield Hit(title, f"Page, {group}", _place_of(name) + query, symbol)


def _model_of(name: str) -> str:
    """Return the model whose page that is."""
    for page in _PAGES:
        name = name.removesuffix(page)
    return name


def _place_of(name: str) -> str:
    is_page = name != _model_of(name)
    return reverse("admin:" + (name if is_page else f"{name}_changelist"))


def _badge(request: HttpRequest, name: str) -> dict[str, str]:
    """Return how many alerts or requests wait for the person, for the entry that leads
    to them."""
    if name not in _COUNTED or not isinstance(request.user, User):
        return {}
    counted, variant = _COUNTED[name]
    count = counted(request.user)
    return {"badge": str(count), "badge_variant": variant} if count else {}


def _requests_waiting(user: User) -> int:
    return requests_waiting(user, timezone.now())


_COUNTED: dict[str, tuple[Callable[[User], int], str]] = {
    "alerts_alert": (alerts_waiting, "danger"),
    "approvals_budgetrequest": (_requests_waiting, "warning"),
}
