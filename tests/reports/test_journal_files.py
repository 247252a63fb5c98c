"""Months of all kinds as files, read back as strictly as the systems read them."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.errors import Conflict
from reports.journals.amounts import (
    accrued,
    added,
    changed,
    rounding_of,
    unit_of,
)
from reports.journals.files import (
    PostedFacts,
    Side,
    external_ids,
    files_of,
    zipped,
)
from reports.journals.mappings import Accounts
from reports.journals.systems import SYSTEMS, Style, short_id
from tests.reports.reading import READERS, Journals, by_account
from tests.sizes import examples

ZERO = Decimal(0)
CURRENCIES = ("USD", "JPY", "KWD")
_EXPENSES = ("6100", "6100 LLM usage, all", "Ops:LLM “x”", "AI", "Größe")
_LIABILITIES = ("2100", "2100 Accrued", "Liability; other")
_TAGGED = ("", "CC 1", "Ops")


@dataclass(frozen=True, slots=True)
class Month:
    """What a month came to at some moments, the last one now."""

    currency: str
    decimals: int | None
    rounding_account: str
    moments: list[dict[Accounts, Decimal]]


def random_month(dice: Random) -> Month:
    """Return a month of any size, with credits and with what comes in late."""
    exact = random_amounts(dice, dice.randint(1, 12))
    if dice.random() < 0.02:  # more than a file of Xero's has room for
        for n in range(dice.randint(290, 700)):
            exact[Accounts(f"6{n:04}", "2100")] = random_amount(dice)
    moments = [exact]
    for _ in range(dice.choice([0, 0, 1, 2])):
        last = moments[-1]
        came = random_amounts(dice, dice.randint(0, 3))
        moments.append(last | {k: last.get(k, ZERO) + v for k, v in came.items()})
    return Month(
        dice.choice(CURRENCIES),
        dice.choice([None, 0, 2]),
        dice.choice(["", "8999 Rounding"]),
        moments,
    )


def random_amounts(dice: Random, count: int) -> dict[Accounts, Decimal]:
    return {
        Accounts(
            dice.choice(_EXPENSES),
            dice.choice(_LIABILITIES),
            *(dice.choice(_TAGGED) for _ in range(3)),
        ): random_amount(dice)
        for _ in range(count)
    }


def random_amount(dice: Random) -> Decimal:
    """Return one of any size to ten places, as the ledger keeps it: halves of cents,
    the least there is, and beyond what a line of any system holds."""
    edges = (50_000_000, 150_000_000, -50_000_000, 1, -1, 0)
    least, most = dice.choice([(-(10**12), 10**14), (-(10**20), 10**21), (-9, 9)])
    units = dice.choice([dice.choice(edges), dice.randint(least, most)])
    return Decimal(units).scaleb(-10)


def facts_of(number: int, month: Month, amounts: object) -> PostedFacts:
    first = date(2025, 1, 1)
    ids = external_ids("acme", first, number)
    return PostedFacts(
        slug="acme",
        month=first,
        number=number,
        external_id=ids[0],
        dated_on=date(2025, 1, 31),
        reversal_id=ids[1],
        reversed_on=date(2025, 2, 1),
        amounts=amounts,  # type: ignore[arg-type]  # of `accrued` or `changed`
        style=Style(month.currency, unit_of(month.currency, month.decimals)),
    )


def postings_of(month: Month) -> list[PostedFacts]:
    """Post the month as it was at its first moment, then what changed after each."""
    unit = unit_of(month.currency, month.decimals)
    rounding = rounding_of(month.rounding_account, month.moments[0])
    posted: list[PostedFacts] = []
    for number, exact in enumerate(month.moments, 1):
        now = accrued(exact, unit, rounding)
        due = changed(now, added(one.amounts for one in posted))
        posted.append(facts_of(number, month, due))
    return posted


def half_even(amount: Decimal, places: int) -> Decimal:
    """Round by hand: to the nearest of the last place, from the middle to the even."""
    scaled = amount * 10**places
    below = scaled // 1 if scaled >= 0 or scaled == scaled // 1 else scaled // 1 - 1
    rest = scaled - below
    up = rest > Decimal("0.5") or (rest == Decimal("0.5") and below % 2 != 0)
    return Decimal(below + up).scaleb(-places)


def read_all(facts: PostedFacts, system: str, side: Side) -> Journals:
    found: Journals = {}
    for file in files_of(facts, SYSTEMS[system], side):
        read = READERS[system](file.content)
        assert not read.keys() & found.keys()  # no journal goes on in another file
        assert sum(len(one.lines) for one in read.values()) == file.rows
        found |= read
    return found


@settings(max_examples=examples(100, 10_000), deadline=None)
@given(seed=st.integers(0, 2**64))
def test_files_of_a_month_balance_keep_limits_and_tie_to_the_ledger(seed: int) -> None:
    month = random_month(Random(seed))
    places = {"USD": 2, "JPY": 0, "KWD": 3}[month.currency]
    places = places if month.decimals is None else min(places, month.decimals)
    booked: dict[str, dict[str, Decimal]] = {}
    for facts in postings_of(month):
        for name, system in SYSTEMS.items():
            if places > 2 and name != "generic":
                with pytest.raises(Conflict, match="decimals"):
                    files_of(facts, system)
                continue
            read = read_all(facts, name, Side.BOTH)
            again = [one.digest for one in files_of(facts, system)]

            assert again == [one.digest for one in files_of(facts, system)]
            first = by_account(on(read, facts.dated_on))
            assert by_account(on(read, facts.reversed_on)) == {
                account: -amount for account, amount in first.items()
            }
            sums = booked.setdefault(name, defaultdict(Decimal))
            for account, amount in first.items():
                sums[account] += amount

    expected = expected_of(month, places)
    for sums in booked.values():
        assert {k: v for k, v in sums.items() if v} == expected


def on(journals: Journals, day: date) -> Journals:
    return {name: one for name, one in journals.items() if one.dated_on == day}


def expected_of(month: Month, places: int) -> dict[str, Decimal]:
    """Return what the last moment comes to by account, the slow and obvious way."""
    exact = month.moments[-1]
    found: dict[str, Decimal] = defaultdict(Decimal)
    left = half_even(sum(exact.values(), ZERO), places)
    for accounts, amount in exact.items():
        rounded = half_even(amount, places)
        found[accounts.expense_account] += rounded
        found[accounts.liability_account] -= rounded
        left -= rounded
    first = month.moments[0]
    dearest = sorted(first, key=lambda one: (-abs(first[one]), one))[0]
    found[month.rounding_account or dearest.expense_account] += left
    found[dearest.liability_account] -= left
    return {account: amount for account, amount in found.items() if amount}


def test_what_did_not_change_is_not_posted_again() -> None:
    steady, moved = Accounts("6100", "2100"), Accounts("6200", "2100")
    cents = [Decimal("0.005"), Decimal("0.015"), Decimal("0.025")]
    month = Month(
        "USD",
        None,
        "8999",
        [{steady: Decimal("10.004"), moved: one} for one in cents],
    )

    _, second, third = postings_of(month)

    assert steady not in {key.accounts for key in second.amounts}
    assert steady not in {key.accounts for key in third.amounts}


def test_an_amount_beyond_ten_digits_is_cut_into_lines_that_fit() -> None:
    accounts = Accounts("6100", "2100")
    amount = Decimal("25000000000.01")
    month = Month("USD", None, "", [{accounts: amount}])

    (facts,) = postings_of(month)
    read = read_all(facts, "netsuite", Side.FIRST)

    assert len(read) == 3
    assert by_account(read) == {"6100": amount, "2100": -amount}


def test_a_reversal_can_be_had_alone() -> None:
    (facts,) = postings_of(
        Month("USD", None, "", [{Accounts("6100", "2100"): Decimal(5)}])
    )

    both = read_all(facts, "xero", Side.BOTH)
    first = read_all(facts, "xero", Side.FIRST)
    back = read_all(facts, "xero", Side.REVERSAL)

    assert both == first | back
    assert by_account(back) == {"6100": Decimal(-5), "2100": Decimal(5)}


def test_three_hundred_lines_are_two_files_of_xero() -> None:
    exact = {Accounts(f"{n}", "2100"): Decimal(1) for n in range(299)}
    (facts,) = postings_of(Month("USD", None, "", [exact]))

    files = files_of(facts, SYSTEMS["xero"], Side.FIRST)

    assert [one.rows for one in files] == [299, 2]
    assert [one.name for one in files] == [
        "LLM-2025-01-acme-1-xero-accrual-1.csv",
        "LLM-2025-01-acme-1-xero-accrual-2.csv",
    ]
    ids = [entry.external_id for one in files for entry in one.entries]
    assert ids == ["LLM-2025-01-acme-1-p1", "LLM-2025-01-acme-1-p2"]


@pytest.mark.parametrize("slug", ["acme", "org-acme-corp", "x" * 100])
def test_ids_that_are_too_long_are_shortened_and_stay_distinct(slug: str) -> None:
    ids = [
        one for number in (1, 2) for one in external_ids(slug, date(2025, 1, 1), number)
    ]

    short = [short_id(one, 21) for one in ids]

    assert len(set(short)) == 4
    assert all(len(one) <= 21 and one.startswith("LLM-2025-01-") for one in short)


GOLDEN = {
    "netsuite": (
        "LLM-2025-01-acme-1,01/31/2025,Jan 2025,USD,1,,LLM usage 2025-01,F,"
        "6100 LLM,12.35,,LLM usage 2025-01,Eng,,,,CC 1",
        "LLM-2025-01-acme-1,01/31/2025,Jan 2025,USD,1,,LLM usage 2025-01,F,"
        '"2100, accrued",,12.35,"LLM usage 2025-01, accrued",,,,,',
        "LLM-2025-01-acme-2,02/01/2025,Feb 2025,USD,1,,Reversal: LLM usage 2025-01,F,"
        "6100 LLM,,12.35,Reversal: LLM usage 2025-01,Eng,,,,CC 1",
        "LLM-2025-01-acme-2,02/01/2025,Feb 2025,USD,1,,Reversal: LLM usage 2025-01,F,"
        '"2100, accrued",12.35,,"Reversal: LLM usage 2025-01, accrued",,,,,',
    ),
    "quickbooks": (
        "LLM-2025-01-acme-1,01/31/2025,6100 LLM,12.35,,"
        '"LLM usage 2025-01, cost center CC 1 (LLM-2025-01-acme-1)",,,Eng,USD',
        'LLM-2025-01-acme-1,01/31/2025,"2100, accrued",,12.35,'
        '"LLM usage 2025-01, accrued (LLM-2025-01-acme-1)",,,,USD',
        "LLM-2025-01-acme-2,02/01/2025,6100 LLM,,12.35,"
        '"Reversal: LLM usage 2025-01, cost center CC 1 (LLM-2025-01-acme-2)",,,'
        "Eng,USD",
        'LLM-2025-01-acme-2,02/01/2025,"2100, accrued",12.35,,'
        '"Reversal: LLM usage 2025-01, accrued (LLM-2025-01-acme-2)",,,,USD',
    ),
    "xero": (
        "LLM usage 2025-01 (LLM-2025-01-acme-1),31/01/2025,LLM usage 2025-01,6100 LLM,"
        "Tax Exempt,12.35,Department,Eng,Cost center,CC 1",
        "LLM usage 2025-01 (LLM-2025-01-acme-1),31/01/2025,"
        '"LLM usage 2025-01, accrued","2100, accrued",Tax Exempt,-12.35,,,,',
        "Reversal: LLM usage 2025-01 (LLM-2025-01-acme-2),01/02/2025,"
        "Reversal: LLM usage 2025-01,6100 LLM,Tax Exempt,-12.35,Department,Eng,"
        "Cost center,CC 1",
        "Reversal: LLM usage 2025-01 (LLM-2025-01-acme-2),01/02/2025,"
        '"Reversal: LLM usage 2025-01, accrued","2100, accrued",Tax Exempt,12.35,,,,',
    ),
    "generic": (
        "LLM-2025-01-acme-1,2025-01-31,USD,LLM usage 2025-01,6100 LLM,12.35,,"
        "LLM usage 2025-01,CC 1,Eng,",
        'LLM-2025-01-acme-1,2025-01-31,USD,LLM usage 2025-01,"2100, accrued",,12.35,'
        '"LLM usage 2025-01, accrued",,,',
        "LLM-2025-01-acme-2,2025-02-01,USD,Reversal: LLM usage 2025-01,6100 LLM,,12.35,"
        "Reversal: LLM usage 2025-01,CC 1,Eng,",
        'LLM-2025-01-acme-2,2025-02-01,USD,Reversal: LLM usage 2025-01,"2100, accrued",'
        '12.35,,"Reversal: LLM usage 2025-01, accrued",,,',
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_files_stay_as_they_were_written_byte_by_byte(name: str) -> None:
    """What is posted is written anew whenever it is asked for: this may not change."""
    accounts = Accounts("6100 LLM", "2100, accrued", "CC 1", "Eng")
    (facts,) = postings_of(Month("USD", None, "", [{accounts: Decimal("12.345")}]))
    facts = replace(facts, amounts={key: Decimal("12.35") for key in facts.amounts})

    (file,) = files_of(facts, SYSTEMS[name])

    assert file.content.decode().splitlines()[1:] == list(GOLDEN[name])


def test_a_zip_is_the_same_every_time() -> None:
    month = Month("USD", None, "", [{Accounts("6100", "2100"): Decimal(5)}])
    (facts,) = postings_of(month)
    files = files_of(facts, SYSTEMS["generic"])

    assert zipped(files, {"rows": 4}) == zipped(files, {"rows": 4})
