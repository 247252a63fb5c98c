"""Writes the script that draws charts: a process that `reports.bundle` starts."""

import sys

import vl_convert

sys.stdout.write(vl_convert.javascript_bundle())  # type: ignore[call-arg]  # may be left out
