"""A provider that answers as OpenAI and Anthropic do, on this machine."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

INPUT, CACHED, OUTPUT, REASONING = 1_000, 400, 50, 20
WORDS = ["Hello", " from", " a", " fake", " provider"]


@dataclass
class Provider:
    """Where it answers, what it was asked, and whether it is unwell."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    between_s: float = 0.0  # events of a stream
    slow_s: float = 0.0  # before it answers
    model: str = ""  # that answers; "": the one that is asked for
    usage: dict[str, Any] | None = None  # what it tells; None: as OpenAI would
    response_id: str | None = None  # None: a short one, the same each time

    def models(self) -> list[str]:
        return [str(body["model"]) for body in self.asked]


@contextmanager
def fake_provider() -> Iterator[Provider]:
    provider = Provider()

    class Handler(_Handler):
        told = provider

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    told: ClassVar[Provider]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = json.loads(self.rfile.read(length))
        self.told.asked.append(dict(body))
        body["answers_as"] = self.told.model or body["model"]
        if self.told.slow_s:
            time.sleep(self.told.slow_s)
        if self.told.status != 200:
            self._answer({"error": {"message": "unwell"}}, self.told.status)
        elif body.get("stream"):
            events = _events(self.path, body)
            self._stream([self._told(event) for event in events])
        else:
            self._answer(self._told(_whole(self.path, body)))

    def _told(self, event: dict[str, Any]) -> dict[str, Any]:
        event = _telling(event, self.told.usage)
        if self.told.response_id is not None:
            for part in (event, event.get("response"), event.get("message")):
                if isinstance(part, dict) and "id" in part:
                    part["id"] = self.told.response_id
        return event

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, events: list[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for event in events:
                kind = event.get("type")
                name = f"event: {kind}\n" if kind else ""
                self._event(f"{name}data: {json.dumps(event)}\n\n")
            self._event("data: [DONE]\n\n" if "messages" not in self.path else "")
        except OSError:
            pass  # whoever asked has gone away

    def _event(self, text: str) -> None:
        self.wfile.write(text.encode())
        self.wfile.flush()
        time.sleep(self.told.between_s)

    def log_message(self, *_: object) -> None:
        pass


def _telling(answer: dict[str, Any], usage: dict[str, Any] | None) -> dict[str, Any]:
    """Return *answer* with other usage, wherever it has some."""
    if usage is None:
        return answer
    told = dict(answer)
    if answer.get("usage"):
        is_sum_so_far = answer.get("type") == "message_delta"
        later = ("output_tokens", "server_tool_use")
        told["usage"] = {
            name: value
            for name, value in usage.items()
            if not is_sum_so_far or name in later
        }
    for name in ("message", "response"):
        if isinstance(answer.get(name), dict):
            told[name] = _telling(answer[name], usage)
    return told


def _whole(path: str, body: dict[str, Any]) -> dict[str, Any]:
    if path.endswith("/chat/completions"):
        return _chat(body)
    if path.endswith("/responses"):
        return _response(body)
    if path.endswith("/embeddings"):
        return _embeddings(body)
    return _message(body)


def _chat_usage() -> dict[str, Any]:
    return {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
        "completion_tokens_details": {"reasoning_tokens": REASONING},
    }


def _chat(body: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(WORDS)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["answers_as"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _chat_usage(),
    }


def _response_usage() -> dict[str, Any]:
    return {
        "input_tokens": INPUT,
        "output_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "input_tokens_details": {"cached_tokens": CACHED, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": REASONING},
    }


def _response(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": body["answers_as"],
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": _response_usage(),
    }


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "list",
        "model": body["answers_as"],
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
        "usage": {"prompt_tokens": INPUT, "total_tokens": INPUT},
    }


def _message_usage(output: int) -> dict[str, Any]:
    return {
        "input_tokens": INPUT - CACHED - 100,
        "cache_read_input_tokens": CACHED,
        "cache_creation_input_tokens": 100,
        "output_tokens": output,
    }


def _message(body: dict[str, Any], output: int = OUTPUT) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["answers_as"],
        "content": [{"type": "text", "text": "".join(WORDS)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": _message_usage(output),
    }


def _events(path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    if path.endswith("/chat/completions"):
        return _chat_events(body)
    if path.endswith("/responses"):
        return _response_events(body)
    return _message_events(body)


def _chat_events(body: dict[str, Any]) -> list[dict[str, Any]]:
    base = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["answers_as"],
    }
    events: list[dict[str, Any]] = []
    for word in WORDS:
        delta = {"role": "assistant", "content": word}
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        events.append({**base, "choices": [choice]})
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    events.append({**base, "choices": [last]})
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append({**base, "choices": [], "usage": _chat_usage()})
    return events


def _response_events(body: dict[str, Any]) -> list[dict[str, Any]]:
    begun = {**_response(body), "status": "in_progress", "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    events.append(
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {
                "type": "message",
                "id": "i",
                "role": "assistant",
                "status": "in_progress",
                "content": [],
            },
        }
    )
    events.append(
        {
            "type": "response.content_part.added",
            "item_id": "i",
            "output_index": 0,
            "content_index": 0,
            "part": {"type": "output_text", "text": "", "annotations": []},
        }
    )
    for word in WORDS:
        events.append(
            {
                "type": "response.output_text.delta",
                "item_id": "i",
                "output_index": 0,
                "content_index": 0,
                "logprobs": [],
                "delta": word,
            }
        )
    done = {"type": "output_text", "text": "".join(WORDS), "annotations": []}
    item = {
        "type": "message",
        "id": "i",
        "role": "assistant",
        "status": "completed",
        "content": [done],
    }
    events.append(
        {"type": "response.output_item.done", "output_index": 0, "item": item}
    )
    whole = {**_response(body), "output": [item]}
    events.append({"type": "response.completed", "response": whole})
    return [{**event, "sequence_number": n} for n, event in enumerate(events)]


def _message_events(body: dict[str, Any]) -> list[dict[str, Any]]:
    begun = {**_message(body, output=1), "content": [], "stop_reason": None}
    block = {"type": "text", "text": ""}
    return [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *[
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": word},
            }
            for word in WORDS
        ],
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": OUTPUT},
        },
        {"type": "message_stop"},
    ]
