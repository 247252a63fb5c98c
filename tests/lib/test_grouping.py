"""Work that shares a transaction: what one brings can fail only its own."""

from collections.abc import Sequence
from threading import Barrier, Thread

from lib.grouping import Together


def test_what_spoils_a_shared_transaction_fails_alone() -> None:
    together = Barrier(8)
    answers: dict[int, object] = {}

    def work(_: str, items: Sequence[int]) -> Sequence[int]:
        if 3 in items:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        return [item * 10 for item in items]

    shared: Together[str, int, int] = Together(work, most=100)

    def ask(item: int) -> None:
        together.wait()
        for _ in range(200):
            try:
                answers[item] = list(shared.do("acme", [item]))
            except UnicodeEncodeError:
                answers[item] = "failed"

    threads = [Thread(target=ask, args=(item,)) for item in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {
        item: "failed" if item == 3 else [item * 10] for item in range(8)
    }
