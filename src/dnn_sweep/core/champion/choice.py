"""The choice of the champion."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.comparison.scores import (
    TrialScorer,
    finished_by_seed,
    results_of,
    trials_of,
)
from dnn_sweep.core.data.arrays import matrix_fingerprint
from dnn_sweep.core.data.folds import count_folds, fewest_training_rows
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.folds import refit_of
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
    folds: pd.DataFrame | None = None,
    objective: Objective | None = None,
) -> Trial:
    """Select the chosen combination's best trial on the validation rows; never a baseline.

    With folds it is the training on all rows outside the test split, with the seed whose networks
    of the folds were the best on average, for as many epochs as the combination's networks kept.
    Seeds that each have a fold of their own are scored on different rows, so it is the first one;
    :func:`~dnn_sweep.core.champion.refit.refit_networks` trains it.

    Raises:
        SweepError: If every trial of the sweep diverged.

    >>> trained = finals_plan, trial_results, validation_matrix, target_scaling
    >>> select_champion(leaderboard, *trained, evaluation).combination
    'relu + adam'
    """
    trials, true = trials_of(plan), validation_matrix[TARGET].to_numpy()
    given = true, true, target_scaling, folds  # no trial that diverged is scored
    judge = TrialScorer.of(objective, plan.trials[0], *given)

    def score(replicate: list[TrialResult]) -> float:
        if len(replicate) < count_folds(folds):
            return 0.0
        return judge.scorer.objective.sign * judge.value(replicate)

    for name in _by_preference(combinations_of(leaderboard), evaluation):
        finished = finished_by_seed(results_of(name, trials[name], results)).values()
        if finished:
            trial = max(finished, key=score)[0].trial
            if trial.fold is None or folds is None:
                return trial
            epochs = suggested_epochs([each for replicate in finished for each in replicate])
            data = matrix_fingerprint(validation_matrix, validation_matrix)
            rows = fewest_training_rows(folds, trial.inner), len(folds)
            return refit_of(trial, epochs, data, rows)
    raise SweepError(
        "every trial diverged, so there is no champion; lower the learning rates "
        "(grid.optimizers) or check the scaling of the data (scaling.numeric)"
    )


def suggested_epochs(results: Sequence[TrialResult]) -> int:
    """Mean epoch whose weights were kept, rounded: what the validation rows suggest.

    Where the weights of the last epoch are kept, these are all epochs.
    """
    return int(np.mean([each.best_epoch for each in results]) + 0.5)


def _by_preference(leaderboard: pd.DataFrame, evaluation: EvaluationParameters) -> list[str]:
    names = list(leaderboard["combination"])
    if evaluation.champion == "best":
        return names
    # What diverges now and then is often undecided, for too few seeds, and no bargain.
    tied = leaderboard[leaderboard["tied_with_best"] & (leaderboard["diverged"] == 0)]
    cheapest = tied.sort_values("seconds", kind="stable")["combination"]
    return list(dict.fromkeys([*cheapest, *names]))
