from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from ledger.movements import ModelUse, Movement, movement_of

MILLION = 1_000_000
amounts = st.decimals("0", "1000000", places=10)
uses = st.dictionaries(
    st.sampled_from(["gpt-4o", "gpt-4o-mini", "dall-e-3", "whisper"]),
    st.builds(
        ModelUse, amounts, st.integers(0, 10_000), st.one_of(st.just(0), st.integers())
    ),
)


def moved(before: dict[str, ModelUse], now: dict[str, ModelUse]) -> dict[str, str]:
    found = movement_of(before, now)
    return {
        name: f"{getattr(found, name):.2f}"
        for name in ("change", "volume", "price", "mix")
    }


def use(cost: str, tokens: int, requests: int = 1) -> ModelUse:
    return ModelUse(Decimal(cost), requests, tokens)


def test_twice_as_much_of_the_same_is_volume() -> None:
    before = {"gpt-4o": use("10", MILLION)}

    found = moved(before, {"gpt-4o": use("20", 2 * MILLION)})

    assert found == {
        "change": "10.00",
        "volume": "10.00",
        "price": "0.00",
        "mix": "0.00",
    }


def test_dearer_tokens_are_price() -> None:
    before = {"gpt-4o": use("10", MILLION)}

    found = moved(before, {"gpt-4o": use("15", MILLION)})

    assert found == {"change": "5.00", "volume": "0.00", "price": "5.00", "mix": "0.00"}


def test_the_same_tokens_of_a_dearer_model_are_mix() -> None:
    before = {"dear": use("10", MILLION), "cheap": use("1", MILLION)}

    found = moved(before, {"dear": use("20", 2 * MILLION)})

    assert found == {"change": "9.00", "volume": "0.00", "price": "0.00", "mix": "9.00"}


def test_what_has_no_tokens_is_counted_by_requests() -> None:
    before = {"dall-e-3": use("4", 0, 100), "gpt-4o": use("10", MILLION)}

    now = {"dall-e-3": use("12", 0, 300), "gpt-4o": use("10", MILLION)}

    assert moved(before, now)["volume"] == "8.00"


def test_what_is_new_is_volume() -> None:
    assert moved({}, {"gpt-4o": use("3", 5)})["volume"] == "3.00"
    assert moved({"gpt-4o": use("3", 5)}, {})["volume"] == "-3.00"


@given(before=uses, now=uses)
def test_the_parts_add_up_to_the_change(
    before: dict[str, ModelUse], now: dict[str, ModelUse]
) -> None:
    found = movement_of(before, now)

    with localcontext(prec=80):
        assert found.volume + found.price + found.mix == found.change
        spent = sum((one.cost for one in now.values()), Decimal(0))
        assert found.change == spent - sum(
            (one.cost for one in before.values()), Decimal(0)
        )


def test_more_than_a_decimal_usually_holds_adds_up_too() -> None:
    before = {"gpt-4o": use("0.0000012772", 1)}

    found = movement_of(before, {"gpt-4o": use("0", 782_990_509_910_335_352_387_944)})

    assert found.mix == 0


@given(used=uses)
def test_what_stays_as_it_is_moves_by_nothing(used: dict[str, ModelUse]) -> None:
    found = movement_of(used, used)

    total = sum((one.cost for one in used.values()), Decimal(0))
    assert found == Movement(total, total, Decimal(0), Decimal(0))
