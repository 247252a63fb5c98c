"""The small world that is walked: two organizations, and somebody of every kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib.auth.tokens import default_token_generator
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_q.models import OrmQ, Schedule, Task

from accounts.audit import acting_as
from accounts.models import Invitation, Organization, User
from accounts.scopes import Role
from alerts.links import make_link
from alerts.models import Alert
from approvals.digests import stop_link
from approvals.links import make_link as make_decision_link
from approvals.models import How
from approvals.policies import save_policy
from approvals.services import ask_for
from approvals.slack import name_user, set_up_app
from approvals.types import SYSTEM, Ask, By, LevelPlan, PolicyPlan
from budgets.models import Backfill, Budget, BudgetPeriod, Reservation
from budgets.rollup import roll_up
from console.accounts.invitations import PURPOSE, invite_by_mail
from intake.repricing import reprice_at_once
from ledger import prices
from ledger.models import ExchangeRate, FixedCharge, Price, Repricing
from ledger.repricing import Selection
from notifications.mailed_links import issue
from notifications.models import Channel, Delivery, Outsider, Preference
from notifications.outsiders import question_to
from notifications.services import notify
from reports.chargeback.allocation import AllocationKey
from reports.chargeback.services import freeze
from reports.closing.services import close
from reports.feeds.claims import claim_next
from reports.feeds.notices import file_link, mails_of
from reports.feeds.work import carry_out
from reports.models import Feed, FeedRun
from tests.alerts.factories import fire
from tests.bulk.sheets import as_csv, looked_at
from tests.controls.factories import authorize, book, lease
from tests.factories import (
    NOON,
    browser_of,
    make_api,
    make_organization,
    make_person,
    make_tree,
    spend,
)
from tests.filled import fill, keep_spend
from tests.notifications.factories import mail_to, make_message, make_webhook
from tests.walking.routes import Route

# Who asks. Pat owns Engineering, which all is done to, Sam owns Sales beside it.
ROOT, FINANCE, PAT, SAM = "root", "finance", "pat", "sam"
APPROVER, VIEWER, FOREIGN, NOBODY = "approver", "viewer", "foreign", "nobody"
_ROLES = {
    FINANCE: Role.FINANCE_ADMIN,
    PAT: Role.BUDGET_OWNER,
    SAM: Role.BUDGET_OWNER,
    APPROVER: Role.APPROVER,
    VIEWER: Role.VIEWER,
}
EVERYBODY = (ROOT, *_ROLES, FOREIGN, NOBODY)
# What an id in an address of the API is of, by what stands before it.
_API: dict[str, type[Model]] = {
    "budgets": Budget,
    "alerts": Alert,
    "authorizations": Reservation,
    "leases": Reservation,
    "notification-channels": Channel,
    "notifications": Delivery,
    "pricing": Price,
    "exchange-rates": ExchangeRate,
    "repricings": Repricing,
    "feeds": Feed,
    "fixed-charges": FixedCharge,
}
_APP_OF = {"budget": "budgets"}  # where pages of another app are of one


@dataclass(frozen=True, slots=True)
class World:
    """Acme, which is walked, globex beside it, and who asks, by name."""

    acme: Organization
    people: Mapping[str, User]
    browsers: Mapping[str, Client]
    budgets: Mapping[str, Budget]
    words: Mapping[str, str]  # what a parameter is filled with, whatever is asked

    def values_for(self, route: Route) -> dict[str, Any]:
        """Return what the parameters of *route* are, of what acme has.

        Raises:
            LookupError: nobody says what one of them is.
        """
        return {
            name: self.words[key]
            if (key := f"{route.name}.{name}") in self.words
            else self._of_row(route, name)
            for name in route.parameters
        }

    def _of_row(self, route: Route, name: str) -> Any:
        before = route.form.partition(f"%({name})s")[0].split("/")
        if before[:3] == ["api", "v1", "leases"]:
            return Reservation.objects.get(organization=self.acme, kind="lease").uid
        if before[0] == "api":
            return getattr(self.row_of(_API[before[2]]), name)
        named = name.removesuffix("_id") if name.endswith("_id") else before[2]
        if named in {"object", "key"}:
            named = before[2]
        row = self.row_of(apps.get_model(_APP_OF.get(named, before[1]), named))
        if name == "_1":
            return row.history.latest().pk
        return getattr(row, "uid" if name == "uid" else "pk")

    def row_of(self, model: type[Model]) -> Any:
        """Return the first row of *model* that is acme's, or of no organization."""
        if model is Organization:
            return self.acme
        if model is User:
            return self.people[VIEWER]
        if model is Budget:
            return self.budgets["engineering"]
        rows = model._default_manager.order_by("pk")
        if any(field.name == "organization" for field in model._meta.fields):
            rows = rows.filter(organization=self.acme)
        row = rows.first()
        if row is None:
            raise LookupError(f"Acme has no {model._meta.verbose_name}.")
        return row


def make_world() -> World:
    acme, globex = make_organization("acme"), make_organization("globex")
    people = {
        name: make_person(f"{name}@acme.example", {acme: role})
        for name, role in _ROLES.items()
    }
    people[ROOT] = make_person("root@x.example", is_superuser=True)
    people[FOREIGN] = make_person("gus@globex.example", {globex: Role.FINANCE_ADMIN})
    tree = make_tree(acme)
    for owner, name in ((PAT, "engineering"), (SAM, "sales")):
        tree[name].owner = people[owner]
        tree[name].save()
    Budget.objects.filter(pk=tree["engineering"].pk).update(enforcement="hard")
    acme.touch()
    engineering = Budget.objects.get(pk=tree["engineering"].pk)
    words = _words(people) | _mailed(acme, engineering)
    words |= _asked(acme, people)
    asking = make_api(organization=acme)
    authorize(asking, department_id="engineering")
    lease(asking, department_id="engineering")
    authorize(asking, estimated_cost="0.01", run_id="run-of-acme", run_cap="5")
    book(asking, "0.01", id="of-run-of-acme", run_id="run-of-acme")
    with acting_as(people[PAT].email):
        make_webhook(acme, "https://acme.example/hook")
        fill(acme, engineering)
    fill(globex)
    # Something to be taken back.
    BudgetPeriod.objects.filter(budget=engineering).update(carried_over=5)
    # What has others below it can't be archived.
    words["budgets_budget_archive.budget_id"] = str(tree["ml"].pk)
    tree = {name: Budget.objects.get(pk=one.pk) for name, one in tree.items()}
    _fill_rest(acme)
    keep_spend(acme, people[FINANCE])
    plan = as_csv([{"name": "of acme", "amount": "1"}])
    looked_at(acme, plan, person=people[FINANCE])
    words |= _brought(acme)
    browsers = {name: browser_of(one) for name, one in people.items()}
    for browser in (*browsers.values(), nobody := Client()):
        browser.raise_request_exception = False
    return World(acme, people, {**browsers, NOBODY: nobody}, tree, words)


def _fill_rest(acme: Organization) -> None:
    now = timezone.now()
    Preference.objects.create(organization=acme, recipient="viewer@acme.example")
    targets = [mail_to("viewer@acme.example")]
    notify(acme.pk, targets, lambda _: make_message(), key="walk", now=now)
    spend(acme, None, provider="nobody", model="priced")
    _price(acme, "priced")
    reprice_at_once(acme, Selection(), reason="acme")
    spend(acme, None, provider="nobody", model="own")
    spend(acme, "2", NOON + timedelta(days=31))  # of a month that is to be posted
    _price(acme, "own")
    Backfill.objects.create(
        organization=acme, upto_id=1, done_until=now, until=now, total=2
    )
    close(acme, date(2024, 1, 1), force=True, reason="acme", now=now)
    freeze(acme, date(2025, 1, 1), "team", AllocationKey.SPEND, reason="")
    roll_up(acme.pk)
    task = {"func": "x", "started": now, "stopped": now}
    Task.objects.create(id="1", name="done", success=True, **task)
    Task.objects.create(id="2", name="failed", success=False, **task)
    Schedule.objects.create(func="x")
    OrmQ.objects.create(key="x", payload="x", lock=now)


def _price(acme: Organization, model: str) -> None:
    prices.add_price(
        organization=acme,
        provider="nobody",
        model=model,
        input_per_million=Decimal(1),
        output_per_million=Decimal(1),
        effective_from=NOON,
    )


def _brought(acme: Organization) -> dict[str, str]:
    """Have the file of acme's feed made, and return what leads to it."""
    now = timezone.now()
    claimed = claim_next(now)
    assert claimed is not None
    carry_out(claimed, clock=timezone.now)
    run = FeedRun.objects.get(pk=claimed.run_id)
    assert run.organization_id == acme.pk
    mail = mails_of(run).get().message
    return {
        **dict.fromkeys(
            (f"feed-{name}.run_uid" for name in ("one-run", "file", "redeliver")),
            str(run.uid),
        ),
        "file-by-link.token": file_link(run, "ann", now=now).rpartition("/")[2],
        "stop-feed.token": mail["unsubscribe"].rpartition("/")[2],
    }


def _words(people: Mapping[str, User]) -> dict[str, str]:
    viewer = people[VIEWER]
    return {
        "password_reset_confirm.uidb64": urlsafe_base64_encode(force_bytes(viewer.pk)),
        "password_reset_confirm.token": default_token_generator.make_token(viewer),
        "view_on_site.content_type_id": str(
            ContentType.objects.get_for_model(Organization).pk
        ),
        "view_on_site.object_id": "1",
        "app_list.app_label": "accounts",
        "unnamed:admin/%(url)s.url": "no/such/page",
        "organization.slug": "acme",
        "run.run_id": "run-of-acme",
        "usage-correction.usage_id": "of-acme",
        "notification-preference-detail.recipient": viewer.email,
    }


def _asked(acme: Organization, people: Mapping[str, User]) -> dict[str, str]:
    """Ask for a budget in Pat's name, for the approver to decide."""
    now = timezone.now()
    levels = [LevelPlan(name="Acme", approvers=[people[APPROVER].email])]
    save_policy(acme, PolicyPlan(name="All", levels=levels), by=SYSTEM, now=now)
    wanted = Ask(
        kind="new",
        amount=Decimal(5),
        requester=people[PAT],
        name="Of acme",
        justification="A launch",
    )
    by = By.someone(people[PAT], How.SESSION)
    request = ask_for(acme, wanted, by=by, now=now)
    step = request.steps.get()
    link, _ = make_decision_link(step, people[APPROVER], now=now)
    finance = By.someone(people[FINANCE], How.SESSION)
    set_up_app(acme, team="T0000OLD", signing_secret="f" * 32, by=finance, now=now)
    name_user(acme, people[VIEWER], "U0000OLD", by=finance, now=now)
    outbox = Delivery.objects.filter(recipient=people[VIEWER].email).latest("pk")
    question = outbox.message["links"][0]["url"]
    return {
        "confirm-slack.token": question.rpartition("/")[2],
        "slack-press.organization": acme.slug,
        "approvals_budgetrequest_answer.request_id": str(request.pk),
        "approvals_budgetrequest_edit.request_id": str(request.pk),
        "decide-by-link.token": link.rstrip("/").rpartition("/")[2],
    }


def _mailed(acme: Organization, budget: Budget) -> dict[str, str]:
    """Return the tokens of links that were mailed."""
    now = timezone.now()
    link = make_link(fire(budget, key="mailed"), "lead@acme.example", now=now)
    invitation: Invitation = invite_by_mail(
        acme, "new@acme.example", Role.VIEWER, by="ann", now=now
    )
    earlier = now - timedelta(hours=1)  # long enough to be mailed again
    Invitation.objects.filter(pk=invitation.pk).update(mailed_at=earlier)
    token = issue(
        acme.pk,
        purpose=PURPOSE,
        subject=invitation.uid,
        person=invitation.email,
        expires_at=invitation.expires_at,
    )
    outsider = Outsider.objects.create(
        organization=acme, address="cfo@elsewhere.example"
    )
    question = question_to(outsider, now).links[0].url
    return {
        "confirm-recipient.token": question.rpartition("/")[2],
        "answer-alert.token": link.rstrip("/").rpartition("/")[2],
        "join.token": token,
        "stop-digest.token": stop_link(acme, "lead@acme.example", now=now).rpartition(
            "/"
        )[2],
    }
