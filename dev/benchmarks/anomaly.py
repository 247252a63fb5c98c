"""The anomaly detector as a scoring harness calls it: causal, one score a point."""

from collections.abc import Mapping, Sequence
from typing import Any

from forecasts.detectors import DAYS, HOURS, WINDOW, usual_of


class Spend:
    """Scores days, or hours and less: 1 or more is unusual at medium sensitivity."""

    name = "ours"

    def detect_series(
        self, values: Sequence[float], meta: Mapping[str, Any], sensitivity: float
    ) -> list[float]:
        """Return the score of each point, from what came before it alone."""
        pace = DAYS if meta["freq"] == "daily" else HOURS
        points = [float(value) for value in values]
        scores = []
        for place, cost in enumerate(points):
            usual = usual_of(points[max(place - WINDOW, 0) : place], pace=pace)
            scores.append(usual.band().score(cost) * sensitivity if usual else 0.0)
        return scores
