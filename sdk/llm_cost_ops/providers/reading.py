"""What token counts mean whose sender may count some of them apart. Pure.

The server reads those of spans and of other tools' logs in the same way.
"""

from __future__ import annotations

from typing import NamedTuple, Optional


class Reading(NamedTuple):
    """Input with the cached tokens, output with the reasoning ones.

    `adds_up` is False where there is a total that no reading of the parts gives.
    """

    input: int
    output: int
    adds_up: bool


def read(
    inside: int,
    out: int,
    *,
    cached: int,
    thoughts: int,
    total: Optional[int],
    thoughts_apart: bool = False,
) -> Reading:
    """Make the input hold the cached tokens and the output the reasoning ones.

    The total decides, where there is one; a part that is larger than its whole is
    apart for certain. Where neither says, the parts are inside, unless the provider is
    known to count them apart.
    """
    ways_in = _ways(inside, cached, apart=False)
    ways_out = _ways(out, thoughts, apart=thoughts_apart)
    for more_out in ways_out:
        for more_in in ways_in:
            if inside + more_in + out + more_out == total:
                return Reading(inside + more_in, out + more_out, adds_up=True)
    return Reading(inside + ways_in[0], out + ways_out[0], adds_up=total is None)


def _ways(whole: int, parts: int, *, apart: bool) -> tuple[int, ...]:
    """Return what may have to be added to *whole*, the likeliest first."""
    if parts > whole:
        return (parts,)
    return (parts, 0) if apart else (0, parts)
