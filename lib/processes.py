"""Processes that don't outlive the one that started them."""

import ctypes
import os
import signal

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, see prctl(2)


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
