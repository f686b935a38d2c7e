"""How combinations are compared (``params:evaluation``)."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from dnn_sweep.parameters.base import Fraction, Parameters


class EvaluationParameters(Parameters):
    """How combinations are compared (``params:evaluation``).

    Args:
        confidence: Confidence level of every interval.
        resamples: Bootstrap resamples, drawn with ``seed``.
        calibration_bins: Bins of the expected calibration error.
        equivalence_margin: Largest difference to the best that is practically irrelevant: in
            accuracy as a share of the rows (0.005 is half a percentage point), in a regression's
            error as a share of the error of always predicting the median. 0 by default, since
            only the user knows what a difference is worth.
        champion: ``best`` takes the first of the leaderboard, ``cheapest_tied`` the one that
            trains fastest among those tied with it.

    >>> EvaluationParameters(champion="cheapest_tied").confidence
    0.95
    """

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100)] = 1000
    seed: NonNegativeInt = 0
    calibration_bins: PositiveInt = 15
    equivalence_margin: Fraction = 0.0
    champion: Literal["best", "cheapest_tied"] = "best"
