"""The baseline that is served in place of networks, if that was asked for and one is the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.comparison.baseline_models import calibrate_shares, predict_rows
from dnn_sweep.core.comparison.baselines import Baseline, fit_baseline
from dnn_sweep.core.data.preprocessing import scale_rows
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.parameters import EvaluationParameters, RegistrationParameters


@dataclass(frozen=True, eq=False)
class ServedBaseline:
    """A model of scikit-learn that is served; false where networks are served."""

    name: str = ""  # in the leaderboard
    model: Any = None  # takes scaled features; fitted on all rows outside the test split
    # What it predicted for the validation rows when fitted on training rows alone, as a network
    # would: probabilities, or one standardised value, per row.
    validated: NDArray[np.float32] | None = None

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self.name)

    def outputs(self, features: NDArray[np.float32], schema: Schema) -> NDArray[np.float32]:
        """Predict as a network does: probabilities, or one standardised value, per row."""
        return _as_outputs(*predict_rows(self.model, features, schema))


NO_BASELINE = ServedBaseline()


def leading_baseline(leaderboard: pd.DataFrame, registration: RegistrationParameters) -> str | None:
    """Name the baseline to serve: the leaderboard's first row, if it is one and may be served.

    Of equals the combination comes first, so a baseline that is only as good is not served.

    >>> leading_baseline(leaderboard, RegistrationParameters(champion="baseline"))
    """
    if registration.champion != "baseline" or leaderboard["kind"].iloc[0] != "baseline":
        return None
    return str(leaderboard["combination"].iloc[0])


def fit_served_baseline(
    leaderboard: pd.DataFrame,
    baselines: Sequence[Baseline],
    plan: TrialPlan,
    train_rows: pd.DataFrame,
    validation_rows: pd.DataFrame,
    preprocessor: Any,
    target_scaling: TargetScaling,
    schema: Schema,
    evaluation: EvaluationParameters,
    registration: RegistrationParameters,
    folds: pd.DataFrame | None = None,
) -> ServedBaseline:
    """Fit the best baseline on training and validation rows, if it is to be served.

    ``preprocessor`` and ``target_scaling`` are those of what is served, ``plan`` is of the finals.
    With ``folds`` both tables hold the same rows, which are fitted on once.

    Raises:
        SweepError: If the model cannot be fitted, such as a support vector machine with
            probabilities where a class has a single row.

    >>> rows = train_rows, validation_rows, served_preprocessor, served_scaling, schema
    >>> given = leaderboard, baselines, finals_plan, *rows, evaluation, registration
    >>> bool(fit_served_baseline(*given))
    False
    """
    name = leading_baseline(leaderboard, registration)
    if name is None:
        return NO_BASELINE
    best = next(each for each in baselines if each.name == name)
    once = folds is not None and len(folds)
    rows = validation_rows if once else pd.concat([train_rows, validation_rows])
    matrix = scale_rows(rows, preprocessor, target_scaling, schema)
    try:
        model = fit_baseline(best.spelling, matrix, plan, schema, evaluation.seed)
    except (ValueError, ArithmeticError, MemoryError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise SweepError(
            f"the baseline {name} cannot be fitted to be served: {said}; set "
            "registration.champion: ensemble to serve networks"
        ) from error
    shares = best.probabilities
    shares = None if shares is None else calibrate_shares(model, shares)
    return ServedBaseline(name, model, _as_outputs(best.predictions, shares))


def _as_outputs(
    predictions: NDArray[np.generic], probabilities: NDArray[np.float64] | None
) -> NDArray[np.float32]:
    if probabilities is None:
        return predictions.astype(np.float32)[:, np.newaxis]
    return probabilities.astype(np.float32)
