"""The diagnostics of a whole sweep in one table."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult

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
    tables: list[pd.DataFrame] = []
    identities: list[dict[str, Any]] = []
    activations: list[str] = []
    for trial in plan.trials:
        measured = results[trial.id].diagnostics
        if measured is None:
            continue
        tables.append(measured)
        identity = {"trial_id": trial.id, **{name: getattr(trial, name) for name in IDENTITY[1:]}}
        identities += [identity] * len(measured)
        of_layer = {layer.name: layer.activation for layer in trial.network.hidden}
        of_layer[OUTPUT_LAYER] = trial.network.output_activation
        activations += [of_layer[name] for name in measured["layer"]]
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    joined = pd.concat([pd.DataFrame(identities), pd.concat(tables, ignore_index=True)], axis=1)
    return joined.assign(layer_activation=activations)[list(COLUMNS)]
