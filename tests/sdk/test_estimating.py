"""How many tokens a request has, and what providers say it had."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_cost_ops import TrackerConfig
from llm_cost_ops.calls import Tokens
from llm_cost_ops.providers.estimates import likely_input, most_output, worst_input
from llm_cost_ops.providers.meters import MessagesMeter, Meter, ResponsesMeter
from llm_cost_ops.providers.usage import anthropic_tokens, any_tokens, openai_tokens

PLAIN = TrackerConfig()
CHAT = ("messages", "tools")


def worst(body: dict[str, Any], config: TrackerConfig = PLAIN) -> int:
    return worst_input(body, (*CHAT, "input"), "m", config)


def said(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


@given(st.text(max_size=200))
def test_no_tokenizer_makes_more_tokens_of_a_text_than_the_worst_case(
    text: str,
) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))

    assert worst(said(text)) >= size
    assert 0 < likely_input(said(text), CHAT, "m", PLAIN) <= worst(said(text))


def test_a_tokenizer_of_the_apps_own_is_taken_at_its_word() -> None:
    config = TrackerConfig(count_tokens=lambda model, text: len(text.split()))

    assert worst(said("one two three"), config) < 30


def test_an_image_is_not_counted_by_its_letters() -> None:
    data = base64.b64encode(bytes(1_000_000)).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}

    assert 5_000 < worst(said([part])) < 6_000


def test_a_document_is_counted_by_its_size() -> None:
    data = base64.b64encode(bytes(300_000)).decode()
    part = {"type": "document", "source": {"type": "base64", "data": data}}

    assert 25_000 < worst(said([part])) < 30_000


def test_tokens_given_as_numbers_are_counted() -> None:
    assert 1_000 <= worst({"input": [[1] * 400, [2] * 600]}) < 1_020


def test_what_a_provider_remembers_counts_too() -> None:
    body = {"input": "Go on.", "previous_response_id": "resp_1"}

    assert worst(body) > PLAIN.hidden_input_tokens


def test_answers_that_are_fed_back_are_counted() -> None:
    class Item:
        def model_dump(self, **_: Any) -> dict[str, str]:
            return {"text": "x" * 100}

    assert worst({"input": [Item(), None, 2.5]}) > 100


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ({}, PLAIN.default_max_output_tokens),
        ({"max_tokens": 100}, 100),
        ({"max_tokens": 100, "max_completion_tokens": 50, "n": 3}, 150),
        ({"max_tokens": None}, PLAIN.default_max_output_tokens),
    ],
)
def test_output_is_what_the_request_allows(body: dict[str, Any], most: int) -> None:
    names = ("max_completion_tokens", "max_tokens")

    assert most_output(body, names, PLAIN) == most


# -- What providers say


def test_anthropics_input_leaves_out_what_the_cache_had_and_took() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
        "output_tokens": 5,
    }

    assert anthropic_tokens(usage) == Tokens(140, 5, cached=100, cache_write=30)
    assert any_tokens(SimpleNamespace(**usage)) == anthropic_tokens(usage)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": "7", "completion_tokens": -1},
        {"input_tokens": None, "output_tokens": True},
        {},
        7,
    ],
)
def test_usage_that_makes_no_sense_counts_nothing(usage: Any) -> None:
    assert openai_tokens(usage) == Tokens(0, 0)


def test_a_part_that_is_larger_than_its_whole_was_counted_apart() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 9},
    }

    assert openai_tokens(usage) == Tokens(26, 14, cached=8, cache_write=8, reasoning=9)


@pytest.mark.parametrize(
    ("whole", "parts"),
    [((10, 5), {"cached": 8, "cache_write": 3}), ((10, 5), {"reasoning": 6})],
)
def test_tokens_whose_parts_are_no_parts_are_refused(
    whole: tuple[int, int], parts: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="no part of"):
        Tokens(*whole, **parts)


# -- Streams


def test_tool_calls_and_thoughts_are_output() -> None:
    meter = Meter()
    call = {"function": {"arguments": "abcdefgh"}}
    meter.see({"choices": [{"delta": {"tool_calls": [call]}}]})
    meter.see({"choices": [{"delta": {"reasoning_content": "abcdefgh"}}]})
    meter.see({"choices": [{"text": "abcdefgh"}]})

    assert meter.used(7) == Tokens(7, 6)


def test_a_response_that_failed_has_usage_all_the_same() -> None:
    meter = ResponsesMeter()
    usage = {"input_tokens": 9, "output_tokens": 1}
    meter.see({"type": "response.output_text.delta", "delta": "a"})
    assert meter.used(5) == Tokens(5, 1)

    meter.see({"type": "response.failed", "response": {"usage": usage}})

    assert (meter.used(5), meter.is_whole) == (Tokens(9, 1), True)


def test_a_messages_input_is_kept_when_only_output_is_told_again() -> None:
    meter = MessagesMeter()
    begun = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1}
    meter.see({"type": "message_start", "message": {"usage": begun}})
    meter.see({"type": "message_delta", "usage": {"output_tokens": 20}})
    assert meter.used(0) == Tokens(15, 20, cached=5)

    told_again = {**begun, "output_tokens": 30}
    meter.see({"type": "message_delta", "usage": told_again})
    assert meter.used(0) == Tokens(15, 30, cached=5)
