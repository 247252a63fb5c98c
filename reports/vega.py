"""Writes the script that draws charts: a process that `reports.bundle` starts."""

import sys

import vl_convert

# As pages find them.
_GLOBALS = """
window.vegaEmbed = vegaEmbed;
window.vegaLite = vegaLite;
window.vega = vega;
"""

sys.stdout.write(vl_convert.javascript_bundle(_GLOBALS))
