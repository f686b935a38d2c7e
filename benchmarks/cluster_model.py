"""A model of a sweep on many workers: what each waits for, from measured times alone.

Nothing is trained. Tasks are given out by the project's own rule
(:class:`~dnn_sweep.core.training.cluster.waiting.Waiting`); the driver is one queue.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from dnn_sweep.core.training.cluster.fleet import SECONDS_BETWEEN_MESSAGES
from dnn_sweep.core.training.cluster.waiting import Waiting


@dataclass(frozen=True)
class Costs:
    """What things take, in seconds.

    Args:
        start: From asking for a worker until it can train.
        compile: One program.
        epoch: One trial's epoch, in a full cohort on one core.
        task: The driver, to give out a task and to hear that it has ended.
        listen: The driver, each time that it hears a worker.
        save: The driver, to receive and to keep one result.
    """

    start: float
    compile: float
    epoch: float
    task: float
    listen: float
    save: float


@dataclass(frozen=True)
class Cohort:
    """A task of the model.

    Args:
        program: What it needs compiled.
        trials: How many train together.
        epochs: Of each.
    """

    program: int
    trials: int
    epochs: int


@dataclass(frozen=True)
class Outcome:
    """What a modelled sweep takes.

    Args:
        seconds: From the first worker asked for to the last result kept.
        driver: The share of that in which the driver works.
        compiled: Programs that were compiled, all workers together.
    """

    seconds: float
    driver: float
    compiled: int


def cohorts(trials: int, epochs: int, programs: int, lanes: int) -> list[Cohort]:
    """Cut so many trials, in equal parts of each program, into cohorts."""
    found = []
    for program in range(programs):
        left = trials // programs + (program < trials % programs)
        while left > 0:
            found.append(Cohort(program, min(left, lanes), epochs))
            left -= lanes
    return found


def simulate(costs: Costs, workers: int, tasks: Sequence[Cohort]) -> Outcome:
    """Play a sweep on so many workers, each with a core of its own."""
    waiting, known = Waiting(tasks), [set[object]() for _ in range(workers)]
    holds: list[int | None] = [None] * workers
    ends = [(costs.start, worker) for worker in range(workers)]  # when each is free
    driver = busy = 0.0  # until when it works, and how long it has
    compiled = 0
    while ends:
        now, worker = heapq.heappop(ends)
        position = holds[worker]
        work = 0.0
        if position is not None:
            waiting.done(position)
            work += tasks[position].trials * costs.save
        position = holds[worker] = waiting.take(known[worker])
        if position is not None:
            task = tasks[position]
            seconds = task.trials * task.epochs * costs.epoch
            if task.program not in known[worker]:
                known[worker].add(task.program)
                compiled += 1
                seconds += costs.compile
            # What the driver hears of it meanwhile keeps the driver from others.
            work += costs.task + costs.listen * seconds / SECONDS_BETWEEN_MESSAGES
        driver = max(driver, now) + work
        busy += work
        if position is not None:
            heapq.heappush(ends, (driver + seconds, worker))
    return Outcome(driver, busy / driver, compiled)


def efficiency(costs: Costs, workers: int, tasks: Sequence[Cohort]) -> float:
    """How much of so many workers' time is what one worker alone would need."""
    alone = simulate(costs, 1, tasks).seconds
    return alone / (workers * simulate(costs, workers, tasks).seconds)
