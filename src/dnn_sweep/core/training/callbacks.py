"""The Keras callbacks that a trial's parameters ask for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.parameters import LoggingParameters

if TYPE_CHECKING:
    from dnn_sweep.core.training.progress import TrainingProgress


class EpochRecorder(keras.callbacks.Callback):
    """Records every epoch's metrics, learning rate and time, and tells the progress display.

    Args:
        trial: What is being trained.
        progress: Told of every epoch.
        clock: Seconds that only ever grow.
    """

    def __init__(
        self, trial: Trial, progress: "TrainingProgress", clock: Callable[[], float]
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
        """Keep the epoch's figures."""
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
        """One row an epoch."""
        return pd.DataFrame({name: [row[name] for row in self._rows] for name in self._rows[0]})


@dataclass(frozen=True)
class Callbacks:
    """A trial's callbacks.

    Args:
        in_order: As Keras is to call them.
        epochs: The one that holds the history.
        keeper: The one that knows which epoch's weights were kept; ``None`` for the last's.
    """

    in_order: list[keras.callbacks.Callback]
    epochs: EpochRecorder
    keeper: keras.callbacks.EarlyStopping | None


def build_callbacks(
    trial: Trial,
    progress: "TrainingProgress",
    folder: Path | None,
    logs: LoggingParameters,
    clock: Callable[[], float] = time.perf_counter,
) -> Callbacks:
    """Build a trial's callbacks.

    Args:
        trial: Its ``callbacks`` say which and how.
        progress: Told of every epoch.
        folder: Where log files go.
        logs: Which log files to write.
        clock: Times the epochs; seconds that only ever grow.

    Returns:
        The callbacks.
    """
    wanted = trial.callbacks
    # Before the callbacks that change the learning rate: an epoch is recorded with its own.
    recorder = EpochRecorder(trial, progress, clock)
    in_order: list[keras.callbacks.Callback] = [recorder]
    if wanted.stop_on_nan:
        in_order.append(keras.callbacks.TerminateOnNaN())
    keeper = None
    if wanted.reduce_on_plateau.enabled:
        plateau = wanted.reduce_on_plateau
        in_order.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor=plateau.monitor,
                mode=plateau.mode,
                factor=plateau.factor,
                patience=plateau.patience,
                min_delta=plateau.min_delta,
                min_lr=plateau.min_lr,
            )
        )
    if wanted.early_stopping.enabled:
        stopping = wanted.early_stopping
        stopper = keras.callbacks.EarlyStopping(
            monitor=stopping.monitor,
            mode=stopping.mode,
            patience=stopping.patience,
            min_delta=stopping.min_delta,
            restore_best_weights=stopping.restore_best_weights,
        )
        in_order.append(stopper)
        keeper = stopper if stopping.restore_best_weights else None
    if wanted.checkpoint.enabled:  # after early stopping: the last to put weights back decides
        # With a patience it cannot run out of, Keras's EarlyStopping holds the best weights in
        # memory and puts them back at the end; the trial's file is then written once, whole.
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
