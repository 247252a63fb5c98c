"""A program that calls a model and asks people when its budget refuses.

python -m tests.journeys.agent URL KEY PROVIDER SPOOL

A process of its own, run by the test beside. It makes one call and prints a line of
JSON when that waits for people and when it was answered, with the time.
"""

import json
import logging
import sys
import time
from decimal import Decimal
from typing import Any

import openai
from llm_cost_ops import CostTracker, TrackerConfig

CALL: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Hello?"}],
    "max_tokens": 100,
}
WHY = "The nightly evaluation has to end"


def say(what: str) -> None:
    print(json.dumps({"what": what, "at": time.time()}), flush=True)


class Telling(logging.Handler):
    """Says when the call begins to wait."""

    def emit(self, record: logging.LogRecord) -> None:
        if "waits for request" in record.msg:
            say("waits")


def main(url: str, key: str, provider: str, spool: str) -> None:
    log = logging.getLogger("llm_cost_ops")
    log.setLevel(logging.INFO)
    log.addHandler(Telling())
    config = TrackerConfig(
        project_id="search",
        spool_dir=spool,
        on_blocked="ask",
        ask_amount=Decimal(5),
        ask_justification=WHY,
    )
    chat = openai.OpenAI(api_key="none", base_url=f"{provider}/v1", max_retries=0)
    with chat, CostTracker(key, url, config) as tracker:
        client = tracker.wrap(chat)
        client.chat.completions.create(**CALL)
        say("made")


if __name__ == "__main__":
    main(*sys.argv[1:])
