from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tariffs import Metered, Rates, Tariff

WRITTEN = ("cache_write_1h_tokens",)
tokens = st.integers(0, 10**7)
rates_per_token = st.one_of(
    st.integers(0, 10**12), st.integers(0, 10**6).map(lambda rate: rate * 10**6)
)
some_rates = st.builds(Rates, *[rates_per_token] * 6)
some_tiers = st.dictionaries(tokens, some_rates, max_size=3).map(
    lambda tiers: tuple(sorted(tiers.items(), key=lambda tier: tier[0]))
)
some_usage = st.tuples(tokens, tokens, tokens, tokens, tokens).map(
    lambda parts: (
        parts[0] + parts[1] + parts[2],
        parts[1],
        parts[2],
        parts[3] + parts[4],
        parts[4],
    )
)


def per_million(
    input_price: str, output_price: str, *, per_request: str = "0", **others: str
) -> Rates:
    prices = {"input_tokens": input_price, "output_tokens": output_price, **others}
    return Rates.of(
        {kind: Decimal(price) for kind, price in prices.items()},
        per_request=Decimal(per_request),
    )


def tariff_of(rates: Rates, *tiers: tuple[int, Rates]) -> Tariff:
    return Tariff("USD", rates, tiers, "override:1", 1)


def flat(input_price: str, output_price: str) -> Rates:
    return per_million(
        input_price,
        output_price,
        cached_tokens=input_price,
        cache_write_tokens=input_price,
    )


def exact_units(rates: Rates, usage: tuple[int, ...]) -> tuple[Fraction, Fraction]:
    """Price *usage* in fractions: (input, output) in units of 1e-10."""
    input_tokens, cached, written, output_tokens, reasoning = usage
    fresh, plain = input_tokens - cached - written, output_tokens - reasoning
    read = Fraction(
        fresh * (rates.input or 0)
        + cached * (rates.cached_input or 0)
        + written * (rates.cache_write or 0),
        10**6,
    )
    produced = Fraction(
        plain * (rates.output or 0) + reasoning * (rates.reasoning or 0), 10**6
    )
    return read + rates.per_request, produced


@settings(deadline=None)  # a busy machine is no failure
@given(rates=some_rates, tiers=some_tiers, usage=some_usage)
def test_the_total_is_the_exact_price_rounded_once_half_to_even(
    rates: Rates,
    tiers: tuple[tuple[int, Rates], ...],
    usage: tuple[int, int, int, int, int],
) -> None:
    applicable = [rates, *(tier for start, tier in tiers if usage[0] > start)][-1]

    tariff = tariff_of(rates, *tiers)
    cost = tariff.cost(*usage)

    read, produced = exact_units(applicable, usage)
    assert cost is not None
    assert cost == tariff.bill(Metered(*usage))[:2]
    input_units, output_units = cost
    assert input_units == round(read)  # a Fraction rounds half to even
    assert input_units + output_units == round(read + produced)
    assert output_units >= 0


@settings(deadline=None)  # a busy machine is no failure
@given(rates=some_rates, usage=some_usage)
def test_the_short_way_and_the_long_way_give_the_same(
    rates: Rates, usage: tuple[int, int, int, int, int]
) -> None:
    plain = (usage[0], 0, 0, usage[3], 0)
    same = replace(rates, cached_input=rates.input, cache_write=rates.input)

    short = tariff_of(rates).cost(*plain)

    assert short == tariff_of(same).cost(usage[0], usage[1], usage[2], usage[3], 0)


@pytest.mark.parametrize(
    ("input_tokens", "units"), [(1, 0), (3, 2), (5, 2), (7, 4)], ids=str
)
def test_half_a_unit_rounds_to_the_even_one(input_tokens: int, units: int) -> None:
    tariff = tariff_of(flat("0.00005", "0"))  # half a unit of 1e-10 a token

    assert tariff.cost(input_tokens, 0, 0, 0, 0) == (units, 0)


def test_two_halves_make_one_unit() -> None:
    tariff = tariff_of(flat("0.00005", "0.00005"))

    assert tariff.cost(1, 0, 0, 1, 0) == (0, 1)


def test_cached_tokens_without_a_price_cost_what_others_do_and_say_so() -> None:
    tariff = tariff_of(per_million("2", "8"))

    bill = tariff.bill(Metered(input=1_000, cached=600))

    assert (bill.total, bill.assumed) == (20_000_000, ("cached_tokens",))
    assert tariff.cost(1_000, 600, 0, 0, 0) == (20_000_000, 0)
    assert tariff.assumes_cached


def test_reasoning_without_a_price_of_its_own_is_output() -> None:
    tariff = tariff_of(per_million("2", "8"))

    assert tariff.cost(0, 0, 0, 1_000, 400) == (0, 80_000_000)


@pytest.mark.parametrize(
    ("used", "kinds"),
    [
        (Metered(10, cache_write=1), ("cache_write_tokens",)),
        (Metered(10, 0, 1, quantities={"cache_write_1h_tokens": 1}), WRITTEN),
        (Metered(10, quantities={"audio_input_tokens": 1}), ("audio_input_tokens",)),
        (Metered(10, quantities={"searches": 1, "hats": 2}), ("hats", "searches")),
    ],
    ids=["written", "written for an hour", "audio", "things"],
)
def test_a_kind_without_a_price_leaves_all_of_it_unpriced(
    used: Metered, kinds: tuple[str, ...]
) -> None:
    bill = tariff_of(per_million("2", "8")).bill(used)

    assert bill.total is None
    assert bill == (None, None, None, kinds, ())


def test_parts_have_prices_of_their_own_and_each_token_one() -> None:
    rates = per_million(
        "4",
        "16",
        cached_tokens="0.4",
        audio_input_tokens="32",
        audio_cached_tokens="0.5",
        audio_output_tokens="64",
        searches="0.01",
    )
    quantities = {
        "audio_input_tokens": 600,
        "audio_cached_tokens": 200,
        "audio_output_tokens": 50,
        "searches": 2,
    }

    bill = tariff_of(rates).bill(
        Metered(1_000, cached=300, output=90, quantities=quantities)
    )

    # 300 text, 100 cached text, 400 audio, 200 cached audio; 40 text, 50 audio.
    read = 300 * 4 + 100 * Decimal("0.4") + 400 * 32 + 200 * Decimal("0.5")
    assert bill.input == read * 10_000
    assert bill.output == (40 * 16 + 50 * 64) * 10_000
    assert bill.other == 200_000_000
    assert bill.assumed == ()


@pytest.mark.parametrize(
    ("requests", "rate", "assumed"),
    [(1, 2, ()), (3, 2, ("requests",)), (4, 1, ("requests",)), (40, 1, ("requests",))],
)
def test_many_requests_are_priced_by_their_mean_and_say_so(
    requests: int, rate: int, assumed: tuple[str, ...]
) -> None:
    tariff = tariff_of(flat("1", "1"), (200_000, flat("2", "2")))

    bill = tariff.bill(Metered(800_000, requests=requests))

    assert (bill.input, bill.assumed) == (800_000 * rate * 10_000, assumed)


def test_many_requests_below_every_tier_are_exact() -> None:
    tariff = tariff_of(flat("1", "1"), (200_000, flat("2", "2")))

    assert tariff.bill(Metered(200_000, requests=9)).assumed == ()


def test_each_request_costs_its_fee() -> None:
    rates = per_million("1", "1", per_request="0.012")

    assert tariff_of(rates).bill(Metered(requests=800)).input == 800 * 120_000_000


def test_a_price_of_zero_is_a_price() -> None:
    rates = per_million("2", "8", cached_tokens="0")

    assert tariff_of(rates).cost(1_000, 1_000, 0, 0, 0) == (0, 0)


def test_each_kind_is_priced_at_its_own_rate() -> None:
    rates = per_million(
        "3",
        "15",
        cached_tokens="0.3",
        cache_write_tokens="3.75",
        reasoning_tokens="20",
    )

    cost = tariff_of(rates).cost(10_000, 4_000, 1_000, 500, 100)

    assert cost == (199_500_000, 80_000_000)  # $0.01995 and $0.008


def test_the_price_per_request_belongs_to_the_input() -> None:
    rates = per_million("1", "1", per_request="0.012")

    assert tariff_of(rates).cost(0, 0, 0, 0, 0) == (120_000_000, 0)


@pytest.mark.parametrize(
    ("input_tokens", "rate"), [(199_999, 1), (200_000, 1), (200_001, 2)], ids=str
)
def test_a_tier_prices_all_tokens_once_its_start_is_passed(
    input_tokens: int, rate: int
) -> None:
    tariff = tariff_of(flat("1", "1"), (200_000, flat("2", "2")))

    cost = tariff.cost(input_tokens, 0, 0, 1, 0)

    assert cost == (input_tokens * rate * 10_000, rate * 10_000)


@pytest.mark.parametrize(
    "usage", [(10, 8, 3, 0, 0), (0, 0, 0, 1, 2)], ids=["cached", "reasoning"]
)
def test_a_part_greater_than_its_whole_is_refused(
    usage: tuple[int, int, int, int, int],
) -> None:
    with pytest.raises(ValueError, match="more than the whole"):
        tariff_of(flat("1", "1")).cost(*usage)


def test_a_price_finer_than_ten_decimals_is_refused() -> None:
    with pytest.raises(ValueError, match="decimal"):
        flat("0.27999999999999997", "1")
