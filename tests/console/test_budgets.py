from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Backfill, Budget
from budgets.services import archive_budget, change_budget, plan_of
from lib.periods import Cadence
from tests.console.budget_pages import ADD, PREVIEW, TREE, form_of, place_of
from tests.factories import (
    browser_for,
    make_budget,
    make_organization,
)
from tests.pages import shown, words_of

pytestmark = pytest.mark.django_db


def test_nothing_of_another_organization_is_seen_anywhere(acme: Organization) -> None:
    globex = make_organization("globex")
    secret = make_budget(globex, "Secret plans")
    mine = make_budget(acme)
    browser = browser_for(acme)
    pages: list[tuple[str, dict[str, Any]]] = [
        (TREE, {"organization": "globex"}),
        (TREE, {"root": secret.pk}),
        (TREE, {"children": secret.pk}),
        ("/admin/budgets/budget/conflicts/", {"organization": "globex"}),
        (ADD, {"organization": "globex"}),
        (PREVIEW, {"organization": "globex"}),
        (PREVIEW, {"budget": secret.pk}),
        *((place_of(secret, page), {}) for page in ("change", "move", "archive")),
        (place_of(secret, "history"), {}),
        (place_of(secret, "progress"), {}),
    ]

    answers = {page[0]: browser.get(*page).status_code for page in pages}
    everywhere = [TREE, ADD, place_of(mine), place_of(mine, "move")]
    texts = [browser.get(address).content.decode() for address in everywhere]

    assert set(answers.values()) <= {403, 404}
    assert not [text for text in texts if "Secret plans" in text or "globex" in text]


def test_a_budget_of_another_organization_can_be_no_parent(acme: Organization) -> None:
    globex = make_organization("globex")
    secret, mine = make_budget(globex, "Secret plans"), make_budget(acme)
    browser = browser_for(acme)

    made = browser.post(ADD, form_of(parent=secret.pk))
    moved = browser.post(
        place_of(mine, "move"),
        {"parent": secret.pk, "reason": "why", "seen": secret.pk},
    )

    for answer in (made, moved):
        assert "Select a valid choice." in answer.content.decode()
        assert "Secret" not in answer.content.decode()
    assert Budget.objects.count() == 2


@pytest.mark.parametrize("page", ["change", "move", "archive"])
def test_a_viewer_changes_nothing(page: str, acme: Organization) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme, Role.VIEWER)

    answer = browser.post(place_of(budget, page), form_of(name="Other", reason="x"))

    budget.refresh_from_db()
    assert answer.status_code == 403
    assert (budget.name, budget.archived_at) == ("Company", None)


def test_a_viewer_reads_the_page_without_a_way_to_save(acme: Organization) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme, Role.VIEWER)

    content = browser.get(place_of(budget)).content.decode()

    assert '<fieldset class="co-all" disabled>' in content
    assert "Move to…" not in content
    assert browser.get(ADD).status_code == 403


def test_a_budget_is_made(acme: Organization) -> None:
    parent = make_budget(acme)
    form = form_of(
        parent=parent.pk,
        note="Ask Ann.",
        rollover_mode="unused",
        rollover_cap="50",
        start_date="2025-01-01",
        end_date="2030-12-31",
    )
    form |= {
        "scope.teams": ["ml"],
        "scope.teams.others": "research\n",
        "scope.tags": "a=b",
    }

    answer = browser_for(acme).post(ADD, form)

    made = Budget.objects.get(name="ML")
    assert answer["location"] == place_of(made)
    assert made.scope == {"teams": ["ml", "research"], "tags": {"a": "b"}}
    assert (made.parent, made.amount, made.rollover_cap) == (
        parent,
        Decimal(500),
        Decimal("0.5"),
    )
    assert made.starts_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert made.ends_at == datetime(2031, 1, 1, tzinfo=UTC)
    assert made.history.get().actor == "finance_admin@acme.example"


def test_days_are_of_the_budgets_own_zone(acme: Organization) -> None:
    form = form_of(timezone="Europe/Berlin", start_date="2025-07-01")

    browser_for(acme).post(ADD, form)

    made = Budget.objects.get()
    assert made.starts_at == datetime(2025, 6, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"amount": "-1"}, "Must be from 0 to"),
        ({"amount": "a lot"}, "Write a number, as 20,000.00 or 20000.00."),
        ({"name": ""}, "This field is required."),
        ({"currency": "XXQ"}, "Unknown currency"),
        ({"timezone": "Mars/Olympus"}, "is not a time zone"),
        ({"period": "custom"}, "A custom period needs a start and an end."),
        (
            {"start_date": "2025-02-01", "end_date": "2025-01-01"},
            "Must not be before the first day.",
        ),
        ({"warning_threshold": "0"}, "Must be more than 0."),
        ({"critical_threshold": "50"}, "Must not be below the warning threshold."),
        ({"scope.teams.others": "x" * 201}, "names of 1 to 200 characters"),
        ({"start_date": "1066-10-14"}, "Days are of the years 2000 to 2199."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_told_at_its_field(
    wrong: dict[str, str], told: str, acme: Organization
) -> None:
    answer = browser_for(acme).post(ADD, form_of(**wrong))

    assert told in words_of(answer.content.decode())
    assert not Budget.objects.exists()


def test_a_change_that_moves_no_money_is_saved_at_once(acme: Organization) -> None:
    budget = make_budget(acme, "Old", "500")
    form = form_of(name="New", start_date=budget.starts_at.date())

    browser_for(acme).post(place_of(budget), form)

    budget.refresh_from_db()
    assert budget.name == "New"


def test_a_change_that_moves_money_is_asked_about_once(acme: Organization) -> None:
    budget = make_budget(acme, "ML", "500")
    browser = browser_for(acme)
    form = form_of(amount="750", start_date=budget.starts_at.date(), reason="More")
    form["scope.teams"] = ["ml"]

    asked = browser.post(place_of(budget), form)
    budget.refresh_from_db()
    untouched = budget.amount
    token = asked.context["confirm"]
    other = browser.post(place_of(budget), {**form, "amount": "9", "confirm": token})
    browser.post(place_of(budget), {**form, "confirm": token})

    budget.refresh_from_db()
    text = words_of(asked.content.decode())
    assert "This changes what is counted. Save it?" in text
    assert "Amount $500.00 $750.00" in text
    assert "Scope everything team ml" in text
    assert untouched == Decimal(500)
    assert "Save it?" in other.content.decode()
    assert (budget.amount, budget.scope) == (Decimal(750), {"teams": ["ml"]})


def test_a_new_amount_is_kept_with_who_and_why_and_shown(acme: Organization) -> None:
    budget = make_budget(acme, "ML", "500")
    browser = browser_for(acme)
    form = form_of(amount="750", start_date=budget.starts_at.date(), reason="Growth")

    token = browser.post(place_of(budget), form).context["confirm"]
    browser.post(place_of(budget), {**form, "confirm": token})

    text = shown(browser, place_of(budget))
    assert "Changed +$250.00 finance_admin@acme.example Growth" in text
    assert text.index("Changed +$250.00") < text.index("Planned +$500.00 system")


def test_what_the_form_does_not_show_stays(acme: Organization) -> None:
    alerts = [{"threshold": "0.5", "channels": ["slack"]}]
    starts_at = datetime(2025, 1, 1, 15, 30, tzinfo=UTC)
    budget = make_budget(acme, "Old", "500", alerts=alerts, starts_at=starts_at)
    form = form_of(name="New", start_date="2025-01-01")

    browser_for(acme).post(place_of(budget), form)

    budget.refresh_from_db()
    assert (budget.name, budget.alerts) == ("New", alerts)
    assert budget.starts_at == starts_at


def test_an_archived_budget_is_only_read(acme: Organization) -> None:
    budget = archive_budget(make_budget(acme), now=timezone.now())
    browser = browser_for(acme)

    text = shown(browser, place_of(budget))

    assert "archived: it stays as it was" in text
    assert browser.post(place_of(budget), form_of()).status_code == 403
    assert browser.get(place_of(budget, "move")).status_code == 403


def test_a_backfill_tells_how_far_it_is(acme: Organization) -> None:
    budget = make_budget(acme)
    moment = timezone.now()
    backfill = Backfill.objects.create(
        organization=acme,
        upto_id=1,
        done_until=moment,
        until=moment,
        total=4,
        done=1,
    )
    Budget.objects.filter(pk=budget.pk).update(backfill=backfill)
    browser = browser_for(acme)

    page = browser.get(place_of(budget)).content.decode()
    far = browser.get(place_of(budget, "progress")).json()
    Budget.objects.filter(pk=budget.pk).update(backfill=None)
    over = browser.get(place_of(budget, "progress")).json()

    assert "Counting what was spent before" in page
    assert (far, over) == ({"done": 0.25}, {"done": None})


def test_every_cadence_can_be_chosen(acme: Organization) -> None:
    content = browser_for(acme).get(ADD).content.decode()

    assert not [one for one in Cadence if f'value="{one.value}"' not in content]


def test_a_history_writes_amounts_as_people_read_them(acme: Organization) -> None:
    budget = make_budget(acme, amount="10000")
    plan = plan_of(budget)
    plan.amount = Decimal("12000.5")
    change_budget(budget, plan, now=timezone.now())

    text = shown(browser_for(acme), place_of(budget, "history"))

    assert "Amount 10,000 → 12,000.5" in text
