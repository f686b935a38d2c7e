"""The layer measurements of all trials in one table."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.comparison.histories import label_rows
from dnn_sweep.core.comparison.scores import tabulate_trials
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.layer_measurements import Measurement
from dnn_sweep.core.training.results import TrialResult

FIGURES = (*Measurement._fields, "update_ratio")
IDENTITY = ("trial_id", "combination", "activation", "optimizer", "learning_rate", "seed")
COLUMNS = (*IDENTITY, "epoch", "layer", "layer_activation", *FIGURES)
OUTPUT_LAYER = "output"


def collect_diagnostics(plan: TrialPlan, results: Mapping[str, TrialResult]) -> pd.DataFrame:
    """Join what was measured in every trial.

    Returns:
        One row per trial, measured epoch and layer, with ``COLUMNS``; ``activation`` is the grid's,
        ``layer_activation`` the layer's own. Trials without measurements have no rows.
    """
    trials: list[Trial] = []
    tables: list[pd.DataFrame] = []
    for trial in plan.trials:
        measured = results[trial.id].diagnostics
        if measured is not None:
            own = {layer.name: layer.activation for layer in trial.network.hidden}
            own[OUTPUT_LAYER] = trial.network.output_activation
            tables.append(measured.assign(layer_activation=measured["layer"].map(own)))
            trials.append(trial)
    if not trials:
        return pd.DataFrame(columns=list(COLUMNS))
    return label_rows(tabulate_trials(trials, IDENTITY), tables)[list(COLUMNS)]
