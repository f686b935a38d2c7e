"""The engine that trains each trial with ``keras.Model.fit``, one per core at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from math import prod
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData, epoch_order
from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.build import build_network, layers_within, network_outputs
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.callbacks import build_callbacks
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.layer_log import LayerLog, Probe
from dnn_sweep.core.training.optimizers import build_optimizer
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult, no_network
from dnn_sweep.core.training.targets import loss_targets, row_weights
from dnn_sweep.core.training.worker_pool import Event, Report, Run, WorkerPool
from dnn_sweep.parameters import LoggingParameters

TENSOR_ALIGNMENT = 64  # bytes; TensorFlow stops the process for other addresses
VALIDATION_BATCH = 1024  # rows; validation has no gradients, so larger batches only save time
# Worker processes import TensorFlow, which takes some seconds of each core. They start where the
# trials of the finals would take longer than this one after another. Seconds are estimated from the
# plan, not measured, so that a repeated sweep does the same.
SECONDS_WORTH_WORKERS = 20.0
SECONDS_PER_STEP, OPERATIONS_PER_SECOND = 1e-3, 2e10
PROCESS_MEMORY = 2**30  # bytes; half of it is TensorFlow


@dataclass(frozen=True)
class _Task:
    """A trial for a worker."""

    trial: Trial
    logs: LoggingParameters
    reason: str
    measured: bool

    def __str__(self) -> str:
        return f"{self.trial.combination}, seed {self.trial.seed}"


class KerasFitEngine:
    """Trains any network that Keras can build.

    Args:
        finals: The trials of the stage that most of a sweep is trained in, where it has several:
            they decide for all stages whether worker processes are used.
        seconds_worth_workers: Estimated seconds of work from which on they are.
    """

    name = "keras"

    def __init__(
        self,
        finals: Sequence[Trial] = (),
        seconds_worth_workers: float = SECONDS_WORTH_WORKERS,
    ) -> None:
        self._finals, self._seconds_worth_workers = finals, seconds_worth_workers
        self._pool: WorkerPool | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._data: TrainingData | None = None  # whose rows lie in the folder

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
        """Train trials; see :class:`~dnn_sweep.core.training.engine.Engine`."""
        device = Device.detect()
        # Of all trials, also finished ones: a resumed sweep trains the rest in the same way.
        planned = self._finals or trials
        seconds = sum(estimated_seconds(trial, len(data.x_train)) for trial in planned)
        workers = min(device.workers, device.free_memory // PROCESS_MEMORY)
        workers = self._pool.size if self._pool else workers  # which have taken their memory
        parallel = min(workers, len(trials)) > 1 and not device.is_gpu
        tasks = [_Task(each, logs, reason, measured) for each in trials if each.id not in finished]
        if parallel and seconds > self._seconds_worth_workers:
            yield from self._train_in_workers(tasks, data, progress, workers)
            return
        probe = Probe(data) if measured else None
        for task in tasks:
            # Keras keeps every network it ever built; without this a long sweep grows.
            keras.utils.clear_session(free_memory=False)
            progress.trial_started(task.trial)
            result, network = _train_one(task, data, progress, probe)
            yield replace(result, load_network=_returning(network))

    def close(self) -> None:
        """End the worker processes, and remove the rows that they shared."""
        if self._pool:
            self._pool.close()
        if self._folder:
            self._folder.cleanup()
        self._pool = self._folder = self._data = None

    def _train_in_workers(
        self, tasks: Sequence[_Task], data: TrainingData, progress: TrainingProgress, workers: int
    ) -> Iterator[TrialResult]:
        if self._pool is None or self._data is not data:
            self.close()
            self._folder, self._data = TemporaryDirectory(prefix="dnn_sweep_rows_"), data
            _write_rows(data, Path(self._folder.name))
            self._pool = WorkerPool(workers, _begin, self._folder.name, orphaned=_remove_rows)

        def started(position: int) -> None:
            progress.trial_started(tasks[position].trial)

        for message in self._pool.run(tasks, started):
            if isinstance(message, Event):
                progress.epoch_finished(tasks[message.task].trial, *message.content)
            else:
                result, weights = message.content
                yield result.with_weights(weights)


def estimated_seconds(trial: Trial, rows: int) -> float:
    """Estimate how long a trial takes on one core: operations, and Keras's work for each step."""
    steps = trial.epochs * -(-rows // trial.batch_size)
    operations = 6.0 * _products_per_row(trial.network) * rows * trial.epochs
    return steps * SECONDS_PER_STEP + operations / OPERATIONS_PER_SECOND


@lru_cache(maxsize=1024)
def _products_per_row(network: Network) -> float:
    """Multiplications by a weight when the network is applied to a row, roughly."""
    total = 0.0
    for layer in layers_within(build_network(network)):
        # A kernel is used at every pixel of a convolution, and at every step of a sequence.
        places = getattr(layer, "input" if hasattr(layer, "cell") else "output", None)
        total += layer.count_params() * prod(getattr(places, "shape", ())[1:-1])
    return total


def _train_one(
    task: _Task, data: TrainingData, progress: TrainingProgress, probe: Probe | None
) -> tuple[TrialResult, keras.Model]:
    """Train a trial; return its result without the network, and the network."""
    trial, began = task.trial, time.perf_counter()
    data = data.of(trial.fold)
    network = build_network(trial.network, trial.seed, trial.precision)
    steps = -(-len(data.x_train) // trial.batch_size)
    network.compile(
        optimizer=build_optimizer(trial),
        loss=trial.network.loss,
        metrics=[trial.network.metric],
        # One call per epoch: the loop over batches stays inside TensorFlow.
        steps_per_execution=steps,
    )
    callbacks = build_callbacks(trial, progress, task.logs)
    layers = LayerLog(trial, probe) if probe else None
    if layers:  # last, since another callback may stop the training at this epoch
        callbacks.in_order.append(_measuring(layers, network, trial.epochs))
    targets = loss_targets(data.y_validation, trial.network)
    network.fit(
        _batches(data, trial),
        epochs=trial.epochs,
        steps_per_epoch=steps,
        validation_data=(_tensor(data.x_validation), targets),
        validation_batch_size=VALIDATION_BATCH,
        callbacks=callbacks.in_order,
        shuffle=False,  # the batches come in the replicate's order
        verbose=0,
    )
    result = callbacks.conclude(
        network_outputs(network, data.scored),
        target_scale=data.target_scale,
        seconds=time.perf_counter() - began,
        engine=KerasFitEngine.name,
        reason=task.reason,
        layers=layers,
    )
    return result, network


def _returning(network: keras.Model) -> Callable[[], keras.Model]:
    return lambda: network


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
    parts = [_tensor(data.x_train), tf.constant(targets)]
    parts += [] if weights is None else [tf.constant(weights)]
    return (
        tf.data.Dataset.from_generator(orders, output_signature=tf.TensorSpec((rows,), tf.int32))
        .flat_map(lambda order: tf.data.Dataset.from_tensor_slices(order).batch(trial.batch_size))
        .map(lambda batch: tuple(tf.gather(part, batch) for part in parts))
        .prefetch(tf.data.AUTOTUNE)
    )


def _tensor(values: NDArray[np.float32]) -> tf.Tensor:
    """The rows as a tensor, which shares the memory of an array that was mapped from a file."""
    if not values.flags.writeable or values.ctypes.data % TENSOR_ALIGNMENT:
        return tf.constant(values)
    return tf.experimental.dlpack.from_dlpack(values.__dlpack__())


def _write_rows(data: TrainingData, folder: Path) -> None:
    for number, fold in enumerate(data.folds):
        (folder / str(number)).mkdir()
        _write_rows(fold, folder / str(number))
    for field in fields(data):
        value = getattr(data, field.name)
        if value is not None and field.name != "folds":
            np.save(folder / f"{field.name}.npy", value)


def _read_rows(folder: Path) -> TrainingData:
    """Map the rows into memory: all processes share the same pages; what one writes is its own."""
    rows: dict[str, Any] = {
        path.stem: np.asarray(np.load(path, mmap_mode="c")) for path in folder.glob("*.npy")
    }
    found = (each for each in folder.iterdir() if each.is_dir())
    folders = sorted(found, key=lambda each: int(each.name))
    unit = {name: float(rows[name]) for name in ("target_mean", "target_scale")}
    return TrainingData(**rows | unit, folds=tuple(map(_read_rows, folders)))


def _remove_rows(folder: str) -> None:
    rmtree(folder, ignore_errors=True)  # another process may do the same


class _Reporting(TrainingProgress):
    """Sends the epochs of a trial to the process that shows them."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        self._report((epoch, logs))


def _begin(folder: str) -> Run:
    """Prepare a worker process, which has one core; return what trains a task's trial."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    data = _read_rows(Path(folder))
    probe = Probe(data)

    def run(task: _Task, report: Report) -> Any:
        keras.utils.clear_session(free_memory=False)
        result, network = _train_one(
            task, data, _Reporting(report), probe if task.measured else None
        )
        return replace(result, load_network=no_network), network.get_weights()

    return run
