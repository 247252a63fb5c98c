"""One batch of records to the server, and what has become of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from llm_cost_ops.answers.usage import BatchReceipt
from llm_cost_ops.client import CostOpsClient
from llm_cost_ops.errors import ApiError, BadAnswerError
from llm_cost_ops.requests import Request, reads

log = logging.getLogger("llm_cost_ops")

_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode
PERMANENT = frozenset({400, 413, 415})  # of the batch as it is


class Delivered(NamedTuple):
    """Places of records: those that arrived, and those that never will."""

    arrived: list[int]
    refused: list[int]


class _Raw(Request[BatchReceipt]):
    """A batch whose records are JSON already."""

    @property
    def content(self) -> bytes:
        return bytes(self.body)


def deliver(client: CostOpsClient, lines: Sequence[bytes], timeout: float) -> Delivered:
    """Send records, each a line of JSON.

    Raises:
        CostOpsError: it has to be tried again, all of it.
    """
    body = b"[" + b",".join(lines) + b"]"
    request = _Raw("POST", "/api/v1/usage/batch", reads(BatchReceipt), body=body)
    try:
        receipt = client.send_once(request, timeout=timeout)
    except ApiError as error:
        if error.status not in PERMANENT:
            raise
        return _in_halves(client, lines, timeout, error)
    return _sorted_out(receipt, lines)


def _in_halves(
    client: CostOpsClient, lines: Sequence[bytes], timeout: float, error: ApiError
) -> Delivered:
    """Find the records that the server can't take, which sink all others."""
    if len(lines) == 1:
        log.error("a usage record is refused: %s: %s", error, shown(lines[0]))
        return Delivered([], [0])
    middle = len(lines) // 2
    first = deliver(client, lines[:middle], timeout)
    second = deliver(client, lines[middle:], timeout)
    return Delivered(
        first.arrived + [middle + place for place in second.arrived],
        first.refused + [middle + place for place in second.refused],
    )


def _sorted_out(receipt: BatchReceipt, lines: Sequence[bytes]) -> Delivered:
    refused = {each.index: each for each in receipt.rejected}
    answered = receipt.accepted + receipt.duplicates + len(refused)
    if answered != len(lines):
        raise BadAnswerError(f"{len(lines)} records sent, {answered} answered for.")
    for place, each in refused.items():
        problems = "; ".join(f"{one.attr}: {one.detail}" for one in each.errors)
        log.error("a usage record is refused: %s: %s", problems, shown(lines[place]))
    arrived = [place for place in range(len(lines)) if place not in refused]
    return Delivered(arrived, sorted(refused))


def line_of(record: dict[str, Any]) -> bytes:
    """Write a record as one line of JSON; what JSON does not know becomes text."""
    return _encode(record).encode()


def shown(line: bytes) -> str:
    return line[:200].decode(errors="replace")
