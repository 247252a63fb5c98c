"""What providers publish and the bundled catalogue has otherwise, or not at all. Pure.

Each figure has the page it is from. A correction says what the catalogue had: once that
changes, the catalogue is right again and the correction counts no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

Prices = Mapping[str, Decimal]  # by the catalogue's own names


def _prices(input_mtok: str, output_mtok: str) -> Prices:
    return {"input_mtok": Decimal(input_mtok), "output_mtok": Decimal(output_mtok)}


@dataclass(frozen=True, slots=True)
class Correction:
    """What a model costs, and what the catalogue says while it is wrong."""

    wrong: Prices
    right: Prices


# https://ai.google.dev/pricing had 0.50 and 1.50 dollars a million tokens; the
# catalogue has Vertex AI's prices of a thousand characters as if of tokens (ADR 0018).
_GEMINI_1 = Correction(_prices("0.125", "0.375"), _prices("0.50", "1.50"))
CORRECTIONS = {
    ("google", "gemini-pro"): _GEMINI_1,
    ("google", "gemini-1.0-pro-vision-001"): _GEMINI_1,
}
# Kinds that a provider sells at the price of another, and says so.
# https://docs.claude.com/en/docs/build-with-claude/prompt-caching: what is written is
# kept for 5 minutes unless another time is asked for.
_CLAUDE = {"cache_write_5m_tokens": "cache_write_tokens"}
# https://ai.google.dev/gemini-api/docs/pricing: one price for text, images and video.
_GEMINI = {
    "image_input_tokens": "input_tokens",
    "video_input_tokens": "input_tokens",
    "image_cached_tokens": "cached_tokens",
    "video_cached_tokens": "cached_tokens",
}

# https://platform.openai.com/docs/pricing: what these models put out are images.
_GPT_IMAGE = {"image_output_tokens": "output_tokens"}


def corrected(provider: str, model: str, prices: Mapping[str, object]) -> Prices | None:
    """Return what is to be put in place of a model's *prices*, as they are listed."""
    correction = CORRECTIONS.get((provider, model))
    if correction is None or any(
        prices.get(name) != correction.wrong.get(name) for name in correction.right
    ):
        return None
    return correction.right


def same_prices(provider: str, model: str) -> Mapping[str, str]:
    """Return kinds and the kinds whose price is theirs too, where they have none."""
    if "claude" in model:
        return _CLAUDE
    if provider == "google" and model.startswith("gemini"):
        return _GEMINI
    if model.startswith(("gpt-image", "chatgpt-image")):
        return _GPT_IMAGE
    return {}
