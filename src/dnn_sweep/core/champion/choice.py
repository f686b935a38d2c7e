"""The choice of the champion."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.comparison.scores import results_of, row_scores, trials_of
from dnn_sweep.core.data.preprocessing import TARGET
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
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    evaluation: EvaluationParameters,
) -> Trial:
    """Select the chosen combination's best trial on the validation rows; never a baseline.

    Raises:
        SweepError: If every trial of the sweep diverged.

    >>> trained = finals_plan, trial_results, validation_matrix, target_scaling
    >>> select_champion(leaderboard, *trained, evaluation).combination
    'relu + adam'
    """
    trials, true = trials_of(plan), validation_matrix[TARGET].to_numpy()
    sign = objective_of(plan.trials[0].task).sign

    def score(result: TrialResult) -> float:
        return float(sign * row_scores(result, true, 0, target_scaling).mean())

    for name in _by_preference(combinations_of(leaderboard), evaluation):
        group = results_of(name, trials[name], results)
        finished = [result for result in group if result.status == "completed"]
        if finished:
            return max(finished, key=score).trial
    raise SweepError(
        "every trial diverged, so there is no champion; lower the learning rates "
        "(grid.optimizers) or check the scaling of the data (scaling.numeric)"
    )


def _by_preference(leaderboard: pd.DataFrame, evaluation: EvaluationParameters) -> list[str]:
    names = list(leaderboard["combination"])
    if evaluation.champion == "best":
        return names
    # What diverges now and then is often undecided, for too few seeds, and no bargain.
    tied = leaderboard[leaderboard["tied_with_best"] & (leaderboard["diverged"] == 0)]
    cheapest = tied.sort_values("seconds", kind="stable")["combination"]
    return list(dict.fromkeys([*cheapest, *names]))
