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
from typing import TYPE_CHECKING, NamedTuple

from ledger.spellings import (
    ALIASES,
    AT_BEDROCK,
    CLOUDS,
    GATEWAYS,
    MAKERS,
    OPEN_WEIGHTS,
    PROVIDERS,
)

if TYPE_CHECKING:
    from genai_prices.types import Provider

# Raise it when names come to mean something else: what is filed is then filed anew.
REVISION = 2
REMEMBERED = 16_384  # names

# What a name of a provider may begin or end with that tells only what is called.
_CALLED = ("api", "chat", "text", "completion")
_CALLS = re.compile(
    r"(?:[ ._-](?:chat|text|responses|messages|completions?|embeddings?))+$"
)
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
# Its sellers write 3.1, 3-1 and v3p1.
_LLAMA = re.compile(r"^(?:meta-)?llama-?v?(\d)(?:[.p-](\d))?(?=-|$)")
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


def bundled_providers() -> "list[Provider]":
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
    words = _words_of(name)
    found = _provider_by_words(name, words)
    if found is None and words:
        from genai_prices.data_snapshot import find_provider_by_id

        listed = bundled_providers()
        match = find_provider_by_id(listed, "-".join(words))
        match = match or find_provider_by_id(listed, words[0])
        found = match.id if match else None
    return found or _CALLS.sub("", name).strip() or name


def _words_of(name: str) -> list[str]:
    """Return the words of a provider's name from the first that may tell it."""
    words = [word for word in _WORDS.split(name) if word]
    while len(words) > 1 and words[0] in _CALLED:
        del words[0]
    if words and words[0] not in PROVIDERS:  # LangChain's classes: "ChatGroq"
        words[0] = words[0].removeprefix("chat") or words[0]
    return words


def _provider_by_words(name: str, words: Sequence[str]) -> str | None:
    same = {name, "_".join(words), "-".join(words)}
    for provider in bundled_providers():
        if provider.id in same:
            return provider.id
    if "huggingface" in words:  # it resells, at the sellers' own prices
        return None
    for cloud, provider_id in CLOUDS.items():
        if cloud in name:
            return provider_id
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
    first = first if slash else _before_colon(name)
    if first and (known := _provider_by_words(first, _words_of(first))):
        return known
    model = model_named(name).model
    if model.startswith(OPEN_WEIGHTS):
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
    name = uniform(_bare(sent))
    if name in ALIASES:
        return ModelName(*ALIASES[name])
    model, said = _without_date(name)
    model = uniform(model)
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


def without_path(name: str) -> str:
    """Take off what stands before a model in a path, an ARN or after `openai:`."""
    name = name.rstrip("/").rpartition("/")[2]
    if name.startswith("arn:"):
        return name.rpartition(":")[2]
    return name.removeprefix(f"{_before_colon(name)}:").lstrip(":") or name


def _before_colon(name: str) -> str:
    """Return the provider in `openai:gpt-4o`; "" where the colon comes before a tag,
    as in `mistral:7b`."""
    first, colon, rest = name.partition(":")
    if not colon or "." in first or not _provider_by_words(first, _words_of(first)):
        return ""
    is_model = any(_begins(first, stem) for stem in MAKERS)
    if is_model and not any(_begins(rest, stem) for stem in MAKERS):
        return ""
    return first


def _bare(sent: str) -> str:
    """Return a model's name without what says where and how it is sold."""
    name = sent.strip().lower()
    if tuned := _FINE_TUNED.match(name):
        name = tuned[1] or tuned[2]
    name = without_path(name)
    bare = without_place(name)
    if bare != name:
        bare = re.sub(r":\d+k$", "", bare)  # how much it reads
        bare = AT_BEDROCK.get(bare, bare)
    bare = re.sub(r"-v0:(\d)$", r"-v0.\1", bare)  # mistral-7b-instruct-v0:2
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


def uniform(name: str) -> str:
    """Write the same numbers and words of a name in the same way and order."""
    if name.startswith("claude"):
        name = re.sub(r"(?<=\d)\.(?=\d)", "-", name)
        name = re.sub(r"-v\d(?=-\d{8}$)", "", name)  # at Vertex
        return _CLAUDE.sub(_claude, name)
    name = _LLAMA.sub(_llama, name)
    # Azure leaves the point out, some gateways write a - for it.
    name = re.sub(r"^gpt-(?:(3)(5)|(4)([15]))(?=-|$)", r"gpt-\1\3.\2\4", name)
    return re.sub(r"^gpt-(\d)-(\d)(?=-|$)(?!-\d{2}-)", r"gpt-\1.\2", name)


def _llama(found: re.Match[str]) -> str:
    return f"llama-{found[1]}" + (f".{found[2]}" if found[2] else "")


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
