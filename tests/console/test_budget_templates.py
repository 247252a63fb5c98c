"""Templates in the console: made, asked about, told of in the tree and on pages."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget
from budgets.overriding import override
from tests.console.budget_pages import ADD, PREVIEW, TREE, form_of, names_in, place_of
from tests.factories import browser_for, make_budget, spend

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(acme: Organization) -> Client:
    return browser_for(acme)


@pytest.fixture
def template(acme: Organization) -> Budget:
    company = make_budget(acme)
    made = make_budget(
        acme, "Each user", "100", parent=company, template_for_each="user"
    )
    spend(acme, "30", user_id="ann")
    spend(acme, "80", user_id="ben")
    return made


def a_template(**overrides: Any) -> dict[str, Any]:
    return form_of(name="Each", **{"template.for_each": "user", **overrides})


def token_in(content: str) -> str:
    return content.partition('name="confirm" value="')[2].partition('"')[0]


def test_a_soft_template_is_made(acme: Organization, browser: Client) -> None:
    spend(acme, "1", user_id="ann")

    answer = browser.post(ADD, a_template(**{"template.most": "20"}))

    made = Budget.objects.get(name="Each")
    assert answer["location"] == place_of(made)
    assert (made.template_for_each, made.template_most) == ("user", 20)
    assert made.made.get().name == "ann"


def test_a_template_of_a_tag_is_made(acme: Organization, browser: Client) -> None:
    form = a_template(**{"template.for_each": "tag"})

    nameless = browser.post(ADD, form).content.decode()
    browser.post(ADD, {**form, "template.tag": "customer"})

    assert "Which tag?" in nameless
    assert Budget.objects.get().template_for_each == "tag:customer"


def test_a_hard_one_asks_first_and_says_whose_calls_stop(
    acme: Organization, browser: Client
) -> None:
    spend(acme, "600", user_id="ann")
    spend(acme, "1", user_id="ben")
    form = a_template(enforcement="hard")

    asked = browser.post(ADD, form).content.decode()

    assert not Budget.objects.exists()
    assert "calls of each user are refused once they would pass $500.00" in asked
    assert "Of 2 met so far 1 has spent that already and is refused" in asked
    browser.post(ADD, {**form, "confirm": token_in(asked)})
    assert Budget.objects.get(name="Each").enforcement == "hard"


def test_the_preview_says_what_it_would_open(
    acme: Organization, browser: Client
) -> None:
    spend(acme, "600", user_id="ann")
    spend(acme, "1", user_id="ben")

    content = browser.get(
        PREVIEW, {**a_template(), "organization": "acme"}
    ).content.decode()

    assert "Opens 2 budgets at once: ann, ben." in content
    assert "1 of them has spent the amount this period already: ann." in content


def test_the_preview_of_another_amount_says_what_all_of_them_get(
    template: Budget, browser: Client
) -> None:
    spend(template.organization, "1", user_id="eve")
    override(template, "eve", Decimal(500), now=timezone.now())

    raised, kept = (
        browser.get(
            PREVIEW, form_of(name="Each user", amount=amount, budget=template.pk)
        ).content.decode()
        for amount in ("150", "100")
    )

    assert "the amount of 2 budgets: $300.00 together, $100.00 more." in raised
    assert "together" not in kept


def test_the_tree_shows_it_as_one_row_that_unfolds(
    template: Budget, browser: Client
) -> None:
    content = browser.get(TREE).content.decode()
    family = browser.get(TREE, {"children": template.pk, "level": 3}).content.decode()

    assert names_in(browser) == ["Company", "Each user"]
    assert "each user $100.00 · 2 budgets" in content
    assert "$110.00" in content
    assert "$200.00 allocated" in content
    assert [name in family for name in ("ann", "ben")] == [True, True]
    assert names_in(browser, q="ann") == ["Company", "Each user", "ann"]


def test_its_page_and_those_of_what_it_made_say_so(
    template: Budget, browser: Client
) -> None:
    override(template, "ann", Decimal(150), now=timezone.now())
    ann = template.made.get(name="ann")

    own = browser.get(place_of(template)).content.decode()
    made = browser.get(place_of(ann)).content.decode()

    assert "For each user a budget of $100.00" in own
    assert "at most 1,000" in own
    assert "Its amount is its own." in made
    assert "made by" in made.lower()


def test_to_change_it_says_what_follows_for_all(
    template: Budget, browser: Client
) -> None:
    form = form_of(name="Each user", amount="50", enforcement="hard", reason="Less")

    asked = browser.post(place_of(template), form).content.decode()

    assert "calls of each user are refused once they would pass its amount" in asked
    assert "The calls of 1 of them are refused at once: ben." in asked
    browser.post(place_of(template), {**form, "confirm": token_in(asked)})
    amounts = set(template.made.values_list("amount", "enforcement"))
    assert amounts == {(50, "hard")}


def test_what_is_the_templates_is_refused_on_the_page_of_one(
    template: Budget, browser: Client
) -> None:
    ann = template.made.get(name="ann")
    form = form_of(name="ann", amount="100", period="annual", **{"scope.users": "ann"})

    asked = browser.post(place_of(ann), form).content.decode()
    answer = browser.post(
        place_of(ann), {**form, "confirm": token_in(asked), "reason": "x"}
    )

    ann.refresh_from_db()
    assert ann.period == "monthly"
    assert "has this of its template" in answer.content.decode()
