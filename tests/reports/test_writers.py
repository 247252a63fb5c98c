from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from reports.paper.languages import language_of
from reports.paper.writers import PaperWriter

D = Decimal
AT = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)


def writer_in(locale: str, currency: str = "USD") -> PaperWriter:
    return PaperWriter(locale, currency, "Europe/Berlin")


@pytest.mark.parametrize(
    ("locale", "currency", "money", "plain"),
    [
        ("en_US", "USD", "\u2212$1,204.11", "\u22121,204.11"),
        ("de_DE", "EUR", "\u22121.204,11\xa0€", "\u22121.204,11"),
        ("ja_JP", "JPY", "\u2212￥1,204", "\u22121,204"),
        ("fr-CH", "CHF", "\u22121\u202f204,11\xa0CHF", "\u22121\u202f204,11"),
        ("nobody", "USD", "\u2212$1,204.11", "\u22121,204.11"),
    ],
)
def test_amounts_are_written_as_the_locale_has_them(
    locale: str, currency: str, money: str, plain: str
) -> None:
    writer = writer_in(locale, currency)

    assert writer.money(D("-1204.106")) == money
    assert writer.plain(D("-1204.106")) == plain


@pytest.mark.parametrize(
    ("amount", "written"),
    [("0.004", "0.00"), ("-0.004", "0.00"), ("5", "+5.00"), ("-5", "\u22125.00")],
)
def test_a_change_has_a_sign_where_there_is_one(amount: str, written: str) -> None:
    assert writer_in("en_US").plain_change(D(amount)) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        ("0.00053", "0\xa0%"),
        ("-0.0074", "\u22120.7\xa0%"),
        ("0.17", "+17\xa0%"),
        (None, "\N{EN DASH}"),
    ],
)
def test_shares_of_less_than_a_tenth_of_a_percent_are_none(
    share: str | None, written: str
) -> None:
    assert writer_in("en_US").share_change(D(share) if share else None) == written


def test_moments_are_the_zones_own() -> None:
    assert writer_in("en_US").moment(AT) == "Nov 1, 2026, 12:30\xa0AM"
    assert writer_in("de_DE").moment(AT) == "01.11.2026, 00:30"


def test_each_locale_has_its_own_months() -> None:
    months = [
        writer_in(locale).month_short(date(2026, 10, 1))
        for locale in ("ja_JP", "fr_FR", "de_DE")
    ]

    assert months == ["10月", "oct.", "Okt."]


@pytest.mark.parametrize(
    ("locale", "page"),
    [("en_US", "letter"), ("en", "letter"), ("en_GB", "A4"), ("de", "A4")],
)
def test_paper_is_what_is_used_there(locale: str, page: str) -> None:
    assert writer_in(locale).page == page


def test_a_name_keeps_its_own_direction() -> None:
    assert (
        writer_in("en_US").name("\u05e1\u05db\u05d5\u05dd")
        == "\u2068\u05e1\u05db\u05d5\u05dd\u2069"
    )
    assert (
        writer_in("he_IL").name("\u05e1\u05db\u05d5\u05dd")
        == "\u05e1\u05db\u05d5\u05dd"
    )
    assert writer_in("he_IL").name("Search") == "\u2068Search\u2069"


def test_what_cant_be_printed_is_left_out() -> None:
    assert writer_in("en_US").name("a\x00b\ud800c\x1bd") == "abcd"


def test_a_very_long_name_is_cut_in_its_middle() -> None:
    name = writer_in("en_US").name("x" * 100 + "end")

    assert len(name) < 70
    assert name.endswith("end")


def test_a_long_way_shows_where_it_begins_and_ends() -> None:
    way = writer_in("en_US").path(("Acme", "A", "B", "C", "D"))

    assert way == "Acme / … / C / D"


def test_a_language_without_a_catalogue_is_english() -> None:
    assert language_of(writer_in("fi_FI")) == "en"
