from decimal import Decimal
from typing import Any

from accounts.models import Organization
from ledger.models import ExchangeRate
from tests.factories import Api, make_api, make_organization, report
from tests.factories import usage_record as usage

NEW = {"base": "EUR", "quote": "USD", "rate": "1.5", "date": "2025-01-10"}


def rate(**overrides: Any) -> dict[str, Any]:
    return {**NEW, **overrides}


def test_a_rate_set_is_the_rate_that_applies(acme: Organization, api: Api) -> None:
    before = api.get("exchange-rates?base=EUR&quote=USD&date=2025-01-10").body
    made = api.post("exchange-rates", rate())

    after = api.get("exchange-rates?base=EUR&quote=USD&date=2025-01-10").body
    inverse = api.get("exchange-rates?base=USD&quote=EUR&date=2025-01-10").body
    (outcome,) = report(
        acme, usage(cost=2, currency="EUR", timestamp="2025-01-10T10:00:00Z")
    )

    assert made.status == 201
    assert made.body["rate"] == "1.500000000000"
    assert before["source"] == "bundled"
    assert after == {
        "base": "EUR",
        "quote": "USD",
        "rate": "1.500000000000",
        "date": "2025-01-10",
        "source": "manual",
    }
    assert (inverse["rate"], inverse["source"]) == ("0.666666666667", "manual")
    assert outcome.cost == Decimal(3)


def test_a_later_bundled_rate_takes_over(api: Api) -> None:
    api.post("exchange-rates", rate())

    later = api.get("exchange-rates?base=EUR&quote=USD&date=2025-01-14").body

    assert (later["date"], later["source"]) == ("2025-01-14", "bundled")


def test_a_rate_no_one_knows_is_a_404(api: Api) -> None:
    assert api.get("exchange-rates?base=USD&quote=KPW").status == 404


def test_one_rate_a_day(acme: Organization, api: Api, platform: Api) -> None:
    api.post("exchange-rates", rate())

    again = api.post("exchange-rates", rate(rate=2))

    assert (again.status, again.body["code"]) == (409, "rate_exists")
    assert platform.post("exchange-rates", rate()).status == 201  # for all
    assert platform.post("exchange-rates", rate()).status == 409
    assert api.post("exchange-rates", rate(date="2025-01-11")).status == 201


def test_a_plain_list_has_what_was_set(acme: Organization, api: Api) -> None:
    make_organization("other")
    make_api().post("exchange-rates", rate(organization_id="other"))
    api.post("exchange-rates", rate())

    found = api.get("exchange-rates").body["results"]

    assert [row["organization_id"] for row in found] == ["acme"]
    assert api.get("exchange-rates?base=GBP").body["results"] == []
    assert api.get("exchange-rates?date=2025-01-11").body["results"] == []
    assert "EUR,USD,1.500000000000" in api.get("exchange-rates?format=csv").body


def test_deleting_raises_the_revision(acme: Organization, api: Api) -> None:
    pk = api.post("exchange-rates", rate()).body["id"]
    acme.refresh_from_db()
    revision = acme.revision

    answer = api.delete(f"exchange-rates/{pk}")

    acme.refresh_from_db()
    assert answer.status == 204
    assert acme.revision == revision + 1
    assert not ExchangeRate.objects.exists()


def test_what_is_for_all_is_the_platforms(acme: Organization, platform: Api) -> None:
    api = make_api(organization=acme)
    pk = platform.post("exchange-rates", rate()).body["id"]

    assert api.get(f"exchange-rates/{pk}").status == 200
    assert api.delete(f"exchange-rates/{pk}").status == 403
    assert api.post("exchange-rates", rate(organization_id=None)).status == 403
    assert platform.delete(f"exchange-rates/{pk}").status == 204


def test_a_rate_that_a_budget_needs_stays(acme: Organization, api: Api) -> None:
    pk = api.post("exchange-rates", rate(base="USD", quote="KPW")).body["id"]
    made = api.post(
        "budgets",
        {"name": "Far", "amount": "1", "currency": "KPW", "period": "monthly"},
    )
    assert made.status == 201, made.body

    answer = api.delete(f"exchange-rates/{pk}")

    assert (answer.status, answer.body["code"]) == (409, "rate_needed")
    assert ExchangeRate.objects.filter(pk=pk).exists()


def test_a_currency_no_budget_could_be_charged_in_is_refused(
    acme: Organization, api: Api
) -> None:
    api.post("exchange-rates", rate(base="USD", quote="KPW"))
    budget = {"name": "Far", "amount": "1", "currency": "KPW", "period": "monthly"}
    assert api.post("budgets", budget).status == 201

    answer = api.patch("organizations/acme", {"currency": "EUR"})

    assert (answer.status, answer.body["code"]) == (409, "rate_needed")


def test_currencies_are_taken_in_any_case(api: Api, platform: Api) -> None:
    rate = {"base": "eur", "quote": "Usd", "rate": "1.5", "date": "2025-01-15"}
    found = api.post("exchange-rates", rate).body
    assert (found["base"], found["quote"]) == ("EUR", "USD")
    resolved = api.get("exchange-rates?base=eur&quote=usd&date=2025-01-15").body
    assert resolved["base"] == "EUR"
    price = {"provider": "openai", "model": "m", "currency": "eur"}
    price |= {"input_per_million": "1"}
    assert api.post("pricing", price).body["currency"] == "EUR"
    budget = {"name": "b", "amount": "1", "period": "monthly", "currency": "eur"}
    assert api.post("budgets", budget).body["currency"] == "EUR"
    made = platform.post("organizations", {"slug": "o", "name": "O", "currency": "eur"})
    assert made.body["currency"] == "EUR"
