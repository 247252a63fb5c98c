"""Models that are called alike, for want of a price of one's own. Pure.

A name says who made a model and of which generation it is; it does not say what it
costs. So what is found here is suggested to people, and applied by nobody.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PARTS = re.compile(r"[-_./:@ ]+")
_DATE = re.compile(r"20\d{2}[-_.]?(?:[01]\d[-_.]?[0-3]\d)?|\d{4,8}|latest|preview|exp")
# Words for a size: of two models one of which has such a word, one is much cheaper.
_SIZES = frozenset(
    (
        *("mini", "nano", "micro", "small", "medium", "large", "lite", "flash"),
        *("pro", "turbo", "opus", "sonnet", "haiku"),
    )
)
MOST = 3


@dataclass(frozen=True, slots=True)
class SimilarModel:
    """A model that is called alike, and in which way."""

    provider: str
    model: str
    why: str


def similar_to(
    provider: str, model: str, known: Iterable[tuple[str, str]]
) -> list[SimilarModel]:
    """Return what of the *known* pairs of provider and model is called like *model*,
    the most alike first, MOST at most.

    Alike are names that begin with the same words, at least half of them, and name the
    same size.
    """
    wanted = _words(model)
    found = []
    for maker, name in known:
        words = _words(name)
        shared = _shared(wanted, words)
        if not _is_alike(wanted, words, shared):
            continue
        is_same = words == wanted
        why = (
            "the same but for its date"
            if is_same
            else f"begins with {'-'.join(wanted[:shared])}"
        )
        if maker != provider:
            why += f", by {maker}"
        rank = (not is_same, maker != provider, -shared, len(words), name)
        found.append((rank, SimilarModel(maker, name, why)))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])[:MOST]]


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name, without who else's it is and its date."""
    last = name.lower().rpartition("/")[2]
    undated = _DATE.sub("", last) or last
    return tuple(filter(None, _PARTS.split(undated)))


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return how many words both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    longest = min(len(one), len(other))
    return next((place for place, (mine, its) in pairs if mine != its), longest)


def _is_alike(one: tuple[str, ...], other: tuple[str, ...], shared: int) -> bool:
    is_half = shared > 0 and 2 * shared >= max(len(one), len(other))
    return is_half and _SIZES & {*one} == _SIZES & {*other}
