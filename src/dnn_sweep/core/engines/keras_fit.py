"""The engine that trains one trial after another with ``keras.Model.fit``."""

import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.engines.callbacks import Callbacks, build_callbacks
from dnn_sweep.core.keras_names import optimizer_classes
from dnn_sweep.core.networks import build_network, network_outputs
from dnn_sweep.core.quiet_keras import keras
from dnn_sweep.core.quiet_keras import tensorflow as tf
from dnn_sweep.core.results import TrialResult
from dnn_sweep.core.training_data import TrainingData, epoch_order
from dnn_sweep.core.trials import Trial
from dnn_sweep.parameters import LoggingParameters

if TYPE_CHECKING:
    from dnn_sweep.core.progress import TrainingProgress

VALIDATION_BATCH = 1024  # rows; validation has no gradients, so larger batches only save time


class KerasFitEngine:
    """Trains any network Keras can build."""

    name = "keras"

    def refuses(self, trial: Trial) -> str | None:
        """Never: whatever was planned can be trained by ``fit``."""
        del trial
        return None

    def train(
        self,
        trials: Sequence[Trial],
        data: TrainingData,
        progress: "TrainingProgress",
        logs: LoggingParameters,
        reason: str,
    ) -> Iterator[TrialResult]:
        """Train trials one after another; see :class:`~dnn_sweep.core.engines.base.Engine`."""
        for trial in trials:
            # Keras keeps every network it ever built; without this a long sweep grows.
            keras.utils.clear_session(free_memory=False)
            progress.trial_started(trial)
            yield self._train_one(trial, data, progress, logs, reason)

    def _train_one(
        self,
        trial: Trial,
        data: TrainingData,
        progress: "TrainingProgress",
        logs: LoggingParameters,
        reason: str,
    ) -> TrialResult:
        began = time.perf_counter()
        network = build_network(trial.network, trial.seed)
        steps = -(-len(data.x_train) // trial.batch_size)
        network.compile(
            optimizer=_build_optimizer(trial),
            loss=trial.network.loss,
            metrics=[trial.network.metric],
            # One call an epoch: the loop over batches stays inside TensorFlow.
            steps_per_execution=steps,
        )
        callbacks = build_callbacks(trial, progress, _log_folder(trial, logs), logs)
        network.fit(
            _batches(data.x_train, _targets(data.y_train, trial), trial),
            epochs=trial.epochs,
            steps_per_epoch=steps,
            validation_data=(data.x_validation, _targets(data.y_validation, trial)),
            validation_batch_size=VALIDATION_BATCH,
            callbacks=callbacks.in_order,
            shuffle=False,  # the batches come in the replicate's order
            verbose=0,
        )
        history = _in_target_units(callbacks.epochs.history(), trial, data.target_scale)
        return TrialResult(
            trial=trial,
            status="diverged" if _diverged(history) else "completed",
            history=history,
            best_epoch=_kept_epoch(callbacks, history),
            outputs=network_outputs(network, data.x_validation),
            seconds=time.perf_counter() - began,
            engine=self.name,
            engine_reason=reason,
            load_network=lambda: network,
            versions={name: version(name) for name in ("keras", "tensorflow", "numpy")},
        )


def _build_optimizer(trial: Trial) -> keras.Optimizer:
    chosen = optimizer_classes()[trial.optimizer_class]
    return chosen(learning_rate=trial.learning_rate, **trial.optimizer_arguments)


def _targets(values: NDArray[np.generic], trial: Trial) -> NDArray[Any]:
    if trial.network.loss == "categorical_crossentropy":
        return np.asarray(keras.utils.to_categorical(values, trial.network.outputs))
    if trial.network.outputs == 1:
        return values.astype(np.float32)[:, np.newaxis]
    return values


def _batches(x: NDArray[np.float32], y: NDArray[Any], trial: Trial) -> tf.data.Dataset:
    """Endless batches, each epoch in the order that the replicate prescribes."""

    def orders() -> Iterator[NDArray[np.int32]]:
        for epoch in range(trial.epochs):
            yield epoch_order(len(x), trial.seed, epoch)

    rows, targets = tf.constant(x), tf.constant(y)
    order = tf.TensorSpec((len(x),), tf.int32)
    return (
        tf.data.Dataset.from_generator(orders, output_signature=order)
        .flat_map(lambda each: tf.data.Dataset.from_tensor_slices(each).batch(trial.batch_size))
        .map(lambda batch: (tf.gather(rows, batch), tf.gather(targets, batch)))
        .prefetch(tf.data.AUTOTUNE)
    )


def _in_target_units(history: pd.DataFrame, trial: Trial, scale: float) -> pd.DataFrame:
    """A standardised target's mean absolute errors, put back into the target's unit."""
    if trial.task != "regression":
        return history
    metrics = [name for name in ("mae", "val_mae") if name in history]
    return history.assign(**{name: history[name] * scale for name in metrics})


def _diverged(history: pd.DataFrame) -> bool:
    losses = history[["loss", "val_loss"]]
    return not bool(np.isfinite(losses.to_numpy()).all())


def _kept_epoch(callbacks: Callbacks, history: pd.DataFrame) -> int:
    keeper = callbacks.keeper
    return len(history) if keeper is None else int(keeper.best_epoch) + 1


def _log_folder(trial: Trial, logs: LoggingParameters) -> Path | None:
    if not (logs.csv or logs.tensorboard):
        return None
    folder = Path(logs.folder) / trial.id
    folder.mkdir(parents=True, exist_ok=True)
    return folder
