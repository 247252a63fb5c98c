"""pytest, with its frames in one chunk: `python -m tests.running.roomy ARGUMENT ...`.

A test begins some 40 calls deep, so that chunks end in the midst of what it does; with
room for all it takes a tenth less.
"""

import sys

import pytest

from lib.frames import with_room

if __name__ == "__main__":
    sys.exit(with_room(pytest.main)())
