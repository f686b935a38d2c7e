"""The node that says why combinations fail."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dnn_sweep.core.comparison.scores import no_skill_prediction
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.diagnosis.layer_tables import collect_diagnostics
from dnn_sweep.core.diagnosis.verdicts import judge_combinations
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult


def diagnose_combinations(
    trial_plan: TrialPlan,
    trial_results: Mapping[str, TrialResult],
    histories: pd.DataFrame,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every trial's diagnostics, and every combination's verdict.

    Args:
        trial_plan: The sweep's trials.
        trial_results: Their results by id.
        histories: One row a trial and epoch.
        train_matrix: Scaled training rows; their target says what no skill predicts.
        validation_matrix: Scaled validation rows; their target says how far that gets.
        target_scaling: The target's unit.

    Returns:
        One row a trial, measured epoch and layer; one row a combination.
    """
    task = trial_plan.trials[0].task
    diagnostics = collect_diagnostics(trial_plan, trial_results)
    target = validation_matrix[TARGET].to_numpy()
    predicted = no_skill_prediction(train_matrix[TARGET].to_numpy(), task)
    if task == "regression":
        no_skill = float(np.abs(target - predicted).mean()) * target_scaling.scale
    else:
        no_skill = float((target == predicted).mean())
    return diagnostics, judge_combinations(histories, diagnostics, objective_of(task), no_skill)
