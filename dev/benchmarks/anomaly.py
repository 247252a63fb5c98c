"""The anomaly detector as a scoring harness calls it: causal, one score a point."""

from collections.abc import Mapping, Sequence
from typing import Any

from forecasts.detectors import WINDOW, usual_of


class Daily:
    """Scores series of daily spend: 1 or more is unusual at medium sensitivity."""

    name = "ours"

    def detect_series(
        self, values: Sequence[float], meta: Mapping[str, Any], sensitivity: float
    ) -> list[float]:
        """Return the score of each point, from what came before it alone."""
        season = meta["season"] if meta["freq"] == "daily" else 1
        points = [float(value) for value in values]
        scores = []
        for place, cost in enumerate(points):
            usual = usual_of(points[max(place - WINDOW, 0) : place], season=season)
            scores.append(usual.band().score(cost) * sensitivity if usual else 0.0)
        return scores
