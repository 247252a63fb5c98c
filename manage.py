#!/usr/bin/env python
"""Django's command line."""

import gc
import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "costops.settings")
    if "migrate" in sys.argv:
        # It makes millions of objects that stay: a quarter of its time was looking
        # whether they are still needed.
        gc.set_threshold(100_000, 50, 100)
    execute_from_command_line(sys.argv)
