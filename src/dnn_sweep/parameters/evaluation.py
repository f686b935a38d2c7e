"""How combinations are compared (``params:evaluation``)."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt

from dnn_sweep.parameters.base import Fraction, Parameters, listed

BaselineName = Literal["no_skill", "linear", "boosting", "support_vectors"]
BASELINES: tuple[BaselineName, ...] = get_args(BaselineName)


def _read_baselines(value: Any) -> Any:
    """Take one name as a list of it; refuse an unknown or repeated one."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return names
    if unknown := [name for name in names if name not in BASELINES]:
        raise ValueError(f"{unknown[0]!r} is unknown.{listed(unknown[0], BASELINES)}")
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise ValueError(f"evaluation.baselines lists {twice[0]} more than once")
    return names


class EvaluationParameters(Parameters):
    """How combinations are compared (``params:evaluation``).

    Args:
        objective: The metric that ranks, and that chooses learning rates and the champion: a scorer
            of scikit-learn that suits the task (``roc_auc``), or ``package.module:function`` of
            true targets and predictions, of which more is better. ``auto`` is the accuracy, for a
            regression the mean absolute error; where a class is rare, the average precision of the
            rarer one of two classes, or of more classes the balanced accuracy.
        confidence: Confidence level of every interval.
        resamples: Bootstrap resamples, drawn with ``seed``.
        calibration_bins: Bins of the expected calibration error.
        equivalence_margin: Largest difference to the best that is practically irrelevant: in
            accuracy as a share of the rows (0.005 is half a percentage point), in a regression's
            error as a share of the error of always predicting the median. 0 by default, since
            only the user knows what a difference is worth.
        champion: ``best`` takes the first of the leaderboard, ``cheapest_tied`` the one that
            trains fastest among those tied with it.
        baselines: Models without a deep network that stand in the leaderboard as well:
            ``no_skill`` always predicts the most frequent class or the median, ``linear`` is a
            logistic or ridge regression, ``boosting`` gradient-boosted trees and
            ``support_vectors`` a support vector machine with an RBF kernel. None if empty.

    >>> EvaluationParameters(champion="cheapest_tied").confidence
    0.95
    """

    objective: Annotated[str, Field(min_length=1)] = "auto"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100)] = 1000
    seed: NonNegativeInt = 0
    calibration_bins: PositiveInt = 15
    equivalence_margin: Fraction = 0.0
    champion: Literal["best", "cheapest_tied"] = "best"
    baselines: Annotated[tuple[BaselineName, ...], BeforeValidator(_read_baselines)] = BASELINES
