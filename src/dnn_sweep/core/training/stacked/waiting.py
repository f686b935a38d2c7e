"""Which queue a worker takes next, and what becomes of a cohort that fails or needs more memory."""

import logging
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dnn_sweep.core.lazy import tf
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.stacked.queues import TrialQueue
from dnn_sweep.core.training.stacked.spec import OptimizerSpec, ProgramSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GivenUp:
    """What a worker cannot train.

    Args:
        trials: Those that nobody will train.
        leave: Whether the worker leaves the queue to another one.
    """

    trials: Sequence[Trial] = ()
    leave: bool = False


class WaitingTrials:
    """The queues that several workers share.

    Args:
        queues: All of a stage.
        finished: Ids of trials that are trained already.
    """

    def __init__(self, queues: Sequence[TrialQueue], finished: Collection[str]) -> None:
        self._queues, self._finished = queues, finished
        self._lock = threading.Lock()

    def join(self, left: Sequence[TrialQueue]) -> TrialQueue | None:
        """Join a queue, first of programs that no worker runs: they then compile in parallel.

        Args:
            left: Queues that the worker has left to others.
        """
        with self._lock:
            busy = Counter[ProgramSpec]()
            for queue in self._queues:
                busy[queue.spec] += queue.workers
            waiting = [queue for queue in self._queues if len(queue) and queue not in left]
            chosen = min(waiting, key=lambda q: (busy[q.spec], -len(q)), default=None)
            if chosen is not None:
                chosen.workers += 1
            return chosen

    def leave(self, queue: TrialQueue) -> None:
        """Leave a queue that has nothing more to train."""
        with self._lock:
            queue.workers -= 1

    def take(
        self, queue: TrialQueue, free: Mapping[OptimizerSpec, int]
    ) -> tuple[dict[OptimizerSpec, list[Trial]], int]:
        """Take trials for lanes that are free; also return how many are left to be trained."""
        with self._lock:
            return queue.take(free), len(queue)

    def give_up(
        self,
        queue: TrialQueue,
        lanes: int,
        held: Mapping[str, tuple[OptimizerSpec, Trial]],
        error: Exception,
    ) -> GivenUp:
        """Leave a queue because of an error: give up the trials that the cohort held.

        If memory ran short, they are put back instead, for cohorts of half as many lanes, as long
        as there are smaller ones.
        """
        with self._lock:  # so that the last worker of a queue knows that it is the last one
            queue.workers -= 1
            is_memory = isinstance(error, MemoryError | tf.errors.ResourceExhaustedError)
            if is_memory and queue.shrink(lanes, held.values()):
                logger.warning(
                    "not enough memory for %d trials at once: %d at once are tried",
                    lanes, queue.lanes,
                )  # fmt: skip
                return GivenUp()
            if not held and queue.workers:
                return GivenUp(leave=True)
            # Of a program that cannot be compiled, all.
            trials = [each for _, each in held.values()] or queue.clear()
        return GivenUp([each for each in trials if each.id not in self._finished])
