"""Every page there is, asked by everybody in every way: who sees, and who writes.

Pages come from the resolver, who may write from `expected`, what is sent from the forms
on the pages. A page that is new has to be filled in and expected, or it fails here.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.template.backends.django import Template
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse
from unfold.sites import UnfoldAdminSite

from accounts.scopes import Role
from lib.memories import forget_everything
from tests.factories import make_person
from tests.pages import forms_by_place, read
from tests.sizes import every_day_on_sqlite, size
from tests.walking.expected import QUERIES, sent, writers_of
from tests.walking.growing import MORE, copy_row
from tests.walking.routes import Route, routes
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
from tests.walking.writes import Writes

pytestmark = pytest.mark.django_db

_BESIDE = (ROOT, PAT, SAM, APPROVER, VIEWER)
_METHODS = ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
# The links are the proof of those; what they are about is told to whoever has them.
MAILED = {
    *("answer-alert", "decide-by-link", "join", "confirm-recipient", "stop-digest"),
    *("file-by-link", "stop-feed"),
    *("password_reset_confirm", "app_list", "confirm-slack"),
}
# That somebody looked is kept, in a trail that only grows; nothing else is.
NOTED = {"decide-by-link": {"approvals_trailentry", "approvals_trailhead"}}
OTHER = {  # answers that are no page to a GET
    "accounts_organization_look": {405},
    "budgets_budget_arrival": {286},  # a record is there: no need to ask again
    "bulk_bulkchange_part": {286},  # it is looked at
    "logout": {405},
    "alerts_alert_answer": {405},
    "approvals_budgetrequest_answer": {405},
    "approvals_budgetrequest_remind": {405},
    "controls_ruleaction_answer": {405},
    "controls_controlrule_rules": {405},
    "reports_report_again": {405},
    "reports_report_comment": {405},
    "reports_report_final": {405},
    "reports_spendview_file": {405},
    "reports_spendview_save": {405},
    "slack-press": {405},
    "view_on_site": {404},
    "unnamed:admin/%(url)s": {404},
}
# 50000.0000000000, 0E-10, 2026-11-30 20:05, {}
_RAW = re.compile(r"\d\.\d{8,}|\b\d+E[+-]\d|\d{4}-\d\d-\d\d[ T]\d\d:|Decimal\(|\{\}")
_ASKING = ("preview", "dry", "more")  # buttons that are to save nothing


# What these do is done once, or whatever there was: a version would say nothing.
WITHOUT_VERSION = {
    *("accounts_invitation_withdraw", "accounts_apikey_revoke"),  # it ends, once
    *(
        "accounts_invitation_again",
        "accounts_invitation_link",
    ),  # it goes on
    "auth_user_password_change",  # a password is set in the place of any other
    "budgets_reservation_release",  # its state is looked at under its lock
    "controls_ruleaction_answer",  # so is that of an action
    "ledger_fixedcharge_end",  # it ends, once
    *("notifications_outsider_ask", "notifications_outsider_vouch"),  # answered once
    *("notifications_channel_test", "notifications_delivery_redeliver"),  # it is sent
    "ledger_costrecord_undo",  # it is done once, under the repricings' lock
    "bulk_bulkchange_page",  # it is confirmed once, of what is shown
    "reports_report_again",  # a draft is made of what there is then
    *("reports_feed_run", "reports_feedrun_redeliver"),  # so is its file
}

# Pages of one row that list others.
WITH_MANY_ROWS = {"ledger_costrecord_change", "budgets_budget_page"}
# Of these there is one for an organization, a budget or a person.
ALONE = {
    *("accounts.Membership", "alerts.EscalationPolicy", "approvals.Policy"),
    *("approvals.SlackUser", "reports.JournalSetup", "reports.ReportSettings"),
}


def content_of(asked: "Asked") -> bytes:
    answer = asked.answer
    return b"" if answer.streaming else bytes(answer.content)


def is_whole(content: bytes) -> bool:
    """Tell whether a page has one main part at most, and a title."""
    if b"<html" not in content:
        return True
    title = content.partition(b"<title>")[2].partition(b"</title>")[0]
    is_one = content.count(b"<main") == content.count(b"</main>") <= 1
    return is_one and bool(title.partition(b"|")[0].strip())


class Page:
    """One route that is not the API's, and its address in the world."""

    def __init__(self, route: Route, world: World) -> None:
        self.route, self.name = route, route.name
        query = QUERIES.get(route.name, "").format(
            budget=world.budgets["engineering"].pk, below=world.budgets["ml"].pk
        )
        self.path = route.filled(world.values_for(route))
        self.address = self.path + query
        self.forms: list[dict[str, str]] = []
        self.is_of_a_row = bool(self.route.parameters) and self.name not in MAILED

    def look(self, world: World) -> None:
        """See it as a finance admin does, or who may see what they may not."""
        who = ROOT if writers_of(self.name) == {ROOT} else FINANCE
        self.seen = Asked(world, who, "GET", self)
        if self.seen.status == 403:
            self.seen = Asked(world, ROOT, "GET", self)

    def is_faulty(self) -> bool:
        """Tell whether it wrote, failed, or is no page where there should be one."""
        if self.seen.is_bad:
            return True
        if self.seen.status == 200:
            return not is_whole(content_of(self.seen))
        return self.seen.status not in OTHER.get(self.name, {302, 403})

    def shown_forms(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield where each form on it is sent, and what, but for what only asks."""
        if self.seen.status != 200:
            return
        for place, form in forms_by_place(self.seen.answer):
            sends = {name: one for name, one in form.items() if name not in _ASKING}
            path = place.partition("?")[0]
            yield ("" if path == self.path else path), sends


class Asked:
    """An answer, and the tables it wrote, all of which is taken back."""

    def __init__(
        self, world: World, who: str, method: str, page: Page, form: Any = None
    ) -> None:
        browser = world.browsers[who]
        cookies = dict(browser.cookies.items())
        with transaction.atomic(), Writes() as writes:
            self.answer: Any = (
                browser.generic(method, page.address)
                if form is None
                else browser.post(page.address, form)
            )
            if wrote := writes.tables:
                transaction.set_rollback(True)
        if wrote:
            forget_everything()
        browser.cookies.clear()
        browser.cookies.update(cookies)  # nobody is logged out by it
        if method == "GET":
            wrote = wrote - NOTED.get(page.name, set())
        self.status, self.wrote = self.answer.status_code, bool(wrote)
        self.is_bad = self.status >= 500 or self.wrote
        self.words = f"{who} {method} {page.name}: {self.status} {sorted(wrote)}"


@pytest.fixture(scope="module")
def pages(world: World) -> list[Page]:
    """All that there are, with the forms that a finance admin is shown for them."""
    found = [
        Page(route, world)
        for route in routes()
        if not route.form.startswith(("api/", "otlp/"))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UnfoldAdminSite, "get_sidebar_list", lambda *_: [])
        for page in found:
            page.look(world)
    by_view = {page.route.view: page for page in found}
    for page in found:
        for place, form in page.shown_forms():
            target = by_view[resolve(place).func] if place else page
            if form not in target.forms:
                target.forms.append(form)
    return found


@pytest.fixture
def _unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer with empty pages: what stands on them was looked at before."""
    monkeypatch.setattr(Template, "render", lambda *_, **__: "")
    monkeypatch.setattr(UnfoldAdminSite, "each_context", lambda *_: {})


def test_every_page_opens_and_writes_nothing(pages: list[Page]) -> None:
    found = [page.seen.words for page in pages if page.is_faulty()]

    assert found == []


@every_day_on_sqlite
def test_no_page_writes_amounts_and_times_as_the_database_has_them(
    pages: list[Page],
) -> None:
    found = [
        (page.name, raw.group())
        for page in pages
        if b"<html" in content_of(page.seen)
        for raw in [_RAW.search(read(content_of(page.seen).decode()).text)]
        if raw
    ]

    assert found == []


@every_day_on_sqlite
def test_nobody_of_another_organization_sees_anything(
    world: World, pages: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UnfoldAdminSite, "get_sidebar_list", lambda *_: [])
    found = []
    for page in pages:
        asked = Asked(world, FOREIGN, "GET", page)
        if asked.is_bad:
            found.append(asked.words)
        is_told = page.name not in MAILED and b"acme" in content_of(asked).lower()
        if is_told or (asked.status == 200 and page.is_of_a_row):
            found.append(f"seen: {asked.words}")

    assert found == []


@every_day_on_sqlite
def test_who_looks_at_one_organization_sees_no_other(
    world: World, pages: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UnfoldAdminSite, "get_sidebar_list", lambda *_: [])
    monkeypatch.setattr("console.site.looking_of", lambda _: None)  # it names them all
    browser, switch = world.browsers[ROOT], reverse("admin:accounts_organization_look")
    browser.post(switch, {"organization": "globex"})
    try:
        asked = [(page, Asked(world, ROOT, "GET", page)) for page in pages]
    finally:
        browser.post(switch, {"organization": ""})

    found = [
        one.words
        for page, one in asked
        if page.name not in MAILED
        and (one.is_bad or b"acme" in content_of(one).lower())
    ]
    assert found == []


@every_day_on_sqlite
@pytest.mark.usefixtures("_unrendered")
def test_no_other_way_of_asking_writes(world: World, pages: list[Page]) -> None:
    """The one who may most of all asks in all ways, the others in one after another."""
    found = []
    for number, page in enumerate(pages):
        ways = [(NOBODY, "GET"), (_BESIDE[number % len(_BESIDE)], "GET")]
        ways += [(FINANCE, _METHODS[number % len(_METHODS)])]
        if size(0, 1):
            ways = [(one, way) for one in EVERYBODY for way in ("GET", *_METHODS)]
        asked = [Asked(world, one, way, page) for one, way in ways]
        found += [one.words for one in asked if one.is_bad]

    assert found == []


@every_day_on_sqlite
@pytest.mark.usefixtures("_unrendered")
def test_whoever_may_writes_by_the_forms_and_nobody_else(
    world: World, pages: list[Page]
) -> None:
    found = []
    for number, page in enumerate(pages):
        writers = writers_of(page.name)
        everybody = EVERYBODY
        if not writers and not size(0, 1):
            everybody = (FINANCE, EVERYBODY[number % len(EVERYBODY)])
        asked = [
            (who, Asked(world, who, "POST", page, form | sent(page.name, who, world)))
            for who in everybody
            for form in page.forms or [{}]
        ]
        found += [one.words for _, one in asked if one.status >= 500]
        wrote = {who for who, one in asked if one.wrote}
        if wrote != writers:
            found.append(f"{page.name}: {sorted(wrote)} write, not {sorted(writers)}")

    assert found == []


@every_day_on_sqlite
@pytest.mark.usefixtures("_unrendered")
def test_no_form_changes_what_was_changed_since_it_was_opened(
    world: World, pages: list[Page]
) -> None:
    """Every form of what is there says which version it shows; of another one, or
    where it does not say, nothing is written, whoever sends it."""
    found = []
    for page in pages:
        writers = writers_of(page.name)
        if not page.is_of_a_row or not writers or page.name in WITHOUT_VERSION:
            continue
        who = ROOT if writers == {ROOT} else next(iter(sorted(writers - {ROOT})))
        for form in page.forms:
            name = "version" if "version" in form else "seen"
            if name not in form:
                found.append(f"{page.name} has a form without a version")
            for version in ("999999999", ""):
                stale = {**form, **sent(page.name, who, world), name: version}
                asked = Asked(world, who, "POST", page, stale)
                if asked.wrote or asked.status >= 500:
                    found.append(f"{asked.words} by version “{version}”")

    assert found == []
    assert {page.name for page in pages if page.is_of_a_row} >= WITHOUT_VERSION


@every_day_on_sqlite
def test_no_list_asks_more_for_more_rows(world: World, pages: list[Page]) -> None:
    """Whatever rows there are come to be many; a query for each of them shows here."""
    whole = [
        one
        for one in pages
        if one.seen.status == 200
        and (not one.is_of_a_row or one.name in WITH_MANY_ROWS)
    ]
    before = {page.name: queries_of(world, page) for page in whole}
    with transaction.atomic():
        alone = {
            model._meta.label
            for model in admin.site._registry
            if not copy_row(world.row_of(model))
        }
        for number in range(MORE):
            make_person(f"more-{number}@acme.example", {world.acme: Role.VIEWER})
        forget_everything()
        after = {page.name: queries_of(world, page) for page in whole}
        transaction.set_rollback(True)
    forget_everything()

    assert alone == ALONE
    assert {
        name: (before[name], count)
        for name, count in after.items()
        if count >= before[name] + MORE
    } == {}


def queries_of(world: World, page: Page) -> int:
    """Return how many queries *page* takes, once what is remembered is."""
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            Asked(world, FINANCE, "GET", page)
    return len(queries)
