"""One provider, one model, one person, however they are spelled."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.catalogue import known_models
from ledger.identity import (
    ModelName,
    identify,
    maker_of,
    model_named,
    person_named,
    provider_named,
)
from ledger.patterns import narrowest, pattern_of

SPELLINGS = {
    ("gpt-4o", ""): (
        "GPT-4o",
        "openai/gpt-4o",
        "azure/eu/gpt-4o",
        "gpt-4o-latest",
        "gpt-4o:extended",
        " gpt-4o ",
        "openai:gpt-4o",  # LangChain, Pydantic AI
        "openrouter:openai/gpt-4o",
    ),
    ("gpt-4o", "gpt-4o-2024-08-06"): (
        "gpt-4o-2024-08-06",
        "gpt-4o-20240806",
        "openai/GPT-4o-2024-08-06",
        "ft:gpt-4o-2024-08-06:acme::8xyz",
        "gpt-4o-2024-08-06.ft-0123abc",
    ),
    ("gpt-4", "gpt-4-0613"): ("gpt-4-0613", "openai/gpt-4-0613"),
    ("gpt-3.5-turbo", ""): ("gpt-35-turbo", "gpt-3.5-turbo"),
    ("gpt-4-turbo", ""): ("gpt-4-turbo-preview",),
    ("gpt-5.2", "gpt-5.2-2025-12-11"): ("gpt-5-2-2025-12-11", "gpt-5.2-20251211"),
    ("gpt-4.1-mini", ""): ("ft:gpt-4.1-mini", "gpt-4.1-mini"),
    ("claude-3-5-sonnet", "claude-3-5-sonnet-20241022"): (
        "claude-3-5-sonnet-20241022",
        "claude-3-5-sonnet@20241022",
        "anthropic/claude-3.5-sonnet-20241022",
        "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
        "anthropic.claude-3-5-sonnet-20241022-v2:0:200k",
        "bedrock:us.anthropic.claude-3-5-sonnet-20241022-v2:0",
        "claude-3-5-sonnet-v2@20241022",  # Vertex
        "claude-3-5-sonnet-v2",
        "projects/p/locations/l/publishers/anthropic/models/claude-3-5-sonnet@20241022",
    ),
    ("claude-sonnet-4", ""): ("claude-4-sonnet", "claude-sonnet-4-0"),
    ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"): (
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
    ("claude-haiku-4-5", ""): ("claude-haiku-4.5", "claude-4-5-haiku"),
    ("claude-3-opus", ""): ("claude-3-opus-latest", "claude-3-opus@default"),
    ("gemini-1.5-pro", "gemini-1.5-pro-002"): (
        "models/gemini-1.5-pro-002",
        "vertex_ai/gemini-1.5-pro-002",
        "projects/p/locations/l/publishers/google/models/gemini-1.5-pro-002",
    ),
    ("mistral-large", "mistral-large-2407"): ("mistral-large-2407",),
    ("command-r-plus", "command-r-plus-04-2024"): ("command-r-plus-04-2024",),
    ("nova-lite", ""): ("amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"),
    ("titan-embed-text-v2", ""): ("amazon.titan-embed-text-v2:0",),
    ("gpt-oss-120b", ""): ("openai.gpt-oss-120b-1:0", "openai/gpt-oss-120b"),
    ("davinci-002", ""): ("davinci-002",),
    ("llama3.1:70b", ""): ("llama3.1:70b",),
    ("mistral:7b", ""): ("mistral:7b",),
    ("deepseek-r1:7b", ""): ("deepseek-r1:7b",),
    ("deepseek-r1", ""): ("us.deepseek.r1-v1:0", "deepseek/deepseek-r1"),
    ("claude-2-1", ""): ("anthropic.claude-v2:1", "anthropic.claude-v2:1:18k"),
    ("claude-2", ""): ("anthropic.claude-v2", "claude-2.0"),
    ("claude-instant-1-2", ""): ("anthropic.claude-instant-v1", "claude-instant-1.2"),
    ("llama-3.1-8b-instruct", ""): (
        "meta-llama/Meta-Llama-3.1-8B-Instruct",
        "us.meta.llama3-1-8b-instruct-v1:0",
        "accounts/fireworks/models/llama-v3p1-8b-instruct",
    ),
    ("mistral-7b-instruct-v0.2", ""): (
        "mistral.mistral-7b-instruct-v0:2",
        "mistralai/Mistral-7B-Instruct-v0.2",
    ),
    ("whisper-1", ""): ("whisper-1",),
}


@pytest.mark.parametrize(
    ("meant", "sent"),
    [(meant, sent) for meant, several in SPELLINGS.items() for sent in several],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_model_has_one_name(meant: tuple[str, str], sent: str) -> None:
    assert model_named(sent) == meant


@pytest.mark.parametrize(
    ("sent", "meant"),
    {
        "OpenAI": "openai",
        "openai.responses": "openai",
        "openai.chat": "openai",
        "azure-openai.chat": "azure",
        "azure_openai": "azure",
        "azure.ai.openai": "azure",
        "az.ai.openai": "azure",
        "azure.chat": "azure",
        "anthropic.messages": "anthropic",
        "google.generative-ai": "google",
        "google.vertex.chat": "google",
        "gcp.gemini": "google",
        "gcp.vertex.agent": "google",
        "vertexai": "google",
        "amazon-bedrock": "aws",
        "aws.bedrock": "aws",
        "bedrock": "aws",
        "xai.chat": "x-ai",
        "x_ai": "x-ai",
        "groq.chat": "groq",
        "mistral_ai": "mistral",
        "together_ai": "together",
        "z.ai": "zai",
        "huggingface_together": "huggingface_together",
        "AzureChatOpenAI": "azure",
        "ChatGroq": "groq",
        "chat-deepseek": "deepseek",
        "AnthropicBedrock": "aws",
        "anthropic_vertex": "google",
        "text-completion-codestral": "mistral",
        "api.x.ai": "x-ai",
        "ibm.watsonx.ai": "watsonx",
        "Watsonx": "watsonx",
        "ollama_chat": "ollama",
        "deepinfra.chat": "deepinfra",
        "hosted_vllm": "vllm",
        "Aleph Alpha": "aleph-alpha",
        "my.chat.chat": "my",
        "MyCorp": "mycorp",
        "my.gateway": "my.gateway",
    }.items(),
)
def test_a_provider_has_one_name(sent: str, meant: str) -> None:
    assert provider_named(sent) == meant


def test_a_gateway_names_the_provider_in_the_model() -> None:
    assert identify("litellm", "azure/gpt-4o") == ("azure", "gpt-4o", "")
    assert identify("litellm_proxy", "azure/gpt-4o") == ("azure", "gpt-4o", "")
    assert identify("gateway", "openai/gpt-4o") == ("openai", "gpt-4o", "")
    assert identify("openrouter", "openai/gpt-4o") == ("openrouter", "gpt-4o", "")


@pytest.mark.parametrize(
    ("model", "maker"),
    [
        ("gpt-4o", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "aws"),
        ("projects/p/locations/l/publishers/google/models/gemini-2.5-pro", "google"),
        ("groq/llama-3.1-8b-instant", "groq"),
        ("gpt-oss-120b", None),
        ("google-gla:gemini-2.0-flash", "google"),
        ("bedrock:us.anthropic.claude-opus-4-6-v1", "aws"),
        ("mistral:7b", None),
        ("llama-3.1-70b", None),
        ("house-model", None),
    ],
)
def test_a_model_tells_its_provider_where_one_alone_fits(
    model: str, maker: str | None
) -> None:
    assert maker_of(model) == maker


def test_people_are_one_by_mail_address_in_any_letters() -> None:
    assert person_named(" Ada@X.com ") == "ada@x.com"
    assert person_named("x7Q") == "x7Q"


@pytest.mark.parametrize(
    ("pattern", "reached", "not_reached"),
    [
        ("gpt-4o", ("gpt-4o", "gpt-4o-2024-08-06"), ("gpt-4o-mini", "gpt-4")),
        ("gpt-4o-2024-08-06", ("openai/gpt-4o-20240806",), ("gpt-4o",)),
        ("gpt-4*", ("gpt-4", "gpt-4-turbo", "gpt-4-0613"), ("gpt-4o", "gpt-4.1")),
        ("gpt-*", ("gpt-4", "gpt-4o"), ("o3",)),
        ("gpt-4o-2024*", ("gpt-4o-2024-08-06",), ("gpt-4o",)),
        ("claude-3.5*", ("claude-3-5-sonnet",), ("claude-3-opus",)),
        ("claude-3.*", ("claude-3-5-sonnet", "claude-3-7-sonnet"), ("claude-opus-4",)),
        ("claude-4-sonnet*", ("claude-sonnet-4-20250514",), ("claude-opus-4",)),
        ("gpt-35*", ("gpt-3.5-turbo",), ("gpt-4",)),
        ("openai:gpt-4*", ("gpt-4-0613",), ("gpt-4o",)),
        ("openai/*", ("gpt-4o", "azure/o3-mini"), ("claude-3-opus", "house")),
        ("us.anthropic.*", ("claude-3-haiku",), ("nova-pro", "gpt-4o")),
        (" * ", ("gpt-4o", "x"), ()),
        ("*", ("gpt-4o", "x"), ()),
    ],
)
def test_a_pattern_reaches_what_goes_on_after_it(
    pattern: str, reached: tuple[str, ...], not_reached: tuple[str, ...]
) -> None:
    meant = pattern_of(pattern)

    assert all(meant.reaches(model_named(model)) for model in reached)
    assert not any(meant.reaches(model_named(model)) for model in not_reached)


def test_the_narrowest_of_several_is_found() -> None:
    texts = ["gpt-*", "gpt-4o*", "gpt-4o", "gpt-4o-2024-08-06"]

    assert narrowest(texts, model_named("gpt-4o-2024-08-06")) == "gpt-4o-2024-08-06"
    assert narrowest(texts, model_named("GPT-4o")) == "gpt-4o"
    assert narrowest(texts, model_named("gpt-4o-mini")) == "gpt-4o*"
    assert narrowest(texts, model_named("o3")) is None


LISTED = sorted(set(known_models()))
WRAPPED = (
    str.upper,
    lambda name: f" {name}",
    lambda name: f"models/{name}",
    lambda name: f"openai/{name}",
)


@given(st.sampled_from(LISTED), st.sampled_from(WRAPPED))
def test_every_listed_model_keeps_its_name_in_other_spellings(
    listed: tuple[str, str], spelled: Callable[[str], str]
) -> None:
    name = model_named(listed[1])

    assert model_named(spelled(listed[1])) == name
    assert model_named(name.model).model == name.model
    assert not name.version or model_named(name.version) == name


@given(st.text(max_size=60))
def test_any_text_has_a_name_that_stays(text: str) -> None:
    provider = provider_named(text)
    model = model_named(text)

    assert provider_named(provider) == provider
    assert isinstance(model, ModelName)
