"""Worker threads that train one cohort each at a time; all share compiled programs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Full, Queue

from dnn_sweep.core.errors import TrialsFailedError
from dnn_sweep.core.missing import describe_error
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.checkpoints import (
    Checkpoint,
    Checkpoints,
    State,
)
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.epoch_objective import EpochObjective
from dnn_sweep.core.training.layer_log import LayerLog, Probe
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stacked.cohort import Cohort
from dnn_sweep.core.training.stacked.epoch import EpochProgram
from dnn_sweep.core.training.stacked.lane import Lane, Replay
from dnn_sweep.core.training.stacked.programs import Programs
from dnn_sweep.core.training.stacked.queues import (
    WORK_OF_COMPILING,
    TrialQueue,
    work_of_an_epoch,
)
from dnn_sweep.core.training.stacked.spec import OptimizerSpec, ProgramSpec
from dnn_sweep.core.training.stacked.waiting import WaitingTrials
from dnn_sweep.parameters import LoggingParameters

# Results and messages that may wait: a slow disk slows the training down instead of filling the
# memory.
WAITING_EVENTS = 256
NAME = "stacked"


@dataclass(frozen=True)
class _Lost:
    """Trials that could not be trained."""

    trials: Sequence[Trial]
    why: str


_Event = TrialResult | _Lost | BaseException | Callable[[], None]


@dataclass(eq=False)
class Scheduler:
    """Trains queued trials in one thread per worker."""

    queues: Sequence[TrialQueue]
    programs: Programs  # those compiled so far for these rows
    device: Device
    progress: TrainingProgress  # called in the thread that takes the results
    logs: LoggingParameters
    conclude: Callable[[Lane], TrialResult]  # builds a finished lane's result
    finished: Mapping[str, int]  # epochs of trials that are trained already, by id
    checkpoints: Checkpoints
    probe: Probe | None = None  # the rows on which layers are measured

    def __post_init__(self) -> None:
        self._unfinished = sum(map(len, self.queues))
        self._workers = min(self.device.workers, self._unfinished)
        self._relay = _Relay(self.progress, self._put, self._workers)
        self._waiting = WaitingTrials(self.queues, self.finished)
        self._events: Queue[_Event] = Queue(WAITING_EVENTS)
        self._stopped = threading.Event()

    def results(self) -> Iterator[TrialResult]:
        """Train, and yield each result as soon as it is there.

        Raises:
            TrialsFailedError: At the end, if some trials could not be trained.
        """
        failures: list[str] = []
        threads = [threading.Thread(target=self._work) for _ in range(self._workers)]
        for thread in threads:
            thread.start()
        try:
            while self._unfinished:
                event = self._events.get()
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, TrialResult):
                    self._unfinished -= 1
                    yield event
                elif isinstance(event, _Lost):
                    self._unfinished -= len(event.trials)
                    failures += [
                        f"{t.combination}, seed {t.seed}: {event.why}" for t in event.trials
                    ]
                else:
                    event()
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()
        if failures:
            raise TrialsFailedError(failures)

    def _work(self) -> None:
        left: list[TrialQueue] = []  # to another worker
        try:
            while not self._stopped.is_set() and (queue := self._waiting.join(left)):
                held: dict[str, tuple[OptimizerSpec, Trial]] = {}
                lanes = queue.lanes
                try:
                    self._train(queue, lanes, held)
                except Exception as error:  # noqa: BLE001 - the others are trained before it is told
                    given_up = self._waiting.give_up(queue, lanes, held, error)
                    if given_up.leave:
                        left.append(queue)
                    if given_up.trials:
                        self._put(_Lost(given_up.trials, describe_error(error)))
                else:
                    self._waiting.leave(queue)
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            self._put(error)

    def _train(
        self, queue: TrialQueue, lanes: int, held: dict[str, tuple[OptimizerSpec, Trial]]
    ) -> None:
        """Train a queue's trials in one cohort, until queue and lanes are empty.

        ``held`` is told which trials have left the queue and are not finished.
        """
        cohort = Cohort(self._program(queue.spec, lanes), self.probe)
        work = work_of_an_epoch(queue.spec.model, self.programs.data)
        lost, timer = 0.0, self.checkpoints.timer()
        while not self._stopped.is_set():
            taken, waiting = self._waiting.take(queue, cohort.free)
            held |= {trial.id: (each, trial) for each, own in taken.items() for trial in own}
            occupant = partial(self._occupant, cohort)
            cohort.admit({each: list(map(occupant, own)) for each, own in taken.items()})
            if not cohort.taken or (cohort.is_replayed and not waiting):
                return
            # Once empty lanes have cost as much as a compilation, a smaller program pays.
            lost += sum(cohort.free.values()) * work
            if lost > WORK_OF_COMPILING and (smaller := cohort.smaller()):
                cohort, lost = cohort.moved_to(self._program(*smaller)), 0.0
            for lane in cohort.advance():
                result = self.conclude(lane)
                del held[lane.trial.id]
                self._put(result)
            if timer.is_due:
                self._save(cohort)
                timer.restart()
        if timer.seconds:
            self._save(cohort)  # of a sweep that was asked to stop

    def _save(self, cohort: Cohort) -> None:
        for trial, state in cohort.states():
            self._checkpoint(trial).save(state)

    def _program(self, spec: ProgramSpec, lanes: int) -> EpochProgram:
        return self.programs.get(spec, lanes, self._relay.compiling, self._relay.compiled)

    def _checkpoint(self, trial: Trial) -> Checkpoint:
        return self.checkpoints.of(trial, NAME, measured=self.probe is not None)

    def _occupant(self, cohort: Cohort, trial: Trial) -> Lane | Replay:
        """What takes a trial's lane: epochs that are known are not trained again."""
        if trial.id in self.finished:
            return Replay(trial, self.finished[trial.id])
        checkpoint = self._checkpoint(trial)
        if (state := checkpoint.load()) is None:
            return self._lane(trial)
        if not cohort.fits(state):  # what a search varies has changed since
            checkpoint.refuse("of a program of another shape")
            return self._lane(trial)
        return Replay(trial, state.epoch, partial(self._lane, trial, state))

    def _lane(self, trial: Trial, resumed: State | None = None) -> Lane:
        self._relay.trial_started(trial)
        data = self.programs.data.of(trial.fold)
        steps = -(-len(data.x_train) // trial.batch_size)
        layers = LayerLog(trial, self.probe) if self.probe else None
        objective = EpochObjective.of(trial, data)
        return Lane(trial, steps, self._relay, self.logs, layers, resumed, objective)

    def _put(self, event: _Event) -> None:
        while not self._stopped.is_set():
            with suppress(Full):
                self._events.put(event, timeout=0.5)
                return


@dataclass
class _Relay(TrainingProgress):
    """Hands the workers' reports to the thread that takes the results."""

    progress: TrainingProgress
    put: Callable[[Callable[[], None]], None]
    workers: int

    def trial_started(self, trial: Trial) -> None:
        self.put(lambda: self.progress.trial_started(trial))

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        self.put(lambda: self.progress.epoch_finished(trial, epoch, logs))

    def compiling(self, trials: int) -> None:
        self.put(lambda: self.progress.compiling(trials))

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Report a compilation; ``share`` counts threads that waited, of those that could train."""
        self.put(lambda: self.progress.compiled(trials, seconds, share / self.workers))
