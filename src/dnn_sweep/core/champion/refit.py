"""The network that is served after a cross-validation: trained on all rows but the test rows."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.data.folds import rows_by_fold
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.engine import build_engines
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import LoggingParameters


def train_refit(
    champion_trial: Trial,
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    train_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    folds: pd.DataFrame,
    logs: LoggingParameters,
) -> TrialResult:
    """Train the champion on all rows of the cross-validation; without folds it is trained already.

    Returns:
        The trained champion. Its outputs are those of the networks of the folds, of which none
        was trained on the rows that it scores; figures of the network itself on these rows would
        flatter it. In its history, ``val_loss`` and the like are of the rows it was trained on.

    >>> settings = train_matrix, target_scaling, folds, logs
    >>> train_refit(champion_trial, finals_plan, trial_results, *settings).trial.combination
    'relu + adam'
    """
    if champion_trial.id in results:
        return results[champion_trial.id].of(champion_trial)
    unit = target_scaling.scale, target_scaling.mean
    data = TrainingData.from_matrices(train_matrix, train_matrix, *unit)
    (engine,) = build_engines("keras")  # for a single network the fastest
    given = data, TrainingProgress(), logs, "keras: one network on all rows"
    (result,) = engine.train([champion_trial], *given, measured=True)
    return replace(result, outputs=_outputs_of_folds(champion_trial, plan, results, folds))


def _outputs_of_folds(
    champion: Trial, plan: TrialPlan, results: Mapping[str, TrialResult], folds: pd.DataFrame
) -> NDArray[np.float32]:
    """Join what the champion's networks return for the rows of their folds, in the rows' order."""
    validated = rows_by_fold(folds)
    parts = {
        trial.fold: results[trial.id].outputs
        for trial in plan.trials
        if trial.combination == champion.combination and trial.seed == champion.seed
    }
    first = next(iter(parts.values()))
    outputs = np.empty((len(folds), first.shape[1]), np.float32)
    for fold, part in parts.items():
        outputs[validated[fold or 0]] = part
    return outputs
