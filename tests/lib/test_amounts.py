from decimal import Decimal

import pytest

from lib.amounts import read_amount, written_amount


@pytest.mark.parametrize(
    ("text", "locale", "meant"),
    [
        ("20,000", "en_US", "20000"),
        ("20,000.50", "en_US", "20000.50"),
        ("1,234,567", "en_US", "1234567"),
        ("20.000", "en_US", "20"),
        (".5", "en_US", "0.5"),
        ("5.", "en_US", "5"),
        ("-3.50", "en_US", "-3.50"),
        ("20.000", "de", "20000"),
        ("20.000,00", "de", "20000"),
        ("4,00", "de", "4"),
        ("4.00", "de", "4"),
        ("0.125", "de", "0.125"),
        ("20,000.50", "de", "20000.50"),
        ("20.000,50", "en_US", "20000.50"),
        ("20 000,50", "fr", "20000.50"),
        ("20\N{NARROW NO-BREAK SPACE}000", "fr", "20000"),
        ("20'000.50", "de_CH", "20000.50"),
        ("20\N{RIGHT SINGLE QUOTATION MARK}000", "de_CH", "20000"),
    ],
)
def test_a_number_is_read_as_people_write_it(
    text: str, locale: str, meant: str
) -> None:
    assert read_amount(text, locale) == Decimal(meant)


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("", "en_US"),
        ("many", "en_US"),
        ("1e5", "en_US"),
        ("1E+1000000", "en_US"),
        ("NaN", "en_US"),
        ("٣", "en_US"),
        ("²", "en_US"),
        ("1" * 101, "en_US"),
        ("20,00", "en_US"),
        ("2,0,000", "en_US"),
        ("20,0000.5", "en_US"),
        ("1.234.56", "de"),
        ("1,2,3", "de"),
        ("20.000", "fr"),
        ("2 0", "en_US"),
        (".", "en_US"),
        (",", "de"),
        ("$5", "en_US"),
    ],
)
def test_what_is_no_number_or_could_be_several_is_none(text: str, locale: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_amount(text, locale)


@pytest.mark.parametrize("locale", ["en_US", "de", "fr", "de_CH", "pt_BR", "es"])
@pytest.mark.parametrize(
    "amount", ["4.0000000000", "0E-10", "20000", "1.125", "1234.5678901234", "-7.5"]
)
@pytest.mark.parametrize("places", [0, 2])
def test_what_is_written_into_a_field_is_read_back_as_it_was(
    amount: str, locale: str, places: int
) -> None:
    shown = written_amount(Decimal(amount), locale, places)

    assert read_amount(shown, locale) == Decimal(amount)


def test_amounts_are_shown_again_as_people_write_them() -> None:
    assert written_amount(Decimal("4.0000000000"), "en_US") == "4.00"
    assert written_amount(Decimal("0E-10"), "en_US") == "0"
    assert written_amount(Decimal(20_000), "de") == "20.000,00"
