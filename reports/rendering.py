"""Drawing charts without a browser."""

from reports.layers import Spec
from reports.themes import HATCH, INK, Theme, config_of

WIDTH = 720  # pixels
# Strokes, for what has no colour of its own on paper; they are told from solid in grey.
_PATTERN = (
    f'<defs><pattern id="{HATCH}" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<rect width="5" height="5" fill="#ffffff"/>'
    f'<path d="M-1 1 1 -1M0 5 5 0M4 6 6 4" stroke="{INK}" stroke-width="1.2"/>'
    "</pattern></defs>"
)


def svg_of(spec: Spec, theme: Theme, *, width: int = WIDTH) -> str:
    """Draw *spec* as SVG.

    The library is loaded when the first chart is drawn: it takes a second and 90 MB,
    which processes that draw none should not pay for.

    Raises:
        ValueError: it is no chart.
    """
    import vl_convert

    whole = spec | {"config": config_of(theme)}
    if "width" in spec:
        whole["width"] = width
    drawn: str = vl_convert.vegalite_to_svg(whole)
    if theme is Theme.PRINT:
        head, bracket, rest = drawn.partition(">")
        return f"{head}{bracket}{_PATTERN}{rest}"
    return drawn
