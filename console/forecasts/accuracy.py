"""How well a budget's forecasts do, in words and as a picture."""

from itertools import dropwhile

from console.drawings import Picture
from console.forecasts.figures import CONFIDENCE, SURER, Foreseen
from forecasts.backtests import LEAST_DAYS, Accuracy, PastForecast
from forecasts.records import TRIED_DAYS, tried_of
from reports.charts import ranges_chart
from reports.figures import Range

_AROUND = 60  # pixels of a picture beside its lines
_LINE = 30


def tried(found: Foreseen) -> Accuracy:
    """Return how forecasts as this one would have done so far."""
    days = list(dropwhile(lambda cost: not cost, found.days[:-1][-TRIED_DAYS:]))
    return tried_of(found.ahead, days)


def sentences_of(found: Foreseen, own: Accuracy, told: Accuracy) -> list[str]:
    """Say how well the budget's forecasts do."""
    if own.forecasts:
        days = own.forecasts[0].days
        about = "a day" if days == 1 else f"{days} days"
        of_own = f"Tried on its own history, of {about} each: {_did(found, own)}"
    else:
        of_own = (
            "There is not enough data to try forecasts on its own history: more than "
            f"{LEAST_DAYS} days are needed."
        )
    if told.forecasts:
        of_told = f"As they were told in the middle of its periods: {_did(found, told)}"
    else:
        of_told = "No period is over yet of which a forecast was kept."
    return [of_own, of_told]


def _did(found: Foreseen, accuracy: Accuracy) -> str:
    count, share = len(accuracy.forecasts), found.writer.share
    text = (
        f"of {count} such forecasts {accuracy.held} held with {share(CONFIDENCE)} "
        f"certainty, {accuracy.held_surely} with {share(SURER)}"
    )
    if accuracy.error is None:
        return f"{text}."
    return f"{text}; the median error was {share(round(accuracy.error, 3))}."


def tried_picture(found: Foreseen, own: Accuracy) -> Picture:
    """Draw each forecast that was tried, and what came."""
    ranges = [_range(found, one) for one in own.forecasts]
    sure = found.writer.share(CONFIDENCE)
    money = found.writer.money
    return Picture(
        name="co-tried",
        title="Forecasts tried on its history",
        words=(
            f"Each line is where the cost was to lie with {sure} certainty, the point "
            "what was expected, the ring what came."
        ),
        spec=ranges_chart(ranges, currency=found.budget.currency),
        height=_AROUND + _LINE * len(ranges),
        columns=("From", "Expected", "At least", "At most", "Came", "Held"),
        rows=[
            (
                one.name,
                money(one.middle),
                money(one.lower),
                money(one.upper),
                money(one.outcome),
                "yes" if past.held else "no",
            )
            for one, past in zip(ranges, own.forecasts, strict=True)
        ],
    )


def _range(found: Foreseen, one: PastForecast) -> Range:
    money, name = found.writer.money, found.writer.day(one.made_on)
    lower, upper = one.likely
    words = (
        f"{name}: {money(one.expected)} expected, {money(lower)} to {money(upper)}; "
        f"{money(one.came)} came"
    )
    return Range(name, one.expected, lower, upper, one.came, words)
