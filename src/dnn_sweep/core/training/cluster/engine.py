"""An engine whose trials are trained by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.errors import SweepError, TrialsFailedError
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS, NOTHING, Checkpoints
from dnn_sweep.core.training.cluster.epoch_files import EpochFiles
from dnn_sweep.core.training.cluster.fleet import Fleet, Lost
from dnn_sweep.core.training.cluster.task import DIED, END, Said, Task
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stacked import StackedEngine
from dnn_sweep.parameters import LoggingParameters

if TYPE_CHECKING:
    from dnn_sweep.core.training.engine import Engine


class ClusterEngine:
    """Cuts trials as an engine does that trains here, and has the pieces trained by workers.

    The pieces do not depend on the number of workers, nor on which of them die: a cohort is
    trained again by another worker, without the trials of it that are finished. What the driver
    writes (results, checkpoints, log files) it alone writes.

    Args:
        engine: The engine that also trains on the workers.
        fleet: The workers.
    """

    def __init__(self, engine: Engine, fleet: Fleet) -> None:
        self._engine, self._fleet = engine, fleet
        self.name = engine.name

    def refuses(self, trial: Trial) -> str | None:
        """Say why it cannot train a trial; see :class:`~dnn_sweep.core.training.engine.Engine`."""
        return self._engine.refuses(trial)

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
        """Train trials on workers; see :class:`~dnn_sweep.core.training.engine.Engine`."""
        seconds = checkpoints.seconds if checkpoints.folder else 0.0
        tasks = self._cut(trials, data, finished, Task((), None, reason, measured, seconds))
        training = _Training(self, tasks, progress, EpochFiles(logs), checkpoints, dict(finished))
        return training.results(self._fleet, data)

    def close(self) -> None:
        """End the workers."""
        self._engine.close()
        self._fleet.close()

    def _cut(
        self, trials: Sequence[Trial], data: TrainingData, finished: Mapping[str, int], like: Task
    ) -> list[Task]:
        if isinstance(self._engine, StackedEngine):
            queues = self._engine.plan(trials, data, finished)
            cohorts = [cohort for queue in queues for cohort in queue.cohorts() if len(cohort)]
            return [
                replace(like, trials=[t for own in each.trials.values() for t in own], queue=each)
                for each in cohorts
            ]
        return [replace(like, trials=(each,)) for each in trials if each.id not in finished]


@dataclass
class _Training:
    """Tasks that are being trained, and what becomes of what is said of them."""

    engine: ClusterEngine
    tasks: Sequence[Task]
    progress: TrainingProgress
    files: EpochFiles
    checkpoints: Checkpoints
    finished: dict[str, int]  # epochs of the trials that are trained, by id
    # Numbers of trials of the programs that are being compiled, by the position of the task.
    compiling: dict[int, int] = field(default_factory=dict)

    def results(self, fleet: Fleet, data: TrainingData) -> Iterator[TrialResult]:
        failures: list[str] = []
        for position, said in fleet.run(self.tasks, data, self._as_it_is_now):
            task = self.tasks[position]
            if isinstance(said, Lost):
                self._stop_compiling(position)
                failures += [
                    f"{t.combination}, seed {t.seed}: {said.why}" for t in self._left(task)
                ]
            elif said.what == DIED:
                self._stop_compiling(position)
            elif said.what == "failed":
                failures += said.given[0]
            elif said.what == "refused":
                raise SweepError(said.given[0])
            elif said.what == "finished":
                (result,) = said.given
                self.finished[result.trial.id] = len(result.history)
                self.files.close(result.trial)
                yield result
            else:
                self._pass_on(position, said, fleet.size)
        if failures:
            raise TrialsFailedError(failures)

    def _as_it_is_now(self, position: int) -> Task:
        task = self.tasks[position]
        known = {t.id: self.finished[t.id] for t in task.trials if t.id in self.finished}
        given = self._left(task), self.engine.name
        states = self.checkpoints.states(*given, measured=task.measured)
        queue = task.queue and replace(task.queue, finished=known)  # not the ids of all trials
        return replace(task, queue=queue, finished=known, states=states)

    def _left(self, task: Task) -> list[Trial]:
        return [trial for trial in task.trials if trial.id not in self.finished]

    def _stop_compiling(self, position: int) -> None:
        """A worker has died: the program that it was compiling, if any, will never be there."""
        if trials := self.compiling.pop(position, 0):
            self.progress.compiled(trials, 0.0)

    def _pass_on(self, position: int, said: Said, workers: int) -> None:
        task = self.tasks[position]
        if said.what == "compiling":
            (self.compiling[position],) = said.given
            self.progress.compiling(*said.given)
        elif said.what == "compiled":
            trials, seconds, share = said.given
            self.compiling.pop(position, None)
            self.progress.compiled(trials, seconds, share / workers)
        elif said.what != END:
            trial_id, *given = said.given
            trial = next(each for each in task.trials if each.id == trial_id)
            if said.what == "started":
                self.progress.trial_started(trial)
            elif said.what == "epoch":
                self.files.write(trial, *given)
                self.progress.epoch_finished(trial, *given)
            else:
                checkpoint = self.checkpoints.of(trial, self.engine.name, measured=task.measured)
                checkpoint.save(*given)
