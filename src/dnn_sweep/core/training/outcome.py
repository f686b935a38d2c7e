"""From a trained network and its callbacks to a trial's result, for every engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.callbacks import Callbacks
from dnn_sweep.core.training.layer_log import LayerLog
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import LoggingParameters


def conclude(
    trial: Trial,
    callbacks: Callbacks,
    outputs: NDArray[np.float32],
    load_network: Callable[[], keras.Model],
    *,
    target_scale: float,
    seconds: float,
    engine: str,
    reason: str,
    save_network: Callable[[Path], None] | None = None,
    layers: LayerLog | None = None,
) -> TrialResult:
    """Build the result of a trained trial, ``diverged`` where a loss is not finite.

    Args:
        trial: The trial.
        callbacks: Its callbacks, after training.
        outputs: The kept network's outputs on the validation rows, shape ``(rows, outputs)``.
        load_network: Returns the kept network.
        target_scale: One unit of a regression's target as trained, in the target's own unit.
        seconds: Duration of the training.
        engine: Name of the engine.
        reason: Why this engine trained it.
        save_network: Writes the kept network as a ``.keras`` file, where that is faster than
            building it and letting Keras save it.
        layers: The layers' measurements; ``None`` where there are none.
    """
    history = _in_target_units(callbacks.epochs.history(), trial, target_scale)
    finite = np.isfinite(history[["loss", "val_loss"]].to_numpy()).all()
    keeper = callbacks.keeper
    return TrialResult(
        trial=trial,
        status="completed" if finite else "diverged",
        history=history,
        best_epoch=len(history) if keeper is None else int(keeper.best_epoch) + 1,
        outputs=outputs,
        seconds=seconds,
        engine=engine,
        engine_reason=reason,
        load_network=load_network,
        save_network=save_network,
        versions=dict(_versions()),
        diagnostics=None if layers is None else layers.table(),
    )


def log_folder(trial: Trial, logs: LoggingParameters) -> Path | None:
    """Create the folder of a trial's log files; ``None`` where none are asked for."""
    if not (logs.csv or logs.tensorboard):
        return None
    folder = Path(logs.folder) / trial.id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _in_target_units(history: pd.DataFrame, trial: Trial, scale: float) -> pd.DataFrame:
    """Convert mean absolute errors of a standardised target to the target's own unit."""
    if trial.task != "regression":
        return history
    metrics = [name for name in ("mae", "val_mae") if name in history]
    return history.assign(**{name: history[name] * scale for name in metrics})


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("keras", "tensorflow", "numpy")}
