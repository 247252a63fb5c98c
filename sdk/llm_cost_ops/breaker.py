"""Does not ask a server that is away at every call, only now and then."""

from __future__ import annotations

import threading
import time

FIRST_S = 1.0
LONGEST_S = 30.0


class Breaker:
    """After a failure nobody asks for a while; then one does, on trial."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0  # nobody asks before, by the monotonic clock
        self._pause = 0.0  # 0: all is well
        self._is_on_trial = False

    def may_ask(self) -> bool:
        """Tell whether to ask; after a pause one may, and the others wait for it."""
        if not self._pause:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                return False
            self._until = now + self._pause
            self._is_on_trial = True
            return True

    def succeeded(self) -> None:
        if self._pause:
            with self._lock:
                self._pause = self._until = 0.0

    def failed(self) -> None:
        with self._lock:
            if self._pause and not self._is_on_trial:
                return  # one of many that failed together
            self._is_on_trial = False
            self._pause = min(max(self._pause * 2, FIRST_S), LONGEST_S)
            self._until = time.monotonic() + self._pause
