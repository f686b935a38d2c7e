"""The layer measurements of all trials in one table."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.comparison.histories import label_rows
from dnn_sweep.core.comparison.scores import tabulate_trials
from dnn_sweep.core.networks.network import Network
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
        ``layer_activation`` the layer's own; with folds, ``fold`` follows ``seed``. Trials without
        measurements have no rows.
    """
    trials: list[Trial] = []
    tables: list[pd.DataFrame] = []
    for trial in plan.trials:
        measured = results[trial.id].diagnostics
        if measured is not None:
            names = measured["layer"].tolist()
            own = pd.array([_activation(trial.network, name) for name in names], dtype=object)
            tables.append(measured.assign(layer_activation=own))
            trials.append(trial)
    if not trials:
        return pd.DataFrame(columns=list(COLUMNS))
    folds = ("fold",) if trials[0].fold is not None else ()
    identities = tabulate_trials(trials, (*IDENTITY, *folds))
    return label_rows(identities, tables)[[*IDENTITY, *folds, *COLUMNS[len(IDENTITY) :]]]


def _activation(network: Network, layer: str) -> str | None:
    """A measured layer's activation; ``None`` in a network that a function builds."""
    own = {each.name: each.activation for each in network.layers}
    own[OUTPUT_LAYER] = network.output_activation
    block = layer.partition("_")[0]  # the layers of an Inception block are named after it
    return own.get(layer, own.get(block))
