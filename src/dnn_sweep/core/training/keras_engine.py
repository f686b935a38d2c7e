"""The engine that trains each trial with ``keras.Model.fit``, one per core at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.errors import SweepError, TrialsFailedError
from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.missing import describe_error
from dnn_sweep.core.networks.build import build_network, layers_within, network_outputs
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.callbacks import build_callbacks
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS, NOTHING, Checkpoints
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.epoch_objective import EpochObjective, ObjectiveLog
from dnn_sweep.core.training.keras_checkpoint import KerasCheckpoint
from dnn_sweep.core.training.keras_rows import (
    as_tensor,
    batches,
    read_rows,
    remove_rows,
    write_rows,
)
from dnn_sweep.core.training.layer_log import LayerLog, Probe
from dnn_sweep.core.training.optimizers import build_optimizer
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult, no_network
from dnn_sweep.core.training.targets import loss_targets
from dnn_sweep.core.training.worker_pool import Event, Report, Run, WorkerPool
from dnn_sweep.parameters import LoggingParameters

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
    checkpoints: Checkpoints

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

    def refuses(self, trial: Trial) -> str | None:
        """Return ``None``: ``fit`` trains every trial."""
        del trial
        return None

    def train(
        self,
        trials: Sequence[Trial],
        data: TrainingData,
        progress: TrainingProgress,
        logs: LoggingParameters,
        reason: str,
        finished: Mapping[str, int] = NOTHING,
        *,
        measured: bool = False,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
    ) -> Iterator[TrialResult]:
        """Train trials; see :class:`~dnn_sweep.core.training.engine.Engine`."""
        device = Device.detect()
        # Of all trials, also finished ones: a resumed sweep trains the rest in the same way.
        planned = self._finals or trials
        seconds = sum(estimated_seconds(trial, len(data.x_train)) for trial in planned)
        workers = min(device.workers, device.free_memory // PROCESS_MEMORY)
        workers = self._pool.size if self._pool else workers  # which have taken their memory
        parallel = min(workers, len(trials)) > 1 and not device.is_gpu
        left = [trial for trial in trials if trial.id not in finished]
        tasks = [_Task(each, logs, reason, measured, checkpoints) for each in left]
        if parallel and seconds > self._seconds_worth_workers:
            yield from self._train_in_workers(tasks, data, progress, workers)
            return
        probe, failures = Probe(data) if measured else None, []
        for task in tasks:
            # Keras keeps every network it ever built; without this a long sweep grows.
            keras.utils.clear_session(free_memory=False)
            progress.trial_started(task.trial)
            try:
                result, network = _train_one(task, data, progress, probe)
            except SweepError:
                raise
            except Exception as error:  # noqa: BLE001 - the others are trained before it is told
                failures.append(f"{task}: {describe_error(error)}")
                continue
            yield replace(result, load_network=_returning(network))
        if failures:
            raise TrialsFailedError(failures)

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
            write_rows(data, Path(self._folder.name))
            self._pool = WorkerPool(workers, _begin, self._folder.name, orphaned=remove_rows)

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
    checkpoint = task.checkpoints.of(trial, KerasFitEngine.name, measured=probe is not None)
    known = checkpoint.load()
    before = known.seconds if known else 0.0
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
    callbacks = build_callbacks(trial, progress, task.logs, state=known)
    layers = LayerLog(trial, probe) if probe else None
    if layers:  # last, since another callback may stop the training at this epoch
        callbacks.in_order.append(_measuring(layers, network, trial.epochs))
    timer = task.checkpoints.timer()
    saving = KerasCheckpoint(
        checkpoint, timer, callbacks, layers, known, lambda: before + time.perf_counter() - began
    )
    first = known.epoch if known else 0
    targets = loss_targets(data.y_validation, trial.network)
    objective = EpochObjective.of(trial, data)
    measuring = [ObjectiveLog(objective, data.x_validation)] if objective else []
    network.fit(
        batches(data, trial, first),
        initial_epoch=first,
        epochs=trial.epochs,
        steps_per_epoch=steps,
        validation_data=(as_tensor(data.x_validation), targets),
        validation_batch_size=VALIDATION_BATCH,
        callbacks=[*measuring, *callbacks.in_order, saving],
        shuffle=False,  # the batches come in the replicate's order
        verbose=0,
    )
    result = callbacks.conclude(
        network_outputs(network, data.scored),
        target_scale=data.target_scale,
        seconds=before + time.perf_counter() - began,
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
    data = read_rows(Path(folder))
    probe = Probe(data)

    def run(task: _Task, report: Report) -> Any:
        keras.utils.clear_session(free_memory=False)
        result, network = _train_one(
            task, data, _Reporting(report), probe if task.measured else None
        )
        return replace(result, load_network=no_network), network.get_weights()

    return run
