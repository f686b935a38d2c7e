"""Programs, each compiled once."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.stacked.board import Group
from dnn_sweep.core.training.stacked.program import Program
from dnn_sweep.core.training.stacked.rows import Rows
from dnn_sweep.core.training.stacked.validation import Validation

Made = TypeVar("Made")
Compiled = TypeVar("Compiled", Program, Validation)


class Programs:
    """Compiles programs as they are needed; safe to use from several threads.

    Args:
        data: Scaled rows; put on the device once for each kind of target and weight.

    Attributes:
        compiled: Told of every compilation: number of seats, seconds, how many threads waited.
        meanwhile: What a thread does instead of waiting while another compiles what trains a
            group: steps, of which no further one is taken once that is compiled. They do not
            count as waiting.
    """

    def __init__(self, data: TrainingData) -> None:
        self.data = data
        self.compiled: Callable[[int, float, int], None] = lambda seats, seconds, threads: None
        self.meanwhile: Callable[[Group], Iterable[object]] = lambda group: ()
        self._lock = threading.Lock()
        self._locks: dict[object, threading.Lock] = {}
        self._begun: set[object] = set()
        self._asking: Counter[object] = Counter()
        self._made: dict[object, Any] = {}

    def pair(self, group: Group, seats: int) -> tuple[Program, Validation]:
        """Return the programs that train and validate a group's trials, compiled.

        While one thread compiles the first, another that asks for them compiles the second, and
        then does what else there is to do meanwhile.

        Args:
            group: The group.
            seats: Number of networks; each section has as many.
        """
        with self._lock:
            is_begun = (group, seats) in self._begun
            self._begun.add((group, seats))
        if is_begun and (group, seats) not in self._made:
            self.validation(group, seats)
            for _ in self.meanwhile(group):
                if (group, seats) in self._made:
                    break
        return self.training(group, seats), self.validation(group, seats)

    def training(self, group: Group, seats: int) -> Program:
        """Return the program that trains a group's trials, compiled.

        Args:
            group: The group.
            seats: Number of networks; each section has as many.
        """
        rows = self._rows(group.sections[0].example)
        return self._compiled_once((group, seats), seats, lambda: Program(group, seats, rows))

    def validation(self, group: Group, seats: int) -> Validation:
        """Return the program that validates a group's trials, compiled.

        Args:
            group: The group.
            seats: Number of networks.
        """
        rows = self._rows(group.sections[0].example)
        key = (group.structure.without_optimizer, group.activations, group.mixed, seats)
        return self._compiled_once(key, seats, lambda: Validation(group, seats, rows))

    def _compiled_once(self, key: object, seats: int, build: Callable[[], Compiled]) -> Compiled:
        def make() -> Compiled:
            began = time.perf_counter()
            program = build()
            program.compile()
            self.compiled(seats, time.perf_counter() - began, self._asking[key])
            return program

        return self._once(key, make)

    def _rows(self, trial: Trial) -> Rows:
        key = (trial.network.loss, trial.network.outputs, trial.class_weight)
        return self._once(key, lambda: Rows(self.data, trial))

    def _once(self, key: object, make: Callable[[], Made]) -> Made:
        """Make something, or return what was made before; whoever comes second waits."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
            self._asking[key] += 1
        try:
            with lock:
                if key not in self._made:
                    self._made[key] = make()
                made: Made = self._made[key]
                return made
        finally:
            with self._lock:
                self._asking[key] -= 1
