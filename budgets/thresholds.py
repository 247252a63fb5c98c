"""Shares of a budget's limit at which people are told, and what is held against them.

Pure: how `Budget.alerts` keeps them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

USUAL_PROBABILITY = Decimal("0.5")  # of a forecast, where nothing else is said


class Basis(StrEnum):
    """What is held against a share of the limit."""

    SPENT = "spent"
    COMMITTED = "committed"  # spent, and set aside for calls that are not booked yet
    FORECAST = "forecast"  # spent by the period's end, with a probability


@dataclass(frozen=True, slots=True)
class ShareWatched:
    """A share of the limit that a budget is watched for."""

    share: Decimal
    channels: tuple[str, ...] = ()  # types or names; empty: the usual ones
    basis: Basis = Basis.SPENT
    probability: Decimal | None = None  # of a forecast alone: from which it tells

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """Read an entry of `Budget.alerts`."""
        basis = Basis(saved.get("basis", Basis.SPENT))
        likely = saved.get("probability", USUAL_PROBABILITY)
        return cls(
            # Through text: the float 0.8 is a little more than 0.8.
            Decimal(str(saved["threshold"])),
            tuple(saved.get("channels", ())),
            basis,
            Decimal(str(likely)) if basis is Basis.FORECAST else None,
        )

    @property
    def saved(self) -> dict[str, Any]:
        """The entry that `of` reads; what is usual is left out."""
        entry: dict[str, Any] = {
            "threshold": f"{self.share.normalize():f}",
            "channels": list(self.channels),
        }
        if self.basis is not Basis.SPENT:
            entry["basis"] = self.basis.value
        if self.probability is not None:
            entry["probability"] = f"{self.probability.normalize():f}"
        return entry


def shares_of(saved: Iterable[Mapping[str, Any]], basis: Basis) -> tuple[Decimal, ...]:
    """Return the shares that *basis* is held against, as they are written down."""
    watched = map(ShareWatched.of, saved)
    return tuple(one.share for one in watched if one.basis is basis)
