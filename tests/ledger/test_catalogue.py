import random
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider

from ledger import catalogue
from ledger.catalogue import PRICES, known_models, span_at
from ledger.tariffs import Bill, Metered, PricedSpan, Tariff
from ledger.types import OPEN_END, OPEN_START
from lib.money import from_units

TENTH_DECIMAL = Decimal("1E-10")
INSTANT = timedelta(microseconds=1)
IN_2024 = datetime(2024, 5, 1, 12, tzinfo=UTC)
IN_2025 = datetime(2025, 7, 31, 17, 45, tzinfo=UTC)
IN_AUTUMN_2026 = datetime(2026, 10, 19, 2, tzinfo=UTC)
IN_2027 = datetime(2027, 2, 1, 8, tzinfo=UTC)
# A model priced by none of these (speech, pictures) has no price for text.
TEXT = {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok"}


def tariff_at(provider: str, model: str, at: datetime, tier: str = "") -> Tariff:
    tariff = span_at(provider, model, at, tier).tariff
    assert tariff is not None
    return tariff


def total(tariff: Tariff, usage: tuple[int, int, int, int, int]) -> Decimal:
    units = tariff.total(*usage)
    assert units is not None
    return from_units(units)


def per_million(tariff: Tariff) -> tuple[Decimal, Decimal]:
    return from_units(tariff.rates.input or 0), from_units(tariff.rates.output or 0)


def library_usage(usage: tuple[int, int, int, int, int]) -> Usage:
    names = (
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "output_reasoning_tokens",
    )
    # Other kinds at zero: the library refuses to infer them.
    return Usage(
        **dict(zip(names, usage, strict=True)),
        cache_write_1h_tokens=0,
        output_citation_tokens=0,
    )


def random_usage(dice: random.Random) -> tuple[int, int, int, int, int]:
    cached, written = dice.randrange(50_000), dice.randrange(5_000)
    reasoning = dice.randrange(3_000)
    return (
        cached + written + dice.randrange(10 ** dice.randrange(1, 7)),
        cached,
        written,
        reasoning + dice.randrange(10_000),
        reasoning,
    )


def models_with_tier(key: str, tier: str, at: datetime) -> list[tuple[str, str]]:
    """List the models of text for which the catalogue prices *tier* itself."""
    found = [
        (provider.id, model.id)
        for provider in providers
        for model in provider.models
        for variant in model.price_variants or ()
        if variant.when == {key: tier}
        and (variant.constraint is None or variant.constraint.active(at))
        and not TEXT.isdisjoint(vars(model.get_prices(at)))
        and model.is_match(model.id)
    ]
    assert found
    return found


@pytest.mark.parametrize(
    "at", [IN_2024, IN_2025, IN_AUTUMN_2026, IN_2027], ids=lambda at: f"{at:%Y-%m-%d}"
)
def test_every_model_costs_what_the_library_says(at: datetime) -> None:
    dice = random.Random(at.year)
    wrong = []

    for provider, model in known_models():
        usage = random_usage(dice)
        tariff = span_at(provider, model, at).tariff
        theirs = calc_price(
            library_usage(usage),
            model,
            provider_id=provider,
            genai_request_timestamp=at,
        )
        listed = {
            PRICES[key] for key, price in vars(theirs.model_price).items() if price
        }
        bill = tariff.bill(Metered(*usage)) if tariff is not None else Bill(None, None)
        if bill.total is None:
            # The library takes what has no price for what is beside it, or for free.
            said = listed.issuperset(bill.unpriced or {"input_tokens"})
            wrong += [(provider, model, "unpriced")] if said else []
        elif tariff is not None and tariff.source.endswith("(corrected)"):
            continue
        elif abs(from_units(bill.total) - theirs.total_price) > TENTH_DECIMAL:
            wrong.append((provider, model, str(theirs.total_price)))

    assert wrong == []


@pytest.mark.parametrize("at", [IN_AUTUMN_2026, IN_2027], ids=["2026", "2027"])
@pytest.mark.parametrize(
    ("key", "tier"),
    [
        ("processing", "batch"),
        ("service_tier", "flex"),
        ("service_tier", "priority"),
        ("service_tier", "default"),
        ("speed", "fast"),
    ],
)
def test_a_service_tier_of_the_catalogue_costs_what_the_library_says(
    key: str, tier: str, at: datetime
) -> None:
    usage = (300_000, 1_000, 0, 2_000, 0)
    wrong = []

    for provider, model in models_with_tier(key, tier, at):
        theirs = calc_price(
            library_usage(usage),
            model,
            provider_id=provider,
            genai_request_timestamp=at,
            price_context={key: tier},
        )
        tariff = span_at(provider, model, at, tier).tariff
        if tariff is not None and tariff.rates.output is None:
            continue  # no price of output: embeddings
        if tariff is None or total(tariff, usage) != theirs.total_price:
            wrong.append((provider, model, str(theirs.total_price)))

    assert wrong == []


def test_a_price_holds_until_just_before_its_span_ends() -> None:
    changing = [
        (name, span)
        for name in known_models()
        if (span := span_at(*name, IN_AUTUMN_2026)).start != OPEN_START
    ]

    assert len(changing) > 50
    for name, span in changing:
        assert span.start <= IN_AUTUMN_2026 < span.end
        assert span_at(*name, span.start) == span
        assert span_at(*name, span.end - INSTANT) == span
        assert span_at(*name, span.start - INSTANT).end == span.start


def test_gpt_4_costs_30_and_60_dollars_a_million() -> None:
    span = span_at("openai", "gpt-4", IN_2025)

    assert span == PricedSpan(OPEN_START, OPEN_END, span.tariff)
    assert span.tariff is not None
    assert per_million(span.tariff) == (Decimal(30), Decimal(60))
    assert span.tariff.source == "catalogue:openai/gpt-4"
    assert span.tariff.price_ref is None
    assert span.tariff.currency == "USD"


def test_gemini_pro_is_priced_by_tokens_and_not_by_characters() -> None:
    span = span_at("google", "gemini-pro", IN_2025)

    assert span.tariff is not None
    assert per_million(span.tariff) == (Decimal("0.5"), Decimal("1.5"))


@pytest.mark.parametrize(
    ("at", "prices"),
    [
        (datetime(2025, 6, 9, 23, 59, 59, 999_999, tzinfo=UTC), (10, 40)),
        (datetime(2025, 6, 10, tzinfo=UTC), (2, 8)),
        (datetime(2025, 6, 10, 1, tzinfo=timezone(timedelta(hours=2))), (10, 40)),
    ],
    ids=["last instant", "first instant", "still yesterday in UTC"],
)
def test_o3_became_cheaper_in_june_2025(at: datetime, prices: tuple[int, int]) -> None:
    change = datetime(2025, 6, 10, tzinfo=UTC)

    span = span_at("openai", "o3", at)

    assert span.tariff is not None
    assert per_million(span.tariff) == tuple(map(Decimal, prices))
    assert change in (span.start, span.end)


@pytest.mark.parametrize(
    ("input_tokens", "rate"), [(200_000, 3), (200_001, 6)], ids=["at", "above"]
)
def test_claude_costs_more_above_200_000_tokens(input_tokens: int, rate: int) -> None:
    tariff = tariff_at("anthropic", "claude-sonnet-4-5", IN_AUTUMN_2026)

    assert tariff.total(input_tokens, 0, 0, 0, 0) == input_tokens * rate * 10_000


@pytest.mark.parametrize(
    ("clock", "prices", "start", "end"),
    [
        ("10T00:29:59", ("0.135", "0.55"), "09T16:30:00", "10T00:30:00"),
        ("10T00:30:00", ("0.27", "1.1"), "10T00:30:00", "10T16:30:00"),
        ("10T16:29:59", ("0.27", "1.1"), "10T00:30:00", "10T16:30:00"),
        ("10T16:30:00", ("0.135", "0.55"), "10T16:30:00", "11T00:30:00"),
    ],
    ids=["last of night", "first of day", "last of day", "first of night"],
)
def test_deepseek_is_cheaper_off_peak(
    clock: str, prices: tuple[str, str], start: str, end: str
) -> None:
    def moment(text: str) -> datetime:
        return datetime.fromisoformat(f"2025-07-{text}+00:00")

    span = span_at("deepseek", "deepseek-chat", moment(clock))

    assert (span.start, span.end) == (moment(start), moment(end))
    assert span.tariff is not None
    assert per_million(span.tariff) == tuple(map(Decimal, prices))


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4-typo"),
        ("ibm.watsonx.ai", "gpt-4"),
        ("", "gpt-4"),
        ("litellm", "gpt-4"),
        ("anthropic", "gpt-4"),
        ("openai", "moderation"),
    ],
    ids=[
        "unknown model",
        "unknown provider",
        "no provider",
        "gateway without provider",
        "another provider's model",
        "no price at all",
    ],
)
def test_what_has_no_known_price_is_not_free(provider: str, model: str) -> None:
    assert span_at(provider, model, IN_2025) == PricedSpan(OPEN_START, OPEN_END, None)


def test_a_model_said_to_cost_nothing_is_priced_at_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = ModelPrice(input_mtok=Decimal(0), output_mtok=Decimal(0))
    model = ModelInfo(id="gift", match=ClauseEquals("gift"), prices=free)
    giver = Provider(id="giver", name="Giver", api_pattern="", models=[model])
    monkeypatch.setattr(catalogue, "bundled_providers", lambda: [giver])

    tariff = tariff_at("giver", "gift", IN_2025)

    assert tariff.cost(1_000_000, 0, 0, 1_000_000, 0) == (0, 0)


@pytest.mark.parametrize(
    ("name", "model", "source"),
    [
        ("OpenAI", "GPT-4", "openai/gpt-4"),
        ("azure", "gpt-4", "azure/gpt-4"),
        ("azure.ai.openai", "gpt-4", "azure/gpt-4"),
        ("gcp.vertex_ai", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gcp.gemini", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gcp.gen_ai", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("google", "claude-opus-4-6", "google/claude-opus-4-6"),
        ("x_ai", "grok-3", "x-ai/grok-3"),
        ("mistral_ai", "mistral-large-latest", "mistral/mistral-large"),
        ("litellm", "openai/gpt-4", "openai/gpt-4"),
    ],
)
def test_a_provider_is_known_by_its_usual_names(
    name: str, model: str, source: str
) -> None:
    assert tariff_at(name, model, IN_2025).source == f"catalogue:{source}"


def test_bedrock_is_amazon() -> None:
    model = "anthropic.claude-3-haiku-20240307-v1:0"

    assert tariff_at("aws.bedrock", model, IN_2025) == tariff_at("aws", model, IN_2025)


@pytest.mark.parametrize("tier", ["default", "standard", "auto", "on_demand", "AUTO"])
def test_an_ordinary_service_tier_costs_the_list_price(tier: str) -> None:
    plain = span_at("openai", "gpt-4", IN_2025)

    assert span_at("openai", "gpt-4", IN_2025, tier) == plain


@pytest.mark.parametrize(
    ("provider", "model", "tier"),
    [
        ("openai", "gpt-4", "batch"),
        ("openai", "o3", "flex"),
        ("anthropic", "claude-sonnet-4-5", "batch"),
        ("google", "gemini-2.5-pro", "batch"),
    ],
)
def test_a_published_discount_halves_every_price(
    provider: str, model: str, tier: str
) -> None:
    usage = (300_000, 1_000, 0, 2_000, 0)
    full = total(tariff_at(provider, model, IN_2025), usage)

    half = total(tariff_at(provider, model, IN_2025, tier), usage)

    assert half * 2 == full


@pytest.mark.parametrize(
    ("provider", "model", "tier"),
    [
        ("openai", "gpt-4", "priority"),
        ("openai", "gpt-4", "scale"),
        ("anthropic", "claude-sonnet-4-5", "flex"),
        ("azure", "gpt-4", "batch"),
    ],
)
def test_a_service_tier_without_a_known_price_is_unpriced(
    provider: str, model: str, tier: str
) -> None:
    assert span_at(provider, model, IN_2025, tier).tariff is None


def test_the_span_ends_where_the_catalogue_learns_a_tier_price() -> None:
    span = span_at("openai", "gpt-4o", IN_2025, "priority")

    assert span == PricedSpan(OPEN_START, datetime(2026, 10, 12, tzinfo=UTC), None)
    assert per_million(tariff_at("openai", "gpt-4o", span.end, "priority")) == (
        Decimal("4.25"),
        Decimal(17),
    )


def test_binary_noise_in_a_catalogue_price_is_rounded_away() -> None:
    tariff = tariff_at(
        "huggingface_together", "deepseek-ai/DeepSeek-V4-Flash-0731", IN_AUTUMN_2026
    )

    assert per_million(tariff) == (Decimal("0.14"), Decimal("0.28"))


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        span_at("openai", "gpt-4", IN_2025.replace(tzinfo=None))
