"""Two people change one thing: the second is told of the first, at both doors."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget
from tests.controls.guarding import given, guard, surely
from tests.factories import Api, browser_of, make_budget, make_key, make_person, spend
from tests.pages import forms_in, words_of

pytestmark = pytest.mark.django_db


def api_of(email: str, organization: Organization) -> Api:
    admin = make_person(email, {organization: Role.FINANCE_ADMIN})
    return Api(make_key(user=admin))


# -- At the API


def test_a_change_of_what_somebody_changed_meanwhile_is_refused(
    acme: Organization,
) -> None:
    lea, tom = api_of("lea@acme.example", acme), api_of("tom@acme.example", acme)
    place = f"budgets/{make_budget(acme).uid}"
    seen = tom.get(place).headers["ETag"]
    lea.patch(place, {"warning_threshold": "0.7"})

    late = tom.patch(place, {"amount": "5"}, If_Match=seen)

    now = tom.get(place)
    assert (late.status, late.body["code"]) == (412, "changed_meanwhile")
    assert late.body["detail"].startswith("Changed by lea@acme.example ")
    assert now.body["amount"] == "1000.0000000000"
    assert tom.patch(place, {"amount": "5"}, If_Match=now.headers["ETag"]).status == 200


def test_every_answer_has_the_tag_of_the_next_change(api: Api) -> None:
    made = api.post("budgets", {"name": "A", "amount": "1", "period": "monthly"})
    place = f"budgets/{made.body['id']}"

    first = api.patch(place, {"amount": "2"}, If_Match=api.get(place).headers["ETag"])
    second = api.patch(place, {"amount": "3"}, If_Match=first.headers["ETag"])
    again = api.patch(place, {"amount": "4"}, If_Match=first.headers["ETag"])

    assert [one.status for one in (first, second, again)] == [200, 200, 412]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"1000000000"'}, 412),
        ({"If_Match": "no tag"}, 412),
        ({"If_Match": '"' + "9" * 5000 + '"'}, 412),
    ],
    ids=["none", "any", "another", "none at all", "long"],
)
def test_if_match_is_taken_as_http_says(
    header: dict[str, str], status: int, api: Api, acme: Organization
) -> None:
    budget = make_budget(acme)

    assert api.patch(f"budgets/{budget.uid}", {"name": "B"}, **header).status == status


def test_archiving_and_rules_know_versions_too(api: Api, acme: Organization) -> None:
    place = f"budgets/{make_budget(acme).uid}"
    old, rules = api.get(place), api.get(f"{place}/controls")
    api.send("PUT", f"{place}/controls", {"rules": [_wire()]})
    api.patch(place, {"name": "Other"})

    gone = api.send("DELETE", place, If_Match=old.headers["ETag"])
    late = api.send(
        "PUT", f"{place}/controls", {"rules": []}, If_Match=rules.headers["ETag"]
    )

    assert (gone.status, late.status) == (412, 412)
    assert len(api.get(f"{place}/controls").body["rules"]) == 1


def _wire() -> dict[str, Any]:
    rule = given()
    return {name: rule[name] for name in ("trigger", "action", "config")}


# -- On the page


class TwoPeople:
    """Lea and Tom, each with a browser, at one budget's page."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.place = f"/admin/budgets/budget/{budget.pk}/change/"
        self.lea, self.tom = (
            browser_of(make_person(email, {budget.organization: Role.FINANCE_ADMIN}))
            for email in ("lea@acme.example", "tom@acme.example")
        )

    def opened(self, browser: Any) -> dict[str, Any]:
        """Return what the form sends when nothing is changed in it."""
        context = browser.get(self.place).context
        form = context["form"]
        filled = {name: form[name].value() for name in form.fields}
        sent = {name: "" if one is None else one for name, one in filled.items()}
        return {**sent, "version": context["version"]}

    def save(self, browser: Any, form: dict[str, Any], **changed: Any) -> Any:
        """Save, and say yes where that is asked."""
        form = {**form, **changed}
        answer = browser.post(self.place, form)
        if answer.status_code == 200 and answer.context["confirm"]:
            token = answer.context["confirm"]
            answer = browser.post(self.place, {**form, "confirm": token})
        self.budget.refresh_from_db()
        return answer


@pytest.fixture
def two(acme: Organization) -> TwoPeople:
    return TwoPeople(make_budget(acme, "ML", "18000", note="Ask Ann."))


def test_of_two_who_save_the_second_loses_and_reverts_nothing(two: TwoPeople) -> None:
    leas, toms = two.opened(two.lea), two.opened(two.tom)
    two.save(two.lea, leas, amount="16000", warning_threshold="70", reason="Less")

    told = two.save(two.tom, toms, note="Ask Tom.")

    text = words_of(told.content.decode())
    assert "Changed by lea@acme.example" in text
    assert "Amount: 18,000 became 16,000" in text
    assert "Warning, in percent: 80% became 70%" in text.replace(" %", "%")
    assert (two.budget.amount, two.budget.note) == (Decimal(16000), "Ask Ann.")

    two.save(two.tom, form_of(told))

    assert two.budget.note == "Ask Tom."
    assert two.budget.amount == Decimal(16000)
    assert two.budget.warning_threshold == Decimal("0.7")


@pytest.mark.parametrize(("choice", "note"), [("theirs", "Lea's."), ("mine", "Tom's.")])
def test_what_both_changed_is_chosen(choice: str, note: str, two: TwoPeople) -> None:
    leas, toms = two.opened(two.lea), two.opened(two.tom)
    two.save(two.lea, leas, note="Lea's.")

    told = two.save(two.tom, toms, note="Tom's.", name="ML Team")
    two.save(two.tom, form_of(told), **{"keep.note": choice})

    text = words_of(told.content.decode())
    assert "Lea's. Tom's." in text.replace("\u2019", "'")
    assert (two.budget.note, two.budget.name) == (note, "ML Team")


def test_alone_nobody_is_asked(two: TwoPeople) -> None:
    answer = two.save(two.tom, two.opened(two.tom), note="Ask Tom.")

    assert answer.status_code == 302
    assert two.budget.note == "Ask Tom."


def form_of(told: Any) -> dict[str, Any]:
    """Return what the page that was answered sends as it stands."""
    form = told.context["form"]
    filled = {name: form[name].value() for name in form.fields}
    sent = {name: "" if one is None else one for name, one in filled.items()}
    return {**sent, "version": told.context["version"]}


def test_of_two_at_one_rule_the_second_is_told(two: TwoPeople) -> None:
    (rule,) = guard(two.budget, given(message="No."))
    place = f"/admin/controls/controlrule/{rule.pk}/change/"
    form = {"trigger": "always", "version": two.tom.get(place).context["version"]}
    surely(two.lea, place, {**form, "trigger": "budget_percentage >= 0.9"})

    told = two.tom.post(place, {**form, "message": "Stop."})
    rule.refresh_from_db()
    kept = (rule.trigger, rule.config)
    (shown,) = (one for one in forms_in(told) if "trigger" in one)
    mine = {"trigger": "always", "message": "Stop.", "version": shown["version"]}
    surely(two.tom, place, mine)

    rule.refresh_from_db()
    text = words_of(told.content.decode())
    assert "Changed by lea@acme.example" in text
    assert "Condition: always became budget_percentage >= 0.9" in text
    assert kept[0] == "budget_percentage >= 0.9"
    assert (rule.trigger, rule.config) == ("always", {"message": "Stop."})


# -- What moves money or stops calls is asked about


def ask(two: TwoPeople, **changed: Any) -> Any:
    return two.tom.post(two.place, {**two.opened(two.tom), **changed})


def test_a_limit_made_hard_says_that_calls_are_refused(two: TwoPeople) -> None:
    spend(two.budget.organization, "25712.71")

    asked = ask(two, enforcement="hard", reason="Enough")

    text = words_of(asked.content.decode())
    two.budget.refresh_from_db()
    assert "From now on ML's calls are refused: $7,712.71 over. Save it?" in text
    assert two.budget.enforcement == "soft"

    two.save(two.tom, form_of(asked), confirm=asked.context["confirm"])

    assert two.budget.enforcement == "hard"
    assert two.budget.history.first().history_change_reason == "Enough"


def test_a_hard_limit_lowered_below_what_is_spent_says_so(two: TwoPeople) -> None:
    two.save(two.tom, two.opened(two.tom), enforcement="hard", reason="Enough")
    spend(two.budget.organization, "100")

    asked = ask(two, amount="60", reason="Less")

    text = words_of(asked.content.decode())
    assert "From now on ML's calls are refused: $40.00 over. Save it?" in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"enforcement": "hard"}, "$18,000.00 is left"),
        ({"warning_threshold": "40"}, "Warning 80% 40%"),
        ({"critical_threshold": "85"}, "Critical 95% 85%"),
        ({"rollover_mode": "unused"}, "What was left"),
    ],
    ids=str,
)
def test_it_is_asked_about(changed: dict[str, str], words: str, two: TwoPeople) -> None:
    asked = ask(two, **changed, reason="Because")

    text = words_of(asked.content.decode()).replace(" %", "%").replace("\xa0%", "%")
    assert asked.status_code == 200
    assert "Save it?" in text
    assert words in text


@pytest.mark.parametrize("changed", [{"amount": "9"}, {"enforcement": "hard"}], ids=str)
def test_a_new_amount_or_limit_wants_a_reason(
    changed: dict[str, str], two: TwoPeople
) -> None:
    without = two.save(two.tom, two.opened(two.tom), **changed)
    untouched = (two.budget.amount, two.budget.enforcement)
    two.save(two.tom, two.opened(two.tom), **changed, reason="Less to do")

    assert "Say why. It is kept with the change." in without.content.decode()
    assert untouched == (Decimal(18000), "soft")
    assert (two.budget.amount, two.budget.enforcement) != untouched
    assert two.budget.history.first().history_change_reason == "Less to do"
