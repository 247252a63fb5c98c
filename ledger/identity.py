"""What a name means: one provider, one model, one person, however they are spelled.

Programs write `gpt-4o`, `GPT-4o`, `openai/gpt-4o` and `gpt-4o-2024-08-06` for one
model, `openai.responses` and `openai.chat` for one provider, `Ada@x.com` for ada. Every
door files what it takes under the names of this module, and every scope, rule,
override, filter and report matches by them. Nothing here knows prices or rows.
"""

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from genai_prices.data_snapshot import find_provider_by_id
from genai_prices.types import Provider

# Raise it when names come to mean something else: what is filed is then filed anew.
REVISION = 1
REMEMBERED = 16_384  # names

# What tells a provider, as the first word or words of its name: the catalogue's own
# matching misses some of these, and takes some for another provider.
PROVIDERS = {
    "az": "azure",
    "azure": "azure",
    "azureai": "azure",
    "azureopenai": "azure",
    "microsoft": "azure",
    "amazon": "aws",
    "aws": "aws",
    "bedrock": "aws",
    "gcp": "google",
    "gemini": "google",
    "google": "google",
    "googleai": "google",
    "vertex": "google",
    "vertexai": "google",
    "anthropic": "anthropic",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "fireworksai": "fireworks",
    "groq": "groq",
    "kimi": "moonshotai",
    "mistral": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "moonshotai": "moonshotai",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "perplexityai": "perplexity",
    "together": "together",
    "togetherai": "together",
    "x-ai": "x-ai",
    "xai": "x-ai",
    "z-ai": "zai",
    "zai": "zai",
}
# A model's name holds the provider before its first slash.
GATEWAYS = frozenset({"litellm", "litellm-proxy"})
# Who makes models whose names begin so: who is meant where no provider is named.
MAKERS = {
    "chatgpt": "openai",
    "claude": "anthropic",
    "codestral": "mistral",
    "command": "cohere",
    "dall-e": "openai",
    "deepseek": "deepseek",
    "devstral": "mistral",
    "gemini": "google",
    "glm": "zai",
    "gpt": "openai",
    "grok": "x-ai",
    "kimi": "moonshotai",
    "magistral": "mistral",
    "ministral": "mistral",
    "mistral": "mistral",
    "nova": "aws",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "pixtral": "mistral",
    "sonar": "perplexity",
    "text-embedding-3": "openai",
    "text-embedding-ada": "openai",
    "titan": "aws",
    "tts": "openai",
    "voyage": "voyageai",
    "whisper": "openai",
}
_OPEN_WEIGHTS = ("gpt-oss",)  # sold by many
# Names of models whose versions have names of another make.
_ALIASES = {
    "gpt-4-turbo-preview": ("gpt-4-turbo", ""),
    "gpt-4-0125-preview": ("gpt-4-turbo", "gpt-4-turbo-0125-preview"),
    "gpt-4-1106-preview": ("gpt-4-turbo", "gpt-4-turbo-1106-preview"),
    "gpt-4-turbo-0125-preview": ("gpt-4-turbo", "gpt-4-turbo-0125-preview"),
    "gpt-4-turbo-1106-preview": ("gpt-4-turbo", "gpt-4-turbo-1106-preview"),
    "text-embedding-ada": ("text-embedding-ada-002", ""),
}

_WORDS = re.compile(r"[^a-z0-9]+")
# Bedrock: a region or "global", the maker, the model, its version.
_REGION = re.compile(r"^(?:us-gov|us|eu|apac|ap|jp|au|ca|sa|me|af|global)\.(?=[a-z])")
_VENDOR = re.compile(
    r"^(?:ai21|amazon|anthropic|cohere|deepseek|google|luma|meta|minimax|mistral"
    r"|moonshotai?|nvidia|openai|qwen|stability|twelvelabs|writer|xai|zai)\.(?=[a-z])"
)
_BEDROCK_VERSION = re.compile(r":\d+(?::[0-9a-z]+)?$")
# Sold as they are, faster, cheaper or with more around them: the same model.
_VARIANT = re.compile(
    r":(?:beta|exacto|extended|fast|floor|free|latest|nitro|online|thinking)$"
)
_FINE_TUNED = re.compile(r"^(?:.*/)?ft:([^:]+)|^(.+?)[.:]ft-")
_DATES = (
    re.compile(r"-(\d{4}-\d{2}-\d{2})$"),
    re.compile(r"-(\d{8})$"),
    re.compile(r"-(\d{2}-\d{4})$"),  # month and year
    re.compile(r"-(\d{2}-\d{2})$"),  # month and day
    re.compile(r"-(\d{4})$"),  # month and day, or year and month
)
_NUMBERED = re.compile(r"^((?:gemini|imagen|veo|text-bison|chat-bison).*)-(\d{3})$")
_CLAUDE = re.compile(
    r"^claude-(?:(?P<v1>\d)(?:-(?P<m1>\d))?-(?P<n1>haiku|opus|sonnet)"
    r"|(?P<n2>haiku|opus|sonnet)-(?P<v2>\d)(?:-(?P<m2>\d))?)(?=-|$)"
)
_MAIL = re.compile(r"^[^@\s]+@[^@\s]+$")


class ModelName(NamedTuple):
    """A model, and which version of it; "" where the name does not say."""

    model: str
    version: str


class Identity(NamedTuple):
    """What a provider's and a model's name mean together."""

    provider: str
    model: str
    version: str


def bundled_providers() -> list[Provider]:
    """Return the providers of the bundled price catalogue."""
    # Imported when first needed: building the catalogue takes half a second.
    from genai_prices.data import providers

    return providers


# -- Providers


@lru_cache(maxsize=REMEMBERED)
def provider_named(sent: str) -> str:
    """Return the one name of a provider: the price catalogue's, where it has one.

    One that nobody knows keeps its name, in small letters.
    """
    name = sent.strip().lower()
    words = [word for word in _WORDS.split(name) if word]
    found = _provider_by_words(name, words)
    if found is None and words:
        listed = bundled_providers()
        match = find_provider_by_id(listed, "-".join(words))
        match = match or find_provider_by_id(listed, words[0])
        found = match.id if match else None
    return found or name


def _provider_by_words(name: str, words: Sequence[str]) -> str | None:
    same = {name, "_".join(words), "-".join(words)}
    for provider in bundled_providers():
        if provider.id in same:
            return provider.id
    if "huggingface" in words:  # it resells, at the sellers' own prices
        return None
    if "azure" in words:  # wherever it stands: "openai.azure"
        return "azure"
    for count in range(min(len(words), 2), 0, -1):
        if known := PROVIDERS.get("-".join(words[:count])):
            return known
    return None


@lru_cache(maxsize=REMEMBERED)
def maker_of(sent_model: str) -> str | None:
    """Return the provider that a model's name alone tells; None: it tells none, or
    there are several that sell it.
    """
    name = sent_model.strip().lower()
    if name.startswith("arn:aws") or _REGION.match(name) or _VENDOR.match(name):
        return "aws"
    first, slash, _ = name.partition("/")
    if slash and first == "projects":
        return "google"
    if slash and (known := _provider_by_words(first, _WORDS.split(first))):
        return known
    model = model_named(name).model
    if model.startswith(_OPEN_WEIGHTS):
        return None
    found = [stem for stem in MAKERS if _begins(model, stem)]
    return MAKERS[max(found, key=len)] if found else None


def _begins(model: str, stem: str) -> bool:
    return model == stem or model.startswith(f"{stem}-")


# -- Models


@lru_cache(maxsize=REMEMBERED)
def model_named(sent: str) -> ModelName:
    """Return the one name of a model, and of the version that is meant, if one is.

    Letter case, a provider's or region's prefix, `models/` and other paths, an ARN,
    `-latest`, a date and Bedrock's `-v1:0` make no other model; a fine-tuned one is its
    base.
    """
    name = _uniform(_bare(sent))
    if name in _ALIASES:
        return ModelName(*_ALIASES[name])
    model, said = _without_date(name)
    model = _uniform(model)
    return ModelName(model, f"{model}-{said}" if said else "")


def identify(provider: str, model: str) -> Identity:
    """Return what both names mean together."""
    named = provider_named(provider)
    if named in GATEWAYS and "/" in model:
        named = provider_named(model.partition("/")[0])
    return Identity(named, *model_named(model))


def is_fine_tuned(sent: str) -> bool:
    """Tell whether a name is a fine-tuned model's, which costs more than its base."""
    return bool(_FINE_TUNED.match(sent.strip().lower()))


def is_variant(sent: str) -> bool:
    """Tell whether a model is sold in another way, maybe at another price: `:free`."""
    return bool(_VARIANT.search(sent.strip().lower().removesuffix(":latest")))


def without_place(name: str) -> str:
    """Take off the region and the maker that Bedrock puts before a model."""
    return _VENDOR.sub("", _REGION.sub("", name))


def _bare(sent: str) -> str:
    """Return a model's name without what says where and how it is sold."""
    name = sent.strip().lower()
    if tuned := _FINE_TUNED.match(name):
        name = tuned[1] or tuned[2]
    name = name.rstrip("/").rpartition("/")[2]
    name = name.rpartition(":")[2] if name.startswith("arn:") else name
    bare = without_place(name)
    numbered = _BEDROCK_VERSION.sub("", bare)
    if numbered != bare or (bare != name and re.search(r"-v\d+$", bare)):
        bare = _without_bedrock_version(numbered)
    bare = _VARIANT.sub("", bare).replace("@", "-")
    for ending in ("-latest", "-default"):
        bare = bare.removesuffix(ending)
    return bare or sent.strip().lower()


def _without_bedrock_version(name: str) -> str:
    """Take off -v1, and the -v2 of a dated model; that of others is another model."""
    stem, _, number = name.rpartition("-")
    number = number.removeprefix("v")
    if stem and (number == "1" or (number.isdigit() and _is_dated(stem))):
        return stem
    return name


def _is_dated(name: str) -> bool:
    return bool(_without_date(name)[1])


def _without_date(name: str) -> tuple[str, str]:
    """Part a name from the date or number of its version; "" where there is none."""
    for form in _DATES:
        found = form.search(name)
        if found and found.start() and _is_date(found[1]):
            return name[: found.start()], _date_as_written(name, found[1])
    if numbered := _NUMBERED.match(name):
        return numbered[1], numbered[2]
    return name, ""


def _is_date(text: str) -> bool:
    digits = text.replace("-", "")
    if len(digits) == 8:
        return _is_day(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    first, second = int(text[:2]), int(text[-2:])
    if len(text) == 7:  # month and year
        return 1 <= first <= 12 and text[3:5] == "20"
    if len(text) == 4 and 22 <= first <= 39:  # year and month: Mistral, Qwen
        return 1 <= second <= 12
    return _is_day(2024, first, second)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        return date(year, month, day).year >= 2018
    except ValueError:
        return False


def _date_as_written(name: str, text: str) -> str:
    """Write a whole date as the model's maker does, for it is one version."""
    digits = text.replace("-", "")
    if len(digits) != 8:
        return text
    if name.startswith("claude"):
        return digits
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def _uniform(name: str) -> str:
    """Write the same numbers and words of a name in the same way and order."""
    if name.startswith("claude"):
        name = re.sub(r"(?<=\d)\.(?=\d)", "-", name)
        return _CLAUDE.sub(_claude, name)
    # Azure leaves the point out, some gateways write a - for it.
    name = re.sub(r"^gpt-35(?=-|$)", "gpt-3.5", name)
    return re.sub(r"^gpt-(\d)-(\d)(?=-|$)(?!-\d{2}-)", r"gpt-\1.\2", name)


def _claude(found: re.Match[str]) -> str:
    kind = found["n1"] or found["n2"]
    major, minor = found["v1"] or found["v2"], found["m1"] or found["m2"]
    number = major if minor in {None, "0"} else f"{major}-{minor}"
    return f"claude-{number}-{kind}" if major == "3" else f"claude-{kind}-{number}"


# -- People


def person_named(sent: str) -> str:
    """Return the one name of a person: of a mail address the letters' case is none.

    Other ids are their senders' own, who may tell `x7Q` from `x7q`.
    """
    name = sent.strip()
    return name.lower() if _MAIL.match(name) else name


def one_name(dimension: str, sent: str) -> str:
    """Return the one name of a value of a dimension that is not a model."""
    if dimension == "provider":
        return provider_named(sent)
    return person_named(sent) if dimension == "user" else sent
