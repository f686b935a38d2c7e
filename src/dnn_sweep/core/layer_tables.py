"""The diagnostics of a whole sweep in one table."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.results import TrialResult
from dnn_sweep.core.trials import TrialPlan

FIGURES = (
    "weight_gradient_norm",
    "signal_gradient_norm",
    "dead_units",
    "saturated",
    "update_ratio",
)
IDENTITY = ("trial_id", "combination", "activation", "optimizer", "learning_rate", "seed")
COLUMNS = (*IDENTITY, "epoch", "layer", "layer_activation", *FIGURES)
OUTPUT_LAYER = "output"


def collect_diagnostics(plan: TrialPlan, results: Mapping[str, TrialResult]) -> pd.DataFrame:
    """Put together what was measured of every trial of a plan.

    Args:
        plan: The sweep's trials.
        results: Their results by id.

    Returns:
        One row a trial, measured epoch and layer, with ``COLUMNS``; ``activation`` is the grid's,
        ``layer_activation`` the layer's own. Trials of which nothing was measured have no rows.
    """
    tables = []
    for trial in plan.trials:
        measured = results[trial.id].diagnostics
        if measured is None:
            continue
        activations = {layer.name: layer.activation for layer in trial.network.hidden}
        activations[OUTPUT_LAYER] = trial.network.output_activation
        tables.append(
            measured.assign(
                trial_id=trial.id,
                layer_activation=measured["layer"].map(activations),
                **{name: getattr(trial, name) for name in IDENTITY[1:]},
            )
        )
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]
