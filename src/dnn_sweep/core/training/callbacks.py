"""Keras's callbacks as a trial's parameters ask for them, and the result they end in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.callbacks import VALIDATION_OBJECTIVE
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.checkpoints import State
from dnn_sweep.core.training.layer_log import LayerLog
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult, no_network
from dnn_sweep.parameters import LoggingParameters


class EpochRecorder(keras.callbacks.Callback):
    """Records each epoch's metrics, learning rate and duration, and reports the progress."""

    def __init__(
        self, trial: Trial, progress: TrainingProgress, clock: Callable[[], float]
    ) -> None:
        super().__init__()
        self._trial, self._progress, self._clock = trial, progress, clock
        self.rows: list[dict[str, float]] = []
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._began = self._clock()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the epoch."""
        metric = self._trial.network.metric
        names = ("loss", metric, "val_loss", f"val_{metric}")
        metrics = {name: float((logs or {})[name]) for name in names}
        if self._trial.epoch_objective:
            value = float((logs or {})[VALIDATION_OBJECTIVE])
            metrics[VALIDATION_OBJECTIVE] = value if np.isfinite(value) else np.nan
        metrics["learning_rate"] = float(self.model.optimizer.learning_rate)
        seconds = self._clock() - self._began
        self.rows.append({"epoch": epoch + 1, **metrics, "seconds": seconds})
        self._progress.epoch_finished(self._trial, epoch + 1, metrics)

    def history(self) -> pd.DataFrame:
        """One row per epoch."""
        return pd.DataFrame({name: [row[name] for row in self.rows] for name in self.rows[0]})


class BestEpoch(keras.callbacks.EarlyStopping):
    """Keeps the weights of the best epoch; of equally good ones those with the lowest loss.

    On few rows an accuracy takes few values, and the first of many equal epochs is often far from
    trained. With a patience longer than the training, Keras's ``EarlyStopping`` keeps the best
    weights in memory and restores them at the end, so that the trial's file is written once.
    """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin without a best epoch."""
        super().on_train_begin(logs)
        self._loss, self._best_loss = np.inf, np.inf

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the epoch if it is the best so far."""
        self._loss = float((logs or {}).get("val_loss", np.inf))
        super().on_epoch_end(epoch, logs)
        if self.best_epoch == epoch:
            self._best_loss = self._loss

    def _is_improvement(self, monitor_value: Any, reference_value: Any) -> bool:
        if reference_value is not None and monitor_value == reference_value:
            return bool(self._loss < self._best_loss)
        return bool(super()._is_improvement(monitor_value, reference_value))


@dataclass(frozen=True)
class Callbacks:
    """A trial's callbacks."""

    trial: Trial
    in_order: list[keras.callbacks.Callback]  # in which Keras calls them
    recorder: EpochRecorder  # holds the history
    keeper: keras.callbacks.EarlyStopping | None  # of the best weights; else the last ones count

    def conclude(
        self,
        outputs: NDArray[np.float32],
        load_network: Callable[[], keras.Model] = no_network,
        *,
        target_scale: float,
        seconds: float,
        engine: str,
        reason: str,
        layers: LayerLog | None = None,
    ) -> TrialResult:
        """Build the result of the trained trial, ``diverged`` where a loss is not finite.

        The arguments are fields of :class:`TrialResult`, but for ``target_scale``, one unit of a
        regression's target as trained, in the target's own unit, and ``layers``, the measurements
        if there are any.
        """
        history = self.recorder.history()
        if self.trial.task == "regression":  # trained on a standardised target
            own_unit = {name: history[name] * target_scale for name in ("mae", "val_mae")}
            history = history.assign(**own_unit)
        finite = np.isfinite(history[["loss", "val_loss"]].to_numpy()).all()
        return TrialResult(
            trial=self.trial,
            status="completed" if finite else "diverged",
            history=history,
            best_epoch=int(self.keeper.best_epoch) + 1 if self.keeper else len(history),
            outputs=outputs,
            seconds=seconds,
            engine=engine,
            engine_reason=reason,
            load_network=load_network,
            versions=dict(_versions()),
            diagnostics=layers.table() if layers else None,
        )


def build_callbacks(
    trial: Trial,
    progress: TrainingProgress,
    logs: LoggingParameters,
    clock: Callable[[], float] = time.perf_counter,
    state: State | None = None,
) -> Callbacks:
    """Build a trial's callbacks; ``clock`` times the epochs, and log files get a folder.

    Where the training goes on from a ``state``, its log files go on as well; call
    :func:`~.callback_state.restore_callbacks` once the training has begun.

    >>> built = build_callbacks(champion_trial, training_display, logs)
    >>> [type(callback).__name__ for callback in built.in_order]
    ['EpochRecorder', 'TerminateOnNaN']
    """
    wanted = trial.callbacks
    first = state.epoch if state else 0
    # Before the callbacks that change the learning rate: an epoch is recorded with its own.
    recorder = EpochRecorder(trial, progress, clock)
    in_order: list[keras.callbacks.Callback] = [recorder]
    if wanted.stop_on_nan:
        in_order.append(keras.callbacks.TerminateOnNaN())
    keeper = None
    if wanted.reduce_on_plateau.enabled:
        settings = wanted.reduce_on_plateau.model_dump(exclude={"enabled"})
        in_order.append(keras.callbacks.ReduceLROnPlateau(**settings))
    if wanted.early_stopping.enabled:
        settings = wanted.early_stopping.model_dump(exclude={"enabled"})
        in_order.append(keras.callbacks.EarlyStopping(**settings))
        keeper = in_order[-1] if wanted.early_stopping.restore_best_weights else None
    if wanted.checkpoint.enabled:  # after early stopping: the last one to restore weights decides
        keeper = BestEpoch(
            monitor=wanted.checkpoint.monitor,
            mode=wanted.checkpoint.mode,
            patience=trial.epochs + 1,
            restore_best_weights=True,
        )
        in_order.append(keeper)
    if logs.csv:
        in_order.append(csv_logger(trial, logs, first))
    return Callbacks(trial, in_order, recorder, keeper)


def csv_logger(trial: Trial, logs: LoggingParameters, epochs: int) -> keras.callbacks.CSVLogger:
    """Build what writes a trial's epochs, and goes on after so many of them."""
    file = Path(logs.folder) / trial.id / "epochs.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    return keras.callbacks.CSVLogger(str(file), append=_goes_on(file, epochs))


def _goes_on(file: Path, epochs: int) -> bool:
    """Reduce a log to so many epochs below its head; return whether anything is left."""
    if not epochs or not file.is_file():
        return False
    lines = file.read_text().splitlines(keepends=True)[: 1 + epochs]
    file.write_text("".join(lines))
    return True


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("keras", "tensorflow", "numpy")}
