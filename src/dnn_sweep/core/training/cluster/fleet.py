"""The workers of a cluster: they join and may die, and each trains one task at a time."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.training.cluster import host
from dnn_sweep.core.training.cluster.connection import (
    connect,
    import_ray,
    mismatch,
    nodes,
    on_node,
)
from dnn_sweep.core.training.cluster.task import DIED, END, PROGRESS, Said, Task
from dnn_sweep.core.training.cluster.waiting import Waiting
from dnn_sweep.parameters import ExecutorParameters

logger = logging.getLogger(__name__)
# A task whose workers die so often without a result in between is given up: most likely, its
# trials need more memory than there is.
ATTEMPTS = 5
STARTS = 3  # of workers on one machine that die before they train; then it is left alone
SECONDS_BETWEEN_MESSAGES = 0.5  # of one worker: the driver hears hundreds of them
SECONDS_BETWEEN_LOOKS = 3.0  # at the machines of the cluster
SECONDS_OF_PATIENCE = 60.0  # without any worker, before the user is told


@dataclass(eq=False)
class _Member:
    """A worker: an actor of Ray on a machine."""

    node: str
    actor: Any
    answer: Any  # of what it was last asked
    asked: str  # describe, begin, start or listen; "" if it has nothing to do
    task: int | None = None
    programs: set[object] = field(default_factory=set)


@dataclass(frozen=True)
class Lost:
    """A task that was given up."""

    why: str


class Fleet:
    """One worker per core of the cluster, also on machines that join later.

    Args:
        executor: The cluster, and how many workers there are at most.
        kind: What a worker is; a benchmark of the scheduling has another one.
    """

    def __init__(self, executor: ExecutorParameters, kind: type = host.Host) -> None:
        self._executor, self._kind = executor, kind
        self._disconnect: Callable[[], None] | None = None
        self._members: list[_Member] = []
        self._data: TrainingData | None = None
        self._rows: Any = None  # where Ray keeps them
        self._refused: dict[str, str] = {}  # why machines are not used, by their ids
        self._deaths = Counter[str]()  # of workers that had not begun, by machine
        self._looked = -SECONDS_BETWEEN_LOOKS
        self._busy = time.monotonic()  # when a worker had something to do

    @property
    def size(self) -> int:
        """Number of workers that train."""
        return max(1, sum(each.task is not None for each in self._members))

    def run(
        self, tasks: Sequence[Task], data: TrainingData, ready: Callable[[int], Task]
    ) -> Generator[tuple[int, Said | Lost]]:
        """Train tasks; yield what is said of each, with its position, as it comes.

        Args:
            tasks: What is to be trained.
            data: The rows, which each machine gets once.
            ready: Returns a task as it is to be trained now, without what a worker has done of it.

        Raises:
            SweepError: If no worker can be used.
        """
        self._open(data)
        waiting, attempts = Waiting(tasks), Counter[int]()
        try:
            while len(waiting) or any(each.task is not None for each in self._members):
                self._recruit()
                for member in [each for each in self._members if not each.asked]:
                    self._give(member, waiting, ready)
                for member in filter(self._members.__contains__, self._answered()):
                    position = member.task
                    try:
                        heard = self._hear(member)
                    except import_ray().exceptions.RayError as error:
                        self._bury(member, error)
                        if position is None:
                            continue
                        attempts[position] += 1
                        if attempts[position] < ATTEMPTS:
                            waiting.put_back(position)
                            yield position, Said(DIED)
                            continue
                        waiting.done(position)
                        said = f"its worker died {ATTEMPTS} times, perhaps because memory ran out"
                        yield position, Lost(f"{said}: {_in_a_line(error)}")
                        continue
                    if position is None:
                        continue
                    for each in heard:
                        if each.what in PROGRESS:
                            attempts[position] = 0
                        yield position, each
                    if member.task is None:
                        waiting.done(position)
        finally:
            for member in [each for each in self._members if each.task is not None]:
                self._dismiss(member)  # it would go on with a task that nobody waits for

    def close(self) -> None:
        """End the workers, and the cluster if it was started here."""
        for member in list(self._members):
            self._dismiss(member)
        self._data = self._rows = None
        if self._disconnect:
            self._disconnect()
            self._disconnect = None

    def _open(self, data: TrainingData) -> None:
        if self._disconnect is None:
            self._disconnect = connect(self._executor)
        if self._data is not data:
            for member in list(self._members):
                self._dismiss(member)
            self._data, self._rows = data, import_ray().put(data)

    def _recruit(self) -> None:
        """Start workers where there are cores without one."""
        if time.monotonic() - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        self._looked = time.monotonic()
        found = {node: cores for node, cores in nodes().items() if node not in self._refused}
        waited = time.monotonic() - self._busy > SECONDS_OF_PATIENCE
        if not self._members and not any(found.values()) and (self._refused or waited):
            why = next(iter(self._refused.values()), "it has no machine with a core")
            raise SweepError(f"no worker of the cluster can be used: {why}")
        ray = import_ray()
        for node in _places(found, [each.node for each in self._members], self._executor.workers):
            actor = ray.remote(num_cpus=1)(self._kind)
            actor = actor.options(scheduling_strategy=on_node(node)).remote()
            self._members.append(_Member(node, actor, actor.describe.remote(), "describe"))

    def _give(self, member: _Member, waiting: Waiting, ready: Callable[[int], Task]) -> None:
        position = waiting.take(member.programs)
        if position is not None:
            member.task = position
            member.programs.add(waiting.program_of(position))
            self._ask(member, "start", ready(position))

    def _answered(self) -> list[_Member]:
        """The workers that have answered, or have died, as soon as there is one."""
        answers = {each.answer: each for each in self._members if each.asked}
        if not answers:  # until a machine joins
            time.sleep(SECONDS_BETWEEN_LOOKS)
            return []
        done, _ = import_ray().wait(list(answers), timeout=SECONDS_BETWEEN_LOOKS)
        if any(each.asked != "describe" for each in self._members):
            self._busy = time.monotonic()
        elif time.monotonic() - self._busy > SECONDS_OF_PATIENCE:
            logger.warning("waiting for a worker: the cluster has no core to spare")
            self._busy = time.monotonic()
        return [answers[each] for each in done]

    def _hear(self, member: _Member) -> Sequence[Said]:
        """Take a worker's answer, and ask it the next thing; return what it said of its task."""
        answer = import_ray().get(member.answer)
        if member.asked == "describe":
            if refusal := mismatch(host.installed(), answer):
                self._refuse(member.node, refusal)
            else:
                self._ask(member, "begin", self._rows)
        elif member.asked == "begin":
            self._deaths[member.node] = 0
            member.asked = ""
        else:
            heard: Sequence[Said] = answer or ()
            if any(each.what == END for each in heard):
                member.task, member.asked = None, ""
            else:
                self._ask(member, "listen", SECONDS_BETWEEN_MESSAGES)
            return heard
        return ()

    def _ask(self, member: _Member, what: str, *given: Any) -> None:
        member.asked, member.answer = what, getattr(member.actor, what).remote(*given)

    def _bury(self, member: _Member, error: Exception) -> None:
        """Forget a worker that has died."""
        logger.info("a worker died (%s)", _in_a_line(error))
        if member.asked in ("describe", "begin"):
            self._deaths[member.node] += 1
            if self._deaths[member.node] >= STARTS:
                self._refuse(member.node, f"its workers die at once ({_in_a_line(error)})")
        self._dismiss(member)
        self._looked = -SECONDS_BETWEEN_LOOKS  # another one may start at once

    def _refuse(self, node: str, why: str) -> None:
        if node not in self._refused:
            logger.warning("a machine of the cluster is not used: %s", why)
            self._refused[node] = why
        for member in [m for m in self._members if m.node == node and m.task is None]:
            self._dismiss(member)

    def _dismiss(self, member: _Member) -> None:
        if member in self._members:
            self._members.remove(member)
            import_ray().kill(member.actor)


def _places(cores: dict[str, int], taken: Sequence[str], most: int | None) -> list[str]:
    """Where to start workers: a machine after the other, while there are cores.

    >>> _places({"a": 2, "b": 1}, taken=["a"], most=None)
    ['b', 'a']
    """
    used, places = Counter(taken), list[str]()
    while most is None or len(taken) + len(places) < most:
        free = [node for node in cores if used[node] < cores[node]]
        if not free:
            break
        places.append(min(free, key=used.__getitem__))
        used[places[-1]] += 1
    return places


def _in_a_line(error: Exception) -> str:
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    return said[0] if said else type(error).__name__
