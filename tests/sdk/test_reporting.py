"""Records on their way: batches, a full buffer, a disk, a server that refuses."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llm_cost_ops import NoAnswerError, TrackerConfig
from llm_cost_ops.answers.usage import BatchReceipt, FieldProblem, Rejected
from llm_cost_ops.errors import BadRequestError
from llm_cost_ops.reporting.reporter import Reporter
from llm_cost_ops.reporting.spool import Spool
from llm_cost_ops.reporting.stats import Counter
from llm_cost_ops.requests import Request


class Ledger:
    """Stands in for the client: takes records, once by their ids."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.batches: list[int] = []
        self.answer: Callable[[list[Any]], BatchReceipt] = self.take

    def send_once(self, request: Request[Any], *, timeout: float) -> BatchReceipt:
        try:
            records = json.loads(request.content or b"")
        except ValueError as error:
            raise BadRequestError(400, "malformed", "Malformed JSON.") from error
        self.batches.append(len(records))
        return self.answer(records)

    def take(self, records: list[Any]) -> BatchReceipt:
        ids = {record["id"] for record in records} - self.known
        self.known |= ids
        return BatchReceipt(len(ids), len(records) - len(ids), ())


def away(records: list[Any]) -> BatchReceipt:
    raise NoAnswerError("away")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path, "http://costops.example", "key")


@pytest.fixture
def make(
    ledger: Any, spool: Spool
) -> Iterator[Callable[..., tuple[Reporter, Counter]]]:
    made: list[Reporter] = []

    def reporter(**choices: Any) -> tuple[Reporter, Counter]:
        counter = Counter()
        config = TrackerConfig(**{"flush_interval_s": 60, **choices})
        one = Reporter(ledger, spool, config, counter)
        made.append(one)
        return one, counter

    yield reporter
    for one in made:
        one.close(time.monotonic() + 5)


def soon() -> float:
    return time.monotonic() + 5


def numbered(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"r{number}"} for number in range(start, start + count)]


def test_records_are_sent_in_batches(make: Any, ledger: Ledger) -> None:
    reporter, counter = make(batch_size=40)
    for record in numbered(100):
        reporter.add(record)

    reporter.flush(soon())

    assert len(ledger.known) == 100
    assert max(ledger.batches) <= 40
    assert counter.snapshot().sent == 100


def test_who_waits_for_a_record_hears_of_its_arrival(make: Any) -> None:
    reporter, _ = make()
    arrived: list[int] = []
    reporter.add({"id": "r"}, lambda: arrived.append(1))

    reporter.flush(soon())

    assert arrived == [1]


def test_a_full_buffer_overflows_to_the_disk_and_loses_nothing(
    make: Any, ledger: Ledger
) -> None:
    ledger.answer = away
    reporter, counter = make(buffer_size=100, batch_size=10)

    for record in numbered(1_000):
        reporter.add(record)
    ledger.answer = ledger.take
    reporter.flush(soon())

    stats = counter.snapshot()
    assert len(ledger.known) == 1_000
    assert stats.sent + stats.replayed == 1_000
    assert stats.lost == 0


def test_a_refused_record_sinks_no_other_and_is_kept(
    make: Any, ledger: Ledger, tmp_path: Path
) -> None:
    problem = FieldProblem("timestamp", "out_of_range", "Too old.")

    def refuse_r3(records: list[Any]) -> BatchReceipt:
        refused = [n for n, record in enumerate(records) if record["id"] == "r3"]
        taken = ledger.take([r for r in records if r["id"] != "r3"])
        rejected = tuple(Rejected(n, "r3", (problem,)) for n in refused)
        return BatchReceipt(taken.accepted, taken.duplicates, rejected)

    ledger.answer = refuse_r3
    reporter, counter = make()
    for record in numbered(5):
        reporter.add(record)

    reporter.flush(soon())

    assert len(ledger.known) == 4
    assert counter.snapshot().rejected == 1
    (kept,) = tmp_path.rglob("rejected.jsonl")
    assert json.loads(kept.read_text()) == {"id": "r3"}


def test_a_batch_that_is_refused_as_a_whole_is_parted_until_the_culprit_is_found(
    make: Any, ledger: Ledger
) -> None:
    def refuse_all_with_r7(records: list[Any]) -> BatchReceipt:
        if any(record["id"] == "r7" for record in records):
            raise BadRequestError(400, "malformed", "What is that?")
        return ledger.take(records)

    ledger.answer = refuse_all_with_r7
    reporter, counter = make()
    for record in numbered(50):
        reporter.add(record)

    reporter.flush(soon())

    stats = counter.snapshot()
    assert (len(ledger.known), stats.sent, stats.rejected) == (49, 49, 1)


def test_an_answer_that_does_not_add_up_is_no_receipt(
    make: Any, ledger: Ledger
) -> None:
    ledger.answer = lambda records: BatchReceipt(0, 0, ())
    reporter, counter = make()
    reporter.add({"id": "r"})

    reporter.flush(soon())

    assert (counter.snapshot().sent, counter.snapshot().spooled) == (0, 1)


def test_what_a_slow_server_was_sent_is_on_disk_when_the_app_ends(
    make: Any, ledger: Ledger, spool: Spool
) -> None:
    def take_long(records: list[Any]) -> BatchReceipt:
        time.sleep(1)
        return ledger.take(records)

    ledger.answer = take_long
    reporter, counter = make(flush_interval_s=0.01)
    reporter.add({"id": "r"})
    while not ledger.batches:
        time.sleep(0.01)

    reporter.close(time.monotonic() + 0.1)

    assert counter.snapshot().spooled == 1
    assert [list(claim.lines()) for claim in spool.claimed()] == [[b'{"id":"r"}']]


def test_a_record_after_the_end_goes_to_the_disk(make: Any, spool: Spool) -> None:
    reporter, counter = make()
    reporter.close(soon())

    reporter.add({"id": "late"})

    assert counter.snapshot().spooled == 1
    spool.close()


def test_a_disk_that_takes_nothing_is_made_up_for_by_memory_and_then_told(
    make: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(self: Spool, lines: Any) -> None:
        raise OSError(28, "No space left on device")

    ledger.answer = away
    reporter, counter = make(buffer_size=10, batch_size=10)
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "write", no_room)
        for record in numbered(8):
            reporter.add(record)
        reporter.flush(soon())
        assert counter.snapshot().lost == 0
        for record in numbered(50, start=8):
            reporter.add(record)

    ledger.answer = ledger.take
    reporter.flush(soon())
    stats = counter.snapshot()
    assert stats.lost > 0
    assert stats.sent + stats.replayed + stats.lost == 58


def test_what_is_no_json_is_refused_at_once(make: Any) -> None:
    reporter, counter = make()
    circle: dict[str, Any] = {}
    circle["me"] = circle

    with pytest.raises(ValueError, match="Circular"):
        reporter.add(circle)
    reporter.add({"id": "r", "metadata": {"when": Path("x")}})  # becomes text

    assert counter.snapshot().recorded == 1


# -- The spool


def another(tmp_path: Path) -> Spool:
    return Spool(tmp_path, "http://costops.example", "key")


def test_a_file_that_is_being_written_is_nobody_elses(
    spool: Spool, tmp_path: Path
) -> None:
    spool.write([b"{}"])

    assert list(another(tmp_path).claimed()) == []
    assert [list(claim.lines()) for claim in spool.claimed()] == [[b"{}"]]


def test_a_file_is_sent_by_one_at_a_time(spool: Spool, tmp_path: Path) -> None:
    spool.write([b"{}"])
    spool.close()

    for claim in spool.claimed():
        assert list(another(tmp_path).claimed()) == []
        claim.done()

    assert another(tmp_path).is_empty()


def test_what_was_not_sent_is_there_again(spool: Spool, tmp_path: Path) -> None:
    spool.write([b'{"id":"a"}', b'{"id":"b"}'])
    for claim in spool.claimed():
        assert next(claim.lines())

    (again,) = another(tmp_path).claimed()

    assert not another(tmp_path).is_empty()
    del again


def test_a_last_line_that_was_cut_off_is_left_out(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool.write([b'{"id":"whole"}'])
    spool.close()
    (path,) = tmp_path.rglob("*.ready")
    path.write_bytes(path.read_bytes() + b'{"id":"cu')

    found = [list(claim.lines()) for claim in spool.claimed()]

    assert found == [[b'{"id":"whole"}']]
    assert "cut off" in caplog.text


def test_a_spoilt_line_sinks_no_other(make: Any, ledger: Ledger, spool: Spool) -> None:
    spool.write([b'{"id":"a"}', b"{nonsense", b'{"id":"b"}'])
    reporter, counter = make()

    reporter.flush(soon())

    assert ledger.known == {"a", "b"}
    assert counter.snapshot().rejected == 1


def test_records_for_another_server_are_none_of_its_business(
    spool: Spool, tmp_path: Path
) -> None:
    spool.write([b"{}"])
    spool.close()

    assert Spool(tmp_path, "http://other.example", "key").is_empty()
    assert Spool(tmp_path, "http://costops.example", "other").is_empty()
