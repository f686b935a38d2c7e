"""A worker: it trains tasks with the engines that also train without a cluster."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import inf
from queue import Empty, Queue
from typing import Any

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.errors import SweepError, TrialsFailedError
from dnn_sweep.core.lazy import tf
from dnn_sweep.core.missing import describe_error
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.scorer import source_of
from dnn_sweep.core.training.cluster.carried import CarriedCheckpoints
from dnn_sweep.core.training.cluster.task import END, Said, Task
from dnn_sweep.core.training.device import Device, free_memory
from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stacked import StackedEngine
from dnn_sweep.parameters import LoggingParameters

MOST_WAITING = 256  # messages: a driver that is slow to save slows the training down
NO_FILES = LoggingParameters(folder="", csv=False, tensorboard=False)  # the driver writes them


def keep_to_one_core() -> None:
    """Train in one thread: the machine has a worker for each of its cores."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


class Worker:
    """Trains one task after another in a thread, and keeps what that says until it is asked.

    Args:
        data: The rows.
    """

    def __init__(self, data: TrainingData) -> None:
        self._data = data
        # What the stacked engine compiles stays for the tasks to come.
        self._stacked, self._keras = StackedEngine(), KerasFitEngine(seconds_worth_workers=inf)
        self._messages = Queue[Said](MOST_WAITING)
        self._thread = ThreadPoolExecutor(1)

    def start(self, task: Task) -> None:
        """Begin a task."""
        self._thread.submit(self._run, task)

    def listen(self, seconds: float) -> list[Said]:
        """Return what was said, after so many seconds, when enough was said or at the end."""
        until, heard = time.monotonic() + seconds, list[Said]()
        while len(heard) < MOST_WAITING and (left := until - time.monotonic()) > 0:
            with suppress(Empty):
                heard.append(self._messages.get(timeout=left))
                if heard[-1].what == END:
                    break
        return heard

    def _run(self, task: Task) -> None:
        try:
            for result in self._train(task):
                self._say("finished", result)
        except TrialsFailedError as error:
            self._say("failed", error.failures)
        except SweepError as error:
            self._say("refused", str(error))
        except Exception as error:  # noqa: BLE001 - it is told by the driver
            self._say("failed", (f"{task}: {describe_error(error)}",))
        self._say(END)

    def _train(self, task: Task) -> Iterator[TrialResult]:
        for objective in {trial.epoch_objective for trial in task.trials} - {None}:
            _check_source(objective)
        checkpoints = CarriedCheckpoints(
            seconds=task.seconds,
            known=task.states,
            send=lambda trial_id, state: self._say("saved", trial_id, state),
        )
        told = _Reporting(self), NO_FILES, task.reason, task.finished
        if task.queue:
            device = Device(workers=1, free_memory=free_memory())
            yield from self._stacked.train_queues(
                [task.queue], self._data, device, *told, checkpoints, task.measured
            )
            return
        others: dict[str, Any] = {"measured": task.measured, "checkpoints": checkpoints}
        for result in self._keras.train(task.trials, self._data, *told, **others):
            yield result.with_weights(result.load_network().get_weights())

    def _say(self, what: str, *given: Any) -> None:
        self._messages.put(Said(what, given))


def _check_source(objective: Objective | None) -> None:
    """Refuse a user's metric that is another one here than where the sweep runs."""
    if objective and objective.is_custom and source_of(objective.scorer) != objective.source:
        raise SweepError(
            f"evaluation.objective: {objective.scorer} is another function on the worker "
            f"{platform.node()} than where the sweep runs; copy its module to the worker"
        )


class _Reporting(TrainingProgress):
    """Passes on what happens while a task is trained, trials by their ids."""

    def __init__(self, worker: Worker) -> None:
        self._say = worker._say

    def compiling(self, trials: int) -> None:
        self._say("compiling", trials)

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        self._say("compiled", trials, seconds, share)

    def trial_started(self, trial: Trial) -> None:
        self._say("started", trial.id)

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        self._say("epoch", trial.id, epoch, logs)
