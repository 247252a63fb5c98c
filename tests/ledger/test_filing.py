"""What is sent under many names is filed, priced and asked for under one."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Organization
from ledger.catalogue import span_at
from ledger.models import Attribution, CostRecord
from ledger.prices import PriceOverlaps, add_price, priced_by
from ledger.verification import differences
from tests.factories import NOON, Api, make_key, make_organization, report, usage_record

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def api(acme: Organization) -> Api:
    return Api(make_key(organization=acme))


def cost_of(organization: Organization, **fields: Any) -> Decimal | None:
    """Book one record and return what it cost."""
    number = CostRecord.objects.count()
    return report(organization, usage_record(**{"id": f"r{number}", **fields}))[0].cost


def set_price(organization: Organization | None, model: str, **values: Any) -> Any:
    given = {
        "provider": "openai",
        "effective_from": NOON.replace(year=2024),
        "input_per_million": Decimal(1),
        "output_per_million": Decimal(1),
    }
    return add_price(organization=organization, model=model, **{**given, **values})


def test_a_record_is_filed_under_one_name_and_keeps_what_was_sent(
    acme: Organization,
) -> None:
    report(
        acme,
        usage_record(
            provider="openai.responses",
            model="OpenAI/GPT-4o-2024-08-06",
            user_id="Ada@X.com",
        ),
    )

    filed = Attribution.objects.get()

    assert (filed.provider, filed.model, filed.user) == (
        "openai",
        "gpt-4o",
        "ada@x.com",
    )
    assert filed.model_version == "gpt-4o-2024-08-06"
    assert filed.sent_provider == "openai.responses"
    assert filed.sent_model == "OpenAI/GPT-4o-2024-08-06"
    assert filed.sent_user == "Ada@X.com"
    assert list(differences(acme)) == []


def test_a_name_as_long_as_may_be_is_filed_though_its_one_name_is_longer(
    acme: Organization,
) -> None:
    name = "İ" * 100 + "-" * 91 + "-20240806"

    report(acme, usage_record(model=name, provider="İ" * 200, cost="1"))

    assert len(Attribution.objects.get().model_version) > len(name)


def test_a_repeat_of_the_same_words_is_no_conflict(acme: Organization) -> None:
    record = usage_record(provider="OpenAI.chat", model="GPT-4o", user_id="A@x.com")
    report(acme, record)

    (again,) = report(acme, record)

    assert again.duplicate
    assert not again.conflict


@pytest.mark.parametrize(
    "provider", ["azure", "azure_openai", "azure_ai", "azure.ai.openai", "Azure.chat"]
)
def test_a_price_holds_for_every_spelling_of_its_provider(
    acme: Organization, provider: str
) -> None:
    set_price(acme, "gpt-4o", provider="azure")

    cost = cost_of(acme, provider=provider, input_tokens=1_000_000, output_tokens=0)

    assert cost == 1


@pytest.mark.parametrize(
    ("provider", "model", "per_million"),
    [
        ("xai.chat", "grok-3", "3"),
        ("groq.chat", "llama-3.3-70b-versatile", "0.59"),
        ("azure.chat", "gpt-4o", "2.5"),
        ("openai", "OpenAI/gpt-4o-2024-05-13", "5"),
        ("openai", " GPT-4o ", "2.5"),
        ("openai", "gpt-4o-2099-01-01", "2.5"),
        ("aws", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", "3"),
        ("vertexai", "models/gemini-2.5-flash", "0.3"),
    ],
)
def test_a_spelling_is_priced_by_its_version_or_else_its_model(
    acme: Organization, provider: str, model: str, per_million: str
) -> None:
    used = {"input_tokens": 100_000, "output_tokens": 0}

    cost = cost_of(acme, provider=provider, model=model, **used)

    assert cost == Decimal(per_million) / 10


@pytest.mark.parametrize(
    ("model", "cached", "text"),
    [
        ("ft:gpt-4o-2024-08-06:acme::8x", "1.875", "3.75"),
        ("openai/ft:gpt-4o-2024-08-06:acme::8x", "1.875", "3.75"),
        ("ft:gpt-4o-mini", "0.15", "0.3"),
        ("ft:gpt-4o-mini-2024-07-18:acme::8x", "0.15", "0.3"),
        ("ft:gpt-4.1-mini", "0.2", "0.8"),
    ],
)
def test_a_fine_tuned_model_has_prices_of_its_own(
    acme: Organization, model: str, cached: str, text: str
) -> None:
    used = {"model": model, "input_tokens": 1_000_000, "output_tokens": 0}

    assert cost_of(acme, **used, cached_tokens=1_000_000) == Decimal(cached)
    assert cost_of(acme, **used) == Decimal(text)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "ft:gpt-5-nano:acme::8x"),
        ("azure", "gpt-4o-2024-08-06.ft-0123abc"),
        ("openai", "gpt-4o:free"),
    ],
)
def test_what_is_sold_otherwise_is_never_priced_as_the_model_itself(
    provider: str, model: str
) -> None:
    assert span_at(provider, model, NOON).tariff is None


def test_a_price_of_the_base_is_not_for_a_fine_tuned_model(acme: Organization) -> None:
    set_price(acme, "gpt-4o")
    set_price(acme, "ft:gpt-4.1-mini", input_per_million=Decimal(7))
    used = {"input_tokens": 1_000_000, "output_tokens": 0}

    assert cost_of(acme, model="gpt-4o-2024-08-06", **used) == 1
    assert cost_of(acme, model="ft:gpt-4o-2024-08-06:acme::8x", **used) == Decimal(
        "3.75"
    )
    assert cost_of(acme, model="ft:gpt-4.1-mini-2025-04-14:acme::8x", **used) == 7


def test_the_narrowest_price_holds(acme: Organization) -> None:
    for price, model in enumerate(
        ["*", "gpt-*", "gpt-4o*", "gpt-4o", "gpt-4o-2024-08-06"], start=1
    ):
        set_price(acme, model, input_per_million=Decimal(price))
    used = {"input_tokens": 1_000_000, "output_tokens": 0}

    costs = {
        model: cost_of(acme, model=model, **used)
        for model in (
            "o3",
            "gpt-4",
            "gpt-4o-mini",
            "GPT-4o",
            "openai/gpt-4o-2024-08-06",
        )
    }

    assert list(costs.values()) == [1, 2, 3, 4, 5]


def test_prices_for_the_same_under_other_names_overlap(acme: Organization) -> None:
    set_price(acme, "gpt-4o-2024-08-06")

    with pytest.raises(PriceOverlaps):
        set_price(acme, "openai/GPT-4o-20240806", provider="openai.chat")
    set_price(acme, "gpt-4o")
    set_price(acme, "ft:gpt-4o-2024-08-06")


def test_what_a_price_is_for_is_found_under_every_name(acme: Organization) -> None:
    spelled = [
        "new-1",
        "NEW-1",
        "openai/new-1",
        "new-1-20260101",
        "new-2",
        "ft:new-1:a",
    ]
    for number, model in enumerate(spelled):
        report(acme, usage_record(id=f"n{number}", model=model))

    rows = priced_by(set_price(acme, "New-1", provider="OpenAI.responses"))

    assert {row.attribution.sent_model for row in rows} == set(spelled[:4])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("model=gpt-4o", {"a", "b"}),
        ("model=GPT-4o", {"a", "b"}),
        ("model=openai/gpt-4o-20240806", {"b"}),
        ("model=gpt-4*", {"c", "d"}),
        ("model=gpt-4*,gpt-4o", {"a", "b", "c", "d"}),
        ("provider=openai.chat", {"a", "b", "c"}),
        ("provider=azure_openai", {"d"}),
        ("user_id=ADA@x.com", {"a", "b"}),
    ],
)
def test_a_filter_means_what_its_names_mean(
    acme: Organization, api: Api, query: str, found: set[str]
) -> None:
    report(
        acme,
        usage_record(id="a", model="GPT-4o", user_id="Ada@x.com"),
        usage_record(id="b", model="gpt-4o-2024-08-06", user_id="ada@X.com"),
        usage_record(id="c", model="gpt-4-turbo", user_id="x7Q"),
        usage_record(id="d", model="gpt-4-0613", provider="azure.ai.openai"),
    )

    answer = api.get(f"costs?{query}")

    assert {record["usage_id"] for record in answer.body} == found


def test_groups_are_of_the_one_names(acme: Organization, api: Api) -> None:
    for number, (provider, model, user) in enumerate(
        [
            ("openai", "gpt-4o", "Ada@x.com"),
            ("OpenAI.chat", "GPT-4o-2024-08-06", "ada@x.com"),
            ("openai.responses", "openai/gpt-4o-20240806", "ADA@X.COM"),
        ]
    ):
        record = {"provider": provider, "model": model, "user_id": user, "cost": "1"}
        report(acme, usage_record(id=f"g{number}", **record))

    groups = "provider,model,model_version,user"
    found = api.get(f"analytics/summary?group_by={groups}").body

    assert found["by_provider"] == {"openai": "3.0000000000"}
    assert found["by_model"] == {"gpt-4o": "3.0000000000"}
    assert found["by_user"] == {"ada@x.com": "3.0000000000"}
    assert found["by_model_version"] == {
        "gpt-4o-2024-08-06": "2.0000000000",
        "": "1.0000000000",
    }


def test_verify_finds_what_is_filed_under_another_name(acme: Organization) -> None:
    report(acme, usage_record(model="gpt-4o-2024-08-06"))
    Attribution.objects.update(model="gpt-4o-2024-08-06", model_version="")

    (found,) = differences(acme)

    assert "manage.py refile" in found
