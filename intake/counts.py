"""What token counts mean whose sender may count some of them apart. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ledger.quantities import CACHED_PARTS, INPUT_PARTS, OUTPUT_PARTS, WRITES


class Counts(NamedTuple):
    """Token counts as they were told; None where one was not."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    total: int | None = None


class Reading(NamedTuple):
    """What they mean: input with the cached tokens, output with the reasoning ones.

    `adds_up` is False where there is a total and no reading of the parts gives it.
    """

    input: int | None
    output: int | None
    adds_up: bool = True


def read(
    counts: Counts, *, cached_apart: bool = False, reasoning_apart: bool = False
) -> Reading:
    """Make the input hold the cached tokens and the output the reasoning ones.

    Who passes on a provider's own numbers does not always: Anthropic counts cached
    tokens apart, Gemini and xAI the thoughts. The total decides, where there is one; a
    part that is larger than its whole is apart for certain. Where neither says, parts
    are inside, unless the sender is known to count them apart.
    """
    inside, out = counts.input or 0, counts.output or 0
    parts = (counts.cached or 0) + (counts.cache_write or 0)
    thoughts = counts.reasoning or 0
    ways_in = _ways(inside, parts, apart=cached_apart)
    ways_out = _ways(out, thoughts, apart=reasoning_apart)
    fitting = (
        (more_in, more_out)
        for more_out in ways_out
        for more_in in ways_in
        if inside + more_in + out + more_out == counts.total
    )
    found = next(fitting, None)
    more_in, more_out = found or (ways_in[0], ways_out[0])
    return Reading(
        inside + more_in if more_in else counts.input,
        out + more_out if more_out else counts.output,
        adds_up=counts.total is None or found is not None,
    )


def _ways(whole: int, parts: int, *, apart: bool) -> tuple[int, ...]:
    """Return what may have to be added to *whole*, the likeliest first."""
    if parts > whole:
        return (parts,)
    return (parts, 0) if apart else (0, parts)


def fitted(
    quantities: Mapping[str, int], counts: Counts, reading: Reading
) -> tuple[dict[str, int], str | None]:
    """Return the kinds that fit the tokens they are parts of, and what did not fit.

    Few tell how much of sound or images was cached. What has to be both, is.
    """
    found = dict(quantities)
    inside, cached = reading.input or 0, counts.cached or 0
    apart = _sum(found, INPUT_PARTS)
    if apart <= inside:
        _say_what_is_both(found, cached + (counts.cache_write or 0) + apart - inside)
    too_many: list[str] = []
    if _sum(found, WRITES) > (counts.cache_write or 0):
        too_many += WRITES
    if (
        apart > inside
        or _sum(found, CACHED_PARTS) > cached
        or any(
            found.get(both, 0) > found.get(of, 0) for both, of in CACHED_PARTS.items()
        )
    ):
        too_many += (*INPUT_PARTS, *CACHED_PARTS)
    if _sum(found, OUTPUT_PARTS) + (counts.reasoning or 0) > (reading.output or 0):
        too_many += OUTPUT_PARTS
    left_out = {kind: found.pop(kind) for kind in too_many if found.get(kind)}
    said = ", ".join(f"{amount} {kind}" for kind, amount in left_out.items())
    return found, f"more than there are tokens: {said}" if said else None


def _sum(found: Mapping[str, int], kinds: Iterable[str]) -> int:
    return sum(found.get(kind, 0) for kind in kinds)


def _say_what_is_both(found: dict[str, int], overlap: int) -> None:
    """Have so many tokens be cached and of another kind than text, where none are."""
    missing = overlap - _sum(found, CACHED_PARTS)
    for both, of in CACHED_PARTS.items():
        more = min(missing, found.get(of, 0) - found.get(both, 0))
        if more > 0:
            found[both] = found.get(both, 0) + more
            missing -= more
