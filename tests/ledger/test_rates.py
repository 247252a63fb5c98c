import random
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from currency_converter import CurrencyConverter, RateNotFoundError

from ledger.rates import BundledRate, bundled_rate, is_currency, known_currencies

FRIDAY = date(2026, 10, 30)
EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN)


def rate(base: str, quote: str, on: date) -> BundledRate:
    found = bundled_rate(base, quote, on)
    assert found is not None
    return found


def test_rates_are_those_of_the_library() -> None:
    library = CurrencyConverter(decimal=True)
    dice = random.Random(1)
    compared = 0

    for _ in range(2_000):
        base, quote = dice.sample(sorted(library.currencies), 2)
        on = date(1999, 1, 4) + timedelta(days=dice.randrange(10_000))
        try:
            theirs = library.convert(1, base, quote, on)
        except RateNotFoundError:
            continue
        ours = rate(base, quote, on)
        compared += 1
        assert ours.date == on
        assert abs(ours.rate - theirs) <= Decimal("1E-12") + theirs * Decimal("1E-26")

    assert compared > 300


@pytest.mark.parametrize(
    ("base", "quote", "expected"),
    [
        ("EUR", "USD", Decimal("1.1172")),
        ("USD", "EUR", Decimal("0.895094880057")),
        ("USD", "GBP", Decimal("0.746330111")),
    ],
)
def test_a_rate_is_so_many_units_of_the_quote_for_one_of_the_base(
    base: str, quote: str, expected: Decimal
) -> None:
    assert round(rate(base, quote, FRIDAY).rate, 9) == round(expected, 9)


def test_a_cross_rate_goes_through_the_euro_to_twelve_decimals() -> None:
    exact = EXACT.divide(Decimal("0.8338"), Decimal("1.1172"))

    assert rate("USD", "GBP", FRIDAY).rate == round(exact, 12)


@pytest.mark.parametrize(
    ("on", "known_on"),
    [
        (FRIDAY, FRIDAY),
        (FRIDAY + timedelta(days=1), FRIDAY),
        (date(2030, 1, 1), FRIDAY),
        (date(2026, 10, 25), date(2026, 10, 23)),
        (date(1999, 1, 4), date(1999, 1, 4)),
    ],
    ids=["the day", "the day after", "years after", "a Sunday", "the first day"],
)
def test_the_last_rate_on_or_before_the_day_counts(on: date, known_on: date) -> None:
    assert rate("EUR", "USD", on).date == known_on


@pytest.mark.parametrize(
    ("base", "quote", "on"),
    [
        ("EUR", "USD", date(1999, 1, 3)),
        ("USD", "INR", date(2008, 12, 31)),
        ("USD", "KES", FRIDAY),
        ("QQQ", "USD", FRIDAY),
    ],
    ids=["before all", "before the currency's first", "not in the history", "unknown"],
)
def test_what_is_not_in_the_history_has_no_rate(
    base: str, quote: str, on: date
) -> None:
    assert bundled_rate(base, quote, on) is None


def test_both_sides_of_a_cross_rate_are_of_one_day() -> None:
    last_rouble = date(2022, 3, 1)

    found = rate("RUB", "USD", FRIDAY)

    assert found == rate("RUB", "USD", last_rouble)
    assert found.date == last_rouble


def test_a_currency_is_worth_itself() -> None:
    assert rate("KES", "KES", FRIDAY) == BundledRate(Decimal(1), FRIDAY)


@pytest.mark.parametrize("code", ["USD", "EUR", "KES", "JPY", "CYP"])
def test_currencies_of_the_history_and_of_iso_are_known(code: str) -> None:
    assert is_currency(code)


@pytest.mark.parametrize("code", ["usd", "QQQ", "", "US dollar"])
def test_other_words_are_no_currency(code: str) -> None:
    assert not is_currency(code)
    assert code not in known_currencies()
