"""Cohorts in several threads, and one stream of results out of them."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from queue import Full, Queue

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.layer_log import LayerLog, Probe
from dnn_sweep.core.training.progress import NoProgress, TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stacked.board import Board, Waiting
from dnn_sweep.core.training.stacked.cohort import Cohort
from dnn_sweep.core.training.stacked.programs import Programs
from dnn_sweep.core.training.stacked.seat import Seat
from dnn_sweep.core.training.stacked.sizing import (
    WORK_OF_COMPILING,
    has_gpu,
    optimizers_together,
    seats_for,
    work_of_an_epoch,
    worker_count,
)
from dnn_sweep.parameters import LoggingParameters

_Event = TrialResult | BaseException | Callable[[], None]

# Results that nobody has taken yet, and news of epochs: no more, so that a slow disk slows the
# training down instead of filling the memory.
WAITING_EVENTS = 256
# With this many kinds of trials for each worker, nobody has to help with another's.
KINDS_A_WORKER = 2


class StackedSweep:
    """Trains trials in as many threads as there are cores, one cohort at a time in each.

    Args:
        trials: The sweep's trials.
        finished: Ids of those that are trained already.
        data: Scaled rows.
        progress: Told of everything, in the thread that takes the results.
        logs: Which log files to write.
        conclude: Makes a finished seat's result.
        cohort_size: Trials in a cohort; ``None`` for what suits network and machine.
        programs: Those compiled so far for these rows.
        finals: The trials of the stage that most are trained in, where there are several.
        probe: The rows on which layers are measured; ``None`` where they are not.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        finished: Collection[str],
        data: TrainingData,
        progress: TrainingProgress,
        logs: LoggingParameters,
        conclude: Callable[[Seat], TrialResult],
        cohort_size: int | None,
        programs: Programs,
        finals: Sequence[Trial] = (),
        probe: Probe | None = None,
    ) -> None:
        self._unfinished = sum(trial.id not in finished for trial in trials)
        self._data = data
        self._logs = logs
        self._conclude = conclude
        self._cohort_size = cohort_size
        self._probe = probe
        self._workers = min(worker_count(), len(trials))
        self._progress = _Relay(progress, self._put, self._workers)
        self._board = Board(
            trials,
            finished,
            always_mixed=has_gpu(),
            joining=partial(
                optimizers_together, data=data, workers=worker_count(), most=cohort_size
            ),
            finals=finals,
        )
        # With few kinds of trials, all workers end up at the same one.
        few = self._board.kinds < KINDS_A_WORKER * self._workers
        self._sharing = self._workers if few else 1
        self._programs = programs
        programs.compiled = self._progress.compiled
        self._events: Queue[_Event] = Queue(WAITING_EVENTS)
        self._stopped = threading.Event()

    def results(self) -> Iterator[TrialResult]:
        """Train, and yield each result as soon as it is there."""
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
                else:
                    event()
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def _work(self) -> None:
        try:
            while not self._stopped.is_set() and (queue := self._board.next_queue()):
                try:
                    self._train(queue)
                finally:
                    self._board.leave(queue)
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            self._put(error)

    def _train(self, queue: Waiting) -> None:
        """Train a queue's trials in one cohort, until the queue and the seats are empty."""
        group = queue.group
        sections = len(group.sections)
        if self._cohort_size:
            seats = self._cohort_size // sections * sections
        else:
            seats = seats_for(
                group.structure, self._data, group.together, self._workers, self._sharing, sections
            )
        cohort = Cohort(self._programs, group, seats, len(self._data.x_train), self._probe)
        lost = 0.0
        while not self._stopped.is_set():
            taken = self._board.take(queue, cohort.free)
            cohort.admit({section: list(map(self._seat, own)) for section, own in taken.items()})
            if not cohort.live:
                return
            lost += sum(cohort.free.values()) * work_of_an_epoch(group.structure, self._data)
            if lost > WORK_OF_COMPILING and cohort.needed <= cohort.size // 2:
                lost = 0.0
                cohort = cohort.shrink()
            for seat in cohort.advance():
                self._put(self._conclude(seat))

    def _seat(self, trial: Trial) -> Seat:
        self._progress.trial_started(trial)
        steps = -(-len(self._data.x_train) // trial.batch_size)
        layers = None if self._probe is None else LayerLog(trial, self._probe)
        return Seat(trial, steps, self._progress, self._logs, layers)

    def _put(self, event: _Event) -> None:
        while not self._stopped.is_set():
            with suppress(Full):
                self._events.put(event, timeout=0.5)
                return


class _Relay(NoProgress):
    """A progress display for several threads: what they say is said by one.

    Args:
        progress: The display.
        put: Hands a call over to the one thread.
        workers: How many threads there are.
    """

    def __init__(
        self, progress: TrainingProgress, put: Callable[[Callable[[], None]], None], workers: int
    ) -> None:
        self._progress = progress
        self._put = put
        self._workers = workers

    def trial_started(self, trial: Trial) -> None:
        """Pass it on."""
        self._put(lambda: self._progress.trial_started(trial))

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Pass it on."""
        self._put(lambda: self._progress.epoch_finished(trial, epoch, logs))

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Pass it on; of so many threads that waited, where others may have trained meanwhile."""
        self._put(lambda: self._progress.compiled(trials, seconds, share / self._workers))
