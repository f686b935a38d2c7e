"""The engine that trains one trial after another with ``keras.Model.fit``."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData, epoch_order
from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.build import build_network, network_outputs
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.callbacks import build_callbacks
from dnn_sweep.core.training.layer_log import LayerLog, Probe
from dnn_sweep.core.training.optimizers import build_optimizer
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.targets import loss_targets, row_weights
from dnn_sweep.parameters import LoggingParameters

VALIDATION_BATCH = 1024  # rows; validation has no gradients, so larger batches only save time


class KerasFitEngine:
    """Trains any network that Keras can build."""

    name = "keras"

    def refuses(self, trial: Trial, logs: LoggingParameters | None = None) -> str | None:
        """Return ``None``: ``fit`` trains every trial."""
        del trial, logs
        return None

    def train(
        self,
        trials: Sequence[Trial],
        data: TrainingData,
        progress: TrainingProgress,
        logs: LoggingParameters,
        reason: str,
        finished: Collection[str] = (),
        *,
        measured: bool = False,
    ) -> Iterator[TrialResult]:
        """Train trials one after another; see :class:`~dnn_sweep.core.training.engine.Engine`."""
        probe = Probe(data) if measured else None
        for trial in trials:
            if trial.id in finished:
                continue
            # Keras keeps every network it ever built; without this a long sweep grows.
            keras.utils.clear_session(free_memory=False)
            progress.trial_started(trial)
            yield self._train_one(trial, data, progress, logs, reason, probe)

    def _train_one(
        self,
        trial: Trial,
        data: TrainingData,
        progress: TrainingProgress,
        logs: LoggingParameters,
        reason: str,
        probe: Probe | None,
    ) -> TrialResult:
        began = time.perf_counter()
        network = build_network(trial.network, trial.seed, trial.precision)
        steps = -(-len(data.x_train) // trial.batch_size)
        network.compile(
            optimizer=build_optimizer(trial),
            loss=trial.network.loss,
            metrics=[trial.network.metric],
            # One call per epoch: the loop over batches stays inside TensorFlow.
            steps_per_execution=steps,
        )
        callbacks = build_callbacks(trial, progress, logs)
        layers = LayerLog(trial, probe) if probe else None
        if layers:  # last, since another callback may stop the training at this epoch
            callbacks.in_order.append(_measuring(layers, network, trial.epochs))
        network.fit(
            _batches(data, trial),
            epochs=trial.epochs,
            steps_per_epoch=steps,
            validation_data=(data.x_validation, loss_targets(data.y_validation, trial.network)),
            validation_batch_size=VALIDATION_BATCH,
            callbacks=callbacks.in_order,
            shuffle=False,  # the batches come in the replicate's order
            verbose=0,
        )
        return callbacks.conclude(
            network_outputs(network, data.x_validation),
            lambda: network,
            target_scale=data.target_scale,
            seconds=time.perf_counter() - began,
            engine=self.name,
            reason=reason,
            layers=layers,
        )


def _measuring(layers: LayerLog, network: keras.Model, epochs: int) -> keras.callbacks.Callback:
    def measure(epoch: int, logs: object) -> None:
        del logs
        if layers.is_due(epoch + 1, last=network.stop_training or epoch + 1 == epochs):
            layers.measure(epoch + 1, network.get_weights())

    return keras.callbacks.LambdaCallback(on_epoch_end=measure)


def _batches(data: TrainingData, trial: Trial) -> tf.data.Dataset:
    """Batches of rows, targets and any row weights, in the replicate's order."""
    rows = len(data.x_train)

    def orders() -> Iterator[NDArray[np.int32]]:
        for epoch in range(trial.epochs):
            yield epoch_order(rows, trial.seed, epoch)

    targets = loss_targets(data.y_train, trial.network)
    weights = row_weights(data, trial.class_weight)
    parts = [tf.constant(each) for each in (data.x_train, targets, weights) if each is not None]
    return (
        tf.data.Dataset.from_generator(orders, output_signature=tf.TensorSpec((rows,), tf.int32))
        .flat_map(lambda order: tf.data.Dataset.from_tensor_slices(order).batch(trial.batch_size))
        .map(lambda batch: tuple(tf.gather(part, batch) for part in parts))
        .prefetch(tf.data.AUTOTUNE)
    )
