"""Compiled programs, shared by the threads that train."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.training.stacked.epoch import EpochProgram
from dnn_sweep.core.training.stacked.rows import Rows
from dnn_sweep.core.training.stacked.spec import ModelSpec, ProgramSpec


class Programs:
    """Epoch programs for some rows, each compiled once; safe to use from several threads."""

    def __init__(self, data: TrainingData) -> None:
        self.data = data
        self._lock = threading.Lock()
        self._locks = defaultdict[object, threading.Lock](threading.Lock)
        self._asking = Counter[object]()
        self._programs: dict[object, EpochProgram] = {}
        self._rows: dict[object, Rows] = {}

    def get(
        self,
        spec: ProgramSpec,
        lanes: int,
        compiling: Callable[[int], None],
        compiled: Callable[[int, float, int], None],
    ) -> EpochProgram:
        """Return a compiled program; of several threads that ask for it, one compiles.

        ``compiling`` is called before a compilation with lanes, ``compiled`` after it with lanes,
        seconds and the number of threads that waited for it.
        """
        key = spec, lanes
        with self._lock:
            self._asking[key] += 1
            lock = self._locks[key]
        with lock:
            if key not in self._programs:
                compiling(lanes)
                began = time.perf_counter()
                program = EpochProgram(spec, lanes, self._rows_for(spec.model))
                program.compile()
                self._programs[key] = program
                compiled(lanes, time.perf_counter() - began, self._asking[key])
        with self._lock:
            self._asking[key] -= 1
        return self._programs[key]

    def _rows_for(self, model: ModelSpec) -> Rows:
        key = model.network.loss, model.network.outputs, model.class_weight
        with self._lock:
            if key not in self._rows:
                self._rows[key] = Rows(self.data, model)
            return self._rows[key]
