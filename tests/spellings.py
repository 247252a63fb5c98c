"""Names as programs write them, made from what they mean, not read by the product."""

from typing import NamedTuple

from hypothesis import strategies as st

# One name: ways to write it.
PROVIDERS = {
    "openai": ("openai", "OpenAI", "openai.responses", "openai.chat", " OPENAI "),
    "azure": ("azure", "azure_openai", "azure.ai.openai", "azure-openai.chat", "Azure"),
    "anthropic": ("anthropic", "anthropic.messages", "Anthropic"),
    "aws": ("aws", "aws.bedrock", "amazon-bedrock", "bedrock", "aws_bedrock"),
    "google": ("google", "gcp.vertex_ai", "google.vertex.chat", "vertexai", "gemini"),
    "x-ai": ("x-ai", "xai", "xai.chat", "x_ai"),
    "house": ("house", "House", "HOUSE"),
}


class Meant(NamedTuple):
    """A model and, as its maker writes it, the date of its version; "": any."""

    provider: str
    model: str
    date: str = ""

    @property
    def version(self) -> str:
        return f"{self.model}-{self.date}" if self.date else ""

    @property
    def plain(self) -> str:
        return self.version or self.model


MODELS = (
    Meant("openai", "gpt-4o"),
    Meant("openai", "gpt-4o", "2024-08-06"),
    Meant("openai", "gpt-4o", "2024-05-13"),
    Meant("azure", "gpt-4o", "2024-08-06"),
    Meant("openai", "gpt-4o-mini", "2024-07-18"),
    Meant("openai", "gpt-4-turbo"),
    Meant("openai", "gpt-4", "0613"),
    Meant("anthropic", "claude-3-5-sonnet", "20241022"),
    Meant("aws", "claude-3-5-sonnet", "20241022"),
    Meant("anthropic", "claude-sonnet-4-5"),
    Meant("google", "gemini-2.5-flash"),
    Meant("x-ai", "grok-3"),
    Meant("house", "unheard-of"),
)
# What may be written in a scope, and which names it reaches.
PATTERNS = {
    "*": {one.plain for one in MODELS},
    "gpt-4*": {"gpt-4-turbo", "gpt-4-0613"},
    "GPT-*": {one.plain for one in MODELS if one.model.startswith("gpt")},
    "gpt-4o*": {one.plain for one in MODELS if one.model.startswith("gpt-4o")},
    "gpt-4o-2024-0*": set(),  # a name goes on at a dash
    "claude-3-5*": {"claude-3-5-sonnet-20241022"},
    "anthropic.claude-*": {one.plain for one in MODELS if "claude" in one.model},
}
_meant: dict[str, Meant] = {}  # by what was written


def _written(meant: Meant, how: int, case: int) -> str:
    """Write a model in one of many ways."""
    name = meant.plain
    ways = [name, f"{meant.provider}/{name}", f" {name}", f"litellm/any/{name}"]
    if not meant.date:
        ways.append(f"{name}-latest")
    if len(meant.date) == 10:
        ways.append(f"{meant.model}-{meant.date.replace('-', '')}")
    if meant.provider == "anthropic":
        ways.append(name.replace("-3-5-", "-3.5-").replace("-4-5", "-4.5"))
        if meant.date:
            ways.append(f"{meant.model}@{meant.date}")
    if meant.provider == "google":
        ways += [
            f"models/{name}",
            f"projects/p/locations/l/publishers/google/models/{name}",
        ]
    if meant.provider == "aws":
        ways += [
            f"anthropic.{name}-v2:0",
            f"us.anthropic.{name}-v2:0",
            f"bedrock/eu.anthropic.{name}-v2:0",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
            f"us.anthropic.{name}-v2:0",
        ]
    way = ways[how % len(ways)]
    return (way, way.upper(), way.title())[case]


def written(meant: Meant) -> st.SearchStrategy[str]:
    """Return ways to write a model; what they mean is remembered."""

    def remember(how: int, case: int) -> str:
        text = _written(meant, how, case)
        _meant[text] = meant
        return text

    return st.builds(remember, st.integers(0, 11), st.integers(0, 2))


def fine_tuned(meant: Meant) -> str:
    text = f"ft:{meant.plain}:acme::8x"
    _meant[text] = meant
    return text


class Spelled(NamedTuple):
    """A provider and a model as they are sent."""

    provider: str
    model: str
    meant: Meant


spelled = st.sampled_from(MODELS).flatmap(
    lambda meant: st.builds(
        Spelled,
        st.sampled_from(PROVIDERS[meant.provider]),
        written(meant),
        st.just(meant),
    )
)
in_scope = st.one_of(
    st.sampled_from(MODELS).flatmap(written), st.sampled_from(sorted(PATTERNS))
)
providers = st.sampled_from([way for ways in PROVIDERS.values() for way in ways])
people = st.sampled_from(["ada@x.com", "Ada@X.com", " ADA@x.com", "x7Q", "x7q", None])


def provider_meant(text: str) -> str:
    return next((one for one, ways in PROVIDERS.items() if text in ways), text)


def person_meant(text: str) -> str:
    return text.strip().lower() if "@" in text else text


def reaches(wanted: str, sent: str) -> bool:
    """Tell whether what is written in a scope means a model that was sent."""
    meant = _meant.get(sent, Meant("", sent))
    if wanted.endswith("*"):
        return meant.plain in PATTERNS[wanted]
    named = _meant.get(wanted, Meant("", wanted))
    if named.date:
        return named.plain == meant.plain
    return named.model == meant.model
