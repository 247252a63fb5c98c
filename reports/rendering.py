"""Drawing charts without a browser."""

from reports.layers import Spec
from reports.themes import Theme, config_of

WIDTH = 720  # pixels


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
    return vl_convert.vegalite_to_svg(whole)
