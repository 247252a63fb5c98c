from dataclasses import astuple
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tariffs import Rates, Tariff

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


def tariff_of(rates: Rates, *tiers: tuple[int, Rates]) -> Tariff:
    return Tariff("USD", rates, tiers, "override:1", 1)


def flat(input_price: str, output_price: str) -> Rates:
    return Rates.per_million(Decimal(input_price), Decimal(output_price))


def exact_units(rates: Rates, usage: tuple[int, ...]) -> tuple[Fraction, Fraction]:
    """Price *usage* in fractions: (input, output) in units of 1e-10."""
    input_tokens, cached, written, output_tokens, reasoning = usage
    read = Fraction(
        (input_tokens - cached - written) * rates.input
        + cached * rates.cached_input
        + written * rates.cache_write,
        10**6,
    )
    produced = Fraction(
        (output_tokens - reasoning) * rates.output + reasoning * rates.reasoning,
        10**6,
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

    input_units, output_units = tariff_of(rates, *tiers).cost(*usage)

    read, produced = exact_units(applicable, usage)
    assert input_units == round(read)  # a Fraction rounds half to even
    assert input_units + output_units == round(read + produced)
    assert output_units >= 0


@settings(deadline=None)  # a busy machine is no failure
@given(rates=some_rates, usage=some_usage)
def test_the_short_way_and_the_long_way_give_the_same(
    rates: Rates, usage: tuple[int, int, int, int, int]
) -> None:
    plain = (usage[0], 0, 0, usage[3], 0)
    same = Rates(rates.input, rates.input, rates.input, *astuple(rates)[3:])

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


def test_kinds_without_a_price_cost_what_their_whole_costs() -> None:
    rates = flat("2", "8")

    assert (rates.cached_input, rates.cache_write) == (rates.input, rates.input)
    assert rates.reasoning == rates.output


def test_a_price_of_zero_is_a_price() -> None:
    rates = Rates.per_million(Decimal(2), Decimal(8), cached_input=Decimal(0))

    assert tariff_of(rates).cost(1_000, 1_000, 0, 0, 0) == (0, 0)


def test_each_kind_is_priced_at_its_own_rate() -> None:
    rates = Rates.per_million(
        Decimal(3),
        Decimal(15),
        cached_input=Decimal("0.3"),
        cache_write=Decimal("3.75"),
        reasoning=Decimal(20),
    )

    cost = tariff_of(rates).cost(10_000, 4_000, 1_000, 500, 100)

    assert cost == (199_500_000, 80_000_000)  # $0.01995 and $0.008


def test_the_price_per_request_belongs_to_the_input() -> None:
    rates = Rates.per_million(Decimal(1), Decimal(1), per_request=Decimal("0.012"))

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
    with pytest.raises(ValueError, match="exceed"):
        tariff_of(flat("1", "1")).cost(*usage)


def test_a_price_finer_than_ten_decimals_is_refused() -> None:
    with pytest.raises(ValueError, match="decimal"):
        flat("0.27999999999999997", "1")
