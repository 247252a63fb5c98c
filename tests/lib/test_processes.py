"""Processes end with the one that started them, however that ended."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.processes import leave_to_stay

ROOT = Path(__file__).resolve().parents[2]
# Starts a child that starts another; both say who they are and would stay for a minute.
PROGRAM = """
import os, time
from lib.processes import children_die_with_parents
children_die_with_parents()
if not os.fork():
    os.fork()
    os.write(1, b"%d\\n" % os.getpid())
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own way")
def test_children_of_children_end_with_a_process_that_was_killed() -> None:
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    children = [int(started.stdout.readline()) for _ in range(2)]

    started.send_signal(signal.SIGKILL)
    started.wait()
    started.stdout.close()

    ends = time.monotonic() + 10
    while any(map(is_alive, children)) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not any(map(is_alive, children))


def test_the_collector_passes_over_what_stays() -> None:
    """Else it stops all threads of a server, for a tenth of a second each time."""
    stays = [[number] for number in range(1_000)]

    leave_to_stay()

    looked_at = {id(one) for one in gc.get_objects()}
    assert looked_at.isdisjoint(map(id, stays))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # What nobody has waited for yet is dead all the same.
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
