import pytest

from ledger.families import smaller_than


@pytest.mark.parametrize(
    ("model", "smaller"),
    [
        ("claude-opus-4-5", ["claude-sonnet-4-5", "claude-haiku-4-5"]),
        ("gemini-2.5-pro", ["gemini-2.5-flash", "gemini-2.5-flash-lite"]),
        ("gemini-2.5-flash", ["gemini-2.5-flash-lite"]),
        ("gpt-4o", ["gpt-4o-mini", "gpt-4o-nano"]),
        ("gpt-5-mini", ["gpt-5-nano"]),
        ("gpt-5-nano", []),
        ("gpt-5-pro", ["gpt-5"]),
        ("text-embedding-3-large", ["text-embedding-3-small"]),
        ("claude-haiku-4-5", []),
    ],
)
def test_the_smaller_ones_of_a_generation_come_largest_first(
    model: str, smaller: list[str]
) -> None:
    found = list(smaller_than(model))

    assert [one for one in found if one in smaller] == smaller
    assert model not in found
