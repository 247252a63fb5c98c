from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.money import (
    UNITS,
    format_money,
    format_percent,
    from_units,
    quantize,
    share,
    to_units,
    wire,
)

NBSP = "\N{NO-BREAK SPACE}"

amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=10)
any_amounts = st.decimals(
    min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False
)


@given(st.integers(-(2**63), 2**63))
def test_units_come_back_as_they_went(units: int) -> None:
    amount = from_units(units)

    assert to_units(amount) == units
    assert amount.as_tuple().exponent == -10
    assert amount * UNITS == units


@given(amounts)
def test_ten_places_are_kept_exactly(amount: Decimal) -> None:
    assert from_units(to_units(amount)) == amount
    assert quantize(amount) == amount


@given(any_amounts)
def test_rounding_moves_an_amount_by_half_a_unit_at_most(amount: Decimal) -> None:
    assert abs(quantize(amount) - amount) <= Decimal("0.5e-10")


@given(any_amounts)
def test_the_wire_has_ten_places_and_no_exponent(amount: Decimal) -> None:
    text = wire(amount)

    assert text is not None
    assert len(text.partition(".")[2]) == 10
    assert text.replace(".", "").lstrip("-").isdecimal()
    assert Decimal(text) == quantize(amount)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0.00000000001", "more than 10 decimal places"),
        ("1E-999999999", "more than 10 decimal places"),
        ("1E+999999999", "too large"),
        ("NaN", "not a finite"),
        ("sNaN", "not a finite"),
        ("-Infinity", "not a finite"),
    ],
)
def test_units_refuse_what_they_cannot_hold(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        to_units(Decimal(text))


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "1E+999999999"])
def test_rounding_refuses_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        quantize(Decimal(text))


def test_zeros_after_the_tenth_place_are_no_harm() -> None:
    assert to_units(Decimal("1.50000000000000")) == 15 * UNITS // 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.00000000005", "0.0000000000"),
        ("0.00000000015", "0.0000000002"),
        ("-0.00000000001", "0.0000000000"),
        ("6E-7", "0.0000006000"),
        ("1E+3", "1000.0000000000"),
    ],
    ids=["half to even, down", "half to even, up", "no minus zero", "small", "large"],
)
def test_the_wire_writes(text: str, expected: str) -> None:
    assert wire(Decimal(text)) == expected


def test_the_wire_leaves_none_alone() -> None:
    assert wire(None) is None


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        ("80", "100", "0.8"),
        ("-5", "100", "-0.05"),
        ("0", "0", "0"),
        ("-5", "0", "0"),
        ("5", "0", None),
        ("-60", "-50", "0"),
        ("0", "-50", None),
    ],
)
def test_a_share_of(part: str, whole: str, expected: str | None) -> None:
    result = share(Decimal(part), Decimal(whole))

    assert result == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("text", "currency", "locale", "expected"),
    [
        ("1204.1", "USD", "en_US", "$1,204.10"),
        ("-1204.1", "USD", "en_US", "-$1,204.10"),
        ("0", "USD", "en_US", "$0.00"),
        ("-0", "USD", "en_US", "$0.00"),
        ("0.0021", "USD", "en_US", "$0.0021"),
        ("0.002149", "USD", "en_US", "$0.0021"),
        ("-0.0021", "USD", "en_US", "-$0.0021"),
        ("0.0051", "USD", "en_US", "$0.01"),
        ("0.0000000006", "USD", "en_US", "$0.0000000006"),
        ("1.999", "USD", "en_US", "$2.00"),
        ("1500", "JPY", "en_US", "¥1,500"),
        ("0.4", "JPY", "en_US", "¥0.4"),
        ("1234567.5", "EUR", "de_DE", f"1.234.567,50{NBSP}€"),
    ],
)
def test_people_read_money_as(
    text: str, currency: str, locale: str, expected: str
) -> None:
    assert format_money(Decimal(text), currency, locale) == expected


@given(amounts.filter(bool), st.sampled_from(["USD", "JPY", "KWD"]))
def test_people_never_read_nothing_for_something(amount: Decimal, code: str) -> None:
    assert any(digit in format_money(amount, code) for digit in "123456789")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "\N{EN DASH}"),
        ("0.62", f"62{NBSP}%"),
        ("1.234", f"123{NBSP}%"),
        ("12.5", f"1,250{NBSP}%"),
        ("0.062", f"6.2{NBSP}%"),
        ("0.06", f"6.0{NBSP}%"),
        ("-0.062", f"-6.2{NBSP}%"),
        ("0.0999", f"9.9{NBSP}%"),
        ("0.7946", f"79{NBSP}%"),
        ("0.7999999", f"79{NBSP}%"),
        ("0.9946", f"99.4{NBSP}%"),
        ("0.9999999999", f"99.9{NBSP}%"),
        ("1", f"100{NBSP}%"),
        ("1.0000", f"100{NBSP}%"),
        ("1.0004", f"100.04{NBSP}%"),
        ("1.004", f"100.4{NBSP}%"),
        ("1.0099", f"100.9{NBSP}%"),
        ("1.01", f"101{NBSP}%"),
        ("0.0004", f"0.04{NBSP}%"),
        ("0", f"0{NBSP}%"),
    ],
)
def test_people_read_shares_as(text: str | None, expected: str) -> None:
    assert format_percent(None if text is None else Decimal(text)) == expected


@given(
    st.decimals("-30", "30", places=10),
    st.integers(-3000, 3000).map(lambda percent: Decimal(percent) / 100),
)
def test_no_share_is_shown_past_a_threshold(share: Decimal, threshold: Decimal) -> None:
    shown = format_percent(share).removesuffix(f"{NBSP}%").replace(",", "")
    percent = Decimal(shown)

    assert abs(percent) <= abs(share * 100)
    assert (percent == 0) == (share == 0)
    assert (abs(percent) == 100) == (abs(share) == 1)
    if share > 0 and share >= threshold:
        assert percent >= threshold * 100
    if share < threshold and threshold > 0:
        assert percent < threshold * 100


def test_people_read_shares_in_their_locale() -> None:
    assert format_percent(Decimal("0.062"), "de_DE") == f"6,2{NBSP}%"
