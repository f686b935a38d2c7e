"""From a trained network and its callbacks to a trial's result; the same for every engine."""

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
    """Put together what a trial leaves behind.

    Args:
        trial: What was trained.
        callbacks: Its callbacks, after training.
        outputs: The kept network's outputs on the validation rows, shape ``(rows, outputs)``.
        load_network: Returns the kept network.
        target_scale: One unit of a regression's target as trained, in the target's own unit.
        seconds: What the training took.
        engine: Which engine trained it.
        reason: Why that engine.
        save_network: Writes the kept network as a ``.keras`` file, where that is faster than
            to build it and have it save itself.
        layers: What was measured of the layers; ``None`` where nothing was.

    Returns:
        The result; ``diverged`` where a loss was not finite.
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
    """The folder of a trial's log files, made; ``None`` where none are asked for."""
    if not (logs.csv or logs.tensorboard):
        return None
    folder = Path(logs.folder) / trial.id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _in_target_units(history: pd.DataFrame, trial: Trial, scale: float) -> pd.DataFrame:
    """A standardised target's mean absolute errors, put back into the target's unit."""
    if trial.task != "regression":
        return history
    metrics = [name for name in ("mae", "val_mae") if name in history]
    return history.assign(**{name: history[name] * scale for name in metrics})


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("keras", "tensorflow", "numpy")}
