"""Prices of fine-tuned models, which the bundled catalogue lacks or has in part.

OpenAI's own, per million tokens: https://platform.openai.com/docs/pricing
"""

from decimal import Decimal

from genai_prices.types import ModelPrice

from ledger.identity import Identity


def _prices(text: str, cached: str, output: str) -> ModelPrice:
    return ModelPrice(
        input_mtok=Decimal(text),
        cache_read_mtok=Decimal(cached),
        output_mtok=Decimal(output),
    )


_OPENAI = {
    "gpt-4.1": _prices("3", "0.75", "12"),
    "gpt-4.1-mini": _prices("0.8", "0.2", "3.2"),
    "gpt-4.1-nano": _prices("0.2", "0.05", "0.8"),
    "gpt-4o": _prices("3.75", "1.875", "15"),
    "gpt-4o-mini": _prices("0.3", "0.15", "1.2"),
    "o4-mini": _prices("4", "1", "16"),
}


def fine_tuned_prices(meant: Identity, sent: str) -> ModelPrice | None:
    """Return the prices of a fine-tuned model; None: it is none, or none are known."""
    if meant.provider != "openai" or "ft:" not in sent:
        return None
    return _OPENAI.get(meant.model)
