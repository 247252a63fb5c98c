"""Daily spend as it often is."""


def weekly(weeks: int, *, level: float = 100) -> list[float]:
    """Return weeks that are quiet on Saturdays and Sundays, a little uneven."""
    week = [1.0, 1.1, 1.05, 0.95, 1.0, 0.3, 0.2]
    return [
        level * share * (1 + 0.03 * ((place * 7) % 5 - 2))
        for place, share in enumerate(week * weeks)
    ]
