"""Which models are called alike."""

import pytest

from ledger.similar import similar_to

KNOWN = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4o-audio-preview"),
    ("azure", "gpt-4o"),
    ("anthropic", "claude-3-5-sonnet"),
    ("anthropic", "claude-3-5-haiku"),
    ("anthropic", "claude-opus-4-1"),
]


@pytest.mark.parametrize(
    ("provider", "model", "found"),
    [
        ("openai", "gpt-4o-2027-01-31", ["openai/gpt-4o", "azure/gpt-4o"]),
        ("openai", "gpt-4o-mini-20270131", ["openai/gpt-4o-mini"]),
        ("openai", "ft/gpt-4o-latest", ["openai/gpt-4o", "azure/gpt-4o"]),
        ("anthropic", "claude-3-7-sonnet", ["anthropic/claude-3-5-sonnet"]),
        ("anthropic", "claude-opus-5", ["anthropic/claude-opus-4-1"]),
        ("house", "own-model", []),
        ("openai", "", []),
    ],
)
def test_models_of_one_name_and_size_are_alike(
    provider: str, model: str, found: list[str]
) -> None:
    alike = similar_to(provider, model, KNOWN)

    names = [f"{one.provider}/{one.model}" for one in alike]
    assert [name for name in names if "audio" not in name] == found


def test_it_says_in_which_way() -> None:
    first, second = similar_to("openai", "gpt-4o-2027-01-31", KNOWN)[:2]

    assert first.why == "the same but for its date"
    assert second.why == "the same but for its date, by azure"
