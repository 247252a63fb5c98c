"""Names of models, providers and people as programs spell them, and what they mean.

Made from parts, so that a test knows what is meant without asking the product.
"""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st

DATES = {
    "gpt-4": ("0613", "0314"),
    "gpt-4o": ("2024-05-13", "2024-08-06", "2024-11-20"),
    "gpt-4o-mini": ("2024-07-18",),
    "gpt-3.5-turbo": ("0125",),
    "o3-mini": ("2025-01-31",),
    "claude-3-opus": ("20240229",),
    "claude-3-haiku": ("20240307",),
    "mistral-large": ("2407", "2411"),
}
PROVIDERS = {
    "openai": ("openai", "OpenAI", "openai.responses", "openai.chat", "OPENAI"),
    "azure": ("azure", "azure_openai", "azure.ai.openai", "azure-openai.chat"),
    "google": ("google", "vertex_ai", "google.vertex.chat", "gcp.vertex.agent"),
    "aws": ("aws", "bedrock", "amazon-bedrock", "aws.bedrock"),
    "anthropic": ("anthropic", "anthropic.messages", "Anthropic"),
}
PEOPLE = ("ada@acme.example", "bo@acme.example")


class Spelled(NamedTuple):
    """A model's name as it is written, and which model and version is meant."""

    text: str
    model: str
    version: str  # its date; "": none is said


@st.composite
def models(draw: st.DrawFn) -> Spelled:
    model = draw(st.sampled_from(sorted(DATES)))
    date = draw(st.sampled_from(["", *DATES[model]]))
    name = f"{model}-{date}" if date else model + draw(st.sampled_from(["", "-latest"]))
    prefix = draw(
        st.sampled_from(["", "", "openai/", "azure/", "models/", "openrouter/"])
    )
    if model.startswith("claude") and draw(st.booleans()):
        region = draw(st.sampled_from(["", "us.", "eu.", "global."]))
        prefix, name = f"{region}anthropic.", f"{model}-{date}-v1:0" if date else name
    return Spelled(draw(in_any_case(prefix + name)), model, date)


@st.composite
def in_any_case(draw: st.DrawFn, text: str) -> str:
    ways: list[Callable[[str], str]] = [str, str.upper, str.lower, str.title]
    way = draw(st.sampled_from(ways))
    blank = draw(st.sampled_from(["", " "]))
    return f"{blank}{way(text)}{blank}"


@st.composite
def providers(draw: st.DrawFn) -> tuple[str, str]:
    """A provider's name as it is written, and the one that is meant."""
    meant = draw(st.sampled_from(sorted(PROVIDERS)))
    return draw(st.sampled_from(PROVIDERS[meant])), meant


@st.composite
def people(draw: st.DrawFn) -> tuple[str, str]:
    """A mail address as it is written, and the person's."""
    meant = draw(st.sampled_from(PEOPLE))
    return draw(in_any_case(meant)), meant


def means(written: Spelled, used: Spelled) -> bool:
    """Tell whether a rule that names *written* is about a call of *used*."""
    if written.model != used.model:
        return False
    return written.version in {"", used.version}
