"""The Keras callbacks that a trial's parameters ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.parameters import LoggingParameters


class EpochRecorder(keras.callbacks.Callback):
    """Records each epoch's metrics, learning rate and duration, and reports the progress.

    Args:
        trial: The trial.
        progress: The display to report to.
        clock: Returns seconds, as ``time.perf_counter`` does.
    """

    def __init__(
        self, trial: Trial, progress: TrainingProgress, clock: Callable[[], float]
    ) -> None:
        super().__init__()
        self._trial = trial
        self._progress = progress
        self._clock = clock
        self._rows: list[dict[str, float]] = []
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._began = self._clock()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the epoch."""
        metric = self._trial.network.metric
        names = ("loss", metric, "val_loss", f"val_{metric}")
        row = {name: float((logs or {})[name]) for name in names}
        self._rows.append(
            {"epoch": epoch + 1}
            | row
            | {
                "learning_rate": float(self.model.optimizer.learning_rate),
                "seconds": self._clock() - self._began,
            }
        )
        self._progress.epoch_finished(self._trial, epoch + 1, row)

    def history(self) -> pd.DataFrame:
        """One row per epoch."""
        return pd.DataFrame({name: [row[name] for row in self._rows] for name in self._rows[0]})


@dataclass(frozen=True)
class Callbacks:
    """A trial's callbacks.

    Args:
        in_order: In the order in which Keras calls them.
        epochs: The one that holds the history.
        keeper: The one that keeps the best epoch's weights; ``None`` where the last one's count.
    """

    in_order: list[keras.callbacks.Callback]
    epochs: EpochRecorder
    keeper: keras.callbacks.EarlyStopping | None


def build_callbacks(
    trial: Trial,
    progress: TrainingProgress,
    folder: Path | None,
    logs: LoggingParameters,
    clock: Callable[[], float] = time.perf_counter,
) -> Callbacks:
    """Build a trial's callbacks.

    Args:
        trial: Its ``callbacks`` say which ones.
        progress: The display to report to.
        folder: Folder of the log files.
        logs: Which log files to write.
        clock: Times the epochs.
    """
    wanted = trial.callbacks
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
        stopper = keras.callbacks.EarlyStopping(**settings)
        in_order.append(stopper)
        keeper = stopper if wanted.early_stopping.restore_best_weights else None
    if wanted.checkpoint.enabled:  # after early stopping: the last one to restore weights decides
        # With a patience longer than the training, Keras's EarlyStopping keeps the best weights in
        # memory and restores them at the end, so that the trial's file is written once.
        keeper = keras.callbacks.EarlyStopping(
            monitor=wanted.checkpoint.monitor,
            mode=wanted.checkpoint.mode,
            patience=trial.epochs + 1,
            restore_best_weights=True,
        )
        in_order.append(keeper)
    if folder is not None and logs.csv:
        in_order.append(keras.callbacks.CSVLogger(str(folder / "epochs.csv")))
    if folder is not None and logs.tensorboard:
        in_order.append(keras.callbacks.TensorBoard(str(folder / "tensorboard")))
    return Callbacks(in_order, recorder, keeper)
