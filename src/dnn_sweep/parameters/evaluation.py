"""How combinations are compared (``params:evaluation``)."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from dnn_sweep.parameters.base import Fraction, Parameters


class EvaluationParameters(Parameters):
    """How results are compared (``params:evaluation``).

    Args:
        confidence: Level of every interval.
        resamples: Bootstrap resamples behind every interval.
        seed: Seed of the bootstrap.
        calibration_bins: Bins of the expected calibration error.
        equivalence_margin: How much worse than the best still counts as practically the same:
            accuracy as a share of the rows (0.005 is half a percentage point), a regression's
            error as a share of the error of always predicting the median. What a difference is
            worth only the user knows, so it is 0 unless stated.
        champion: ``best`` takes the first of the leaderboard, ``cheapest_tied`` the one that
            trains fastest among those tied with it.
    """

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100)] = 1000
    seed: NonNegativeInt = 0
    calibration_bins: PositiveInt = 15
    equivalence_margin: Fraction = 0.0
    champion: Literal["best", "cheapest_tied"] = "best"
