"""Which calls of a trace are billed, so that what was used is billed once. No rows.

Several spans may tell of the same tokens: an agent's those of all the calls it made, a
framework's those of the provider's own client below it. What counts first, stays; a
later span that repeats it is not billed. The rules are in docs/otlp.md.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from intake.otlp.kinds import Kind
from intake.otlp.spans import Call

MOST_DEPTH = 64  # ancestors of a span that are looked at
SLACK = 1_000_000_000  # ns that the clocks of two machines may differ by


@dataclass(frozen=True, slots=True)
class _Line:
    """A call's ancestors, nearest first, as far as they are known.

    `lost_at` is the id of the first that is not known; "" when the root was reached.
    """

    ids: tuple[str, ...]
    lost_at: str


class Trace:
    """The calls of one trace that count so far, to find those that repeat them."""

    def __init__(self, parents: dict[str, str], booked: Sequence[Call] = ()) -> None:
        """Begin with what is *booked*, and the *parents* of an export's spans."""
        self._parents = {call.span_id: call.parent_id for call in booked} | parents
        self._calls: dict[str, Call] = {}
        self._responses: set[str] = set()
        self._below: defaultdict[str, list[Call]] = defaultdict(list)
        # When calls began, sorted: of those whose line is lost, under where it is lost,
        # and under "" all of them. Embeddings are no part of what an agent sums up.
        self._adrift: defaultdict[str, list[int]] = defaultdict(list)
        self._agents: dict[str, tuple[Call, _Line]] = {}
        for call in booked:
            self.count(call)
            if call.kind is Kind.AGENT:
                # Those of this export come last: what they sum up was judged before.
                self._agents[call.span_id] = call, self._line_of(call)

    def count(self, call: Call) -> None:
        """Let *call* count: what repeats it is not billed."""
        line = self._line_of(call)
        self._calls[call.span_id] = call
        if call.response_id:
            self._responses.add(call.response_id)
        for ancestor in line.ids:
            self._below[ancestor].append(call)
        if line.lost_at and call.kind is not Kind.EMBEDDINGS:
            insort(self._adrift[line.lost_at], call.start)
            insort(self._adrift[""], call.start)

    def is_counted(self, call: Call) -> bool:
        return call.span_id in self._calls

    def is_repeat(self, call: Call) -> bool:
        """Tell whether what *call* used is counted already, by another one."""
        if call.response_id in self._responses:
            return True
        line = self._line_of(call)
        if call.kind is Kind.AGENT:
            return self._sums_up(call, line) or self._is_summed_up(call, line)
        if call.kind is Kind.INFERENCE and self._is_summed_up(call, line):
            return True
        return self._wraps(call) or self._is_wrapped(call, line)

    def order_of(self, call: Call) -> tuple[bool, int, int]:
        """Return when to judge *call*: before what is around it, and agents last.

        For those are billed only where nothing else is.
        """
        depth = len(self._line_of(call).ids)
        return call.kind is Kind.AGENT, -depth, call.end - call.start

    def _sums_up(self, agent: Call, line: _Line) -> bool:
        """Tell whether a call that counts is below *agent*, or may well be."""
        below = self._below.get(agent.span_id, ())
        if any(call.kind is not Kind.EMBEDDINGS for call in below):
            return True
        # Lost at the same span, both are known down from there: it is not below.
        return self._begun(agent, "") > (
            self._begun(agent, line.lost_at) if line.lost_at else 0
        )

    def _begun(self, agent: Call, lost_at: str) -> int:
        """Count the calls lost at *lost_at* that began while *agent* ran."""
        starts = self._adrift.get(lost_at, ())
        return bisect_right(starts, agent.end + SLACK) - bisect_left(
            starts, agent.start - SLACK
        )

    def _is_summed_up(self, call: Call, line: _Line) -> bool:
        """Tell whether an agent above *call* counts, or one that may well be."""
        if not self._agents:
            return False
        if any(ancestor in self._agents for ancestor in line.ids):
            return True
        return any(
            line.lost_at not in {"", of_agent.lost_at}
            and agent.start - SLACK <= call.start <= agent.end + SLACK
            for agent, of_agent in self._agents.values()
        )

    def _wraps(self, call: Call) -> bool:
        """Tell whether *call* is a framework's account of calls that count."""
        below = [
            each
            for each in self._below.get(call.span_id, ())
            if each.kind is call.kind and not _are_different(each, call)
        ]
        if not below:
            return False
        # Without an operation it may be an agent, whose sum need not be exact.
        return not call.named or _tokens(call) == (
            sum(each.input_tokens for each in below),
            sum(each.output_tokens for each in below),
        )

    def _is_wrapped(self, call: Call, line: _Line) -> bool:
        above = (self._calls.get(ancestor) for ancestor in line.ids)
        return any(
            each.kind is call.kind
            and _tokens(each) == _tokens(call)
            and not _are_different(each, call)
            for each in above
            if each is not None
        )

    def _line_of(self, call: Call) -> _Line:
        ids: list[str] = []
        parent: str | None = call.parent_id
        while parent and parent not in ids and len(ids) < MOST_DEPTH:
            ids.append(parent)
            parent = self._parents.get(parent)
        return _Line(tuple(ids), "" if parent == "" else ids[-1])


def _tokens(call: Call) -> tuple[int, int]:
    return call.input_tokens, call.output_tokens


def _are_different(one: Call, other: Call) -> bool:
    """Tell that both name their response, and not the same: two calls for certain."""
    return "" not in {one.response_id, other.response_id} and (
        one.response_id != other.response_id
    )
