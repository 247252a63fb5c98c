"""Which smaller models a maker has beside a model, by their names. Pure.

Makers call the models of one generation by one name and a word for the size. That one
is smaller says that it costs less, not that it will do.
"""

import re
from collections.abc import Iterator

# From large to small; of two that a name has, the longer one counts.
_LADDERS = (
    ("opus", "sonnet", "haiku"),
    ("pro", "flash", "flash-lite"),
    ("premier", "pro", "lite", "micro"),
    ("large", "medium", "small"),
    ("405b", "70b", "8b"),
)
_ENDINGS = ("mini", "nano")
_MORE = "-pro"  # more of the same model


def smaller_than(model: str) -> Iterator[str]:
    """Yield what smaller models of the generation of *model* may be called, the largest
    first; there need not be any."""
    if ending := next((one for one in _ENDINGS if model.endswith(f"-{one}")), None):
        base = model.removesuffix(f"-{ending}")
        rest = _ENDINGS[_ENDINGS.index(ending) + 1 :]
        yield from (f"{base}-{one}" for one in rest)
        return
    for ladder in _LADDERS:
        word = next(
            (one for one in sorted(ladder, key=len)[::-1] if _has(model, one)), ""
        )
        for smaller in ladder[ladder.index(word) + 1 :] if word else ():
            yield _pattern(word).sub(smaller, model)
    if model.endswith(_MORE):
        yield model.removesuffix(_MORE)
    yield from (f"{model}-{ending}" for ending in _ENDINGS)


def _has(model: str, word: str) -> bool:
    return _pattern(word).search(model) is not None


def _pattern(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])")
