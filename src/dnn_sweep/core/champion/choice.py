"""Which trial becomes the champion."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.comparison.scores import results_of, row_scores, trials_of
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters


def select_champion(
    leaderboard: pd.DataFrame,
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    validation_target: NDArray[np.generic],
    scaling: TargetScaling,
    evaluation: EvaluationParameters,
) -> Trial:
    """The chosen combination's best trial on the validation rows.

    Args:
        leaderboard: From :func:`rank_combinations`.
        plan: The sweep's trials.
        results: Their results by id.
        validation_target: Encoded targets of the validation rows.
        scaling: The target's unit.
        evaluation: Which combination is chosen.

    Raises:
        SweepError: If every trial of the sweep diverged.
    """
    trials = trials_of(plan)
    for name in _by_preference(leaderboard, evaluation):
        group = results_of(name, trials[name], results)
        finished = [result for result in group if result.status == "completed"]
        if finished:
            sign = objective_of(finished[0].trial.task).sign
            return max(
                finished,
                key=lambda r: sign * row_scores(r, validation_target, 0, scaling).mean(),
            ).trial
    raise SweepError(
        "every trial diverged, so there is no champion; lower the learning rates "
        "(grid.optimizers) or check the scaling of the data (scaling.numeric)"
    )


def _by_preference(leaderboard: pd.DataFrame, evaluation: EvaluationParameters) -> list[str]:
    """The combinations in the order in which they are to become the champion."""
    names = list(leaderboard["combination"])
    if evaluation.champion == "best":
        return names
    # What diverges now and then is tied for want of evidence; nobody wants it for its price.
    tied = leaderboard[leaderboard["tied_with_best"] & (leaderboard["diverged"] == 0)]
    cheapest = list(tied.sort_values("seconds", kind="stable")["combination"])
    return cheapest + [name for name in names if name not in cheapest]
