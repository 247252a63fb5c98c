"""Processes that end with the one that started them, and when they are asked to."""

import ctypes
import gc
import os
import signal
from mmap import mmap
from threading import Timer

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, see prctl(2)
_asked = mmap(-1, 1)  # shared with every process forked from this one


def die_with(parent: int) -> None:
    """Have the kernel end this process when *parent*, which started it, does.

    However that happens: killed, it tells nobody. Where the kernel can't, all stays as
    it is.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        return
    prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was quicker
        os.kill(os.getpid(), signal.SIGKILL)


def children_die_with_parents() -> None:
    """Have all processes that are forked from now on, and theirs, `die_with` it."""
    parents = [os.getpid()]
    os.register_at_fork(
        before=lambda: parents.append(os.getpid()),
        after_in_child=lambda: die_with(parents[-1]),
    )


def leave_to_stay() -> None:
    """Have the collector of garbage pass over all there is now: code, URLs, settings.

    Looking at all of it takes a tenth of a second in which no thread of the process
    does anything, every few hundred requests and several times in a large one.
    """
    gc.collect()
    gc.freeze()


def ask_to_stop() -> None:
    """Have this process, and all that were forked from it, begin nothing new."""
    _asked[0] = 1


def is_asked_to_stop() -> bool:
    return bool(_asked[0])


def children_leave_sigterm_to_their_parent() -> None:
    """Have all processes that are forked from now on hold SIGTERM back.

    A supervisor may send it to each of them; who started them ends them in order.
    """
    os.register_at_fork(
        after_in_child=lambda: signal.pthread_sigmask(
            signal.SIG_BLOCK, [signal.SIGTERM]
        )
    )


def end_within(seconds: float) -> None:
    """Have this process take SIGTERM, and still be there for *seconds* after it."""

    def end_later(*_: object) -> None:
        timer = Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGTERM, end_later)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
